"""Exports the models of tokens whose memory has a fixed shape: a step graph, its states outside."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ripieno_models.bundle_files import Checked, Layout, tensor
from ripieno_models.families.stepped import Stepped
from ripieno_models.gates import refuse_difference
from ripieno_models.onnx_files import exported
from ripieno_models.onnx_step import Floats, session_of

OPSET = 18
FILE = "model.onnx"
REPLAYED = 128
"""Tokens that the graph is held against torch on."""


class Step(nn.Module):
    """A model's step, for the exporter."""

    def __init__(self, model: Stepped) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        """tokens int64 [1, 1] and states → logits [1, V] and the states after it."""
        return self.model.step(tokens, *states)


def write_graphs(
    model: Stepped, made: Path, valid: Sequence[NDArray[np.int64]]
) -> tuple[Layout, Checked]:
    """Write the step graph in 32-bit floats to `made`, held against torch. Raises BundleError."""
    shapes = model.states()
    # No two alike: the exporter takes a tensor that comes twice for a single input.
    states = [torch.full(shape, 0.1 * number) for number, shape in enumerate(shapes.values())]
    exported(
        Step(model),
        (torch.zeros(1, 1, dtype=torch.long), *states),
        made / FILE,
        input_names=["tokens", *shapes],
        output_names=["logits", *(f"{name}_out" for name in shapes)],
        opset_version=OPSET,
    )
    line = valid[0][:REPLAYED]
    with torch.inference_mode():
        right = model(torch.from_numpy(line)[None])[0][0]
    difference = float(np.abs(replay(made / FILE, line) - right.numpy()).max())
    refuse_difference(difference, len(line), FILE)
    nll = float(nn.functional.cross_entropy(right[:-1], torch.from_numpy(line[1:])))
    size = right.shape[-1]
    told = {
        "input": [tensor("tokens", "int64", [1, 1])],
        "output": [tensor("logits", "float32", [1, size])],
        "state": [
            {"input": name, "output": f"{name}_out", "dtype": "float32", "shape": list(shape)}
            for name, shape in shapes.items()
        ],
    }
    layout = Layout((("step", "fp32", FILE),), told, {"kind": "snapshot"})
    return layout, Checked(difference, nll, nll)


def replay(path: Path, line: NDArray[np.int64]) -> Floats:
    """Logits [N, V] of a step graph for a line of tokens, from nothing."""
    session = session_of(path)
    inputs = session.get_inputs()[1:]
    states = {each.name: np.zeros(each.shape, np.float32) for each in inputs}
    outputs = [each.name for each in session.get_outputs()]
    told: list[Floats] = []
    for token in line.tolist():
        logits, *after = session.run(outputs, {"tokens": np.array([[token]]), **states})
        states = dict(zip(states, after, strict=True))
        told.append(np.asarray(logits)[0])
    return np.stack(told)
