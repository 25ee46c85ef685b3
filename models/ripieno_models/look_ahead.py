"""How likely the other three voices are where a player's is known a beat ahead.

The model reads causally, and is not asked otherwise: the chain rule also holds in an order in which
the given voice goes L sixteenths ahead,

    p(all) = Π p(given[s] | given before s, others before s - L)
           · Π p(others[t] | others before t, given up to t + L),

and the left side is known exactly. So what look-ahead is worth is how much better each sixteenth of
the given voice is foretold by one who knows what the others did in the L sixteenths before it:

    Σ log p(given[s] | all before s) - Σ log p(given[s] | given before s, others before s - L).

In the second sum the others' last L sixteenths are drawn by the model while the given voice is
forced, and each draw counts by how likely it found the given voice: importance weights, as in
sequential Monte Carlo with look-ahead (Lin, Chen & Liu: Lookahead Strategies for Sequential Monte
Carlo, 2013). It is an estimate; with few draws the given voice is foretold worse than it could be,
and look-ahead seems worth a little more than it is: `halved` tells how much half of them change.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from ripieno.grammar.grid import REST, STEPS_PER_BEAT, VOICES
from torch import Tensor

from ripieno_models import waiting
from ripieno_models.branches import Branches, Heard
from ripieno_models.dataset import Batch, whole
from ripieno_models.families.chorale_transformer import ChoraleTransformer
from ripieno_models.features import Decisions, decisions, told
from ripieno_models.likelihood import LIVE_ORDER, harmonised, log_prob
from ripieno_models.piece import Piece
from ripieno_models.tensor_cursor import Cursors

K = len(VOICES)
BEAT = STEPS_PER_BEAT
"""Sixteenths that are known ahead."""


@dataclass(frozen=True, slots=True)
class Foreseen:
    """Nats per decision of the other three voices.

    `live`: nothing is known ahead, over all of the pieces. `ahead`: the given voice is known a beat
    ahead, from `looked` sixteenths drawn among all, with `draws` continuations of each; `error` is
    the standard error of the difference. `halved` is by how much the difference is larger with half
    of the draws; what that leaves out shrinks with their number, so `ahead` is too low by about as
    much.
    """

    live: float
    ahead: float
    error: float
    halved: float
    looked: int
    draws: int


def foreseen(
    model: ChoraleTransformer,
    pieces: Sequence[Piece],
    given: int,
    looked: int = 1500,
    draws: int = 16,
    seed: int = 1,
) -> Foreseen:
    """What a beat of look-ahead at the voice `given` is worth on `pieces`."""
    random = torch.Generator().manual_seed(seed)
    ends = torch.tensor([len(piece) for piece in pieces]).cumsum(0)
    looked = min(looked, int(ends[-1]))
    places = torch.randperm(int(ends[-1]), generator=random)[:looked].sort().values
    numbers = torch.bucketize(places, ends, right=True)
    gains, halves = [], []
    for number, piece in enumerate(waiting.each(pieces, f"A beat ahead: {VOICES[given]}")):
        steps = places[numbers == number] - (ends[number] - len(piece))
        if len(steps):
            gain, half = worth(model, piece, given, steps, draws, random)
            gains.append(gain)
            halves.append(half)
    gain, half = torch.cat(gains).double() / (K - 1), torch.cat(halves).double() / (K - 1)
    live = harmonised(model, pieces, given)
    return Foreseen(
        live=live,
        ahead=live - float(gain.mean()),
        error=float(gain.std() / math.sqrt(len(gain))),
        halved=float((half - gain).mean()),
        looked=looked,
        draws=draws,
    )


@torch.inference_mode()
def worth(
    model: ChoraleTransformer,
    piece: Piece,
    given: int,
    steps: Tensor,
    draws: int,
    random: torch.Generator,
    ahead: int = BEAT,
) -> tuple[Tensor, Tensor]:
    """[S] each: nats by which the given voice's sixteenths `steps` [S] are foretold better by one
    who knows what the others did in the last `ahead` sixteenths; and the same with half the draws.
    """
    (batch,) = whole([piece], batch=1)
    order = torch.tensor([given, *others_of(given)])
    asked = decisions(batch.tokens, order.expand_as(batch.order), batch.settings)
    rows = asked.features[0].view(len(piece), K, -1)
    heard = Heard(model.frame, rows[:, 0])
    known = log_prob(model.voice(rows[:, 0], heard.hidden)[None], first(asked))[0]
    gain, half = torch.zeros(len(steps)), torch.zeros(len(steps))
    for depth in range(1, ahead + 1):  # a piece's first sixteenths have fewer before them
        at = steps >= ahead if depth == ahead else steps == depth
        if at.any():
            guessed = guess(model, batch, heard, given, steps[at], depth, draws, random)
            gain[at], half[at] = (known[steps[at]] - each for each in guessed)
    return gain, half


def guess(
    model: ChoraleTransformer,
    batch: Batch,
    heard: Heard,
    given: int,
    steps: Tensor,
    depth: int,
    draws: int,
    random: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """[S] each: log p(given at `steps` [S]), the others unknown for the last `depth` sixteenths; by
    all of the draws, and in the mean by one half and by the other."""
    starts = (steps - depth).repeat_interleave(draws)
    branches = Branches(model, heard, starts, standing(batch, starts))
    tokens, settings = batch.tokens[0, :, given], batch.settings[0]
    weights = torch.zeros(len(starts))
    for ahead in range(depth):
        here = starts + ahead
        if ahead:
            weights = weights + branches.foretell(given, settings[here], tokens[here])
        branches.finish(given, tokens[here], others_of(given), settings[here], random)
    here = starts + depth
    found = weights + branches.foretell(given, settings[here], tokens[here])
    weights, found = weights.view(-1, draws), found.view(-1, draws)
    both = [
        found[:, part].logsumexp(1) - weights[:, part].logsumexp(1)
        for part in (slice(None), slice(draws // 2), slice(draws // 2, None))
    ]
    return both[0], (both[1] + both[2]) / 2


def others_of(given: int) -> list[int]:
    """The other voices, as the engine decides them."""
    return [voice for voice in LIVE_ORDER if voice != given]


def first(asked: Decisions) -> Decisions:
    """The first decision of each sixteenth."""
    parts = (asked.features, asked.targets, asked.may_hold, asked.voices)
    return Decisions(*(part[:, ::K] for part in parts))


def standing(batch: Batch, steps: Tensor) -> Cursors:
    """Cursors that stand before the sixteenths `steps` [M] of the one piece of a batch."""
    sounding, ages = (each[0] for each in told(batch.tokens))
    begun = steps == 0
    before = torch.where(begun, 0, steps - 1)
    fresh = Cursors.fresh(len(steps))
    return Cursors(
        sounding=torch.where(begun[:, None], fresh.sounding, sounding[before]),
        ages=torch.where(begun[:, None], 0, ages[before] + 1),
        previous=torch.where(begun, fresh.previous, REST),  # the model is blind to it
    )
