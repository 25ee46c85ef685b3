"""`remi-structured`: a Transformer as it was first described, over REMI tokens, keeping an order.

Sines for positions (Vaswani et al., 2017), added to the embedding, a causal mask, norms before each
part and before the projection (Xiong et al., 2020). It is learned with smoothed labels and a second
loss, on how likely it makes any token that the order bar → position → pitch → velocity → duration
forbids; when it is asked, what the order forbids is out of the question.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from ripieno.errors import SettingError
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ripieno_models.families import song_transformer
from ripieno_models.families.decoder import State, TokenOptions, attend
from ripieno_models.options import default, option
from ripieno_models.tokens.scheme import Scheme
from ripieno_models.tokens.tune import PIANO, Tune

FORBIDDEN = -30.0
"""Added to the logit of a token that the order forbids."""
LONGEST_WAVE = 10_000.0
FOLLOWS: dict[str, tuple[str, ...]] = {
    "BOS": ("Key",),
    "Key": ("Bar", "EOS"),
    "Bar": ("TimeSig",),
    "TimeSig": ("Position", "Bar", "EOS"),
    "Position": ("Pitch",),
    "Pitch": ("Velocity",),
    "Velocity": ("Duration",),
    "Duration": ("Pitch", "Position", "Bar", "EOS"),
}
"""Types of tokens that may follow each type; after any other, none is forbidden."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(TokenOptions):
    """Options of the family. A run on one processor takes a smaller width and fewer layers."""

    width: int = option(512, 8, 4096, "numbers that stand for a token")
    layers: int = option(6, 1, 64, "layers of attention")
    heads: int = option(8, 1, 64, "heads of attention per layer")
    inner: int = option(2048, 8, 16384, "width inside a layer")
    context: int = option(512, 64, 16384, "tokens that the exported model can look back")
    smoothing: float = option(0.1, 0.0, 0.9, "share of a label that is spread over all tokens")
    structural: float = option(0.5, 0.0, 100.0, "weight of the loss on the order of tokens")
    ordered: bool = option(True, 0, 1, "leaves out what the order forbids, when it is asked")
    steps: int = default("steps", 4000)
    batch: int = default("batch", 16)
    crop: int = default("crop", 256)
    start_inside: float = default("start_inside", 0.8, TokenOptions)
    learning_rate: float = default("learning_rate", 5e-4)

    def __post_init__(self) -> None:
        # Not super(): with slots the class is made anew, and the bare one would be asked for.
        TokenOptions.__post_init__(self)
        if self.width % (2 * self.heads):
            raise SettingError(
                f"width = {self.width} cannot be shared out among {self.heads} heads",
                allowed="a multiple of twice the heads",
            )
        if self.crop > self.context:
            raise SettingError(
                f"crop = {self.crop} is longer than the context",
                allowed=f"at most context = {self.context}, for which there are positions",
            )


