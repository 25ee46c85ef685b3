"""What the model sees, for whole batches: the twin of `grid.Cursor.features` in tensors.

Shapes: B pieces, T steps, K voices that take part, N = T·K decisions, F = len(FEATURES).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from ripieno.grammar.grid import (
    ABSENT,
    AGE_LIMITS,
    FIRST_PITCH,
    HOLD,
    LOWEST,
    REST,
    START,
    UNKNOWN_KEY,
    VOICES,
    WIDEST_INTERVAL,
)
from torch import Tensor

VOICE_COUNT = len(VOICES)
KEY = 2
"""Where the key stands among the settings."""


@dataclass(frozen=True, slots=True, eq=False)
class Decisions:
    """All decisions of a batch, in the order in which they are taken.

    `features` [B, N, F], `targets` [B, N] the tokens decided, `may_hold` [B, N] where HOLD is
    legal, `voices` [B, N] which voice decides.
    """

    features: Tensor
    targets: Tensor
    may_hold: Tensor
    voices: Tensor


def decisions(tokens: Tensor, order: Tensor, settings: Tensor) -> Decisions:
    """The decisions for `tokens` [B, T, 4], taken in `order` [B, T, K] within each step.

    `order` names the voices that take part, the same ones at every step of a piece; the others are
    absent. `settings` [B, T, 4] are the classes of place, meter, key and cadence. The first step
    must not hold anything.
    """
    batch, steps, count = order.shape
    rank = torch.full((batch, steps, VOICE_COUNT), count, device=order.device)
    rank.scatter_(2, order, torch.arange(count, device=order.device).expand_as(order).contiguous())
    done = rank[:, :, None, :] < torch.arange(count, device=order.device)[:, None]  # [B, T, K, 4]
    sounding, ages = told(tokens)
    present = (rank < count)[:, :, None, :]
    heard = state_at(sounding, done, first=REST, later=0)
    ages = state_at(ages, done, first=0, later=1)
    heard = torch.where(present, heard, ABSENT)
    age = torch.bucketize(ages, torch.tensor(AGE_LIMITS, device=ages.device)) + 1
    own = heard.gather(3, order[..., None])  # [B, T, K, 1]
    targets = tokens.gather(2, order).flatten(1)
    voices = order.flatten(1)
    bits = (done << torch.arange(VOICE_COUNT, device=order.device)).sum(3, keepdim=True)
    here = settings[:, :, None, :].expand(-1, -1, count, -1)
    relations = (intervals(own, heard), degrees(heard, settings[:, :, None, KEY, None]))
    inner = (order[..., None], here, bits, heard, age * (heard != ABSENT), *relations)
    columns = torch.cat(inner, dim=3).flatten(1, 2)
    before = (shifted(targets, START)[..., None], shifted(voices, VOICE_COUNT)[..., None])
    return Decisions(
        features=torch.cat((*before, columns), dim=2),
        targets=targets,
        may_hold=(own >= FIRST_PITCH).flatten(1),
        voices=voices,
    )


def told(tokens: Tensor) -> tuple[Tensor, Tensor]:
    """What sounds after each step and for how many steps it has: both [B, T, 4]."""
    step = torch.arange(tokens.shape[1], device=tokens.device)[None, :, None].expand_as(tokens)
    last = torch.where(tokens != HOLD, step, 0).cummax(dim=1).values
    sounding = tokens.gather(1, last)
    rests_on = (tokens == REST) & (shifted(sounding, REST) == REST)
    begun = torch.where((tokens != HOLD) & ~rests_on, step, 0).cummax(dim=1).values
    return sounding, step - begun


def state_at(after: Tensor, done: Tensor, first: int, later: int) -> Tensor:
    """[B, T, K, 4]: `after` this step for voices that are `done`, else after the last step.

    `first` stands before the first step; a step on, a value is `later` more.
    """
    before = shifted(after, first - later) + later
    return torch.where(done, after[:, :, None, :], before[:, :, None, :])


def intervals(own: Tensor, heard: Tensor) -> Tensor:
    """[B, T, K, 4]: the classes of the intervals from `own` [B, T, K, 1] to what is `heard`."""
    clipped = (heard - own).clamp(-WIDEST_INTERVAL, WIDEST_INTERVAL) + WIDEST_INTERVAL + 1
    return clipped * ((own >= FIRST_PITCH) & (heard >= FIRST_PITCH))


def degrees(heard: Tensor, key: Tensor) -> Tensor:
    """[..., 4]: the degrees of what is `heard` in the classes `key` [..., 1]; 0 where unknown."""
    above = (heard - FIRST_PITCH + LOWEST - 7 * (key - 7)) % 12 + 1
    return above * ((heard >= FIRST_PITCH) & (key != UNKNOWN_KEY))


def shifted(values: Tensor, first: int) -> Tensor:
    """`values` [B, T, …] one place later, with `first` in front."""
    return torch.cat((torch.full_like(values[:, :1], first), values[:, :-1]), dim=1)
