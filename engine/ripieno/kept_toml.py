"""A TOML text that is changed here and there: whatever is not changed stays, comments too."""

from __future__ import annotations

from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError


class KeptToml:
    """The text of a file, to be changed value by value; `str` gives it back."""

    def __init__(self, text: str) -> None:
        """Raises ValueError, which says why, for what is not TOML."""
        try:
            self._document = tomlkit.parse(text)
        except TOMLKitError as error:
            raise ValueError(str(error)) from error

    def __str__(self) -> str:
        return tomlkit.dumps(self._document)

    def names(self, section: str) -> list[str]:
        """The keys of `section`, '' for the top of the file; none where it is not there."""
        return [str(name) for name in self._table(section)] if self._has(section) else []

    def put(self, section: str, name: str, value: str) -> None:
        """Let `name` in `section` be `value`, as TOML writes it; the same value is left alone."""
        self.put_at((section,) if section else (), name, value)

    def names_at(self, path: tuple[str, ...]) -> list[str]:
        """The keys of the table inside tables that `path` leads to; none where it is not there."""
        table: Any = self._document
        for step in path:
            if step not in table:
                return []
            table = table[step]
        return [str(name) for name in table]

    def put_at(self, path: tuple[str, ...], name: str, value: str) -> None:
        """As `put`, in the table inside tables that `path` leads to."""
        table: Any = self._document
        for step in path:
            if step not in table:
                table[step] = tomlkit.table()
            table = table[step]
        wanted: Any = tomlkit.parse(f"value = {value}")["value"]
        if name not in table or table[name] != wanted:
            table[name] = wanted

    def remove(self, section: str, name: str) -> None:
        """Take `name` out of `section`."""
        del self._table(section)[name]

    def _has(self, section: str) -> bool:
        return not section or section in self._document

    def _table(self, section: str) -> Any:
        return self._document[section] if section else self._document
