"""`vq-vae`: a block told in entries of a small codebook, and a prior that goes on with them.

Convolutions over sixteenths and voices make of a roll [B, T, 4, 88] one vector for each beat and
voice; the nearest entry of the codebook takes its place (van den Oord et al.: Neural Discrete
Representation Learning, 2017), and convolutions make music of the entries again. Vectors are short
and of length one (Yu et al.: Vector-quantized Image Modeling with Improved VQGAN, 2022), and an
entry that nobody uses begins anew as one of the vectors (Dhariwal et al.: Jukebox, 2020), so that
all of the codebook stays in use. An LSTM learns which entry follows.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from ripieno.errors import SettingError
from ripieno.grammar.grid import FIRST_PITCH, HOLD, LOWEST, REST, VOCABULARY
from torch import Tensor, nn
from torch.nn import functional

from ripieno_models.families.blocks import (
    HELD,
    UNKNOWN,
    VOICE_COUNT,
    BlockBatch,
    BlockKind,
    BlockOptions,
    Blocks,
    Loss,
    nats_of,
)
from ripieno_models.options import default, option

KEYS, LOWEST_KEY = 88, 21
SIGNS = {HOLD: KEYS, REST: KEYS + 1, UNKNOWN: KEYS + 2}
"""Planes of a roll beside its keys: what is no key."""
BEAT = 4
"""Sixteenths of an entry."""
FEWEST, REMEMBERED = 0.1, 0.95
"""Uses per batch below which an entry begins anew; share of the old mean in the new one."""
AHEAD = 2
"""Blocks of a training example: the prior learns to go on with the second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(BlockOptions):
    """Options of the family."""

    crop: int = default("crop", 64, BlockOptions)
    entries: int = option(128, 2, 4096, "entries of the codebook")
    code: int = option(16, 2, 512, "numbers of an entry")
    width: int = option(128, 8, 2048, "channels of the convolutions")
    commitment: float = option(0.25, 0.0, 10.0, "weight of how far vectors lie from their entries")
    prior_hidden: int = option(256, 8, 4096, "memory cells of the prior")
    batch: int = default("batch", 16)
    learning_rate: float = default("learning_rate", 1e-3)

    def __post_init__(self) -> None:
        # Not super(): with slots the class is made anew, and the bare one would be asked for.
        BlockOptions.__post_init__(self)
        if self.crop % BEAT:
            raise SettingError(f"crop = {self.crop} is no whole beats", allowed="a multiple of 4")


class Mixing(nn.Module):
    """A convolution over three sixteenths (or beats) and all voices, beside what came in."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(1, width)
        self.over = nn.Conv2d(width, width, (3, 2 * VOICE_COUNT - 1), padding=(1, VOICE_COUNT - 1))
        self.out = nn.Conv2d(width, width, 1)

    def forward(self, seen: Tensor) -> Tensor:
        """[B, W, T, 4] for `seen` [B, W, T, 4]."""
        mixed: Tensor = self.out(functional.silu(self.over(self.norm(seen))))
        return seen + mixed


class Prior(nn.Module):
    """Which entry follows: an LSTM that counts where in the block it is."""

    def __init__(self, options: Options, size: int) -> None:
        super().__init__()
        self.size, self.hidden, self.entries = size, options.prior_hidden, options.entries
        self.before = nn.Embedding(options.entries + 1, options.prior_hidden)
        self.places = nn.Embedding(size, options.prior_hidden)
        self.dropout = nn.Dropout(options.dropout)
        self.lstm = nn.LSTM(options.prior_hidden, options.prior_hidden, batch_first=True)
        self.outer = nn.Linear(options.prior_hidden, options.entries)

    def forward(self, codes: Tensor) -> Tensor:
        """Logits [B, N, K] of each of `codes` [B, N], from those before it."""
        start = codes.new_full((codes.shape[0], 1), self.entries)
        before = torch.cat((start, codes[:, :-1]), dim=1)
        place = torch.arange(codes.shape[1], device=codes.device) % self.size
        told = self.dropout(self.before(before) + self.places(place))  # [B, N, H]
        logits: Tensor = self.outer(self.dropout(self.lstm(told)[0]))
        return logits

    @property
    def memory(self) -> int:
        """Numbers that it remembers: both states, and how many codes it has told."""
        return 2 * self.hidden + 1

    def step(self, code: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [1, K] after `code` [1], and what it remembers then; `memory` [1, 2 * H + 1]."""
        h, c = memory[:, : self.hidden], memory[:, self.hidden : -1]
        count = memory[:, -1:]
        place = count[:, 0].long() % self.size
        told = self.before(code) + self.places(place)  # [1, H]
        _, (h, c) = self.lstm(told[:, None], (h[None], c[None]))
        return self.outer(h[0]), torch.cat((h[0], c[0], count + 1), dim=-1)


