"""Pieces as sound: rendered through the engine's soundfont, short enough for a page."""

from __future__ import annotations

import base64
import io
import tempfile
from pathlib import Path

import soundfile
from ripieno.midi.midifile import read_score
from ripieno.resources import soundfont_path
from ripieno.wav import render_wav

from ripieno_models.piece import Piece
from ripieno_models.sample import write_midi

LONGEST = 128
"""Sixteenths of a clip: eight bars of 4/4."""


def clip(piece: Piece) -> str:
    """The first sixteenths of `piece` as a data URL with Ogg Vorbis. Raises SoundError."""
    with tempfile.TemporaryDirectory() as place:
        score, sound = Path(place, "clip.mid"), Path(place, "clip.wav")
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
