"""Frozen dataclasses to plain JSON values and back, by their own annotations. Pure."""

from __future__ import annotations

import types
from collections.abc import Hashable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")


def to_plain(value: Any) -> Any:
    """`value` as numbers, strings, lists and dictionaries; sets are sorted, enums are names."""
    if is_dataclass(value):
        return {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (set, frozenset)):
        return sorted(to_plain(item) for item in value)
    if isinstance(value, (list, tuple)):
        return [to_plain(item) for item in value]
    return value


def from_plain(kind: type[T], data: object) -> T:
    """A `kind` from what `to_plain` made of one.

    Raises ValueError, TypeError or KeyError when the data are of another make, and whatever the
    class itself raises for a value that it refuses.
    """
    if not isinstance(data, Mapping):
        raise TypeError(f"{kind.__name__} cannot be made of {data!r}")
    hints = _hints(cast(Hashable, kind))
    return kind(**{name: _value(hints[name], item) for name, item in data.items()})


@cache
def _hints(kind: Hashable) -> dict[str, Any]:
    return get_type_hints(kind)


def _value(kind: Any, data: Any) -> Any:
    kind = getattr(kind, "__supertype__", kind)  # Beats and Seconds are floats
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return None if data is None else _value(_one_of(inner, data), data)
    if origin is frozenset:
        return frozenset(_value(inner[0], item) for item in data)
    if origin is tuple:
        if len(inner) == 2 and inner[1] is Ellipsis:
            return tuple(_value(inner[0], item) for item in data)
        return tuple(_value(part, item) for part, item in zip(inner, data, strict=True))
    if isinstance(kind, type) and is_dataclass(kind):
        return from_plain(cast(type[Any], kind), data)
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
