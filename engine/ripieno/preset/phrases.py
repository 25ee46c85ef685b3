"""Seed phrases: what the machine starts from, as text in four columns or as a MIDI file.

The text format has one line for each sixteenth, and in it four MIDI numbers: soprano, alto, tenor
and bass. 0 is silence, a number repeated is a held note, and `!` after a number strikes it anew
(the bare format of four numbers cannot tell a note struck twice from a long one). A column of zeros
leaves that voice to the model. `#` begins a comment; `# title:`, `# source:`, `# year:` and
`# meter:` say what the phrase is. Rests at the start fill up the bar before a pickup.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ripieno import resources
from ripieno.clock import Beats, Meter
from ripieno.commands import Seed
from ripieno.errors import PhraseError, SettingError
from ripieno.events import Note
from ripieno.grammar.grid import STEPS_PER_BEAT, VOICES

LOWEST, HIGHEST = 21, 108
"""The keys of a piano: a pitch beyond them is a slip."""
VELOCITY = 80
LONGEST = 4096
"""Lines. More is a corpus, not a phrase."""
_CELL = re.compile(r"(\d{1,3})(!?)")
_MARK = re.compile(r"#\s*(title|source|year|meter)\s*:\s*(.+)")


@dataclass(frozen=True, slots=True)
class Phrase:
    """A seed phrase and what is known of it. Onsets are in beats from its start.

    `meter` is None where the file does not say it.
    """

    name: str
    notes: tuple[Note, ...]
    title: str = ""
    source: str = ""
    year: str = ""
    meter: Meter | None = None

    @property
    def seed(self) -> Seed:
        return Seed(self.name, self.notes)


@dataclass(frozen=True, slots=True)
class _Struck:
    """A note that is being read: where it began."""

    pitch: int
    step: int


def phrase_names() -> tuple[str, ...]:
    """The names of all phrases, the player's own included."""
    return tuple(resources.phrases())


def load_phrase(name: str) -> Seed:
    """The phrase called `name`, or in the .txt or .mid file of that path. Raises PhraseError."""
    return describe_phrase(name).seed


def describe_phrase(name: str) -> Phrase:
    """Like `load_phrase`, with title, source, year and meter."""
    path = resources.phrase_path(name)
    if path.suffix.lower() != ".txt":
        return _from_midi(path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise PhraseError(f"it cannot be read ({error.strerror})", where=str(path)) from error
    except UnicodeDecodeError as error:
        raise PhraseError("this is not a text file", where=str(path)) from error
    return parse_phrase(text, path)


def parse_phrase(text: str, path: Path) -> Phrase:
    """The phrase that `text` tells in four columns; `path` is told in errors."""
    marks: dict[str, str] = {}
    rows: list[tuple[tuple[int, bool], ...]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if match := _MARK.match(line.strip()):
            marks.setdefault(match[1], match[2].strip())
        cells = line.partition("#")[0].split()
        if cells:
            rows.append(_row(cells, f"{path}, line {number}"))
    if len(rows) > LONGEST:
        raise PhraseError(
            f"{len(rows)} sixteenths are too many", where=str(path), allowed=f"at most {LONGEST}"
        )
    try:
        meter = Meter.parse(marks["meter"]) if "meter" in marks else None
    except SettingError as error:
        raise PhraseError(error.what, where=str(path), allowed=error.allowed) from error
    return Phrase(
        name=path.stem,
        notes=_notes(rows, path),
        title=marks.get("title", ""),
        source=marks.get("source", ""),
        year=marks.get("year", ""),
        meter=meter,
    )


def _row(cells: Sequence[str], where: str) -> tuple[tuple[int, bool], ...]:
    """Per voice the pitch (0: silence) and whether it is struck anew."""
    if len(cells) != len(VOICES):
        raise PhraseError(
            f"there are {len(cells)} columns", where=where, allowed="four: soprano … bass"
        )
    return tuple(_cell(cell, where) for cell in cells)


def _cell(cell: str, where: str) -> tuple[int, bool]:
    match = _CELL.fullmatch(cell)
    if match is None:
        raise PhraseError(
            f"{cell!r} is not a pitch",
            where=where,
            allowed="a MIDI number such as 60 or 60!, or 0",
        )
    pitch = int(match[1])
    if pitch:
        _check_pitch(pitch, where)
    return pitch, bool(match[2])


def _check_pitch(pitch: int, where: str) -> None:
    if not LOWEST <= pitch <= HIGHEST:
        nearest = min(HIGHEST, max(LOWEST, pitch))
        raise PhraseError(
            f"pitch {pitch} is out of range",
            where=where,
            allowed=f"{LOWEST}…{HIGHEST}, the keys of a piano, or 0 for silence",
            nearest=f"The nearest is {nearest}.",
        )


def _notes(rows: Sequence[Sequence[tuple[int, bool]]], path: Path) -> tuple[Note, ...]:
    """All voices' notes by onset. Raises PhraseError when there is none."""
    notes: list[Note] = []
    silence = ((0, False),) * len(VOICES)
    for voice in range(len(VOICES)):
        sounding: _Struck | None = None
        for step, row in enumerate([*rows, silence]):
            pitch, anew = row[voice]
            if sounding is not None and (anew or pitch != sounding.pitch):
                notes.append(_note(voice, sounding, step))
                sounding = None
            if pitch and sounding is None:
                sounding = _Struck(pitch, step)
    if not notes:
        raise PhraseError(
            "there is no note in it",
            where=str(path),
            nearest="Leave the phrase out to start without one.",
        )
    return tuple(sorted(notes, key=lambda note: (note.onset, note.voice)))


def _note(voice: int, struck: _Struck, end: int) -> Note:
    length = (end - struck.step) / STEPS_PER_BEAT
    return Note(voice, struck.pitch, VELOCITY, Beats(struck.step / STEPS_PER_BEAT), Beats(length))


def _from_midi(path: Path) -> Phrase:
    """A MIDI file as a phrase; its parts become voices by how high they lie."""
    from ripieno.midi.midifile import read_notes  # mido is only imported where a MIDI file is read

    read = read_notes(path)
    if not read.notes:
        raise PhraseError("there is no note in it", where=str(path))
    for note in read.notes:
        _check_pitch(note.pitch, str(path))
    return Phrase(name=path.stem, notes=read.notes, title=path.stem, meter=read.meter)
