"""The Bach chorales that come with the music21 package, read from its own corpus.

music21 gives the encodings with its encoders' permission; nothing of them is copied here, they are
read where the package is installed.
"""

from __future__ import annotations

import tomllib
import warnings
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from music21 import chord, corpus, expressions, key, meter, stream
from ripieno.errors import RipienoError
from ripieno.grammar.grid import STEPS_PER_BEAT, VOICES

from ripieno_models.piece import Bools, Ints, Piece, Split, places, tokens_from

NAME = "Bach chorales, music21's own corpus"
LICENCE = "public-domain works, encodings distributed with music21 by permission of their encoders"
SPLITS = Path(__file__).with_name("jsb_split.toml")


@cache
def splits() -> Mapping[str, Split]:
    """Which chorales train, validate and test, by their music21 names."""
    table = tomllib.loads(SPLITS.read_text(encoding="utf-8"))
    return {name: Split(split) for split, names in table.items() for name in names}


def pieces(names: Iterable[str] | None = None) -> Iterator[Piece]:
    """The chorales called `names` (such as 'bwv1.6'), all of them if None; this takes minutes.

    Raises RipienoError where music21 has no such chorale.
    """
    files = {path.stem: path for path in corpus.getComposer("bach")}
    for name in splits() if names is None else names:
        if name not in files or name not in splits():
            raise RipienoError(f"music21 has no chorale {name!r}", allowed="such as 'bwv1.6'")
        yield piece_of(corpus.parse(files[name]), name)


def piece_of(score: stream.Score, name: str) -> Piece:
    """A score of four voices (and perhaps instruments) as a piece. Raises RipienoError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parts = voices_of(score, name)
    end = max(steps(part.duration.quarterLength) for part in parts)
    pitch = np.full((end, len(VOICES)), -1, dtype=np.int64)
    onset = np.zeros((end, len(VOICES)), dtype=bool)
    fermata = np.zeros(end, dtype=bool)
    for voice, part in enumerate(parts):
        raster(part, pitch[:, voice], onset[:, voice], fermata)
    place, bar_steps = bars(parts[0], end)
    signature = parts[0].recurse().getElementsByClass(key.KeySignature).first()
    return Piece(
        name=name,
        tokens=tokens_from(pitch, onset),
        place=place,
        bar_steps=bar_steps,
        fifths=None if signature is None else int(signature.sharps),
        fermata=fermata,
        split=splits()[name],
    )


def voices_of(score: stream.Score, name: str) -> list[Any]:
    """The four parts that are sung, from soprano to bass. Raises RipienoError."""
    parts = list(score.parts)
    if len(parts) == len(VOICES):
        return parts
    sung = []
    for voice in VOICES:
        named = [p for p in parts if str(p.partName or p.id).lower().startswith(voice)]
        if not named:
            raise RipienoError(f"no part is called {voice}", where=name)
        sung.append(named[0])
    return sung


def raster(part: Any, pitch: Ints, onset: Bools, fermata: Bools) -> None:
    """Write a part's notes into `pitch` [T], `onset` [T] and `fermata` [T]."""
    for note in part.flatten().notes:
        begin = steps(note.offset)
        end = max(begin + 1, steps(note.offset + note.duration.quarterLength))
        sound = note.pitches[-1] if isinstance(note, chord.Chord) else note.pitch
        pitch[begin:end] = round(sound.ps)
        onset[begin] = note.tie is None or note.tie.type == "start"
        if any(isinstance(mark, expressions.Fermata) for mark in note.expressions):
            fermata[begin:end] = True


def bars(part: Any, end: int) -> tuple[Ints, Ints]:
    """Place in the bar and bar length of each of `end` steps, from the measures of a part."""
    measures: list[tuple[int, int]] = []
    length = 4 * STEPS_PER_BEAT
    for measure in part.getElementsByClass(stream.Measure):
        signature = measure.getElementsByClass(meter.TimeSignature).first()
        if signature is not None:
            length = steps(signature.barDuration.quarterLength)
        measures.append((steps(measure.duration.quarterLength), length))
    missing = end - sum(count for count, _ in measures)
    if missing > 0:
        measures.append((missing, length))
    bar_steps = np.concatenate([np.full(count, length) for count, length in measures])
    return places(measures)[:end], bar_steps[:end]


def steps(quarters: Any) -> int:
    """A length or an offset in quarter notes, as the nearest sixteenth."""
    return round(float(quarters) * STEPS_PER_BEAT)
