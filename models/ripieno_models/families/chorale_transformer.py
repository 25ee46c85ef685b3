"""`chorale-transformer`: attention over sixteenths, a small network per decision; top to bottom.

The backbone (Vaswani et al., 2017; RMSNorm: Zhang & Sennrich, 2019; rotary positions: Su et al.,
2021; SwiGLU: Shazeer, 2020) reads one row per sixteenth: what every voice sounded in the last one,
and for how long. For each of the four decisions of a sixteenth a small network joins what the
backbone says with what has been decided since, so the voices take turns in any order, and many
candidates for one sixteenth cost one row of attention. It sees the motions of the voices already
decided, and which motion of its own would run parallel with them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from ripieno.grammar.grid import (
    FEATURES,
    FIRST_PITCH,
    HIGHEST,
    LOWEST,
    UNKNOWN_KEY,
    VOCABULARY,
    VOICES,
    WIDEST_INTERVAL,
)
from torch import Tensor, nn
from torch.nn import functional

from ripieno_models.families.blanking import Blank, Table
from ripieno_models.families.calibration import Temperatures, tempered
from ripieno_models.families.voice_leading import MARKS, marks
from ripieno_models.options import Training, default, option

NAMES = tuple(feature.name for feature in FEATURES)
SIZES = tuple(feature.size for feature in FEATURES)
VOICE, DECIDED, KEY = NAMES.index("voice"), NAMES.index("decided"), NAMES.index("key")
PITCHES, AGES = NAMES.index("pitch_soprano"), NAMES.index("age_soprano")
DEGREES = NAMES.index("degree_soprano")
K = len(VOICES)
FRAME = tuple(
    n
    for n, name in enumerate(NAMES)
    if name in ("place", "meter", "key", "cadence") or name.startswith(("pitch", "age", "degree"))
)
"""Which features tell of a whole sixteenth: those that are the same whoever is asked."""
PAIRS = tuple((low, high) for high in range(K) for low in range(high + 1, K))
SPAN = HIGHEST - LOWEST
MOTIONS = 2 * WIDEST_INTERVAL + 2
"""Classes of a motion: 0 for none to tell of, then -24…24 semitones."""
PERFECT = (0, 7)
"""Octaves (and unisons) and fifths, in semitones within an octave."""
HIDDEN_FROM_HEAD = ("previous", "previous_voice")
EPSILON = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(Training):
    """Options of the family; the defaults are those of the model that ships."""

    width: int = option(256, 16, 4096, "numbers that stand for a sixteenth")
    layers: int = option(4, 1, 32, "layers of attention")
    heads: int = option(4, 1, 64, "attention heads per layer; their size has to be even")
    inner: int = option(704, 16, 16384, "width inside a layer")
    decision_layers: int = option(2, 1, 16, "layers of the network that decides a voice")
    decision_inner: int = option(384, 16, 16384, "width inside one of them")
    embedding: int = option(24, 2, 512, "numbers that stand for each feature")
    context: int = option(512, 32, 8192, "sixteenths that the exported model can look back")
    feature_dropout: float = option(
        0.2, 0.0, 0.9, "share of features blanked in training, each row anew"
    )
    dropout: float = option(0.3, 0.0, 0.9, "share of each layer's output blanked in training")
    last_dropout: float = option(
        0.4, 0.0, 0.9, "share blanked in training before a decision and before its heads"
    )
    orthogonal: bool = option(False, 0, 1, "moves matrices by Muon's steps, all else by AdamW's")
    steps: int = default("steps", 1600)
    batch: int = default("batch", 10)
    crop: int = default("crop", 192)
    learning_rate: float = default("learning_rate", 1.5e-3)
    steps_per_epoch: int = default("steps_per_epoch", 200)
    hymns: float = default("hymns", 0.3)
    all_voices: float = default("all_voices", 0.9)
    hide_all: float = default("hide_all", 0.4)
    hide_onsets: float = default("hide_onsets", 0.7)
    count_place: float = default("count_place", 0.5)


class ChoraleTransformer(nn.Module):
    """Features in, a logit for each token of the grid out."""

    heads = ("relative.weight", "marks.weight", "tonal.weight", "absolute.weight")
    """How the names of weights end that make the logits."""

    def __init__(self, options: Options) -> None:
        super().__init__()
        self.frame = Backbone(options)
        self.voice = Decision(options)
        for name, weight in self.named_parameters():
            if name.endswith("out.weight"):
                nn.init.normal_(weight, std=0.02 / math.sqrt(2 * options.layers))

    def forward(self, features: Tensor, state: None = None) -> tuple[Tensor, None]:
        """Logits [B, N, 48] for the decisions `features` [B, N, F] of whole sixteenths.

        Every sixteenth has as many decisions as the first one. There is no state to pass on: the
        exported graphs keep keys and values, here the past is in `features`.
        """
        batch, count, _ = features.shape
        steps = int((features[0, :, DECIDED] == 0).sum())
        asked = features.view(batch, steps, count // steps, -1)  # [B, T, K, F]
        hidden = self.frame(asked[:, :, 0])  # [B, T, D]
        told = hidden[:, :, None].expand(-1, -1, asked.shape[2], -1)
        logits = self.voice(asked.flatten(0, 2), told.flatten(0, 2))  # [B * N, 48]
        return logits.view(batch, count, -1), None


class Backbone(nn.Module):
    """Rows of sixteenths in, `hidden` out; D = width + 4."""

    def __init__(self, options: Options) -> None:
        super().__init__()
        sizes = [*(SIZES[n] for n in FRAME), *[MOTIONS] * len(PAIRS)]
        self.table = Table(sizes, options.embedding, options.feature_dropout)
        self.enter = nn.Linear(len(sizes) * options.embedding, options.width)
        self.layers = nn.ModuleList(Layer(options) for _ in range(options.layers))
        self.norm = nn.RMSNorm(options.width, EPSILON)
        turn = angles(options.context, options.width // options.heads)
        self.register_buffer("cos", turn.cos(), persistent=False)
        self.register_buffer("sin", turn.sin(), persistent=False)
        self.cos: Tensor
        self.sin: Tensor

    def forward(self, rows: Tensor) -> Tensor:
        """hidden [B, T, D] for `rows` [B, T, F]: the first decision's features of each step."""
        x = self.seen(rows)  # [B, T, width]
        steps = rows.shape[1]
        if steps > len(self.cos):
            turn = angles(steps, 2 * self.cos.shape[1]).to(x.device)
            cos, sin = turn.cos(), turn.sin()
        else:
            cos, sin = self.cos[:steps], self.sin[:steps]
        for layer in self.layers:
            x = layer(x, cos, sin)
        return self.with_pitches(x, rows)

    def seen(self, rows: Tensor) -> Tensor:
        """[B, T, width]: the rows with the intervals between their voices, embedded."""
        pitch = rows[..., PITCHES : PITCHES + K]
        chord = [between(pitch[..., low], pitch[..., high]) for low, high in PAIRS]
        classes = torch.cat((rows[..., list(FRAME)], torch.stack(chord, -1)), -1)
        entered: Tensor = self.enter(self.table(classes))
        return entered

    def with_pitches(self, x: Tensor, rows: Tensor) -> Tensor:
        """[B, T, D]: the last layer's output, and the pitches that the decisions move from."""
        return torch.cat((self.norm(x).float(), rows[..., PITCHES : PITCHES + K].float()), -1)


