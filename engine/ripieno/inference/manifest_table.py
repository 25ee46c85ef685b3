"""One table of a bundle's manifest, read key by key; what is wrong is told in a sentence."""

from __future__ import annotations

import re
import reprlib
from difflib import get_close_matches
from math import isfinite
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from ripieno.errors import BundleError, nearest_name

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""What would move the cursor of a terminal, or turn its writing round."""
_METRIC = re.compile(r"[A-Za-z0-9_.-]{1,80}")
_LARGEST_STATE, _LARGEST_NUMBER = 1 << 26, 1e300
LONGEST_TEXT, MOST_TABLES = 2000, 1000
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 80


def shown(value: object) -> str:
    """A `value` of a stranger's file as it can stand in a sentence: short, and harmless."""
    return _CONTROL.sub("?", _SHORT.repr(value))


class Table:
    """A table in the file `where`; `path` is its name inside. Every getter raises BundleError."""

    def __init__(self, content: dict[str, Any], where: str, path: str = "") -> None:
        self._content, self.where, self._path = content, where, path
        self._read: list[str] = []

    def error(self, key: str, what: str, allowed: str) -> BundleError:
        """`key` `what`: not what is `allowed`."""
        return BundleError(f"{self._path}{key} {what}", where=self.where, allowed=allowed)

    def _get(self, key: str, kind: type | tuple[type, ...], called: str) -> Any:
        self._read.append(key)
        if key not in self._content:
            near = get_close_matches(key, (k for k in self._content if k not in self._read), n=1)
            raise BundleError(
                f"{self._path}{key} is missing",
                where=self.where,
                allowed=called,
                nearest=f"There is {near[0]!r} instead." if near else "",
            )
        value = self._content[key]
        if not isinstance(value, kind) or isinstance(value, bool):
            raise self.error(key, f"is {shown(value)}", called)
        return value

    def has(self, key: str) -> bool:
        """Whether something stands there, whatever it is."""
        return key in self._content

    def text(self, key: str) -> str:
        """A text of one line that is not empty."""
        value: str = self._get(key, str, "a text")
        if not value:
            raise self.error(key, "is empty", "a text")
        if len(value) > LONGEST_TEXT or _CONTROL.search(value):
            allowed = f"one line of at most {LONGEST_TEXT} characters"
            raise self.error(key, f"is {shown(value)}", allowed)
        return value

    def name(self, key: str) -> str:
        """A name that is also a folder's everywhere."""
        value = self.text(key)
        if not _NAME.fullmatch(value):
            allowed = "up to 64 letters, digits, '.', '_' and '-', a letter or digit first"
            raise self.error(key, f"is {shown(value)}", allowed)
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts."""
        value = self._get(key, list, "a list of texts")
        if not all(isinstance(item, str) for item in value):
            raise self.error(key, f"is {shown(value)}", "a list of texts")
        return tuple(value)

    def number(self, key: str) -> float:
        """A finite number."""
        value = self._get(key, (int, float), "a number")
        if abs(value) > _LARGEST_NUMBER or not isfinite(value):
            raise self.error(key, f"is {shown(value)}", "a finite number")
        return float(value)

    def numbers(self) -> tuple[tuple[str, float], ...]:
        """All keys of this table, each with its number."""
        for key in self._content:
            if not _METRIC.fullmatch(key):
                allowed = "up to 80 letters, digits, '_', '.' and '-'"
                raise self.error(shown(key), "is no name of a metric", allowed)
        return tuple((key, self.number(key)) for key in self._content)

    def whole(self, key: str, low: int, high: int) -> int:
        """A whole number in `low` … `high`."""
        value: int = self._get(key, int, f"a whole number, {low}…{high}")
        if not low <= value <= high:
            raise self.error(key, f"is {shown(value)}", f"{low}…{high}")
        return value

    def one_of(self, key: str, choices: tuple[str, ...]) -> str:
        """One of `choices`."""
        value: str = self._get(key, str, ", ".join(choices))
        if value not in choices:
            raise BundleError(
                f"{self._path}{key} is {shown(value)}",
                where=self.where,
                allowed=", ".join(choices),
                nearest=nearest_name(value, choices),
            )
        return value

    def same(self, key: str, right: int | str, why: str) -> None:
        """Exactly `right`: `why` says what that is."""
        value = self._get(key, type(right), f"{right!r}, {why}")
        if value != right:
            raise self.error(key, f"is {shown(value)}", f"{right!r}, {why}")

    def file(self, key: str) -> str:
        """The name of a file in the bundle's own folder."""
        name = self.text(key)
        if name in (".", "..") or {PurePosixPath(name).name, PureWindowsPath(name).name} != {name}:
            raise self.error(key, f"is {shown(name)}", "the name of a file in this folder")
        return name

    def sha256(self, key: str) -> str:
        """A SHA-256 in small hexadecimal letters."""
        value = self.text(key)
        if not _SHA256.fullmatch(value):
            raise self.error(key, f"is {shown(value)}", "64 hexadecimal digits")
        return value

    def shape(self, key: str) -> tuple[int, ...]:
        """Fixed sizes, one or more, of a tensor of at most 64 Mi numbers."""
        return tuple(size for size in self.sizes(key, ()) if isinstance(size, int))

    def sizes(self, key: str, words: tuple[str, ...]) -> tuple[int | str, ...]:
        """As `shape`; one of `words` stands for a size that may vary."""
        sizes, allowed = self._get(key, list, "a list of sizes"), "1 to 8 whole numbers from 1 up"
        allowed += "".join(f", or {word!r}" for word in words)
        fixed = [size for size in sizes if size not in words]
        plain = all(isinstance(n, int) and not isinstance(n, bool) and n >= 1 for n in fixed)
        if not plain or not 1 <= len(sizes) <= 8:
            raise self.error(key, f"is {shown(sizes)}", allowed)
        count = 1
        for size in fixed:
            count *= size
        if count > _LARGEST_STATE:
            raise self.error(key, f"is {shown(sizes)}", "at most 64 Mi numbers together")
        return tuple(sizes)

    def table(self, key: str) -> Table:
        """A table inside."""
        return Table(self._get(key, dict, "a table"), self.where, f"{self._path}{key}.")

    def raw(self) -> dict[str, Any]:
        """All of this table as it stands, for whoever understands it."""
        return dict(self._content)

    def tables(self, key: str) -> list[Table]:
        """A list of tables, at least one."""
        parts = self._get(key, list, "one table or more")
        if not 1 <= len(parts) <= MOST_TABLES or not all(isinstance(part, dict) for part in parts):
            allowed = f"one table or more, at most {MOST_TABLES}"
            raise self.error(key, f"is {shown(parts)}", allowed)
        paths = (f"{self._path}{key}[{number}]." for number in range(1, len(parts) + 1))
        return [Table(part, self.where, path) for part, path in zip(parts, paths, strict=True)]

    def only(self, key: str) -> Table:
        """A list of one table."""
        parts = self.tables(key)
        if len(parts) != 1:
            raise self.error(key, f"has {len(parts)} tables", "one")
        return parts[0]

    def end(self) -> None:
        """Refuse a key that nobody asked for."""
        for key in self._content:
            if key not in self._read:
                raise BundleError(
                    f"{self._path}{_CONTROL.sub('?', key[:80])} is not a key of a manifest",
                    where=self.where,
                    allowed=", ".join(self._read),
                    nearest=nearest_name(key, self._read),
                )
