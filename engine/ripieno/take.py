"""The take: a journal of what was really played, written while it is played.

A journal is a text file of JSON lines, only ever added to. Its first line is
`{"ripieno-take": 1}`, its second the `Header`, and every other line one fact: `{"fact": NAME, …}`
with the fields of the class NAME below. Beats are quarter notes on the score; seconds are those
of the performance's clock, whose value at the start is the header's `started`. A process that is
killed loses at most the last `WRITE_EVERY` seconds and leaves at worst a torn last line, which
is ignored.
"""

from __future__ import annotations

import json
import os
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, get_args

from ripieno.clock import Beats, Meter, Seconds
from ripieno.errors import PhraseError, RipienoError, nearest_name
from ripieno.plain import from_plain, to_plain
from ripieno.settings import Settings

VERSION = 1
MARK = "ripieno-take"
SUFFIX = ".take"
WRITE_EVERY = Seconds(0.05)


class Source(StrEnum):
    """Who plays."""

    PLAYER = "player"
    MODEL = "model"
    SEED = "seed"
    CLICK = "click"


class Mark(StrEnum):
    """Places in a performance."""

    PLAYED = "played"
    """The transport starts, or goes on."""
    STOPPED = "stopped"
    PHRASE_BEGINS = "phrase begins"
    PHRASE_ENDS = "phrase ends"
    ANSWER_BEGINS = "answer begins"
    ANSWER_ENDS = "answer ends"
    CADENCE = "cadence"
    PANIC = "panic"
    NOTICE = "notice"
    """Something that the player was told; the text says what."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a performance started with. No paths: a take may be handed on."""

    model: str
    precision: str
    preset: str
    phrase: str
    """Name of the seed phrase, '' if there was none."""
    settings: Settings
    channels: tuple[int, ...]
    """MIDI channels 0…15 of the voices, from the highest."""
    programs: tuple[int, ...]
    thru_channel: int
    thru_program: int
    started: Seconds


@dataclass(frozen=True, slots=True)
class NoteStarted:
    """A note began to sound. `planned` is the moment it was due, None for a player's note."""

    source: Source
    voice: int | None
    channel: int
    pitch: int
    velocity: int
    beat: Beats
    planned: Seconds | None
    at: Seconds


@dataclass(frozen=True, slots=True)
class NoteEnded:
    """A note was released."""

    source: Source
    voice: int | None
    channel: int
    pitch: int
    beat: Beats
    at: Seconds


@dataclass(frozen=True, slots=True)
class ControlMoved:
    """The player moved a controller, such as a pedal."""

    channel: int
    controller: int
    value: int
    beat: Beats
    at: Seconds


@dataclass(frozen=True, slots=True)
class TempoSet:
    """From `beat` on, `bpm` quarter notes a minute."""

    bpm: float
    beat: Beats
    at: Seconds


@dataclass(frozen=True, slots=True)
class MeterSet:
    """From `beat` on, this meter."""

    meter: Meter
    beat: Beats
    at: Seconds


@dataclass(frozen=True, slots=True)
class Turned:
    """A knob or a switch was set; `value` as it is shown, in its unit."""

    name: str
    value: str
    beat: Beats
    at: Seconds


@dataclass(frozen=True, slots=True)
class Marked:
    """The performance came to a place worth remembering."""

    mark: Mark
    text: str
    beat: Beats
    at: Seconds


@dataclass(frozen=True, slots=True)
class StepPlanned:
    """The model decided the step [beat, end): under which epoch, and what that cost.

    `served` is False for a step that missed its deadline and was held.
    """

    epoch: int
    beat: Beats
    end: Beats
    seconds: Seconds
    served: bool
    relaxed: tuple[str, ...]
    at: Seconds


Fact = (
    NoteStarted | NoteEnded | ControlMoved | TempoSet | MeterSet | Turned | Marked | StepPlanned
)  # fmt: skip
_KINDS: dict[str, type[Any]] = {kind.__name__: kind for kind in get_args(Fact)}


@dataclass(frozen=True, slots=True)
class Take:
    """A journal that was read: its header and its facts, in the order in which they happened."""

    name: str
    header: Header
    facts: tuple[Fact, ...]
    torn: bool
    """Whether the end was cut off, as by a process that was killed."""


