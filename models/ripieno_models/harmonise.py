"""One voice of a real chorale is a player's, the engine adds the other three, live.

At each sixteenth the machine knows what the player does in it, and nothing later.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from ripieno.clock import Beats, VirtualClock
from ripieno.events import Note, Request
from ripieno.grammar.grid import VOICES
from ripieno.inference.generate import Generator
from ripieno.settings import Rules

from ripieno_models import waiting
from ripieno_models.faults import faults
from ripieno_models.piece import Piece
from ripieno_models.played import beats, phrases, settings_of, token

VELOCITY = 80


def harmonised(generator: Generator, piece: Piece, given: int, candidates: int, seed: int) -> Piece:
    """`piece` with its voice `given` and three new ones, under the engine's rules."""
    rows = [
        [
            int(piece.tokens[step, voice]) if voice == given else token(planned, voice)
            for voice in range(len(VOICES))
        ]
        for step, planned in enumerate(
            planned
            for request in requests(piece, given, candidates, seed)
            for planned in generator.plan(request, VirtualClock())
        )
    ]
    name = f"{VOICES[given]} of {piece.name}"
    return replace(piece, name=name, tokens=np.array(rows, dtype=np.int64))


def requests(piece: Piece, given: int, candidates: int, seed: int) -> Iterator[Request]:
    """One request for each phrase, with what the player does in it."""
    settings = settings_of(piece, Rules(), candidates, seed)
    first = int(piece.place[0])
    line = tuple(
        Note(given, note.pitch, VELOCITY, beats(first + note.onset), beats(note.steps))
        for note in piece.notes()
        if note.voice == given
    )
    begin = 0
    for number, (cadence, end) in enumerate(phrases(piece)):
        yield Request(
            epoch=1,
            since=beats(first + begin),
            begin=beats(first + begin),
            end=beats(first + end),
            heard=line,
            given=tuple(range(len(VOICES))),
            player=(given,),
            settings=settings,
            cadence=None if cadence is None else Beats(beats(first + cadence)),
            fresh=begin == 0,
            number=number + 1,
        )
        begin = end


def judge(
    generator: Generator, pieces: Sequence[Piece], candidates: int, seed: int
) -> dict[str, Any]:
    """For each voice that is given, what is counted of all `pieces` (see `faults`)."""
    return {
        voice: asdict(
            faults(
                [
                    harmonised(generator, piece, given, candidates, seed + number)
                    for number, piece in enumerate(waiting.each(pieces, f"Harmonising: {voice}"))
                ]
            )
        )
        for given, voice in enumerate(VOICES)
    }
