"""Exports the families that hear whole sixteenths, as step graphs that keep their memory outside.

Whatever a family remembers goes in and comes out as states of fixed shape; the engine copies them
and knows nothing else of it. They are small and stay in 32-bit floats.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from ripieno.grammar.grid import FEATURES, VOCABULARY
from torch import Tensor, nn

from ripieno_models.bundle_files import Checked, Layout, tensor
from ripieno_models.dataset import Batch
from ripieno_models.families.frames import FrameModel
from ripieno_models.gates import refuse_difference, replayed
from ripieno_models.likelihood import likelihood
from ripieno_models.onnx_files import exported
from ripieno_models.onnx_step import Floats, session_of

FILE = "model.onnx"
OPSET = 18


class Step(nn.Module):
    """A frame model's step, for the exporter."""

    def __init__(self, model: FrameModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, features: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        """features int64 [1, F] and states → logits [1, 48] and the states after it."""
        return self.model.step(features, *states)


class OnnxFrames:
    """An exported step graph with its states: features in, logits out. Starts from silence."""

    def __init__(self, path: Path) -> None:
        self.session = session_of(path)
        self.shapes = {i.name: tuple(i.shape) for i in self.session.get_inputs()[1:]}
        self.outputs = [o.name for o in self.session.get_outputs()]
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.states = {name: np.zeros(shape, np.float32) for name, shape in self.shapes.items()}

    def step(self, features: Sequence[int]) -> Floats:
        """Logits [48] for one decision; the states move on."""
        fed = {"features": np.array([features], np.int64), **self.states}
        logits, *after = self.session.run(self.outputs, fed)
        self.states = dict(zip(self.shapes, after, strict=True))
        return np.asarray(logits[0])

    def replay(self, features: NDArray[np.int64]) -> Floats:
        """Logits [N, 48] for `features` [N, F], from silence, one step at a time."""
        self.reset()
        return np.stack([self.step(row) for row in features.tolist()])


def write_graph(model: FrameModel, path: Path) -> None:
    """Write the step graph of `model`."""
    shapes = model.states()
    # No two alike: the exporter takes a tensor that comes twice for a single input.
    states = [torch.full(shape, float(number)) for number, shape in enumerate(shapes.values())]
    exported(
        Step(model),
        (torch.zeros(1, len(FEATURES), dtype=torch.long), *states),
        path,
        input_names=["features", *shapes],
        output_names=["logits", *(f"{name}_out" for name in shapes)],
        opset_version=OPSET,
    )


def layout(model: FrameModel) -> Layout:
    """What the manifest tells of the step graph with its states."""
    return Layout(
        graphs=(("step", "fp32", FILE),),
        tensors={
            "input": [tensor("features", "int64", [1, len(FEATURES)])],
            "output": [tensor("logits", "float32", [1, VOCABULARY])],
            "state": [
                {"input": name, "output": f"{name}_out", "dtype": "float32", "shape": list(shape)}
                for name, shape in model.states().items()
            ],
        },
        rewind={"kind": "snapshot"},
    )


def gate(model: FrameModel, path: Path, valid: Sequence[Batch]) -> Checked:
    """Hold the graph against torch on real pieces (one a batch). Raises BundleError."""
    seen = replayed(valid)
    with torch.inference_mode():
        right = model(seen[None])[0][0].numpy()
    difference = float(np.abs(OnnxFrames(path).replay(seen.numpy()) - right).max())
    refuse_difference(difference, len(seen), path.name)
    nll = likelihood(model, valid).nll
    return Checked(difference, nll, nll)
