from __future__ import annotations

from dataclasses import replace

import numpy as np
from ripieno.grammar.grid import HOLD, GridNote, encode
from ripieno.inference.heard import frames

from tests.engine.asking import note


def test_frames_are_what_the_grammar_encodes() -> None:
    rng = np.random.default_rng(8)
    for _ in range(200):
        notes = [
            note(int(v), int(p), float(b), float(d))
            for v, p, b, d in zip(
                rng.integers(0, 4, 12),
                rng.integers(36, 82, 12),
                rng.choice(64, 12, replace=False) / 4,
                rng.integers(1, 12, 12) / 4,
                strict=True,
            )
        ]
        notes[0] = replace(notes[0], duration=None)
        grid = [
            GridNote(
                n.voice,
                n.pitch,
                int(n.onset * 4),
                int(n.duration * 4) if n.duration is not None else 99,
            )
            for n in notes
        ]
        told = frames(notes, 8, 60)
        expected = encode(grid, 8, 60)
        for step, tokens in enumerate(expected, 8):
            for sounding, token in zip(told[step], tokens, strict=True):
                assert (sounding.pitch is not None and not sounding.struck) == (token == HOLD)
                if sounding.struck and sounding.pitch is not None:
                    assert token == sounding.pitch - 34
                assert (sounding.pitch is None) == (token == 1)


def test_short_and_crooked_notes_land_on_the_nearest_step() -> None:
    told = frames([note(0, 60, 0.9, 0.01), note(0, 62, 1.37, 0.4)], 0, 8)
    line = [(told[step][0].pitch, told[step][0].struck) for step in range(8)]
    assert line == [
        *[(None, False)] * 4,
        (60, True),
        (62, True),
        (62, False),
        (None, False),
    ]
