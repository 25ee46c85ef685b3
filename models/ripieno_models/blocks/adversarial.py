"""Learning by being judged: a generator and its critic in turn, measured beside real music."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ripieno_models.blocks.learner import BlockLearner
from ripieno_models.families.blocks import BlockBatch, BlockOptions, Blocks
from ripieno_models.families.gan import Gan, Options, rolls
from ripieno_models.train import MONITOR

MOST_KEYS = 8
"""Keys down, or changing, at once that are told apart; more count as so many."""
BETAS = (0.5, 0.9)
"""Of Adam, as Gulrajani et al. have them: an old gradient is of another critic."""


class GanLearner(BlockLearner):
    """Several steps of the critic, then one of the generator."""

    model: Gan
    options: Options

    def __init__(self, model: Blocks, options: BlockOptions) -> None:
        super().__init__(model, options)
        self.automatic_optimization = False
        self.seen: list[Tensor] = []

    def configure_optimizers(self) -> Any:
        critic = list(self.model.critic.parameters())
        own = {id(weight) for weight in critic}
        generator = [weight for weight in self.model.parameters() if id(weight) not in own]
        rate = self.options.learning_rate
        return [torch.optim.Adam(part, lr=rate, betas=BETAS) for part in (generator, critic)]

    def training_step(self, batch: BlockBatch, number: int) -> None:  # type: ignore[override]
        optimizers: Any = self.optimizers()
        generator, critic = optimizers
        model, real = self.model, rolls(batch.targets)
        with torch.no_grad():
            fake = torch.sigmoid(model.decode(self.noise(len(real))))
        apart = model.critic(real).mean() - model.critic(fake).mean()
        self.log("train_nll", apart, on_step=False, on_epoch=True, prog_bar=True)
        self.move(critic, self.penalty(real, fake) - apart)
        if self.options.clipping:
            for weight in model.critic.parameters():
                weight.data.clamp_(-self.options.clipping, self.options.clipping)
        if number % self.options.critic_steps == 0:
            self.move(generator, model.loss(batch, 1.0).total)

    def noise(self, count: int) -> Tensor:
        """[count, Z]."""
        return torch.randn(count, self.model.size, device=self.device)

    def move(self, optimizer: Any, loss: Tensor) -> None:
        """A step down `loss`."""
        optimizer.zero_grad()
        self.manual_backward(loss)
        self.clip_gradients(optimizer, self.options.clip, "norm")
        optimizer.step()

    def penalty(self, real: Tensor, fake: Tensor) -> Tensor:
        """How far the norm of the critic's gradient is from 1 between real and made rolls."""
        if not self.options.penalty:
            return real.new_zeros(())
        share = torch.rand(len(real), 1, 1, device=real.device)
        between = (share * real + (1 - share) * fake).requires_grad_()
        score = self.model.critic(between).sum()
        slope = torch.autograd.grad(score, between, create_graph=True)[0]
        norms = slope.flatten(1).norm(dim=1)
        cost: Tensor = self.options.penalty * (norms - 1).square().mean()
        return cost

    def validation_step(  # type: ignore[override]
        self, batch: BlockBatch, number: int, dataloader_idx: int = 0
    ) -> None:
        self.seen.append(rolls(batch.targets))

    def on_validation_epoch_end(self) -> None:
        """As many blocks are made as there are real ones, always of the same noise."""
        real = torch.cat(self.seen)
        self.seen.clear()
        made = drawn(self.model, len(real))
        told = sum(distances(real, made).values())
        self.log("valid_reconstruction", told)
        self.log(MONITOR, told, prog_bar=True)


@torch.no_grad()
def drawn(model: Gan, count: int, seed: int = 1) -> Tensor:
    """`count` rolls [count, T, 88] of fixed noise: the keys that are likelier down than up."""
    random = torch.Generator().manual_seed(seed)
    noise = torch.randn(count, model.size, generator=random)
    device = next(model.parameters()).device
    return (model.decode(noise.to(device)) > 0).float()


def distances(real: Tensor, made: Tensor) -> dict[str, float]:
    """How far apart two sets of rolls [N, T, 88] lie, in bits (Jensen-Shannon, 0…1): by which keys
    are down, how many at once, how many begin, and at which intervals they stand."""
    pairs = zip(shares(real), shares(made), strict=True)
    return dict(zip(NAMES, (divergence(one, other) for one, other in pairs), strict=True))


NAMES = ("keys", "at_once", "begin", "intervals")


def shares(roll: Tensor) -> Sequence[Tensor]:
    """The distributions that `distances` compares."""
    begin = (roll[:, 1:] - roll[:, :-1]).clamp(min=0)
    keys = roll.sum((0, 1))
    octaves = functional.pad(roll, (0, 8)).view(*roll.shape[:2], 8, 12)
    classes = octaves.amax(2)  # [N, T, 12]
    intervals = torch.stack([(classes * classes.roll(by, -1)).sum() for by in range(1, 7)])
    counts = [
        torch.bincount(each.sum(-1).long().clamp(max=MOST_KEYS).flatten(), minlength=MOST_KEYS + 1)
        for each in (roll, begin)
    ]
    found = [keys, counts[0].float(), counts[1].float(), intervals]
    return [each / each.sum().clamp(min=1.0) for each in found]


def divergence(one: Tensor, other: Tensor) -> float:
    """Jensen and Shannon's, in bits, 0…1; one that is empty is as far as can be."""
    if not float(one.sum()) or not float(other.sum()):
        return 1.0
    middle = (one + other) / 2
    parts = [torch.special.xlogy(each, each / middle.clamp(min=1e-12)) for each in (one, other)]
    return float(sum(part.nan_to_num().sum() for part in parts) / 2 / torch.log(torch.tensor(2.0)))
