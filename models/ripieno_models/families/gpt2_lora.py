"""`gpt2-lora`: a pretrained GPT-2 (Radford et al., 2019), fine-tuned on music as text.

A control. Its tokenizer was made for prose and splits `C4_q` into pieces, which the model must put
together again each time; systems built like that are known to fall silent. In a bundle it plays
event tokens: the probability of each is that of its pieces in turn, all looked at in one run as a
tree behind the last pieces that were heard.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ripieno_models.families import folk_transformer
from ripieno_models.families.folk_transformer import HIGH, LOW
from ripieno_models.families.music_text import word_of
from ripieno_models.families.piece_tree import Tree, tree_of
from ripieno_models.families.pretrained import LoraOptions, adapted, loaded
from ripieno_models.families.stepped import Stepped
from ripieno_models.tokens.scheme import END, START, Scheme
from ripieno_models.tokens.shifts import Shifts

PARTS = ("c_attn", "c_proj", "c_fc")
HIDDEN = -1e9
"""Added to the score of what must not be looked at."""
NEVER = -30.0
"""The logit of a token that is no music."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(LoraOptions):
    """Options of the family."""


class Gpt2Lora(Stepped):
    """Pieces of text in, event tokens out."""

    def __init__(self, options: Options, scheme: Scheme) -> None:
        super().__init__()
        self.options = options
        model, tokenizer = loaded(options.pretrained, "gpt2")
        self.adapted = adapted(model, options, PARTS)
        self.pieces = pieces_of(scheme, tokenizer)
        tree: Tree = tree_of(self.pieces)
        self.size = len(self.pieces)
        for name, table in tree.tables().items():
            self.register_buffer(name, table, persistent=False)
        self.nodes: Tensor  # [T]: the piece at each node
        self.above: Tensor  # [T, T]: 1 where a node lies on another one's way, or is it
        self.depth: Tensor  # [T]
        self.spelled: Tensor  # [V, L]: the pieces of each token
        self.length: Tensor  # [V]
        self.ways: Tensor  # [V, L]: the node before each piece; 0 is what was heard

    def logits(self, pieces: Tensor, mask: Tensor | None, places: Tensor | None) -> Tensor:
        """[B, M, pieces]: what follows each of `pieces` [B, M]."""
        told = self.adapted(
            input_ids=pieces, attention_mask=mask, position_ids=places, use_cache=False
        )
        logits: Tensor = told.logits
        return logits

    def learn(self, tokens: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """(mean nats per piece, all nats) of what is asked; see `tokens.nats`."""
        lines = [self.line(*row) for row in zip(tokens.tolist(), targets.tolist(), strict=True)]
        longest = max(len(line) for line, _ in lines)
        pieces = torch.zeros(len(lines), longest, dtype=torch.long)
        follow = torch.full((len(lines), longest), -100)
        for row, (line, asked) in enumerate(lines):
            pieces[row, : len(line)] = torch.tensor(line)
            told = torch.tensor(line).masked_fill(~torch.tensor(asked), -100)
            follow[row, : len(line) - 1] = told[1:]
        logits = self.logits(pieces, None, None).flatten(0, 1).float()
        nats = functional.cross_entropy(logits, follow.flatten(), reduction="sum")
        return nats / (follow >= 0).sum(), nats.detach()

    def nats(self, tokens: Tensor, targets: Tensor) -> Tensor:
        """All nats of what is asked, told by the pieces of each token."""
        return self.learn(tokens, targets)[1]

    def line(self, tokens: Sequence[int], targets: Sequence[int]) -> tuple[list[int], list[bool]]:
        """The pieces of a line of tokens, and whether each is asked."""
        told, asked = list(self.pieces[tokens[0]]), [False] * len(self.pieces[tokens[0]])
        following = [*tokens[1:], max(0, targets[-1])]
        for token, target in zip(following, targets, strict=True):
            spelled = self.pieces[token]
            told += spelled
            asked += [target >= 0] * len(spelled)
        return told, asked

    def read(self, tokens: Tensor) -> Tensor:
        rows = []
        for line in tokens:
            states = tuple(torch.zeros(shape) for shape in self.states().values())
            told = []
            for token in line:
                logits, *after = self.step(token.view(1, 1), *states)
                states = tuple(after)
                told.append(logits[0])
            rows.append(torch.stack(told))
        return torch.stack(rows)

    def states(self) -> dict[str, tuple[int, ...]]:
        return {"window": (1, self.options.window), "count": (1,)}

    def step(self, tokens: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        size = self.options.window
        token = tokens[0]  # [1]
        length = self.length[token]  # [1]
        wide = torch.cat((states[0], self.spelled[token].float()), dim=1)  # [1, W + L]
        window = wide.gather(1, (torch.arange(size) + length)[None])
        count = (states[1] + length).clamp(max=size)
        row = torch.cat((window[0].long(), self.nodes))[None]  # [1, W + T]
        reach = torch.arange(size)
        first = size - count.long()  # [1]: where what was heard begins
        real = (reach >= first).float()  # [W]
        causal = (reach[:, None] >= reach[None]).float() * real
        # What is padding looks at itself, so that its row is no division by nothing.
        causal = torch.maximum(causal, torch.eye(size))
        top = torch.cat((causal, torch.zeros(size, len(self.nodes))), dim=1)
        below = torch.cat((real.expand(len(self.nodes), -1), self.above), dim=1)
        mask = ((1 - torch.cat((top, below))) * HIDDEN)[None, None]
        places = torch.cat(((reach - first).clamp(min=0), count.long() + self.depth))[None]
        logits = self.logits(row, mask, places)[0, size - 1 :]  # [1 + T, pieces]
        likely = logits.log_softmax(-1).flatten()
        each = likely[self.ways * logits.shape[-1] + self.spelled]  # [V, L]
        kept = torch.arange(self.spelled.shape[1]) < self.length[:, None]
        told = torch.where(self.length > 0, (each * kept).sum(-1), NEVER)
        return told[None], window, count


def pieces_of(scheme: Scheme, tokenizer: Any) -> list[list[int]]:
    """The pieces of each token's text; none of what is not music. The start and the end are the
    tokenizer's own."""
    told: list[list[int]] = []
    for name in scheme.names:
        if name in (START, END):
            told.append([tokenizer.eos_token_id])
        else:
            told.append(tokenizer.encode(word_of(name), add_special_tokens=False))
    return told


def build(options: Options, vocabulary: int) -> Gpt2Lora:
    """The model for the family's own vocabulary, which has no merges."""
    return Gpt2Lora(options, Shifts.of(LOW, HIGH))


KIND = replace(
    folk_transformer.KIND,
    name="gpt2-lora",
    title="Fiddle tunes as text, by a language model",
    options=Options,
    build=build,
    numbered=False,
    written=Shifts,
)
