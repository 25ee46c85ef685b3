"""Likelihoods of whole pieces, in nats per decision.

A decision is one voice's token at one sixteenth, over the grid's 48 tokens, by the chain rule: the
model sees every earlier decision and nothing later, save the place of the next fermata where it is
told. HOLD is impossible for a voice that does not sound, and only that is masked.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from ripieno.grammar.grid import HOLD, VOICES
from torch import Tensor, nn

from ripieno_models import waiting
from ripieno_models.dataset import Batch, unknown, whole
from ripieno_models.families.chorale_lstm import PITCHES, legal
from ripieno_models.features import Decisions, decisions
from ripieno_models.piece import Piece, without_onsets

LIVE_ORDER = (0, 3, 1, 2)
"""In which the engine decides the voices that are not a player's: soprano, bass, alto, tenor."""


@dataclass(frozen=True, slots=True)
class Likelihood:
    """`nll`: nats per decision; `by_voice`: the same for each of soprano, alto, tenor, bass."""

    nll: float
    by_voice: tuple[float, ...]

    @property
    def per_sixteenth(self) -> float:
        """Nats per sixteenth: of four decisions."""
        return self.nll * len(VOICES)


@torch.no_grad()
def likelihood(model: nn.Module, batches: Sequence[Batch], merged: bool = False) -> Likelihood:
    """The likelihood of `batches` under `model`; `merged`: see `merged_log_prob`."""
    total, count = torch.zeros(len(VOICES), dtype=torch.double), torch.zeros(len(VOICES))
    for batch in waiting.each(batches, "Likelihood", "batch"):
        asked = decisions(batch.tokens, batch.order, batch.settings)
        logits, _ = model(asked.features)
        told = merged_log_prob(logits, asked) if merged else log_prob(logits, asked)
        counted = batch.mask.repeat_interleave(batch.order.shape[2], dim=1)
        for voice in range(len(VOICES)):
            here = counted & (asked.voices == voice)
            total[voice] -= told[here].sum()
            count[voice] += here.sum()
    return Likelihood(float(total.sum() / count.sum()), tuple((total / count).tolist()))


@torch.no_grad()
def mixed(model: nn.Module, batches: Sequence[Batch], orders: Sequence[Sequence[int]]) -> float:
    """Nats per decision under the mean of what `model` says in several `orders`.

    For each sixteenth it is the mean of the probabilities of its four pitches (see
    `merged_log_prob`), which is a distribution too.
    """
    total, count = 0.0, 0
    for batch in waiting.each(batches, "Likelihood in several orders", "batch"):
        told = []
        for order in orders:
            asked = decisions(
                batch.tokens, torch.tensor(order).expand_as(batch.order), batch.settings
            )
            nats = merged_log_prob(model(asked.features)[0], asked)
            told.append(nats.view(*batch.mask.shape, len(VOICES)).sum(2)[batch.mask])
        total -= float(torch.stack(told).logsumexp(0).sum())
        total += int(batch.mask.sum()) * math.log(len(orders))
        count += int(batch.mask.sum()) * len(VOICES)
    return total / count


def log_prob(logits: Tensor, asked: Decisions) -> Tensor:
    """[B, N]: the log-probability of each token decided."""
    spread = legal(logits, asked.may_hold).log_softmax(2)
    return spread.gather(2, asked.targets[..., None])[..., 0]


def merged_log_prob(logits: Tensor, asked: Decisions) -> Tensor:
    """[B, N]: the log-probability of each *pitch* (or rest), over 47 symbols.

    HOLD and a new stroke of the same pitch are one symbol, as in data without onsets.
    """
    spread = legal(logits, asked.may_hold).log_softmax(2)
    own = asked.features[..., PITCHES : PITCHES + 4].gather(2, asked.voices[..., None])
    symbol = torch.where(asked.targets[..., None] == HOLD, own, asked.targets[..., None])
    struck = spread.gather(2, symbol)[..., 0]
    held = torch.where((symbol == own)[..., 0] & asked.may_hold, spread[..., HOLD], -torch.inf)
    return torch.logaddexp(struck, held)


def harmonised(model: nn.Module, pieces: Sequence[Piece], given: int) -> float:
    """Nats per decision of the other three voices, where the voice `given` is a player's: it is
    known up to the sixteenth that is being decided, and not beyond."""
    order = torch.tensor([given, *(voice for voice in LIVE_ORDER if voice != given)])
    batches = [b._replace(order=order.expand_as(b.order)) for b in whole(pieces)]
    by_voice = likelihood(model, batches).by_voice
    return sum(nll for voice, nll in enumerate(by_voice) if voice != given) / (len(VOICES) - 1)


def jsb_micro(model: nn.Module, pieces: Sequence[Piece]) -> float:
    """Nats per (voice x sixteenth) symbol over 47 symbols, as JSB Chorales is reported.

    Pitches only (neither onsets nor anything told about place, meter, key, fermatas), chain rule in
    the order S, A, T, B, whole pieces.
    """
    return likelihood(model, unknown(whole([without_onsets(p) for p in pieces])), merged=True).nll
