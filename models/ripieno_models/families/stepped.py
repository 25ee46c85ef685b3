"""Models of tokens that keep a memory of fixed shape, told by its tensors.

Run over whole lines a model is one pass; exported it is a step whose memory goes in and comes out.
Both give the same logits. The memory before anything was heard is zeros.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import torch
from ripieno.errors import SettingError
from torch import Tensor, nn

States = tuple[Tensor, ...]


class Stepped(nn.Module):
    """Tokens in, a logit for each token of the vocabulary out."""

    @abstractmethod
    def states(self) -> dict[str, tuple[int, ...]]:
        """What it remembers from token to token: the shape of each state."""

    @abstractmethod
    def step(self, tokens: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        """Logits [1, V] after one token, int64 [1, 1], and the states after it."""

    @abstractmethod
    def read(self, tokens: Tensor) -> Tensor:
        """Logits [B, N, V] for `tokens` int64 [B, N], from nothing."""

    def forward(self, tokens: Tensor, state: States | None = None) -> tuple[Tensor, States]:
        """As `read`, with no state. Raises SettingError where there is one to go on from."""
        if state is not None:
            raise SettingError(
                "this family goes on from no state over whole lines",
                nearest="Have it go on token by token: `go_on`.",
            )
        return self.read(tokens), ()

    def go_on(
        self, tokens: Tensor, states: Sequence[States] | None = None
    ) -> tuple[Tensor, list[States]]:
        """Logits [B, 1, V] after `tokens` int64 [B, N], and what is remembered of each line, which
        a later call may go on from. Token by token and line by line, as a bundle is played."""
        nothing = tuple(torch.zeros(shape) for shape in self.states().values())
        told, kept = [], []
        for row, line in enumerate(tokens):
            state = nothing if states is None else states[row]
            for token in line:
                logits, *after = self.step(token.view(1, 1), *state)
                state = tuple(after)
            told.append(logits)
            kept.append(state)
        return torch.stack(told), kept
