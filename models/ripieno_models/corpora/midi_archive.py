"""MIDI files read from an archive and written, with symusic: a thousand in seconds."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import symusic
from ripieno.errors import RipienoError
from symusic import Score, Tempo, TimeSignature

from ripieno_models.tokens.tune import Tune

QUARTER = 480
"""Ticks of a file that is written."""


@dataclass(frozen=True, slots=True)
class Track:
    """A track's `name` and its notes as (onset, duration, pitch, velocity), in ticks."""

    name: str
    notes: tuple[tuple[int, int, int, int], ...]


@dataclass(frozen=True, slots=True)
class File:
    """One file: `quarter` is its ticks per quarter, `meters` (tick, numerator, denominator) and
    `keys` (tick, fifths) what is printed where, `end` its last tick."""

    name: str
    quarter: int
    tracks: tuple[Track, ...]
    meters: tuple[tuple[int, int, int], ...]
    keys: tuple[tuple[int, int], ...]
    end: int


def files(path: Path) -> Iterator[File]:
    """The files of the archive at `path`. Raises RipienoError where it is broken."""
    name = ""
    try:
        with tarfile.open(path) as archive:
            # As they lie: to go back in a compressed archive is to read it again from the start.
            for member in archive:
                stream = archive.extractfile(member)
                if stream is not None and member.name.endswith(".mid"):
                    name = Path(member.name).stem
                    yield file_of(name, Score.from_midi(stream.read()))
    except FileNotFoundError as error:
        raise RipienoError("there is no such file", where=str(path)) from error
    except (OSError, tarfile.TarError, RuntimeError, ValueError) as error:
        raise RipienoError(f"cannot be read after {name!r} ({error})", where=str(path)) from error


def file_of(name: str, score: Score) -> File:
    """What a file tells."""
    return File(
        name=name,
        quarter=score.ticks_per_quarter,
        tracks=tuple(
            Track(track.name, tuple((n.time, n.duration, n.pitch, n.velocity) for n in track.notes))
            for track in score.tracks
        ),
        meters=tuple((m.time, m.numerator, m.denominator) for m in score.time_signatures),
        keys=tuple((k.time, k.key) for k in score.key_signatures),
        end=score.end(),
    )


def write_midi(tune: Tune, path: Path, programs: tuple[int, int]) -> None:
    """Write a tune as a MIDI file, 100 quarters a minute, its parts with these `programs`."""
    score = Score(QUARTER)
    score.time_signatures.append(TimeSignature(0, *tune.meter))
    score.tempos.append(Tempo(0, 100))
    for part in sorted({note.part for note in tune.notes}):
        track = symusic.Track(("melody", "piano")[part], programs[part], False)
        for note in tune.of(part):
            onset, duration = note.onset * QUARTER // 4, note.duration * QUARTER // 4
            track.notes.append(symusic.Note(onset, duration, note.pitch, note.velocity))
        score.tracks.append(track)
    score.dump_midi(path)
