"""`vae`: a recurrent variational autoencoder; between two phrases lies what is like both.

A bidirectional LSTM hears the block, two heads tell mean and spread of its latent, and an LSTM
that is told at every sixteenth what the latent says of it tells the block (Kingma & Welling, 2014;
Roberts et al.: MusicVAE, 2018). The decoder is not told what was drawn before, so it cannot do
without the latent: the collapse of the posterior, known of decoders that are (Bowman et al., 2016),
has to be watched all the same, and `evaluate` tells it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ripieno_models.families.blocks import (
    VOICE_COUNT,
    BlockBatch,
    BlockKind,
    BlockOptions,
    Blocks,
    Loss,
    Voices,
    nats_of,
    outer,
    told_voices,
)
from ripieno_models.options import option


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(BlockOptions):
    """Options of the family."""

    hidden: int = option(512, 8, 4096, "memory cells of each LSTM")
    told: int = option(64, 2, 1024, "numbers that stand for a sixteenth beside the latent")
    latent: int = option(96, 2, 4096, "numbers of the latent")
    beta: float = option(0.1, 0.0, 100.0, "weight of the latent's nats")
    free_nats: float = option(16.0, 0.0, 1e4, "nats of the latent that cost nothing")
    rise: float = option(0.25, 0.0, 1.0, "share of the training in which that weight rises")


class Heads(nn.Module):
    """A bidirectional LSTM over a block, and mean and log-variance of its latent."""

    def __init__(self, options: Options) -> None:
        super().__init__()
        self.voices = Voices(options.embedding)
        self.dropout = nn.Dropout(options.dropout)
        self.lstm = nn.LSTM(
            VOICE_COUNT * options.embedding, options.hidden, batch_first=True, bidirectional=True
        )
        self.each = nn.Linear(2 * options.hidden, options.told)
        self.mean = nn.Linear(options.crop * options.told, options.latent)
        self.spread = nn.Linear(options.crop * options.told, options.latent)
        nn.init.zeros_(self.spread.weight)
        nn.init.constant_(self.spread.bias, -2.0)

    def forward(self, heard: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance [B, Z] for `heard` [B, T, 4]."""
        told = self.dropout(self.voices(heard).flatten(-2))  # [B, T, 4 * E]
        every = self.each(self.lstm(told)[0]).flatten(1)  # [B, T * told]
        return self.mean(every), self.spread(every)


class Entered(nn.Module):
    """A decoder that a latent enters through the layer `inner`."""

    inner: nn.Linear


class Teller(Entered):
    """What a latent says of every sixteenth, told to an LSTM in turn."""

    def __init__(self, options: Options, steps: int) -> None:
        super().__init__()
        self.inner = nn.Linear(options.latent, steps * options.told)
        self.shape = (steps, options.told)
        self.lstm = nn.LSTM(options.told, options.hidden, batch_first=True)
        self.outer = outer(options.hidden + options.told)

    def forward(self, latent: Tensor) -> Tensor:
        """Logits [B, T, 4, 48] for `latent` [B, Z]."""
        told = self.inner(latent).view(-1, *self.shape)  # [B, T, told]
        outputs = self.lstm(told)[0]  # [B, T, H]
        return told_voices(self.outer(torch.cat((outputs, told), dim=-1)))


class Variational(Blocks):
    """Encoder, a draw from the posterior, decoder."""

    kind = "latent"

    def __init__(self, options: Options, teller: Entered) -> None:
        super().__init__()
        self.steps, self.size = options.crop, options.latent
        self.beta, self.free, self.rise = options.beta, options.free_nats, options.rise
        self.heads, self.teller = Heads(options), teller

    @property
    def entrance(self) -> nn.Linear:
        return self.teller.inner

    def encode(self, heard: Tensor) -> Tensor:
        mean: Tensor = self.heads(heard)[0]
        return mean

    def decode(self, drawn: Tensor) -> Tensor:
        told: Tensor = self.teller(drawn)
        return told

    def loss(self, batch: BlockBatch, done: float) -> Loss:
        """The bound with its latent term weighed (Higgins et al.: β-VAE, 2017), risen slowly and
        free up to a few nats (Kingma et al., 2016). `kl`: nats of the latent per block."""
        mean, spread = self.heads(batch.heard)
        drawn = mean + torch.randn_like(mean) * torch.exp(spread / 2) if self.training else mean
        nats = nats_of(self.decode(drawn), batch.targets)
        kl = divergence(mean, spread).sum(-1).mean()
        weight = self.beta * min(1.0, done / self.rise if self.rise else 1.0)
        decisions = self.steps * VOICE_COUNT
        cost = weight * torch.relu(kl - self.free) / decisions
        return Loss(nats + cost, nats, nats + cost, {"kl": kl})


def divergence(mean: Tensor, spread: Tensor) -> Tensor:
    """[B, Z]: nats of each number of the latent above the prior, a normal distribution; `spread`
    is the logarithm of the variance."""
    return (mean.square() + spread.exp() - 1.0 - spread) / 2


class Vae(Variational):
    """A latent for the whole block."""

    def __init__(self, options: Options) -> None:
        super().__init__(options, Teller(options, options.crop))


KIND = BlockKind(
    name="vae",
    options=Options,
    build=Vae,
    title="Bach chorales, between two phrases of yours",
    about="""\
A recurrent variational autoencoder: a bidirectional LSTM hears two bars and tells where they lie
in its space, an LSTM tells two bars from there.""",
)
