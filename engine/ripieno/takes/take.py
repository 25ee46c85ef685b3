"""The take: a journal of what was really played, written while it is played.

A journal is a text file of JSON lines, only ever added to. Its first line is
`{"ripieno-take": 3}`, its second the `Header`, and every other line one fact: `{"fact": NAME, …}`
with the fields of the class NAME in `facts.py`; docs/takes.md describes it for other programs.
A process that is killed loses at most the last `WRITE_EVERY` seconds, a power cut the last
`SYNC_EVERY`; at worst the last line is torn, and is ignored.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import threading
import time
from collections import deque
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import get_args

from ripieno.clock import Seconds
from ripieno.errors import PhraseError, nearest_name
from ripieno.takes.facts import (
    Asked,
    BendMoved,
    ControlMoved,
    Fact,
    Heard,
    Invited,
    Mark,
    Marked,
    MeterSet,
    ModelReady,
    NoteEnded,
    NoteStarted,
    OnScore,
    RequestServed,
    Restarted,
    Sent,
    Silenced,
    SoundChosen,
    Source,
    Steered,
    StepMissed,
    StepPlanned,
    TempoSet,
    Turned,
    Wished,
    Woke,
)
from ripieno.takes.header import Chair, Header
from ripieno.takes.lines import KINDS, Damaged, Reader, UnknownFact, Writer, line_of

__all__ = [
    "SUFFIX", "Asked", "BendMoved", "ControlMoved", "Fact", "Header", "Heard", "Journal", "Mark",
    "Marked", "MeterSet", "ModelReady", "NoteEnded", "NoteStarted", "OnScore", "RequestServed",
    "Restarted", "Sent", "Silenced", "SoundChosen", "Source", "Steered", "StepMissed",
    "StepPlanned", "Take", "TempoSet", "Turned", "Wished", "Woke", "forsake_take_path",
    "new_take_path", "parse", "read",
]  # fmt: skip

VERSION = 3
READABLE = (1, 2, 3)
"""Version 1 told what was heard, and neither what came in nor what was asked; version 2 knew no
ensembles, nor that sounds are chosen."""
MARK = "ripieno-take"
SUFFIX = ".take"
WRITE_EVERY = Seconds(0.05)
SYNC_EVERY = Seconds(0.9)
"""How often what was written is also seen to the disk: with a write and a disk's own time, so
that no more than the last second is lost to a power cut."""
_ON_SCORE = tuple(f'{{"fact":"{kind.__name__}"'.encode() for kind in get_args(OnScore))


@dataclass(frozen=True, slots=True)
class Take:
    """A journal that was read: its header and its facts, in the order in which they happened."""

    name: str
    header: Header
    facts: tuple[Fact, ...]
    torn: bool
    """Whether the end was cut off, as by a process that was killed."""

    @property
    def chairs(self) -> tuple[Chair, ...]:
        """All who played, by their places: those of the start, and who came in later."""
        later = (fact.chairs for fact in self.facts if isinstance(fact, Invited))
        return (*self.header.chairs, *chain.from_iterable(later))


class Journal:
    """Writes a take while it is played. `record` costs a microsecond and never waits.

    A thread of its own turns facts into lines, one system call for each, and looks for new ones
    every `WRITE_EVERY` seconds: to be woken for each note would cost the notes their timing.
    """

    def __init__(self, path: Path, header: Header) -> None:
        """Create the file, or begin the empty one that was reserved. Raises PhraseError when it
        cannot be written, or there is something in it already."""
        self.path = path
        self.problem = ""
        """A sentence for the player once writing has failed, '' before."""
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            self._file = os.open(path, flags, 0o644)
            if os.fstat(self._file).st_size:
                os.close(self._file)
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        except OSError as error:
            raise PhraseError(
                f"the take cannot be written ({error.strerror})", where=str(path)
            ) from None
        self._facts: deque[Fact] = deque()
        self._closing = threading.Event()
        self._lines = Writer(header)
        self._dirty = False
        self._write(line_of({MARK: VERSION}))
        self._write(self._lines.first)
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
        self._sync_folder()
        synced = 0.0
        while not self._closing.wait(WRITE_EVERY):
            self._drain()
            if time.monotonic() - synced >= SYNC_EVERY:
                self._sync()
                synced = time.monotonic()
        self._drain()
        self._sync()

    def _drain(self) -> None:
        while self._facts:
            self._write(self._lines.line(self._facts.popleft()))

    def _write(self, line: bytes) -> None:
        if self.problem:
            return
        left = memoryview(line)
        try:
            while left:
                left = left[os.write(self._file, left) :]
        except OSError as error:
            self._fail(error)
        self._dirty = True

    def _sync(self) -> None:
        if not self._dirty:
            return
        self._dirty = False
        try:
            os.fsync(self._file)
        except OSError as error:
            self._fail(error)

    def _sync_folder(self) -> None:
        """A file that is new is only safe when its name is."""
        try:
            folder = os.open(self.path.parent, os.O_RDONLY | os.O_CLOEXEC)
            os.fsync(folder)
            os.close(folder)
        except OSError:
            return  # some file systems sync no folders; the file itself is written all the same

    def _fail(self, error: OSError) -> None:
        self.problem = f"{self.path.name}: the take is no longer written ({error.strerror})."


def new_take_path(folder: Path, stem: str) -> Path:
    """A path for a new journal in `folder`, which is made if need be; nothing is overwritten.

    The name is reserved by an empty file, so that of several who ask at once each gets one of its
    own; `forsake_take_path` gives it back. No .mid or .wav of the same name exists yet. Raises
    PhraseError.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _no_place(folder, error) from None
    number = 0
    while True:
        number += 1
        name = stem if number == 1 else f"{stem}-{number}"
        if any((folder / f"{name}{suffix}").exists() for suffix in (".mid", ".wav")):
            continue
        path = folder / f"{name}{SUFFIX}"
        try:
            path.touch(0o644, exist_ok=False)
        except FileExistsError:
            continue
        except OSError as error:
            raise _no_place(folder, error) from None
        return path


