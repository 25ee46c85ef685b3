"""Facts as lines of a journal and back. Pure; what repeats itself is written once."""

from __future__ import annotations

import json
from typing import Any, get_args

from ripieno.errors import RipienoError
from ripieno.events import Note, Request, Sounding
from ripieno.settings import Settings
from ripieno.takes.facts import (
    Asked,
    Fact,
    Heard,
    Marked,
    ModelReady,
    NoteEnded,
    NoteStarted,
    RequestServed,
    Restarted,
    StepMissed,
    StepPlanned,
    Woke,
)
from ripieno.takes.header import Header
from ripieno.takes.plain import Style, from_plain, to_plain

KINDS: dict[str, type[Any]] = {kind.__name__: kind for kind in get_args(Fact)}
_STYLE = Style(
    rows=frozenset({Note, Sounding}),
    brief=frozenset({Request, StepPlanned, Heard, Woke, Restarted})
    | {NoteStarted, NoteEnded, Marked, RequestServed, StepMissed, ModelReady},
)


class Damaged(Exception):
    """A line that no version of ours has written."""


class UnknownFact(Exception):
    """A fact of a name that is not known here."""


def line_of(data: dict[str, Any]) -> bytes:
    return (json.dumps(data, separators=(",", ":"), ensure_ascii=False) + "\n").encode()


class Writer:
    """Makes lines, in order. Of a request's settings it writes what differs from the last ones."""

    def __init__(self, header: Header) -> None:
        self.first = line_of({"fact": "Header", **to_plain(header)})
        self._settings = header.settings

    def line(self, fact: Fact) -> bytes:
        """The line of `fact`, with its line break."""
        if isinstance(fact, Asked):
            told = {"fact": "Asked", "request": self._request(fact.request), "at": fact.at}
            return line_of({**told, "partner": fact.partner} if fact.partner else told)
        return line_of({"fact": type(fact).__name__, **to_plain(fact, _STYLE)})

    def _request(self, request: Request) -> dict[str, Any]:
        told: dict[str, Any] = to_plain(request, _STYLE, leave_out="settings")
        if request.settings != self._settings:
            told["settings"] = _changes(to_plain(self._settings), to_plain(request.settings))
            self._settings = request.settings
        return told


class Reader:
    """Reads lines, in the order in which they were written."""

    def __init__(self, header_line: bytes) -> None:
        """Raises Damaged."""
        try:
            data = json.loads(header_line)
            if data.pop("fact") != "Header":
                raise Damaged
            self.header = from_plain(Header, data)
        except (ValueError, TypeError, KeyError, AttributeError, RipienoError) as error:
            raise Damaged from error
        self._settings = self.header.settings

    def fact(self, line: bytes) -> Fact:
        """The fact in `line`. Raises Damaged, or UnknownFact with the name."""
        try:
            data = json.loads(line)
            name = data.pop("fact")
            if name not in KINDS:
                raise UnknownFact(name)
            if name == "Asked" and isinstance(data["request"], dict):
                self._complete(data["request"])
            fact: Fact = from_plain(KINDS[name], data)
            return fact
        except (ValueError, TypeError, KeyError, AttributeError, RipienoError) as error:
            raise Damaged from error

    def _complete(self, request: dict[str, Any]) -> None:
        """Give a request the settings that it shares with the one before."""
        if "settings" in request:
            known = to_plain(self._settings)
            self._settings = from_plain(Settings, _changed(known, request["settings"]))
        request["settings"] = self._settings


def _changes(before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """What differs in `now`, table by table."""
    found: dict[str, Any] = {}
    for name, value in now.items():
        old = before[name]
        if value != old:
            tables = isinstance(value, dict) and isinstance(old, dict)
            found[name] = _changes(old, value) if tables else value
    return found


def _changed(before: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """`before` with what differs put in."""
    found = dict(before)
    for name, value in changes.items():
        old = before[name]
        tables = isinstance(value, dict) and isinstance(old, dict)
        found[name] = _changed(old, value) if tables else value
    return found
