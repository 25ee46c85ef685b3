"""`grid.Cursor` for many writings of the grid at once, which need not tell the same notes.

Shapes: M writings, F = len(FEATURES). All stand at the same place: the same voices are decided.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from ripieno.grammar.grid import AGE_LIMITS, HOLD, REST, START, VOICES
from torch import Tensor

from ripieno_models.features import KEY, degrees, intervals

K = len(VOICES)


@dataclass(slots=True, eq=False)
class Cursors:
    """Where the writings stand, between two decisions: see `grid.Cursor`.

    `sounding` and `ages` [M, 4], `previous` [M].
    """

    sounding: Tensor
    ages: Tensor
    previous: Tensor
    previous_voice: int = K
    decided: int = 0

    @classmethod
    def fresh(cls, count: int) -> Cursors:
        """`count` writings of which nothing is written."""
        zeros = torch.zeros(count, K, dtype=torch.long)
        return cls(zeros + REST, zeros, torch.full((count,), START))

    def repeated(self, count: int) -> Cursors:
        """Each writing `count` times, those of one beside each other: M · count."""
        return Cursors(
            self.sounding.repeat_interleave(count, 0),
            self.ages.repeat_interleave(count, 0),
            self.previous.repeat_interleave(count, 0),
            self.previous_voice,
            self.decided,
        )

    def features(self, voice: int, settings: Tensor) -> Tensor:
        """[M, F]: what the model sees before `voice` is decided, in `settings` [M, 4]."""
        own = self.sounding[:, voice : voice + 1]
        limits = torch.tensor(AGE_LIMITS)
        one = torch.ones_like(self.previous)
        return torch.cat(
            (
                torch.stack((self.previous, one * self.previous_voice, one * voice), 1),
                settings,
                one[:, None] * self.decided,
                self.sounding,
                torch.bucketize(self.ages, limits) + 1,
                intervals(own, self.sounding),
                degrees(self.sounding, settings[:, KEY : KEY + 1]),
            ),
            1,
        )

    def decide(self, voice: int, tokens: Tensor) -> None:
        """Give `voice` its `tokens` [M] for this sixteenth."""
        own, age = self.sounding[:, voice], self.ages[:, voice]
        rests_on = (tokens == REST) & (own == REST)
        self.ages, self.sounding = self.ages.clone(), self.sounding.clone()
        self.ages[:, voice] = torch.where((tokens == HOLD) | rests_on, age, 0)
        self.sounding[:, voice] = torch.where(tokens == HOLD, own, tokens)
        self.decided |= 1 << voice
        self.previous, self.previous_voice = tokens, voice

    def next_step(self) -> None:
        """Go one sixteenth on."""
        self.ages = self.ages + 1
        self.decided = 0
