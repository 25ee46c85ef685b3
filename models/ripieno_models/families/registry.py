"""Which families there are, by the names that the command line takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ripieno.errors import SettingError, nearest_name
from torch import nn

from ripieno_models.families import (
    attention_lstm,
    chorale_lstm,
    chorale_transformer,
    conv_lstm,
    plain_lstm,
    ridge,
    voicewise_lstm,
    window_transformer,
)
from ripieno_models.families.block_registry import BLOCK_FAMILIES
from ripieno_models.families.token_registry import TOKEN_FAMILIES
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
    solve: Callable[[Any, Any, Any, Any], None] | None = None
    """Fits a model to an epoch's crops and the validation pieces at once, where nothing is trained
    step by step: (model, crops, pieces, options)."""

    @property
    def config(self) -> Path:
        """The TOML file with the options of the model that ships."""
        return CONFIGS / f"{self.name}.toml"


FAMILIES = {
    "chorale-lstm": Family("chorale-lstm", chorale_lstm.Options, chorale_lstm.ChoraleLstm),
    "chorale-transformer": Family(
        "chorale-transformer", chorale_transformer.Options, chorale_transformer.ChoraleTransformer
    ),
    "voicewise-lstm": Family(
        "voicewise-lstm", voicewise_lstm.Options, voicewise_lstm.VoicewiseLstm
    ),
    "conv-lstm": Family("conv-lstm", conv_lstm.Options, conv_lstm.ConvLstm),
    "window-transformer": Family(
        "window-transformer", window_transformer.Options, window_transformer.WindowTransformer
    ),
    "ridge": Family("ridge", ridge.Options, ridge.Ridge, ridge.solve),
    "attention-lstm": Family(
        "attention-lstm", attention_lstm.Options, attention_lstm.AttentionLstm
    ),
    "plain-lstm": Family("plain-lstm", plain_lstm.Options, plain_lstm.PlainLstm),
}


def family(name: str) -> Family:
    """The family called `name`. Raises SettingError with the nearest one."""
    if name not in FAMILIES:
        known = (*FAMILIES, *TOKEN_FAMILIES, *BLOCK_FAMILIES)
        raise SettingError(
            f"there is no family {name!r}",
            allowed=", ".join(known),
            nearest=nearest_name(name, known),
        )
    return FAMILIES[name]