class Layer(nn.Module):
    """Attention to all sixteenths so far, then a gated network; both are added to what came in."""

    def __init__(self, options: Options) -> None:
        super().__init__()
        self.heads = options.heads
        self.before = nn.RMSNorm(options.width, EPSILON)
        self.qkv = nn.Linear(options.width, 3 * options.width, bias=False)
        self.out = nn.Linear(options.width, options.width, bias=False)
        self.mlp = Gated(options.width, options.inner, options.dropout)
        self.dropout = Blank(options.dropout)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """[B, T, width] to the same."""
        x = x + self.dropout(self.out(self.attend(self.qkv(self.before(x)), cos, sin)))
        added: Tensor = self.mlp(x)
        return added

    def attend(self, packed: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """[B, T, width] from queries, keys and values, side by side in `packed`."""
        batch, steps, _ = packed.shape
        q, k, v = packed.view(batch, steps, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        q, k = turned(q, cos, sin), turned(k, cos, sin)  # [B, heads, T, size]
        mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return mixed.transpose(1, 2).flatten(2)


class Gated(nn.Module):
    """SwiGLU on what is normed, added to what came in."""

    def __init__(self, width: int, inner: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(width, EPSILON)
        self.gate_up = nn.Linear(width, 2 * inner, bias=False)
        self.out = nn.Linear(inner, width, bias=False)
        self.dropout = Blank(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """[..., width] to the same."""
        gate, up = self.gate_up(self.norm(x)).chunk(2, -1)
        added: Tensor = self.dropout(self.out(functional.silu(gate) * up))
        return x + added


class Decision(nn.Module):
    """What the backbone says, and what this voice sees, to logits."""

    def __init__(self, options: Options) -> None:
        super().__init__()
        width = options.width
        kept = [n for n, name in enumerate(NAMES) if name not in HIDDEN_FROM_HEAD]
        own = (VOCABULARY, SIZES[AGES], SIZES[DEGREES])
        pairs = (*[MOTIONS] * K, *[13] * K, *[MOTIONS * len(PERFECT)] * K)
        self.kept = kept
        self.temperatures = Temperatures()
        sizes = [*(SIZES[n] for n in kept), *own, *pairs]
        share = options.feature_dropout
        self.table = Table(sizes, options.embedding, share, always=kept.index(VOICE))
        self.enter = nn.Linear(len(self.table.sizes) * options.embedding, width)
        self.told = nn.Linear(width, width, bias=False)
        self.layers = nn.ModuleList(
            Gated(width, options.decision_inner, options.dropout)
            for _ in range(options.decision_layers)
        )
        self.norm = nn.RMSNorm(width, EPSILON)
        self.dropout = Blank(options.last_dropout)
        self.relative = nn.Linear(width, K * (2 * SPAN + 1), bias=False)
        self.marks = nn.Linear(width, MARKS)
        self.tonal = nn.Linear(width, 12, bias=False)
        # The pitch that the voice sounds and the one that it takes share one table.
        self.absolute = nn.Linear(width, options.embedding)
        self.bias = nn.Parameter(torch.zeros(VOCABULARY))
        self.pitch_rows = sum(self.table.sizes[: len(kept)])

    def forward(self, features: Tensor, hidden: Tensor) -> Tensor:
        """Logits [M, 48] for `features` [M, F] and `hidden` [M, D], in any batch."""
        before = hidden[:, -K:].round().long()  # [M, 4]
        x = self.enter(self.table(self.classes(features, before)))
        x = x + self.told(self.dropout(hidden[:, :-K]))  # [M, width]
        for layer in self.layers:
            x = layer(x)
        x = self.dropout(self.norm(x))
        pitches = self.table.weight[self.pitch_rows : self.pitch_rows + VOCABULARY]
        logits: Tensor = self.absolute(x) @ pitches.T + self.bias
        now = features[:, PITCHES : PITCHES + K]
        logits = logits + from_intervals(self.relative(x).view(-1, K, 2 * SPAN + 1), now)
        logits = logits + from_degree(self.tonal(x), features)
        voice, bits = features[:, VOICE : VOICE + 1], features[:, DECIDED : DECIDED + 1]
        decided = bits // torch.tensor([1, 2, 4, 8], device=bits.device) % 2 == 1
        marked = marks(voice, before, now, decided).to(x.dtype)  # [M, 48, 6]
        logits = logits + (marked @ self.marks(x)[:, :, None])[..., 0]
        return tempered(logits.float(), self.temperatures)

    def classes(self, features: Tensor, before: Tensor) -> Tensor:
        """[M, …]: all that is embedded; `before` [M, 4] are the pitches of the last sixteenth."""
        voice = features[:, VOICE : VOICE + 1]
        own = [features[:, at : at + K].gather(1, voice) for at in (PITCHES, AGES, DEGREES)]
        now = features[:, PITCHES : PITCHES + K]
        mine = before.gather(1, voice)
        motion = between(before, now)  # [M, 4]
        gap = (before - mine) % 12
        sounds = (before >= FIRST_PITCH) & (mine >= FIRST_PITCH)
        parallel = [motion * (sounds & (gap == size)) for size in PERFECT]
        # A fifth counts upwards from the lower voice: 7 above me, or 5 (an octave less 7) below.
        lower = torch.arange(K, device=voice.device) > voice
        parallel[1] = motion * (sounds & (gap == torch.where(lower, 5, 7)))
        joint = parallel[0] + (parallel[1] + MOTIONS) * (parallel[1] > 0)
        return torch.cat((features[:, self.kept], *own, motion, (gap + 1) * sounds, joint), 1)


def angles(steps: int, size: int) -> Tensor:
    """[steps, size / 2]: how far each pair of a head's numbers is turned at each position."""
    speed = 10_000.0 ** (-torch.arange(0, size, 2) / size)
    return torch.arange(steps)[:, None] * speed


def turned(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """`x` [B, heads, T, size], each number turned with the one half a head further on."""
    one, other = x.float().chunk(2, -1)
    both = torch.cat((one * cos - other * sin, one * sin + other * cos), -1)
    return both.to(x.dtype)


def between(low: Tensor, high: Tensor) -> Tensor:
    """The class of the interval from `low` up to `high`, both tokens; 0 where one is no pitch."""
    size = (high - low).clamp(-WIDEST_INTERVAL, WIDEST_INTERVAL) + WIDEST_INTERVAL + 1
    return size * ((low >= FIRST_PITCH) & (high >= FIRST_PITCH))


def from_intervals(logits: Tensor, now: Tensor) -> Tensor:
    """[M, 48] from `logits` [M, 4, 91] of intervals, -45…45 semitones from what each of the four
    voices sounds, `now` [M, 4].

    Zero for HOLD and REST, and from a voice that does not sound.
    """
    tokens = torch.arange(VOCABULARY, device=logits.device)
    index = (tokens - now[:, :, None] + SPAN).clamp(0, 2 * SPAN)  # [M, 4, 48]
    told = logits.gather(2, index) * (now >= FIRST_PITCH)[:, :, None]
    return told.sum(1) * (tokens >= FIRST_PITCH)


def from_degree(logits: Tensor, features: Tensor) -> Tensor:
    """[M, 48] from `logits` [M, 12] of degrees above the tonic of the key signature.

    Zero for HOLD and REST, and everywhere while the key is unknown.
    """
    key = features[:, KEY : KEY + 1]
    tokens = torch.arange(VOCABULARY, device=logits.device)
    index = (tokens - FIRST_PITCH + LOWEST - 7 * (key - 7)) % 12
    return logits.gather(1, index) * ((key != UNKNOWN_KEY) & (tokens >= FIRST_PITCH))