class Layer(nn.Module):
    """Attention over all earlier tokens, then two dense layers, each on top of what came in."""

    def __init__(self, options: Options) -> None:
        super().__init__()
        width = options.width
        self.heads = options.heads
        self.attention_norm, self.mlp_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, options.inner), nn.Linear(options.inner, width)
        self.dropout = nn.Dropout(options.dropout)

    def forward(
        self, x: Tensor, past: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """x [B, N, width] → the same shape, and keys and values [B, heads, P + N, size]."""
        batch, count, width = x.shape
        packed = self.qkv(self.attention_norm(x)).view(batch, count, 3, self.heads, -1)
        query, key, value = packed.permute(2, 0, 3, 1, 4)  # each [B, heads, N, size]
        if past is not None:
            key, value = torch.cat((past[0], key), 2), torch.cat((past[1], value), 2)
        seen = attend(query, key, value)  # [B, heads, N, size]
        x = x + self.dropout(self.out(seen.transpose(1, 2).reshape(batch, count, width)))
        return x + self.dropout(self.down(self.up(self.mlp_norm(x)).relu())), (key, value)


class Structured(nn.Module):
    """Tokens in, a logit for each token of the vocabulary out."""

    def __init__(self, options: Options, scheme: Scheme) -> None:
        super().__init__()
        self.options = options
        self.embedding = nn.Embedding(len(scheme), options.width)
        self.layers = nn.ModuleList(Layer(options) for _ in range(options.layers))
        self.norm = nn.LayerNorm(options.width)
        self.head = nn.Linear(options.width, len(scheme))
        self.dropout = nn.Dropout(options.dropout)
        nn.init.normal_(self.embedding.weight, std=options.width**-0.5)
        self.register_buffer("places", waves(options.context, options.width), persistent=False)
        self.register_buffer("order", order(scheme), persistent=False)
        self.places: Tensor  # [context, width]
        self.order: Tensor  # [V, V]: added to the logits after each token

    def forward(self, tokens: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Logits [B, N, V] for `tokens` int64 [B, N], and the state after the last one.

        `state` holds keys and values of each layer in turn, [B, heads, P, size] each, for the P
        tokens heard before. P + N are at most the context.
        """
        logits, state = self.free(tokens, state)
        return (logits + self.order[tokens] if self.options.ordered else logits), state

    def free(self, tokens: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """The same without regard to the order."""
        heard = 0 if state is None else state[0].shape[2]
        scale = math.sqrt(self.options.width)
        places = self.places[heard : heard + tokens.shape[1]]
        x = self.dropout(self.embedding(tokens) * scale + places)  # [B, N, width]
        present: list[Tensor] = []
        for number, layer in enumerate(self.layers):
            past = None if state is None else (state[2 * number], state[2 * number + 1])
            x, cache = layer(x, past)
            present += cache
        return self.head(self.norm(x)), tuple(present)

    def learn(self, tokens: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """(the loss, all nats) of `tokens` [B, N] and what follows each, `targets` [B, N], -100
        where nothing is asked. The loss is the mean of nats per token, labels smoothed, and of the
        nats by which what the order allows falls short of certain."""
        logits = self.free(tokens)[0].float()  # [B, N, V]
        flat, follows = logits.flatten(0, 1), targets.flatten()
        smooth = cross_entropy(flat, follows, label_smoothing=self.options.smoothing)
        kept = (logits.log_softmax(-1) + self.order[tokens]).logsumexp(-1)  # [B, N]
        loss = smooth - self.options.structural * kept[targets >= 0].mean()
        return loss, cross_entropy(flat, follows, reduction="sum").detach()


def waves(length: int, width: int) -> Tensor:
    """[length, width]: sines and cosines of each place, in wavelengths up to `LONGEST_WAVE`."""
    place = torch.arange(length)[:, None]
    rate = torch.exp(-math.log(LONGEST_WAVE) * torch.arange(0, width, 2) / width)
    return torch.stack((torch.sin(place * rate), torch.cos(place * rate)), dim=-1).flatten(1)


def order(scheme: Scheme) -> Tensor:
    """[V, V]: 0 where a token may follow another, `FORBIDDEN` where it may not."""
    types = [name.partition("_")[0] for name in scheme.names]
    told = torch.zeros(len(types), len(types))
    for number, kind in enumerate(types):
        if kind in FOLLOWS:
            barred = [after not in FOLLOWS[kind] for after in types]
            told[number, torch.tensor(barred)] = FORBIDDEN
    return told


def alone(tune: Tune) -> tuple[Tune, ...]:
    """The piano of a song."""
    return (replace(tune, notes=tune.of(PIANO)),)


def build(options: Options, vocabulary: int) -> Structured:
    """The model for the family's own vocabulary. Raises SettingError where that has merges."""
    if options.bpe:
        raise SettingError("the order of tokens is of single ones", allowed="bpe = 0")
    return Structured(options, KIND.scheme())


KIND = replace(
    song_transformer.KIND,
    name="remi-structured",
    title="A piano, by a Transformer that keeps the order of tokens",
    options=Options,
    build=build,
    use="piano",
    forms=alone,
    form_names=("",),
    velocities=32,
)
