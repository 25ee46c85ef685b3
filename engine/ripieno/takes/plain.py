"""Frozen dataclasses to plain JSON values and back, by their own annotations. Pure."""

from __future__ import annotations

import types
from collections.abc import Hashable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")
TAG = "is"
"""Under this name stands which class of several a value is, where an annotation leaves it open."""


@dataclass(frozen=True, slots=True)
class Style:
    """How much is written: `rows` are written as lists of their fields' values, and of `brief`
    classes the fields that stand at their defaults are left out."""

    rows: frozenset[type] = frozenset()
    brief: frozenset[type] = frozenset()


FULL = Style()


def to_plain(value: Any, style: Style = FULL, *, leave_out: str = "") -> Any:
    """`value` as numbers, strings, lists and dictionaries; sets are sorted, enums are names.

    The field `leave_out` of `value` itself is not written.
    """
    if is_dataclass(value):
        return _object(value, style, leave_out)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (set, frozenset)):
        return sorted(to_plain(item, style) for item in value)
    if isinstance(value, (list, tuple)):
        return [to_plain(item, style) for item in value]
    return value


def _object(value: Any, style: Style, leave_out: str) -> Any:
    kind: Any = type(value)
    if kind in style.rows:
        return [to_plain(getattr(value, name), style) for name, _, _ in _fields(kind)]
    written: dict[str, Any] = {}
    for name, default, tagged in _fields(kind):
        item = getattr(value, name)
        if name == leave_out:
            continue
        if kind in style.brief and default is not MISSING and item == default:
            continue
        plain = to_plain(item, style)
        written[name] = {TAG: type(item).__name__, **plain} if tagged else plain
    return written


@cache
def _fields(kind: Any) -> tuple[tuple[str, Any, bool], ...]:
    """Of each field: its name, its default, and whether it may be one of several classes."""
    hints = _hints(cast(Hashable, kind))
    return tuple(
        (each.name, each.default, bool(_classes(hints[each.name]))) for each in fields(kind)
    )


@cache
def _classes(hint: Hashable) -> dict[str, type[Any]]:
    """The dataclasses by name that a value may be, if it may be one of several; else nothing."""
    if get_origin(hint) not in (Union, types.UnionType):
        return {}
    found = [cast(type[Any], kind) for kind in get_args(hint) if is_dataclass(kind)]
    return {kind.__name__: kind for kind in found} if len(found) > 1 else {}


def from_plain(kind: type[T], data: object) -> T:
    """A `kind` from what `to_plain` made of one, in whatever style.

    Raises ValueError, TypeError or KeyError when the data are of another make, and whatever the
    class itself raises for a value that it refuses.
    """
    hints = _hints(cast(Hashable, kind))
    if isinstance(data, list):
        names = [each.name for each in fields(cast(Any, kind))]
        data = dict(zip(names, data, strict=True))
    if not isinstance(data, Mapping):
        raise TypeError(f"{kind.__name__} cannot be made of {data!r}")
    return kind(**{name: _value(hints[name], item) for name, item in data.items()})


@cache
def _hints(kind: Hashable) -> dict[str, Any]:
    return get_type_hints(kind)


def _value(kind: Any, data: Any) -> Any:
    kind = getattr(kind, "__supertype__", kind)  # Beats and Seconds are floats
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        if tagged := _classes(kind):
            rest = {name: item for name, item in data.items() if name != TAG}
            return from_plain(tagged[data[TAG]], rest)
        return None if data is None else _value(_one_of(inner, data), data)
    if origin is frozenset:
        return frozenset(_value(inner[0], item) for item in data)
    if origin is tuple:
        if len(inner) == 2 and inner[1] is Ellipsis:
            return tuple(_value(inner[0], item) for item in data)
        return tuple(_value(part, item) for part, item in zip(inner, data, strict=True))
    if isinstance(kind, type) and is_dataclass(kind):
        return data if isinstance(data, kind) else from_plain(cast(type[Any], kind), data)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(data)
    return _scalar(kind, data)


def _one_of(kinds: tuple[Any, ...], data: Any) -> Any:
    named = [kind for kind in kinds if kind is not type(None)]
    exact = [kind for kind in named if isinstance(kind, type) and type(data) is kind]
    return (exact or named)[0]


def _scalar(kind: Any, data: Any) -> Any:
    if kind is float and type(data) is int:
        return float(data)
    if type(data) is not kind:
        raise TypeError(f"{data!r} is no {kind.__name__}")
    return data
