"""Models of tokens: in chunks as in one go, and never a look ahead."""

from __future__ import annotations

import pytest
import torch
from ripieno.errors import SettingError
from ripieno_models.families.decoder import (
    Decoder,
    LstmOptions,
    Recurrent,
    State,
    TransformerOptions,
)
from torch import nn

VOCABULARY = 60


def models() -> list[nn.Module]:
    torch.manual_seed(1)
    small = TransformerOptions(width=64, layers=3, heads=2, inner=96)
    return [
        Decoder(small, VOCABULARY).eval(),
        Recurrent(LstmOptions(hidden=32, layers=2, embedding=16), VOCABULARY).eval(),
    ]


@pytest.mark.parametrize("model", models(), ids=["transformer", "lstm"])
@torch.inference_mode()
def test_chunks_say_what_one_run_says(model: nn.Module) -> None:
    tokens = torch.randint(0, VOCABULARY, (2, 50), generator=torch.Generator().manual_seed(2))
    right = model(tokens)[0]
    state: State | None = None
    told, begin = [], 0
    for size in (1, 7, 1, 1, 20, 13, 7):
        logits, state = model(tokens[:, begin : begin + size], state)
        told.append(logits)
        begin += size
    assert begin == 50
    assert torch.allclose(torch.cat(told, 1), right, atol=1e-4)


@pytest.mark.parametrize("model", models(), ids=["transformer", "lstm"])
@torch.inference_mode()
def test_what_comes_later_changes_nothing(model: nn.Module) -> None:
    tokens = torch.randint(0, VOCABULARY, (1, 30), generator=torch.Generator().manual_seed(3))
    other = tokens.clone()
    other[:, 20:] = (other[:, 20:] + 1) % VOCABULARY
    one, two = model(tokens)[0], model(other)[0]
    assert torch.allclose(one[:, :20], two[:, :20], atol=1e-5)
    assert not torch.allclose(one[:, 20:], two[:, 20:], atol=1e-2)


def test_the_weights_have_the_names_that_the_export_reads() -> None:
    names = set(models()[0].state_dict())
    own = ("attention_norm", "qkv", "out", "mlp_norm", "gate_up", "down")
    layers = {f"layers.{n}.{part}.weight" for n in range(3) for part in own}
    assert names == {"embedding.weight", "norm.weight"} | layers


def test_a_width_that_the_heads_cannot_share_is_refused() -> None:
    with pytest.raises(SettingError, match="cannot be shared out among 3 heads"):
        TransformerOptions(width=64, heads=3)
