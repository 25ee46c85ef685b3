"""Many ways in which a piece may go on, from what `chorale-transformer` has heard of it.

The keys and values of the piece are there once; each branch adds its own. Shapes: T sixteenths of
the piece, M branches, S of the piece's sixteenths at which branches begin.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from ripieno.grammar.grid import FIRST_PITCH
from torch import Tensor

from ripieno_models.families.chorale_lstm import legal
from ripieno_models.families.chorale_transformer import (
    Backbone,
    ChoraleTransformer,
    Layer,
    angles,
    turned,
)
from ripieno_models.tensor_cursor import Cursors


class Heard:
    """What a backbone keeps of T sixteenths: each layer's `keys` and `values` [heads, T, size], and
    what it says of each, `hidden` [T, D]."""

    def __init__(self, frame: Backbone, rows: Tensor) -> None:
        """`rows` [T, F] are the features before the first decision of each sixteenth."""
        self.frame = frame
        self.keys: list[Tensor] = []
        self.values: list[Tensor] = []
        x = frame.seen(rows[None])
        cos, sin = turns(frame, torch.arange(len(rows)))
        for layer in layers_of(frame):
            packed = layer.qkv(layer.before(x))
            _, k, v = packed[0].view(len(rows), 3, layer.heads, -1).permute(1, 2, 0, 3)
            self.keys.append(turned(k, cos, sin))
            self.values.append(v)
            x = layer.mlp(x + layer.out(layer.attend(packed, cos, sin)))
        self.hidden = frame.with_pitches(x, rows[None])[0]

    def __len__(self) -> int:
        return len(self.hidden)

    def take(self, branches: Branches, row: int) -> None:
        """The first sixteenth of the branch numbered `row` is what has come."""
        mine = zip(self.keys, self.values, branches.keys, branches.values, strict=True)
        pairs = [
            (torch.cat((k, one[row, :, :1]), 1), torch.cat((v, other[row, :, :1]), 1))
            for k, v, one, other in mine
        ]
        self.keys, self.values = [k for k, _ in pairs], [v for _, v in pairs]
        self.hidden = torch.cat((self.hidden, branches.first[row : row + 1]))


class Branches:
    """Continuations that begin after the sixteenths `starts` [M] of what was `heard`, each at the
    place where its cursor stands."""

    def __init__(
        self, model: ChoraleTransformer, heard: Heard, starts: Tensor, cursors: Cursors
    ) -> None:
        self.model, self.heard, self.starts, self.cursors = model, heard, starts, cursors
        self.hidden = self.first = heard.hidden[starts]
        self.keys: list[Tensor] = []
        self.values: list[Tensor] = []
        self.behind = torch.arange(len(heard)) > starts[:, None]  # [M, T]: not heard by a branch

    def hear(self, rows: Tensor) -> None:
        """Every branch goes on to its next sixteenth, whose first decision's features are `rows`
        [M, F]."""
        frame, own = self.heard.frame, self.keys[0].shape[2] if self.keys else 0
        cos, sin = turns(frame, self.starts + own + 1)
        x = frame.seen(rows)  # [M, width]
        keys, values = [], []
        for number, layer in enumerate(layers_of(frame)):
            q, k, v = layer.qkv(layer.before(x)).view(len(rows), 3, layer.heads, -1).unbind(1)
            q, k = turned(q, cos[:, None], sin[:, None]), turned(k, cos[:, None], sin[:, None])
            k, v = k[:, :, None], v[:, :, None]  # [M, heads, 1, size]
            if own:
                k = torch.cat((self.keys[number], k), 2)
                v = torch.cat((self.values[number], v), 2)
            keys.append(k)
            values.append(v)
            x = layer.mlp(x + layer.out(self.attended(number, q, k, v)))
        self.keys, self.values = keys, values
        self.hidden = frame.with_pitches(x, rows)
        if not own:
            self.first = self.hidden

    def attended(self, number: int, q: Tensor, own_k: Tensor, own_v: Tensor) -> Tensor:
        """[M, width] from queries [M, heads, size]: to the piece up to each start, and to the
        branch's own sixteenths [M, heads, R, size]."""
        told_k, told_v = self.heard.keys[number], self.heard.values[number]
        far = torch.einsum("mhd,htd->mht", q, told_k)
        far = far.masked_fill(self.behind[:, None], -torch.inf)
        near = torch.einsum("mhd,mhrd->mhr", q, own_k)
        share = (torch.cat((far, near), 2) / q.shape[-1] ** 0.5).softmax(2)
        count = told_k.shape[1]
        mixed = torch.einsum("mht,htd->mhd", share[..., :count], told_v)
        mixed = mixed + torch.einsum("mhr,mhrd->mhd", share[..., count:], own_v)
        return mixed.flatten(1)

    def chances(self, voice: int, settings: Tensor) -> Tensor:
        """[M, 48]: log-probabilities of what `voice` does, in `settings` [M, 4]."""
        may_hold = self.cursors.sounding[:, voice] >= FIRST_PITCH
        logits = self.model.voice(self.cursors.features(voice, settings), self.hidden)
        return legal(logits, may_hold).log_softmax(1)

    def foretell(self, voice: int, settings: Tensor, tokens: Tensor) -> Tensor:
        """[M]: go on to the next sixteenth; how likely `voice` is to begin it with `tokens` [M]."""
        self.hear(self.cursors.features(voice, settings))
        return self.chances(voice, settings).gather(1, tokens[:, None])[:, 0]

    def finish(
        self, voice: int, tokens: Tensor, others: Iterable[int], settings: Tensor, random: Chance
    ) -> None:
        """Write the whole sixteenth: `voice` does `tokens` [M], the `others` what they draw."""
        self.cursors.decide(voice, tokens)
        for other in others:
            weights = self.chances(other, settings).exp()
            self.cursors.decide(other, torch.multinomial(weights, 1, generator=random)[:, 0])
        self.cursors.next_step()

    def write(self, chords: Tensor, order: Iterable[int]) -> None:
        """Write the whole sixteenth: the tokens `chords` [M, 4]."""
        for voice in order:
            self.cursors.decide(voice, chords[:, voice])
        self.cursors.next_step()


Chance = torch.Generator


def layers_of(frame: Backbone) -> Iterable[Layer]:
    for layer in frame.layers:
        assert isinstance(layer, Layer), "a backbone is made of layers"
        yield layer


def turns(frame: Backbone, places: Tensor) -> tuple[Tensor, Tensor]:
    """[len(places), size / 2] each: cosines and sines of how far heads are turned at `places`."""
    turn = angles(int(places.max()) + 1, 2 * frame.cos.shape[1])[places]
    return turn.cos(), turn.sin()
