"""A decoder-only Transformer over tokens, and an LSTM with the same interface, top to bottom.

The Transformer (Vaswani et al., 2017) has rotary positions (Su et al., 2021), gated layers
(Shazeer, 2020), root-mean-square norms (Zhang & Sennrich, 2019), no biases, and one matrix for the
embedding and the logits (Press & Wolf, 2017). Queries, keys and values come from one packed matrix,
which an exported graph hands to one operator.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from ripieno.errors import SettingError
from torch import Tensor, nn
from torch.nn import functional

from ripieno_models.options import Training, option

EPSILON = 1e-6
"""Added to the mean square inside a norm."""
Cache = tuple[Tensor, Tensor]
State = tuple[Tensor, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenOptions(Training):
    """Options of every family that writes tokens."""

    bpe: int = option(0, 0, 100_000, "size of the vocabulary with byte-pair merges; 0 is without")
    hide_key: float = option(0.15, 0.0, 1.0, "share of examples whose key is not told")
    start_inside: float = option(0.3, 0.0, 1.0, "share of examples that begin inside a piece")
    transpose: int = option(5, 0, 6, "semitones that an example moves, at most, up or down")
    watched: int = option(200, 1, 10**6, "validation pieces looked at during training")
    dropout: float = option(0.15, 0.0, 0.9, "share of each layer's output blanked in training")
    numbered: bool = option(False, 0, 1, "tells each bar by its place in a part of eight")
    orthogonal: bool = option(False, 0, 1, "moves matrices by Muon's steps, all else by AdamW's")


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformerOptions(TokenOptions):
    """Options of a decoder-only Transformer."""

    width: int = option(256, 8, 4096, "numbers that stand for a token")
    layers: int = option(6, 1, 64, "layers of attention")
    heads: int = option(4, 1, 64, "heads of attention per layer")
    inner: int = option(704, 8, 16384, "width inside a layer")
    rope_base: float = option(10_000.0, 10.0, 1e7, "base of the wavelengths of the positions")
    context: int = option(512, 64, 16384, "tokens that the exported model can look back")

    def __post_init__(self) -> None:
        # Not super(): with slots the class is made anew, and the bare one would be asked for.
        TokenOptions.__post_init__(self)
        if self.width % (2 * self.heads):
            raise SettingError(
                f"width = {self.width} cannot be shared out among {self.heads} heads",
                allowed="a multiple of twice the heads",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class LstmOptions(TokenOptions):
    """Options of a recurrent model of tokens."""

    hidden: int = option(384, 8, 4096, "memory cells per layer")
    layers: int = option(2, 1, 8, "layers of LSTM")
    embedding: int = option(128, 2, 1024, "numbers that stand for a token")


class Layer(nn.Module):
    """Attention over all earlier tokens, then a gated network, each on top of what came in."""

    def __init__(self, options: TransformerOptions) -> None:
        super().__init__()
        width, inner = options.width, options.inner
        self.heads = options.heads
        self.attention_norm = nn.RMSNorm(width, EPSILON)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.mlp_norm = nn.RMSNorm(width, EPSILON)
        self.gate_up = nn.Linear(width, 2 * inner, bias=False)
        self.down = nn.Linear(inner, width, bias=False)
        self.dropout = nn.Dropout(options.dropout)

    def forward(
        self, x: Tensor, rope: tuple[Tensor, Tensor], past: Cache | None
    ) -> tuple[Tensor, Cache]:
        """x [B, N, width] → the same shape, and keys and values [B, heads, P + N, width / heads].

        `rope` are cosines and sines [N, width / heads / 2]; `past` holds P earlier positions.
        """
        batch, count, width = x.shape
        packed = self.qkv(self.attention_norm(x)).view(batch, count, 3, self.heads, -1)
        query, key, value = packed.permute(2, 0, 3, 1, 4)  # each [B, heads, N, size]
        query, key = rotated(query, *rope), rotated(key, *rope)
        if past is not None:
            key, value = torch.cat((past[0], key), 2), torch.cat((past[1], value), 2)
        seen = attend(query, key, value)  # [B, heads, N, size]
        x = x + self.dropout(self.out(seen.transpose(1, 2).reshape(batch, count, width)))
        gate, up = self.gate_up(self.mlp_norm(x)).chunk(2, dim=-1)  # each [B, N, inner]
        return x + self.dropout(self.down(functional.silu(gate) * up)), (key, value)


class Decoder(nn.Module):
    """Tokens in, a logit for each token of the vocabulary out."""

    def __init__(self, options: TransformerOptions, vocabulary: int) -> None:
        super().__init__()
        self.options = options
        self.embedding = nn.Embedding(vocabulary, options.width)
        self.dropout = nn.Dropout(options.dropout)
        self.layers = nn.ModuleList(Layer(options) for _ in range(options.layers))
        self.norm = nn.RMSNorm(options.width, EPSILON)
        for name, weight in self.named_parameters():
            if weight.ndim > 1:
                # What adds to the stream starts smaller, the more layers add to it (GPT-2).
                shared = 2 * options.layers if name.endswith(("out.weight", "down.weight")) else 1
                nn.init.normal_(weight, std=(weight.shape[1] * shared) ** -0.5)

    def forward(self, tokens: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Logits [B, N, V] for `tokens` int64 [B, N], and the state after the last one.

        `state` holds keys and values of each layer in turn, [B, heads, P, width / heads] each, for
        the P tokens heard before; None is none.
        """
        heard = 0 if state is None else state[0].shape[2]
        rope = self.angles(heard, tokens.shape[1], tokens.device)
        x = self.dropout(self.embedding(tokens))  # [B, N, width]
        present: list[Tensor] = []
        for number, layer in enumerate(self.layers):
            past = None if state is None else (state[2 * number], state[2 * number + 1])
            x, cache = layer(x, rope, past)
            present += cache
        return self.norm(x) @ self.embedding.weight.T, tuple(present)

    def angles(self, heard: int, count: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """Cosines and sines [N, width / heads / 2] of the positions after those `heard`."""
        half = self.options.width // self.options.heads // 2
        speeds = self.options.rope_base ** (-torch.arange(half, device=device) / half)
        turned = torch.arange(heard, heard + count, device=device)[:, None] * speeds
        return turned.cos(), turned.sin()


class Recurrent(nn.Module):
    """The same interface over an LSTM (Hochreiter & Schmidhuber, 1997)."""

    def __init__(self, options: LstmOptions, vocabulary: int) -> None:
        super().__init__()
        self.options = options
        self.embedding = nn.Embedding(vocabulary, options.embedding)
        self.lstm = nn.LSTM(
            options.embedding,
            options.hidden,
            options.layers,
            batch_first=True,
            dropout=options.dropout if options.layers > 1 else 0.0,
        )
        self.dropout = nn.Dropout(options.dropout)
        self.head = nn.Linear(options.hidden, vocabulary)

    def forward(self, tokens: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Logits [B, N, V] for `tokens` int64 [B, N], and (h, c), both [layers, B, hidden]."""
        seen = self.dropout(self.embedding(tokens))  # [B, N, embedding]
        told = None if state is None else (state[0], state[1])
        remembered, state = self.lstm(seen, told)  # [B, N, hidden]
        return self.head(self.dropout(remembered)), state


def rotated(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """x [B, heads, N, size] with its halves turned against each other by the angles of N."""
    first, second = x.float().chunk(2, dim=-1)
    turned = torch.cat((first * cosine - second * sine, second * cosine + first * sine), dim=-1)
    return turned.to(x.dtype)


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """What each query [B, heads, N, size] sees of the keys and values up to its own position."""
    count, heard = query.shape[2], key.shape[2] - query.shape[2]
    if heard == 0:
        return functional.scaled_dot_product_attention(query, key, value, is_causal=True)
    reach = torch.arange(heard + count, device=query.device)
    mask = reach <= heard + torch.arange(count, device=query.device)[:, None]
    return functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
