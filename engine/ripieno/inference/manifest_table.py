"""One table of a bundle's manifest, read key by key; what is wrong is told in a sentence."""

from __future__ import annotations

import re
from difflib import get_close_matches
from math import isfinite
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from ripieno.errors import BundleError, nearest_name

_SHA256 = re.compile(r"[0-9a-f]{64}")
_LARGEST_STATE = 1 << 26


class Table:
    """A table in the file `where`; `path` is its name inside. Every getter raises BundleError."""

    def __init__(self, content: dict[str, Any], where: str, path: str = "") -> None:
        self._content, self._where, self._path = content, where, path
        self._read: list[str] = []

    def error(self, key: str, what: str, allowed: str) -> BundleError:
        """`key` `what`: not what is `allowed`."""
        return BundleError(f"{self._path}{key} {what}", where=self._where, allowed=allowed)

    def _get(self, key: str, kind: type | tuple[type, ...], called: str) -> Any:
        self._read.append(key)
        if key not in self._content:
            near = get_close_matches(key, (k for k in self._content if k not in self._read), n=1)
            raise BundleError(
                f"{self._path}{key} is missing",
                where=self._where,
                allowed=called,
                nearest=f"There is {near[0]!r} instead." if near else "",
            )
        value = self._content[key]
        if not isinstance(value, kind) or isinstance(value, bool):
            raise self.error(key, f"is {value!r}", called)
        return value

    def text(self, key: str) -> str:
        """A text that is not empty."""
        value: str = self._get(key, str, "a text")
        if not value:
            raise self.error(key, "is empty", "a text")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts."""
        value = self._get(key, list, "a list of texts")
        if not all(isinstance(item, str) for item in value):
            raise self.error(key, f"is {value!r}", "a list of texts")
        return tuple(value)

    def number(self, key: str) -> float:
        """A finite number."""
        value = float(self._get(key, (int, float), "a number"))
        if not isfinite(value):
            raise self.error(key, f"is {value}", "a finite number")
        return value

    def numbers(self) -> tuple[tuple[str, float], ...]:
        """All keys of this table, each with its number."""
        return tuple((key, self.number(key)) for key in self._content)

    def whole(self, key: str, low: int, high: int) -> int:
        """A whole number in `low` … `high`."""
        value: int = self._get(key, int, f"a whole number, {low}…{high}")
        if not low <= value <= high:
            raise self.error(key, f"is {value}", f"{low}…{high}")
        return value

    def one_of(self, key: str, choices: tuple[str, ...]) -> str:
        """One of `choices`."""
        value: str = self._get(key, str, ", ".join(choices))
        if value not in choices:
            raise BundleError(
                f"{self._path}{key} is {value!r}",
                where=self._where,
                allowed=", ".join(choices),
                nearest=nearest_name(value, choices),
            )
        return value

    def same(self, key: str, right: int | str, why: str) -> None:
        """Exactly `right`: `why` says what that is."""
        value = self._get(key, type(right), f"{right!r}, {why}")
        if value != right:
            raise self.error(key, f"is {value!r}", f"{right!r}, {why}")

    def file(self, key: str) -> str:
        """The name of a file in the bundle's own folder."""
        name = self.text(key)
        if name in (".", "..") or {PurePosixPath(name).name, PureWindowsPath(name).name} != {name}:
            raise self.error(key, f"is {name!r}", "the name of a file in this folder")
        return name

    def sha256(self, key: str) -> str:
        """A SHA-256 in small hexadecimal letters."""
        value = self.text(key)
        if not _SHA256.fullmatch(value):
            raise self.error(key, f"is {value!r}", "64 hexadecimal digits")
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
            raise self.error(key, f"is {sizes!r}", allowed)
        count = 1
        for size in fixed:
            count *= size
        if count > _LARGEST_STATE:
            raise self.error(key, f"is {sizes!r}", "at most 64 Mi numbers together")
        return tuple(sizes)

    def table(self, key: str) -> Table:
        """A table inside."""
        return Table(self._get(key, dict, "a table"), self._where, f"{self._path}{key}.")

    def tables(self, key: str) -> list[Table]:
        """A list of tables, at least one."""
        parts = self._get(key, list, "one table or more")
        if not parts or not all(isinstance(part, dict) for part in parts):
            raise self.error(key, f"is {parts!r}", "one table or more")
        paths = (f"{self._path}{key}[{number}]." for number in range(1, len(parts) + 1))
        return [Table(part, self._where, path) for part, path in zip(parts, paths, strict=True)]

    def end(self) -> None:
        """Refuse a key that nobody asked for."""
        for key in self._content:
            if key not in self._read:
                raise BundleError(
                    f"{self._path}{key} is not a key of a manifest",
                    where=self._where,
                    allowed=", ".join(self._read),
                    nearest=nearest_name(key, self._read),
                )
