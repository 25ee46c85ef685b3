"""Pieces written by the engine's own generator, as a performance would have them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from ripieno.clock import Beats, Meter, VirtualClock
from ripieno.events import Planned, Request
from ripieno.grammar.grid import HOLD, REST, STEPS_PER_BEAT, VOICES, token_of
from ripieno.inference.player import Player
from ripieno.settings import Key, Rules, Sampling, Settings, Strength

from ripieno_models.piece import Piece

FREE = Rules(crossing=Strength.OFF, parallels=Strength.OFF, spacing=Strength.OFF)
"""No rule of part-writing; what is left are the voices' ranges, leaps and endless rests."""
_TONIC_OF_C = 7


def regular(pieces: Sequence[Piece]) -> list[Piece]:
    """The pieces with one metre throughout and a key: those whose form can be asked for."""
    return [piece for piece in pieces if piece.fifths is not None and steady(piece)]


def steady(piece: Piece) -> bool:
    """Whether the bar lines come at equal distances from beginning to end."""
    bar = int(piece.bar_steps[0])
    counted = (piece.place[0] + np.arange(len(piece))) % bar
    return bool((piece.bar_steps == bar).all() and (piece.place == counted).all())


def played(player: Player, form: Piece, rules: Rules, candidates: int = 1, seed: int = 1) -> Piece:
    """A new piece with the length, metre, key and fermatas of `form`, and no note of it."""
    tokens = [
        [token(planned, voice) for voice in range(len(VOICES))]
        for request in requests(form, rules, candidates, seed)
        for planned in player.plan(request, VirtualClock())
    ]
    return replace(form, name=f"like {form.name}", tokens=np.array(tokens, dtype=np.int64))


def token(planned: Planned, voice: int) -> int:
    """What one voice does in a step, as the grid's token."""
    sounding = next(sounding for sounding in planned.voices if sounding.voice == voice)
    if sounding.pitch is None:
        return REST
    return token_of(sounding.pitch) if sounding.struck else HOLD


def requests(form: Piece, rules: Rules, candidates: int, seed: int) -> Iterator[Request]:
    """One request up to the end of each fermata, which is asked for as a player would."""
    settings = settings_of(form, rules, candidates, seed)
    first = int(form.place[0])
    begin = 0
    for number, (cadence, end) in enumerate(phrases(form)):
        yield Request(
            epoch=1,
            since=beats(first + begin),
            begin=beats(first + begin),
            end=beats(first + end),
            heard=(),
            given=tuple(range(len(VOICES))),
            player=(),
            settings=settings,
            cadence=None if cadence is None else beats(first + cadence),
            fresh=begin == 0,
            number=number + 1,
        )
        begin = end


def phrases(form: Piece) -> list[tuple[int | None, int]]:
    """(first step of the fermata, first step after it) of each phrase, in order; where the piece
    goes on after its last fermata, (None, its end).

    A fermata that is asked for lasts a beat, so a longer one is asked for beat by beat.
    """
    edges = np.flatnonzero(np.diff(form.fermata.astype(int), prepend=0, append=0))
    found: list[tuple[int | None, int]] = [
        (beat, min(beat + STEPS_PER_BEAT, end))
        for begin, end in edges.reshape(-1, 2).tolist()
        for beat in range(begin, end, STEPS_PER_BEAT)
    ]
    if not found or found[-1][1] < len(form):
        found.append((None, len(form)))
    return found


def settings_of(form: Piece, rules: Rules, candidates: int, seed: int) -> Settings:
    """The settings that tell a form's metre and key signature (as the major key that has it)."""
    assert form.fifths is not None, "only pieces with a key are played"
    bar = int(form.bar_steps[0])
    tonic = form.fifths * _TONIC_OF_C % 12
    return Settings(
        meter=Meter(bar // STEPS_PER_BEAT, 4),
        sampling=Sampling(candidates=candidates, seed=seed),
        rules=replace(rules, key=Key(tonic, "major")),
    )


def beats(steps: int) -> Beats:
    return Beats(steps / STEPS_PER_BEAT)