class VqVae(Blocks):
    """Convolutions, a codebook, convolutions; and the prior, which learns beside them."""

    kind = "codes"

    def __init__(self, options: Options) -> None:
        super().__init__()
        width = options.width
        self.steps, self.size = options.crop, options.crop // BEAT * VOICE_COUNT
        self.entries, self.commitment = options.entries, options.commitment
        signs = torch.arange(VOCABULARY + 1) - FIRST_PITCH + LOWEST - LOWEST_KEY
        for token, plane in SIGNS.items():
            signs[token] = plane
        self.register_buffer("planes", signs, persistent=False)
        self.planes: Tensor
        self.seen = nn.Linear(KEYS + len(SIGNS), width)
        self.voices = nn.Parameter(0.1 * torch.randn(VOICE_COUNT, width))
        self.dropout = nn.Dropout(options.dropout)
        self.down = nn.Conv2d(width, width, (BEAT, 1), (BEAT, 1))
        self.encoder = nn.Sequential(Mixing(width), nn.Identity(), Mixing(width))
        self.narrow = nn.Conv2d(width, options.code, 1)
        self.codebook = nn.Parameter(torch.randn(options.entries, options.code))
        self.widen = nn.Conv2d(options.code, width, 1)
        self.decoder = nn.Sequential(Mixing(width), Mixing(width))
        self.up = nn.ConvTranspose2d(width, width, (BEAT, 1), (BEAT, 1))
        self.finish = Mixing(width)
        self.outer = nn.Conv2d(width, VOCABULARY, 1)
        with torch.no_grad():
            self.outer.bias[HOLD] += HELD  # type: ignore[index]
        self.register_buffer("uses", torch.full((options.entries,), FEWEST + 1.0))
        self.uses: Tensor
        self.prior = Prior(options, self.size)

    def roll(self, heard: Tensor) -> Tensor:
        """[B, T, 4, 91]: keys that are struck, and three planes for hold, rest and unknown."""
        return functional.one_hot(self.planes[heard], KEYS + len(SIGNS)).float()

    def vectors(self, heard: Tensor) -> Tensor:
        """Vectors of length one [B, C, D] for `heard` [B, T, 4], by beat and then by voice."""
        seen = self.dropout(self.seen(self.roll(heard)) + self.voices)  # [B, T, 4, W]
        beats = self.encoder(self.down(seen.movedim(-1, 1)))  # [B, W, T / 4, 4]
        told = self.narrow(beats).movedim(1, -1).flatten(1, 2)  # [B, C, D]
        return functional.normalize(told, dim=-1)

    def nearest(self, vectors: Tensor) -> Tensor:
        """[B, C]: the entry nearest to each of `vectors` [B, C, D]."""
        return (vectors @ functional.normalize(self.codebook, dim=-1).T).argmax(-1)

    def encode(self, heard: Tensor) -> Tensor:
        return self.nearest(self.vectors(heard))

    def decode(self, drawn: Tensor) -> Tensor:
        return self.told(functional.normalize(self.codebook, dim=-1)[drawn])

    def told(self, entries: Tensor) -> Tensor:
        """Logits [B, T, 4, 48] from `entries` [B, C, D]."""
        square = entries.view(len(entries), -1, VOICE_COUNT, entries.shape[-1])
        beats = square.movedim(-1, 1)  # [B, D, T / 4, 4]
        wide = self.finish(self.up(self.decoder(self.widen(beats))))  # [B, W, T, 4]
        logits: Tensor = self.outer(wide).movedim(1, -1)
        return logits

    @torch.no_grad()
    def begin_anew(self, vectors: Tensor, codes: Tensor) -> None:
        """An entry that is hardly used any more becomes one of `vectors` [N, D], by chance."""
        counts = torch.bincount(codes.flatten(), minlength=self.entries)
        self.uses.lerp_(counts.to(self.uses), 1 - REMEMBERED)
        dead = (self.uses < FEWEST).nonzero()[:, 0]
        chosen = torch.randint(len(vectors), (len(dead),), device=vectors.device)
        self.codebook.data[dead] = vectors[chosen]
        self.uses[dead] = FEWEST + 1.0

    def loss(self, batch: BlockBatch, done: float) -> Loss:
        """Both halves of each example, and the prior over both. `prior`: nats per entry; `used`:
        the perplexity of the entries, 1 where the codebook has collapsed."""
        heard, targets = (part.reshape(-1, self.steps, VOICE_COUNT) for part in batch)
        vectors = self.vectors(heard)
        codes = self.nearest(vectors)
        entries = functional.normalize(self.codebook, dim=-1)[codes]
        nats = nats_of(self.told(vectors + (entries - vectors).detach()), targets)
        if self.training:
            self.begin_anew(vectors.detach().flatten(0, 1), codes)
        near = (entries - vectors.detach()).square().sum(-1).mean()
        near = near + self.commitment * (entries.detach() - vectors).square().sum(-1).mean()
        line = codes.view(batch.heard.shape[0], -1)  # [B, blocks * C]
        prior = functional.cross_entropy(self.prior(line).flatten(0, 1), line.flatten())
        shares = torch.bincount(codes.flatten(), minlength=self.entries) / codes.numel()
        used = torch.exp(-torch.special.xlogy(shares, shares).sum())
        # Not by the prior as well: what is told in few entries is foretold most easily.
        return Loss(nats + near + prior, nats, nats, {"prior": prior, "used": used})


KIND = BlockKind(
    name="vq-vae",
    options=Options,
    build=VqVae,
    about="""\
An autoencoder with a codebook: four bars are told in one entry for each beat and voice, and a small
LSTM, the prior, goes on with the entries of what was heard.""",
    blocks=AHEAD,
)
