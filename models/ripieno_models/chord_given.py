"""The likelihood of the notes where the chord of each sixteenth is known: another task, told apart.

Some published figures (TonicNet; Peracha, 2019) tell the model the class of the very chord that it
is about to write. A model of the notes alone answers that too, by Bayes: the probability of the
four voices, divided by that of all ways to write a chord of the same class. Those are summed over
the likeliest chords, enough of them that what is left out is small; it is told how much that is.

A class is the triad that sounds (its root, and major, minor, diminished or augmented), any other
chord, or silence: 50 classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from ripieno.grammar.grid import (
    AGE_LIMITS,
    FIRST_PITCH,
    HOLD,
    LOWEST,
    REST,
    VOCABULARY,
    VOICES,
)
from torch import Tensor, nn

from ripieno_models import waiting
from ripieno_models.dataset import Batch
from ripieno_models.families.chorale_lstm import legal
from ripieno_models.families.chorale_transformer import AGES, DECIDED, KEY, PITCHES, VOICE
from ripieno_models.features import decisions, degrees, intervals

K = len(VOICES)
WIDTH = (16, 64, 160, 256)
"""Beginnings of a chord that are followed after each voice."""
SHAPES = ((0, 4, 7), (0, 3, 7), (0, 3, 6), (0, 4, 8))
OTHER, SILENCE = 48, 49
FRAMES_AT_ONCE = 64
INTERVALS, DEGREES = AGES + K, AGES + 2 * K


@dataclass(frozen=True, slots=True)
class Given:
    """`nll`: nats per (voice × sixteenth) given the chords, at most `slack` too low because of the
    chords that were not followed, whose probability is `missed` on average."""

    nll: float
    slack: float
    missed: float


def classes() -> Tensor:
    """[4096]: the class of each set of pitch classes, as bits from C upwards."""
    found = torch.full((1 << 12,), OTHER)
    found[0] = SILENCE
    for kind, shape in enumerate(SHAPES):
        for root in range(12):
            found[sum(1 << (root + degree) % 12 for degree in shape)] = 12 * kind + root
    return found


def chord_given(model: nn.Module, batches: Sequence[Batch]) -> Given:
    """The likelihood of pieces, one a batch, in the order S, A, T, B, given their chords.

    `model` has a `frame` and a `voice`, as `ChoraleTransformer`.
    """
    table = classes()
    total, slack, missed, count = 0.0, 0.0, 0.0, 0
    for batch in waiting.each(batches, "Given the chords", "batch"):
        asked = decisions(batch.tokens, batch.order, batch.settings)
        rows = asked.features.view(-1, K, asked.features.shape[2])  # [T, 4, F]
        hidden = model.frame(rows[None, :, 0])[0]  # type: ignore[operator]
        sounding = rows[1:, 0, PITCHES : PITCHES + K]
        last = torch.where(
            batch.tokens[0, -1] == HOLD, rows[-1, 0, PITCHES:AGES], batch.tokens[0, -1]
        )
        truth = torch.cat((sounding, last[None]))
        for begin in range(0, len(rows), FRAMES_AT_ONCE):
            part = slice(begin, begin + FRAMES_AT_ONCE)
            chance, chords = followed(model, rows[part, 0], hidden[part], truth[part])
            own, same, rest = given(chance, chords, truth[part], table)
            total += float((same.log() - own).sum())
            slack += float((1 + rest / same).log().sum())
            missed += float(rest.sum())
        count += len(rows)
    return Given(total / (K * count), slack / (K * count), missed / count)


def followed(
    model: nn.Module, first: Tensor, hidden: Tensor, truth: Tensor
) -> tuple[Tensor, Tensor]:
    """(log-probabilities [T, C], pitches [T, C, 4]) of the likeliest chords of T sixteenths.

    `first` [T, F] are the features before the first decision. The true chord, `truth` [T, 4], is
    always the last of them; it may be among the others too.
    """
    steps = len(first)
    rows, chance = first[:, None].clone(), torch.zeros(steps, 1)
    twice = torch.zeros(steps, dtype=torch.bool)  # the true chord is among the likeliest too
    for voice in range(K):
        rows = turned_to(rows, voice)
        width = rows.shape[1]
        known = hidden[:, None].expand(-1, width, -1).flatten(0, 1)
        logits = model.voice(rows.flatten(0, 1), known).view(steps, width, -1)  # type: ignore[operator]
        own = rows[..., PITCHES + voice]
        spread = merged(legal(logits, own >= FIRST_PITCH).log_softmax(-1), own)
        every = chance[..., None] + spread  # [T, C, 48]; HOLD has become its pitch
        right = every[:, -1].gather(1, truth[:, voice : voice + 1])
        every[:, -1].masked_fill_(twice[:, None], -torch.inf)
        best, index = every.flatten(1).topk(min(WIDTH[voice], every[0].numel()))
        parents, tokens = index // VOCABULARY, index % VOCABULARY
        parents = torch.cat((parents, torch.full((steps, 1), width - 1)), 1)
        tokens = torch.cat((tokens, truth[:, voice : voice + 1]), 1)
        chance = torch.cat((best, right), 1)
        rows = rows.gather(1, parents[..., None].expand(-1, -1, rows.shape[2]))
        rows = decided(rows, voice, tokens)
        so_far = rows[..., PITCHES : PITCHES + voice + 1]
        twice = (so_far[:, :-1] == so_far[:, -1:]).all(-1).any(1)
    return chance, rows[..., PITCHES:AGES]


def merged(spread: Tensor, own: Tensor) -> Tensor:
    """[T, C, 48] with the chance to hold added to that of the held pitch, `own` [T, C]."""
    held = spread[..., HOLD].clone()
    spread = spread.clone()
    spread[..., HOLD] = -torch.inf
    pitch = own.clamp(min=REST)[..., None]
    both = torch.logaddexp(spread.gather(2, pitch)[..., 0], held)
    return spread.scatter(2, pitch, both[..., None])


def turned_to(rows: Tensor, voice: int) -> Tensor:
    """The features as `voice` sees them before it decides."""
    rows = rows.clone()
    rows[..., VOICE] = voice
    pitches = rows[..., PITCHES:AGES]
    rows[..., INTERVALS : INTERVALS + K] = intervals(pitches[..., voice : voice + 1], pitches)
    rows[..., DEGREES : DEGREES + K] = degrees(pitches, rows[..., KEY : KEY + 1])
    return rows


def decided(rows: Tensor, voice: int, tokens: Tensor) -> Tensor:
    """The features after `voice` took the pitches or rests `tokens` [T, C]; a repeated pitch is
    held, as in pieces without onsets."""
    rows = rows.clone()
    new = tokens != rows[..., PITCHES + voice]
    struck = int(np.searchsorted(AGE_LIMITS, 0)) + 1
    rows[..., AGES + voice] = torch.where(new, struck, rows[..., AGES + voice])
    rows[..., PITCHES + voice] = tokens
    rows[..., DECIDED] += 1 << voice
    return rows


def given(
    chance: Tensor, chords: Tensor, truth: Tensor, table: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """[T] each: the true chord's log-probability, the probability of all chords of its class that
    were followed, and that of all that were not."""
    own = chance[:, -1]
    among = (chords[:, :-1] == truth[:, None]).all(-1)
    chance = chance.clone()
    chance[:, -1] = torch.where(among.any(1), -torch.inf, own)
    kinds = table[bits(chords)]
    same = (chance.exp() * (kinds == kinds[:, -1:])).sum(1)
    return own, same, (1 - chance.exp().sum(1)).clamp(min=0)


def bits(chords: Tensor) -> Tensor:
    """[...]: the pitch classes of `chords` [..., 4] as a set of bits."""
    place = (chords - FIRST_PITCH + LOWEST) % 12
    marks = torch.where(chords >= FIRST_PITCH, 1 << place, 0)
    found = torch.zeros_like(marks[..., 0])
    for voice in range(K):
        found = found | marks[..., voice]
    return found
