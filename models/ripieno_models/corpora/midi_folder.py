"""A folder of MIDI files, four voices each: from the highest line, the soprano, to the bass."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import mido
import numpy as np
from ripieno.errors import PhraseError
from ripieno.grammar.grid import HIGHEST, LOWEST, STEPS_PER_BEAT, VOICES, GridNote, encode
from ripieno.score import DRUMS

from ripieno_models.corpora.skipping import Skipped, readable
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


LONGEST = 14_400
"""Sixteenths of a file: half an hour at 120 quarters a minute. More is no piece of four voices, but
a recording that was never stopped."""
LARGEST = 1 << 24
"""Bytes of a file."""


def files(folder: Path) -> list[Path]:
    """The MIDI files in `folder`, by name."""
    return sorted(p for p in folder.glob("*") if p.suffix.lower() in (".mid", ".midi"))


def pieces(folder: Path, skipped: Skipped | None = None) -> Iterator[Piece]:
    """A piece for each MIDI file of `folder`.

    One that cannot be learned from goes to `skipped`. Raises PhraseError without such a list.
    """
    yield from readable(files(folder), piece_of, skipped)


def piece_of(path: Path) -> Piece:
    """The piece in the MIDI file at `path`, on sixteenths, each note at the nearest one.

    Raises PhraseError where it is no MIDI file, has not four lines, or is too long.
    """
    file = load(path)
    struck = notes_of(file)
    lines = sorted({note.line for note in struck}, key=lambda line: -mean_pitch(struck, line))
    if len(lines) != len(VOICES):
        raise PhraseError(
            f"{len(lines)} tracks or channels with notes",
            where=str(path),
            allowed="four, one a voice",
        )
    end = max(note.end for note in struck)
    if end > LONGEST:
        raise PhraseError(
            f"it lasts {end // STEPS_PER_BEAT:,} quarter notes",
            where=str(path),
            allowed=f"at most {LONGEST // STEPS_PER_BEAT:,}",
        )
    odd = next((note.pitch for note in struck if not LOWEST <= note.pitch <= HIGHEST), None)
    if odd is not None:
        raise PhraseError(
            f"a voice sings {odd}", where=str(path), allowed=f"MIDI numbers {LOWEST}…{HIGHEST}"
        )
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


def load(path: Path) -> mido.MidiFile:
    """The MIDI file at `path`. Raises PhraseError where it is none, or has no note but drums'."""
    try:
        size = path.stat().st_size
        if size > LARGEST:
            raise PhraseError(
                f"{size >> 20} MiB is too large for a MIDI file",
                where=str(path),
                allowed=f"{LARGEST >> 20} MiB",
            )
        file = mido.MidiFile(path, clip=True)
    except PhraseError:
        raise
    except Exception as error:  # whatever a parser of foreign bytes stumbles over
        reason = str(error).partition("\n")[0][:100] or type(error).__name__
        raise PhraseError(f"is no MIDI file that can be read ({reason})", where=str(path)) from None
    if file.ticks_per_beat <= 0 or file.type == 2:
        raise PhraseError("has no ticks per quarter note", where=str(path))
    struck = [m for track in file.tracks for m in track if m.type == "note_on" and m.velocity]
    if not struck:
        raise PhraseError("there is no note in it", where=str(path))
    if all(message.channel == DRUMS for message in struck):
        raise PhraseError("there are only drums in it", where=str(path))
    return file


def notes_of(file: mido.MidiFile) -> list[Struck]:
    """All notes of a file but drums, at least a sixteenth long."""
    notes: list[Struck] = []
    for number, track in enumerate(file.tracks):
        tick = 0
        open_notes: dict[tuple[int, int], int] = {}
        for message in track:
            tick += message.time
            if message.type not in ("note_on", "note_off") or message.channel == DRUMS:
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
