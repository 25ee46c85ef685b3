"""`hierarchical-vae`: the latent tells a conductor, the conductor each bar, and each bar its notes.

An LSTM over bars makes of the latent a plan for each bar, and a decoder that begins anew with every
bar tells its sixteenths from that plan alone, so that what is said of a late bar has not to pass
through all notes before it (Roberts et al.: A Hierarchical Latent Vector Model, 2018).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from ripieno.errors import SettingError
from ripieno.grammar.grid import VOCABULARY
from torch import Tensor, nn

from ripieno_models.families import vae
from ripieno_models.families.blocks import VOICE_COUNT, BlockKind, outer, told_voices
from ripieno_models.options import default, option


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(vae.Options):
    """Options of the family."""

    crop: int = default("crop", 64, vae.Options)
    bar: int = option(16, 4, 64, "sixteenths for which the conductor makes one plan")
    plan: int = option(256, 8, 4096, "memory cells of the conductor, and numbers of a plan")
    free_nats: float = default("free_nats", 32.0, vae.Options)
    latent: int = default("latent", 192, vae.Options)

    def __post_init__(self) -> None:
        # Not super(): with slots the class is made anew, and the bare one would be asked for.
        vae.Options.__post_init__(self)
        if self.crop % self.bar:
            raise SettingError(
                f"crop = {self.crop} cannot be cut into bars of {self.bar}",
                allowed="a multiple of bar",
            )


class Conducted(vae.Entered):
    """A latent told to a conductor, whose plans are told bar by bar."""

    def __init__(self, options: Options) -> None:
        super().__init__()
        self.bars, self.bar = options.crop // options.bar, options.bar
        self.inner = nn.Linear(options.latent, self.bars * options.plan)
        self.conductor = nn.LSTM(options.plan, options.plan, batch_first=True)
        self.told = nn.Linear(2 * options.plan, options.bar * options.told)
        self.lstm = nn.LSTM(options.told, options.hidden, batch_first=True)
        self.outer = outer(options.hidden + options.told)

    def forward(self, latent: Tensor) -> Tensor:
        """Logits [B, T, 4, 48] for `latent` [B, Z]."""
        count = latent.shape[0]
        begun = self.inner(latent).view(count, self.bars, -1)  # [B, bars, P]
        plans = torch.cat((self.conductor(begun)[0], begun), dim=-1)  # [B, bars, 2 * P]
        told = self.told(plans).view(count * self.bars, self.bar, -1)  # [B * bars, bar, told]
        outputs = torch.cat((self.lstm(told)[0], told), dim=-1)  # [B * bars, bar, H + told]
        flat = self.outer(outputs).view(count, self.bars * self.bar, VOICE_COUNT * VOCABULARY)
        return told_voices(flat)


class HierarchicalVae(vae.Variational):
    """A latent for four bars, told bar by bar."""

    def __init__(self, options: Options) -> None:
        super().__init__(options, Conducted(options))


KIND = BlockKind(
    name="hierarchical-vae",
    options=Options,
    build=HierarchicalVae,
    about="""\
A variational autoencoder over four bars with a conductor: an LSTM makes of the latent a plan for
each bar, and another tells each bar from its plan.""",
)
