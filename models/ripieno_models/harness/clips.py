"""Pieces as sound: rendered through the engine's soundfont, short enough for a page."""

from __future__ import annotations

import base64
import io
import tempfile
from collections.abc import Sequence
from pathlib import Path

import soundfile
from ripieno.midi.midifile import read_score
from ripieno.resources import soundfont_path
from ripieno.wav import render_wav

from ripieno_models import pictures
from ripieno_models.corpora.midi_archive import write_midi as write_tune
from ripieno_models.harness import tune_counts
from ripieno_models.harness.kit import Music
from ripieno_models.piece import Piece
from ripieno_models.sample import write_midi
from ripieno_models.tokens import pictures as tune_pictures
from ripieno_models.tokens.tune import Tune

LONGEST = 128
"""Sixteenths of a clip: eight bars of 4/4."""


PIANO, FIDDLE = 0, 40
"""Programs of a tune with chords, and of a line."""


def clip(piece: Music) -> str:
    """The first sixteenths of `piece` as a data URL with Ogg Vorbis. Raises SoundError."""
    with tempfile.TemporaryDirectory() as place:
        score, sound = Path(place, "clip.mid"), Path(place, "clip.wav")
        if isinstance(piece, Tune):
            line = tune_counts.KINDS["chords"](piece).keys() <= {frozenset((0,))}
            write_tune(piece, score, (FIDDLE if line else PIANO,) * 2)
        else:
            write_midi(beginning(piece), score)
        render_wav(read_score(score), soundfont_path(), sound)
        samples, rate = soundfile.read(sound, dtype="float32")
    written = io.BytesIO()
    soundfile.write(written, samples.mean(axis=1), rate, format="OGG", subtype="VORBIS")
    return "data:audio/ogg;base64," + base64.b64encode(written.getvalue()).decode("ascii")


def beginning(piece: Piece) -> Piece:
    """The first `LONGEST` sixteenths of a piece."""
    part = slice(0, LONGEST)
    return Piece(
        name=piece.name,
        tokens=piece.tokens[part],
        place=piece.place[part],
        bar_steps=piece.bar_steps[part],
        fifths=piece.fifths,
        fermata=piece.fermata[part],
        split=piece.split,
    )


def draw(pieces: Sequence[Music], path: Path) -> None:
    """Draw the beginnings of `pieces` as piano rolls."""
    if isinstance(pieces[0], Tune):
        tune_pictures.piano_rolls(pieces, path)
    else:
        pictures.piano_rolls([beginning(piece) for piece in pieces], path)
