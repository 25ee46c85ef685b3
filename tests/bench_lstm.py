"""A step of an LSTM in the engine and in torch, whichever way torch does it best."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from ripieno.grammar.grid import FEATURES, VOCABULARY
from ripieno.inference.bundle import check
from ripieno.inference.onnx_model import StepModel
from torch import Tensor, nn

from tests.bench_table import Findings, Row, Target
from tests.bench_torch import features_of
from tests.bench_turns import Way, at_least, in_turns, times, versus
from tests.bench_weights import streamed
from tests.engine.bundles import Recipe, write_bundle

LARGE = Recipe(hidden=512, layers=3, width=8, int8=True)
SMALL = Recipe(hidden=256, layers=2, width=6, int8=True)


class Network(nn.Module):
    """Embedded features, an LSTM, logits: the network of the bundles with random weights."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        rows, width = sum(feature.size for feature in FEATURES), len(FEATURES) * recipe.width
        self.embedding = nn.Embedding(rows, recipe.width)
        self.lstm = nn.LSTM(width, recipe.hidden, recipe.layers, batch_first=True)
        self.head = nn.Linear(recipe.hidden, VOCABULARY)
        sizes = [width] + [recipe.hidden] * (recipe.layers - 1)
        self.cells = nn.ModuleList(nn.LSTMCell(size, recipe.hidden) for size in sizes)

    def forward(self, row: Tensor, state: tuple[Tensor, Tensor]) -> Tensor:
        """[1, 48] from [1, F]."""
        seen, _ = self.lstm(self.embedding(row).flatten(1)[:, None], state)
        logits: Tensor = self.head(seen[:, 0])
        return logits

    def by_cells(self, row: Tensor, state: list[tuple[Tensor, Tensor]]) -> Tensor:
        """The same, one nn.LSTMCell for each layer."""
        x = self.embedding(row).flatten(1)
        for cell, one in zip(self.cells, state, strict=True):
            x, _ = cell(x, one)
        logits: Tensor = self.head(x)
        return logits

    @property
    def parameters_of_one(self) -> int:
        """Numbers that a step reads: of the embedding only a few rows."""
        parts = (*self.lstm.parameters(), *self.head.parameters())
        return sum(part.numel() for part in parts)


def lstm(place: Path, quick: bool) -> Findings:
    """Both sizes, each against nn.LSTM, nn.LSTMCell, and nn.LSTM without mkldnn."""
    count = 60 if quick else 400
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        found = [
            _one(place / "large", "LSTM 3 × 512", LARGE, count, 40),
            _one(place / "small", "LSTM 2 × 256", SMALL, count, 12),
        ]
    finally:
        torch.set_num_threads(before)
    rows = tuple(row for each in found for row in each.rows)
    return Findings(rows, tuple(target for each in found for target in each.targets))


def _one(folder: Path, name: str, recipe: Recipe, count: int, ratio: float) -> Findings:
    manifest = check(write_bundle(folder, recipe))
    ours = {p: StepModel.open(manifest, p) for p in ("int8", "fp32")}
    inputs = features_of(200)
    turn = iter(range(10**9))

    def next_row() -> tuple[int, ...]:
        return inputs[next(turn) % len(inputs)]

    ways = [Way(p, lambda m=m: m.step(next_row())) for p, m in ours.items()]  # type: ignore[misc]
    network = Network(recipe).eval()
    ways += _torch_ways(network, recipe, next_row)
    size = network.parameters_of_one
    ways.append(Way("reading as many bytes as int8 has", streamed(size)))
    with torch.inference_mode():
        found = in_turns(ways, count)
    title = f"{name}, {size / 1e6:.2f} M, a step"
    int8 = found["int8"]
    rivals = [found[way.name] for way in ways if way.name.startswith("torch")]
    fastest = min(rivals, key=lambda sample: sample.median)
    rows: list[Row] = [versus(title, int8, other) for other in [found["fp32"], *rivals]]
    rows.append(times(title, int8, found["reading as many bytes as int8 has"]))
    targets: list[Target] = [
        at_least(f"{name}, torch's nn.LSTM", int8, found["torch nn.LSTM"], ratio)
    ]
    word = (
        f"{name}: the fastest of torch's ways is {fastest.name} ({fastest.median:.3f} ms), "
        f"{fastest.median / int8.median:.1f} times our int8 step and "
        f"{fastest.median / found['fp32'].median:.1f} times our fp32 step."
    )
    return Findings(tuple(rows), tuple(targets), (word,))


def _torch_ways(
    network: Network, recipe: Recipe, next_row: Callable[[], tuple[int, ...]]
) -> list[Way]:
    shape = (recipe.layers, 1, recipe.hidden)
    state = (torch.zeros(shape), torch.zeros(shape))
    each = [(torch.zeros(1, recipe.hidden), torch.zeros(1, recipe.hidden))] * recipe.layers
    offsets = torch.from_numpy(np.cumsum([0, *(f.size for f in FEATURES[:-1])]))

    def row() -> Tensor:
        return torch.tensor([next_row()]) + offsets

    def plain() -> Tensor:
        with torch.backends.mkldnn.flags(enabled=False):
            logits: Tensor = network(row(), state)
        return logits

    return [
        Way("torch nn.LSTM", lambda: network(row(), state).numpy()),
        Way("torch nn.LSTM without mkldnn", lambda: plain().numpy()),
        Way("torch nn.LSTMCell", lambda: network.by_cells(row(), each).numpy()),
    ]
