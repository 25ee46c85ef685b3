"""Draws pieces from a step graph, without the engine's rules, and compares them with Bach's."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import mido
import numpy as np
from ripieno.grammar.grid import FIRST_PITCH, HOLD, STEPS_PER_BEAT, VOICES, Cursor, Setting

from ripieno_models import waiting
from ripieno_models.corpora import Corpus
from ripieno_models.export import FP32, INT8, write_graphs
from ripieno_models.onnx_step import Floats, OnnxStep
from ripieno_models.part_writing import writing
from ripieno_models.piece import Piece, Split
from ripieno_models.runs import SAMPLES, load, write

ORDERS = ("SATB", "SBAT", "SBTA", "BSAT", "BTAS")
"""Orders of decision worth comparing, by their voices' first letters."""
TICKS_PER_STEP = 120


def samples(folder: Path, corpus: Corpus, pieces: int, temperature: float, seed: int) -> Any:
    """Draw `pieces` pieces in each of `ORDERS` from the run in `folder`, count, and keep it there.

    The counts go to samples.json, the pieces of the first order to .mid files.
    """
    model, options = load(folder)
    bach = corpus.of(Split.VALID)
    random = np.random.default_rng(seed)
    forms = [bach[int(row)] for row in random.permutation(len(bach))[:pieces]]
    counts = {"Bach": asdict(writing(bach))}
    with tempfile.TemporaryDirectory() as made:
        write_graphs(model, options, Path(made, FP32), Path(made, INT8))
        graph = OnnxStep(Path(made, INT8))
        for order in ORDERS:
            drawn = [
                piece_like(graph, f, voices_of(order), random, temperature)
                for f in waiting.each(forms, f"Drawing: {order}")
            ]
            counts[order] = asdict(writing(drawn))
            for piece in drawn if order == ORDERS[0] else []:
                write_midi(piece, folder / f"{piece.name.replace(' ', '-')}.mid")
    told: dict[str, Any] = {"pieces": len(forms), "bach_pieces": len(bach), "seed": seed}
    told |= {"temperature": temperature, "writing": counts}
    write(folder, SAMPLES, told)
    return told


def voices_of(order: str) -> tuple[int, ...]:
    """'SBTA' as (0, 3, 2, 1)."""
    letters = [voice[0].upper() for voice in VOICES]
    return tuple(letters.index(letter) for letter in order)


def write_midi(piece: Piece, path: Path) -> None:
    """Write a piece as a MIDI file with a track for each voice, at 80 bpm."""
    file = mido.MidiFile(ticks_per_beat=TICKS_PER_STEP * STEPS_PER_BEAT)
    for voice, name in enumerate(VOICES):
        track = file.add_track(name)
        if voice == 0:
            track.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(80)))
        events = []
        for note in piece.notes():
            if note.voice == voice:
                events += [(note.onset, 80, note.pitch), (note.onset + note.steps, 0, note.pitch)]
        now = 0
        for step, velocity, pitch in sorted(events):
            wait = (step - now) * TICKS_PER_STEP
            now = step
            track.append(
                mido.Message("note_on", channel=voice, note=pitch, velocity=velocity, time=wait)
            )
    file.save(path)


def piece_like(
    model: OnnxStep,
    form: Piece,
    order: Sequence[int],
    random: np.random.Generator,
    temperature: float = 1.0,
) -> Piece:
    """A new piece with the length, metre, key and fermatas of `form`, and no note of it."""
    model.reset()
    cursor = Cursor()
    tokens = np.zeros_like(form.tokens)
    for step, row in enumerate(form.settings().tolist()):
        here = Setting(*row)
        for voice in order:
            logits = model.step(cursor.features(voice, here))
            may_hold = cursor.sounding[voice] >= FIRST_PITCH
            token = draw(logits / temperature, may_hold, random)
            tokens[step, voice] = token
            cursor.decide(voice, token)
        cursor.next_step()
    return replace(form, name=f"like {form.name}", tokens=tokens)


def draw(logits: Floats, may_hold: bool, random: np.random.Generator) -> int:
    """A token by its probability; HOLD only where there is something to hold."""
    logits = logits.astype(np.float64)
    if not may_hold:
        logits[HOLD] = -np.inf
    weights = np.exp(logits - logits.max())
    return int(random.choice(len(weights), p=weights / weights.sum()))
