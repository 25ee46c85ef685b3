"""The benchmark of JSB Chorales: one definition, held against figures that are known."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from ripieno.errors import RipienoError
from ripieno.grammar.grid import FIRST_PITCH, HOLD, REST
from ripieno_models.benchmark import counting, figures_of, micro
from ripieno_models.corpora import SHARED_DATA, jsb16
from ripieno_models.dataset import UNKNOWN, unknown, whole
from ripieno_models.families.chorale_lstm import ChoraleLstm
from ripieno_models.onnx_step import OnnxStep
from ripieno_models.piece import Piece, Split
from torch import Tensor, nn

from tests.models.material import small

FILE = SHARED_DATA / jsb16.FILE
ZOO = Path(__file__).parents[2] / "models" / "zoo"
needs_benchmark = pytest.mark.skipif(
    not FILE.exists(), reason="the benchmark's pieces do not lie beside this checkout"
)
LSTM_MICRO = 0.4540
"""What torch said of the chorale-lstm that ships, on the 76 validation pieces."""


class Shipped(nn.Module):
    """The chorale-lstm that ships, as its fp32 graph."""

    def __init__(self) -> None:
        super().__init__()
        self.graph = OnnxStep(ZOO / "chorale-lstm" / "model.onnx")

    def forward(self, features: Tensor) -> tuple[Tensor, None]:
        rows = [torch.from_numpy(self.graph.replay(piece.numpy())) for piece in features]
        return torch.stack(rows), None


def made(count: int = 1, steps: int = 20) -> list[Piece]:
    frames = [[60, 55, 52, 48]] * steps
    return [jsb16.piece_of(frames, f"valid/{number}", Split.VALID) for number in range(count)]


def undecided() -> ChoraleLstm:
    model = ChoraleLstm(small()).eval()
    for layer in model.modules():
        if isinstance(layer, nn.Linear):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias) if layer.bias is not None else None
    return model


def test_a_model_that_knows_nothing_pays_little_more_than_47_symbols_cost() -> None:
    # A repeated pitch has two tokens of 48, and the first chord has one of 47.
    right = (math.log(47) + 19 * math.log(24)) / 20
    assert micro(undecided(), made()) == pytest.approx(right, abs=1e-6)


def test_nothing_is_told_and_counting_tells_the_step() -> None:
    (batch,) = counting(unknown(whole(made(steps=40))))
    assert batch.settings[0, :, 0].tolist() == [step % 16 for step in range(40)]
    assert (batch.settings[0, :, 1:] == torch.tensor(UNKNOWN[1:])).all()


def test_twins_are_left_out_by_name() -> None:
    told = figures_of(undecided(), made(76), Split.VALID)
    assert set(told) == {
        "jsb_valid_micro",
        "jsb_valid_micro_without_twins",
        "jsb_valid_micro_counted",
        "jsb_valid_micro_mixed",
    }
    # One that knows nothing says the same in every order.
    assert told["jsb_valid_micro_mixed"] == pytest.approx(told["jsb_valid_micro"], abs=1e-5)
    left = jsb16.without_twins(made(76), Split.VALID)
    assert len(left) == 74
    assert {piece.name for piece in made(76)} - {piece.name for piece in left} == {
        "valid/58",
        "valid/74",
    }


def test_pieces_are_pitches_only(tmp_path: Path) -> None:
    frames = [[60, 55, 52, -1], [60, 57, 52, 48]]
    path = tmp_path / "jsb16.json"
    path.write_text(json.dumps({"train": [frames], "valid": [], "test": [frames]}))
    first, last = jsb16.pieces(path)
    assert (first.split, last.split) == (Split.TRAIN, Split.TEST)
    c, a = 60 - 36 + FIRST_PITCH, 57 - 36 + FIRST_PITCH
    assert first.tokens[0].tolist() == [c, c - 5, c - 8, REST]
    assert first.tokens[1].tolist() == [HOLD, a, HOLD, c - 12]
    assert first.fifths is None and not first.fermata.any()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{}", "cannot be read"),
        ("nothing", "cannot be read"),
        ('{"train": [[[60, 55]]], "valid": [], "test": []}', "no list of four"),
        ('{"train": [[[99, 55, 52, 40]]], "valid": [], "test": []}', "leaves 36…81"),
    ],
)
def test_a_broken_file_is_a_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "jsb16.json"
    path.write_text(text)
    with pytest.raises(RipienoError, match=sentence):
        jsb16.pieces(path)
    with pytest.raises(RipienoError, match="there is no such file"):
        jsb16.pieces(tmp_path / "none.json")


@needs_benchmark
def test_the_split_is_everybodys() -> None:
    every = jsb16.pieces(FILE)
    assert [sum(piece.split is split for piece in every) for split in jsb16.SPLITS.values()] == [
        229,
        76,
        77,
    ]
    assert sum(len(piece) for piece in every if piece.split is Split.VALID) == 18_408


@needs_benchmark
def test_the_lstm_that_ships_has_the_figure_that_torch_gave_it() -> None:
    valid = [piece for piece in jsb16.pieces(FILE) if piece.split is Split.VALID]
    # Every fourth piece is enough to see a wrong definition, and takes two seconds.
    model = Shipped()
    some = [micro(model, [piece]) * len(piece) for piece in valid[::4]]
    assert np.sum(some) / sum(len(piece) for piece in valid[::4]) == pytest.approx(0.45, abs=0.03)
    assert LSTM_MICRO == 0.4540