class Journal:
    """Writes a take while it is played. `record` costs a microsecond and never waits.

    A thread of its own turns facts into lines, one system call for each, and looks for new ones
    every `WRITE_EVERY` seconds: to be woken for each note would cost the notes their timing.
    """

    def __init__(self, path: Path, header: Header) -> None:
        """Create the file. Raises PhraseError when it cannot be written, or is there already."""
        self.path = path
        self.problem = ""
        """A sentence for the player once writing has failed, '' before."""
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
            self._file = os.open(path, flags, 0o644)
        except OSError as error:
            raise PhraseError(
                f"the take cannot be written ({error.strerror})", where=str(path)
            ) from None
        self._facts: deque[Fact] = deque()
        self._closing = threading.Event()
        self._write({MARK: VERSION})
        self._write({"fact": "Header", **to_plain(header)})
        self._thread = threading.Thread(target=self._run, name="journal")
        self._thread.start()

    def record(self, fact: Fact) -> None:
        """Keep `fact`. It is in the file some milliseconds later."""
        self._facts.append(fact)

    def close(self) -> None:
        """Write what is left and see it to the disk. A second call does nothing."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._thread.join()
        os.close(self._file)

    def _run(self) -> None:
        while not self._closing.wait(WRITE_EVERY):
            self._drain()
        self._drain()
        try:
            os.fsync(self._file)
        except OSError as error:
            self._fail(error)

    def _drain(self) -> None:
        while self._facts:
            fact = self._facts.popleft()
            self._write({"fact": type(fact).__name__, **to_plain(fact)})

    def _write(self, line: dict[str, Any]) -> None:
        if self.problem:
            return
        text = json.dumps(line, separators=(",", ":"), ensure_ascii=False) + "\n"
        left = memoryview(text.encode())
        try:
            while left:
                left = left[os.write(self._file, left) :]
        except OSError as error:
            self._fail(error)

    def _fail(self, error: OSError) -> None:
        self.problem = f"{self.path.name}: the take is no longer written ({error.strerror})."


def new_take_path(folder: Path, stem: str) -> Path:
    """A path for a new journal in `folder`, which is made if need be; nothing is overwritten.

    Neither the journal nor a .mid or .wav of the same name exists yet. Raises PhraseError.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PhraseError(
            f"takes cannot be kept here ({error.strerror})",
            where=str(folder),
            nearest="Name another folder with --takes.",
        ) from None
    number = 1
    while True:
        name = stem if number == 1 else f"{stem}-{number}"
        if not any((folder / f"{name}{suffix}").exists() for suffix in (SUFFIX, ".mid", ".wav")):
            return folder / f"{name}{SUFFIX}"
        number += 1


def read(path: Path) -> Take:
    """The take in the journal at `path`, as far as it was written. Raises PhraseError."""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise PhraseError((error.strerror or "unreadable").lower(), where=str(path)) from None
    torn = lines.pop() != b""  # after the last line break there is nothing, or half a fact
    _check_version(path, lines)
    if len(lines) < 2:
        raise PhraseError("this take was cut off before its first note", where=str(path))
    header = _fact(path, 2, lines[1], {"Header": Header})
    facts = tuple(_facts(path, lines[2:]))
    return Take(path.stem, header, facts, torn)


def _check_version(path: Path, lines: list[bytes]) -> None:
    try:
        version = json.loads(lines[0])[MARK] if lines else None
    except (ValueError, KeyError, TypeError):
        version = None
    if version != VERSION:
        what = "this is not a take" if version is None else f"this take is of version {version}"
        raise PhraseError(what, where=str(path), allowed=f"version {VERSION}")


def _facts(path: Path, lines: list[bytes]) -> Iterator[Fact]:
    for number, line in enumerate(lines, start=3):
        yield _fact(path, number, line, _KINDS)


def _fact(path: Path, number: int, line: bytes, kinds: dict[str, type[Any]]) -> Any:
    where = f"{path}, line {number}"
    try:
        data = json.loads(line)
        name = data.pop("fact")
        if name not in kinds:
            raise PhraseError(
                f"{name!r} is no fact of a take", where=where, nearest=nearest_name(name, kinds)
            )
        return from_plain(kinds[name], data)
    except PhraseError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, RipienoError):
        raise PhraseError("this line of the take is damaged", where=where) from None
