"""The families of tokens that stand beside the folk models: their sizes and configurations.

That each trains, exports and plays is what `make families` proves."""

from __future__ import annotations

import pytest
import torch
from ripieno_models.families import remi_lstm, remi_structured, remi_transformer
from ripieno_models.families.block_registry import BLOCK_FAMILIES
from ripieno_models.families.registry import CONFIGS, FAMILIES
from ripieno_models.families.token_registry import TOKEN_FAMILIES
from ripieno_models.options import Training, chosen

from tests.families.token_rows import SMALLER

VOCABULARY = 512
KINDS: dict[str, type[Training]] = {
    **{name: kind.options for name, kind in FAMILIES.items()},
    **{name: kind.options for name, kind in TOKEN_FAMILIES.items()},
    **{name: kind.options for name, kind in BLOCK_FAMILIES.items()},
}


def weights(model: torch.nn.Module) -> int:
    return sum(weight.numel() for weight in model.parameters())


def test_they_are_as_large_as_they_say() -> None:
    with torch.device("meta"):
        large = remi_transformer.KIND.build(remi_transformer.Options(), VOCABULARY)
        deep = remi_lstm.KIND.build(remi_lstm.Options(), VOCABULARY)
        structured = remi_structured.Layer(remi_structured.Options())
    assert 33e6 < weights(large) < 35e6
    assert 5.5e6 < weights(deep) < 6.5e6
    assert 3.1e6 < weights(structured) < 3.2e6


@pytest.mark.parametrize("name", [*SMALLER, "conv-lstm", "voicewise-lstm", "ridge"])
def test_its_configurations_are_taken(name: str) -> None:
    for path in CONFIGS.glob(f"{name}*.toml"):
        assert chosen(KINDS[name], path, {}).seed == 1
