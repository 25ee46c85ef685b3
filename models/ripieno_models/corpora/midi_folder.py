"""A folder of MIDI files, four voices each: from the highest line, the soprano, to the bass."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import mido
import numpy as np
from ripieno.errors import PhraseError
from ripieno.grammar.grid import STEPS_PER_BEAT, VOICES, GridNote, encode

from ripieno_models.corpora.splits import split_by_name
from ripieno_models.piece import Ints, Piece

_FIFTHS = {
    name: fifths
    for fifths, names in enumerate(
        (
            ("Cb", "Abm"), ("Gb", "Ebm"), ("Db", "Bbm"), ("Ab", "Fm"), ("Eb", "Cm"), ("Bb", "Gm"),
            ("F", "Dm"), ("C", "Am"), ("G", "Em"), ("D", "Bm"), ("A", "F#m"), ("E", "C#m"),
            ("B", "G#m"), ("F#", "D#m"), ("C#", "A#m"),
        ),
        start=-7,
    )
    for name in names
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Struck:
    """A note of a file: `line` is its track and channel, `onset` and `end` are in sixteenths."""

    line: tuple[int, int]
    pitch: int
    onset: int
    end: int


def files(folder: Path) -> list[Path]:
    """The MIDI files in `folder`, by name."""
    return sorted(p for p in folder.glob("*") if p.suffix.lower() in (".mid", ".midi"))


def pieces(folder: Path) -> Iterator[Piece]:
    """A piece for each MIDI file of `folder`. Raises PhraseError where one cannot be read."""
    for path in files(folder):
        yield piece_of(path)


def piece_of(path: Path) -> Piece:
    """The piece in the MIDI file at `path`, on sixteenths, each note at the nearest one.

    Raises PhraseError where it is no MIDI file or has not four lines.
    """
    try:
        file = mido.MidiFile(path)
    except (OSError, ValueError, EOFError, KeyError, IndexError) as error:
        raise PhraseError("is no MIDI file that can be read", where=str(path)) from error
    if not file.ticks_per_beat:
        raise PhraseError("has no ticks per quarter note", where=str(path))
    struck = notes_of(file)
    lines = sorted({note.line for note in struck}, key=lambda line: -mean_pitch(struck, line))
    if len(lines) != len(VOICES):
        raise PhraseError(
            f"{len(lines)} tracks or channels with notes",
            where=str(path),
            allowed="four, one a voice",
        )
    end = max(note.end for note in struck)
    notes = [GridNote(lines.index(n.line), n.pitch, n.onset, n.end - n.onset) for n in struck]
    place, bar_steps = bars(file, end)
    return Piece(
        name=path.stem,
        tokens=np.array(encode(notes, 0, end), dtype=np.int64),
        place=place,
        bar_steps=bar_steps,
        fifths=key_of(file),
        fermata=np.zeros(end, bool),
        split=split_by_name(path.stem),
    )


def notes_of(file: mido.MidiFile) -> list[Struck]:
    """All notes of a file, at least a sixteenth long."""
    notes: list[Struck] = []
    for number, track in enumerate(file.tracks):
        tick = 0
        open_notes: dict[tuple[int, int], int] = {}
        for message in track:
            tick += message.time
            if message.type not in ("note_on", "note_off"):
                continue
            key = (message.channel, message.note)
            began = open_notes.pop(key, None)
            if began is not None:
                onset, end = steps(began, file), steps(tick, file)
                line = (number, message.channel)
                notes.append(Struck(line, message.note, onset, max(end, onset + 1)))
            if message.type == "note_on" and message.velocity > 0:
                open_notes[key] = tick
    return sorted(notes, key=lambda note: note.onset)


def steps(tick: int, file: mido.MidiFile) -> int:
    """The sixteenth that is nearest to `tick`."""
    sixteenths: float = tick * STEPS_PER_BEAT / file.ticks_per_beat
    return round(sixteenths)


def mean_pitch(struck: list[Struck], line: tuple[int, int]) -> float:
    return float(np.mean([note.pitch for note in struck if note.line == line]))


def bars(file: mido.MidiFile, end: int) -> tuple[Ints, Ints]:
    """Place and bar length of each step, from the file's time signatures; 4/4 where it has none."""
    changes: dict[int, int] = {0: 16}
    for track in file.tracks:
        tick = 0
        for message in track:
            tick += message.time
            if message.type == "time_signature":
                length = message.numerator * STEPS_PER_BEAT * 4 // message.denominator
                changes[steps(tick, file)] = max(1, length)
    begins = np.array(sorted(changes))
    section = np.searchsorted(begins, np.arange(end), side="right") - 1
    bar_steps = np.array([changes[int(begin)] for begin in begins])[section]
    return (np.arange(end) - begins[section]) % bar_steps, bar_steps


def key_of(file: mido.MidiFile) -> int | None:
    """The first key signature, in fifths; None where there is none."""
    for track in file.tracks:
        for message in track:
            if message.type == "key_signature":
                return _FIFTHS.get(message.key)
    return None
