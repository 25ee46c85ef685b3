"""`gan`: a generator that was never shown a note, only told how real its rolls look.

An LSTM makes of noise a piano roll [B, T, 88]; a critic of convolutions over time says how far
rolls lie from those of real music (Arjovsky et al.: Wasserstein GAN, 2017), held smooth by a
penalty on its gradient (Gulrajani et al., 2017) or by clipping its weights. It sees how likely each
key is to be down, as in MuseGAN (Dong et al., 2018). Where keys were drawn by chance before it saw
them, the generator learned how often each is down, and nothing of how they go together. Learning is
in `blocks/adversarial.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from ripieno.grammar.grid import FIRST_PITCH, HIGHEST, HOLD, LOWEST
from torch import Tensor, nn
from torch.nn import functional

from ripieno_models.families.blocks import BlockBatch, BlockKind, BlockOptions, Blocks, Loss
from ripieno_models.options import default, option

KEYS, LOWEST_KEY = 88, 21
SLOPE = 0.2
"""Of the critic's layers, below zero."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(BlockOptions):
    """Options of the family."""

    hidden: int = option(512, 8, 4096, "memory cells of the generator")
    noise: int = option(64, 2, 4096, "numbers of noise that a block is made of")
    width: int = option(128, 8, 2048, "channels of the critic")
    critic_steps: int = option(5, 1, 100, "steps of the critic for one of the generator")
    penalty: float = option(10.0, 0.0, 1e4, "weight of the critic's gradient; 0 is without")
    clipping: float = option(0.0, 0.0, 1.0, "largest weight of the critic; 0 is without")
    learning_rate: float = default("learning_rate", 3e-4)
    steps: int = default("steps", 12_000)
    warmup: int = default("warmup", 0)


class Critic(nn.Module):
    """How real rolls look: convolutions over time, each half as long as the one before."""

    def __init__(self, options: Options) -> None:
        super().__init__()
        width = options.width
        self.inner = nn.Conv1d(2 * KEYS, width, 1)
        halves = [nn.Conv1d(width, width, 4, 2, 1) for _ in range(3)]
        self.halves = nn.ModuleList(halves)
        self.outer = nn.Linear(width * (options.crop // 8), 1)

    def forward(self, roll: Tensor) -> Tensor:
        """[B] for `roll` [B, T, 88]; it also sees which keys change."""
        before = functional.pad(roll[:, :-1], (0, 0, 1, 0))
        seen = torch.cat((roll, roll - before), dim=-1).transpose(1, 2)  # [B, 176, T]
        seen = functional.leaky_relu(self.inner(seen), SLOPE)
        for half in self.halves:
            seen = functional.leaky_relu(half(seen), SLOPE)
        score: Tensor = self.outer(seen.flatten(1))[:, 0]
        return score


class Gan(Blocks):
    """The generator, which is exported, and the critic, which is not."""

    kind, output = "latent", "roll"

    def __init__(self, options: Options) -> None:
        super().__init__()
        self.steps, self.size = options.crop // 8 * 8, options.noise
        self.inner = nn.Linear(options.noise, options.hidden)
        self.places = nn.Parameter(0.3 * torch.randn(self.steps, options.hidden))
        self.lstm = nn.LSTM(options.hidden, options.hidden, batch_first=True)
        self.outer = nn.Linear(2 * options.hidden, KEYS)
        keys = torch.arange(KEYS) + LOWEST_KEY
        sung = (keys >= LOWEST) & (keys <= HIGHEST)
        self.outer.bias = nn.Parameter(torch.where(sung, -2.0, -6.0))
        self.critic = Critic(options)

    @property
    def entrance(self) -> nn.Linear:
        return self.inner

    def decode(self, drawn: Tensor) -> Tensor:
        """Log-odds [B, T, 88] that a key is down, for noise [B, Z]."""
        told = torch.tanh(self.inner(drawn)[:, None] + self.places)  # [B, T, H]
        odds: Tensor = self.outer(torch.cat((self.lstm(told)[0], told), dim=-1))
        return odds

    def encode(self, heard: Tensor) -> Tensor:
        """A generator hears nothing: the middle of its space, whatever is told."""
        return torch.zeros(heard.shape[0], self.size)

    def loss(self, batch: BlockBatch, done: float) -> Loss:
        """What the critic thinks of as many blocks as there are in `batch`, the lower the better
        they look; there are no nats."""
        noise = torch.randn(len(batch.heard), self.size, device=batch.heard.device)
        score = -self.critic(torch.sigmoid(self.decode(noise))).mean()
        return Loss(score, score, score, {})


def rolls(tokens: Tensor) -> Tensor:
    """[B, T, 88]: which keys are down in `tokens` [B, T, 4] of the grid; none where it ends."""
    places = torch.arange(tokens.shape[1], device=tokens.device)[None, :, None]
    last = torch.where(tokens != HOLD, places, 0).cummax(1).values
    sounding = tokens.gather(1, last)  # [B, T, 4]
    keys = (sounding - FIRST_PITCH + LOWEST - LOWEST_KEY).clamp(min=0)
    down = functional.one_hot(keys, KEYS) * (sounding >= FIRST_PITCH)[..., None]
    return down.amax(2).float()


KIND = BlockKind(
    name="gan",
    options=Options,
    build=Gan,
    about="""\
A generative adversarial network: an LSTM makes of noise two bars as a piano roll, trained against a
critic. It hears nobody; its knobs lead through its noise.""",
    hears=False,
)