def forsake_take_path(path: Path) -> None:
    """Give a reserved name back, if no journal was begun under it."""
    with contextlib.suppress(OSError):
        if not path.stat().st_size:
            path.unlink()


def _no_place(folder: Path, error: OSError) -> PhraseError:
    return PhraseError(
        f"takes cannot be kept here ({(error.strerror or 'no access').lower()})",
        where=str(folder),
        nearest="Name another folder with --takes.",
    )


def read(path: Path, *, on_score: bool = False) -> Take:
    """The take in the journal at `path`, as far as it was written. Raises PhraseError.

    `on_score` leaves out what has no place on the score, which is most of a journal.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise PhraseError((error.strerror or "unreadable").lower(), where=str(path)) from None
    return parse(data, path, on_score=on_score)


def parse(data: bytes, path: Path, *, on_score: bool = False) -> Take:
    """The take in the bytes `data` of a journal, told as the one at `path`. Raises PhraseError.

    A cut anywhere behind the header leaves the whole facts before it.
    """
    kept = data.rstrip(b"\0")  # what some file systems leave of a line that never reached the disk
    lines = kept.split(b"\n")
    torn = lines.pop() != b"" or len(kept) < len(data)
    _check_version(path, kept, lines)
    if len(lines) < 2:
        raise PhraseError("this take was cut off before its first note", where=str(path))
    try:
        reader = Reader(lines[1])
    except Damaged:
        raise _damaged(path, 2) from None
    facts = tuple(
        _fact(path, number, line, reader)
        for number, line in enumerate(lines[2:], 3)
        if not on_score or line.startswith(_ON_SCORE)
    )
    return Take(path.stem, reader.header, facts, torn)


def _check_version(path: Path, kept: bytes, lines: list[bytes]) -> None:
    if not lines and any(line_of({MARK: each}).startswith(kept) for each in READABLE):
        raise PhraseError("this take was cut off before its first note", where=str(path))
    try:
        version = json.loads(lines[0])[MARK] if lines else None
    except (ValueError, KeyError, TypeError):
        version = None
    if version not in READABLE:
        what = "this is not a take" if version is None else f"this take is of version {version}"
        raise PhraseError(what, where=str(path), allowed=f"version {READABLE[0]} to {VERSION}")


def _fact(path: Path, number: int, line: bytes, reader: Reader) -> Fact:
    try:
        return reader.fact(line)
    except UnknownFact as error:
        name = str(error)
        raise PhraseError(
            f"{name!r} is no fact of a take",
            where=f"{path}, line {number}",
            nearest=nearest_name(name, KINDS),
        ) from None
    except Damaged:
        raise _damaged(path, number) from None


def _damaged(path: Path, number: int) -> PhraseError:
    return PhraseError("this line of the take is damaged", where=f"{path}, line {number}")
