"""Which families there are, by the names that the command line takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ripieno.errors import SettingError, nearest_name
from torch import nn

from ripieno_models.families import chorale_lstm, chorale_transformer
from ripieno_models.options import Training

CONFIGS = Path(__file__).parent.parent / "configs"


@dataclass(frozen=True, slots=True)
class Family:
    """An architecture: its `name`, its `options`, and how it is built from them.

    What is built maps features [B, N, F] of successive decisions to (logits [B, N, 48], state).
    """

    name: str
    options: type[Training]
    build: Callable[[Any], nn.Module]

    @property
    def config(self) -> Path:
        """The TOML file with the options of the model that ships."""
        return CONFIGS / f"{self.name}.toml"


FAMILIES = {
    "chorale-lstm": Family("chorale-lstm", chorale_lstm.Options, chorale_lstm.ChoraleLstm),
    "chorale-transformer": Family(
        "chorale-transformer", chorale_transformer.Options, chorale_transformer.ChoraleTransformer
    ),
}


def family(name: str) -> Family:
    """The family called `name`. Raises SettingError with the nearest one."""
    if name not in FAMILIES:
        raise SettingError(
            f"there is no family {name!r}",
            allowed=", ".join(FAMILIES),
            nearest=nearest_name(name, FAMILIES),
        )
    return FAMILIES[name]
