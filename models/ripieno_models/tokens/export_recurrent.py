"""The graphs of a recurrent model of tokens: one step, with its state passed by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from ripieno.errors import BundleError
from torch import Tensor, nn

from ripieno_models.bundle_files import Checked, Layout, tensor
from ripieno_models.families.decoder import Recurrent
from ripieno_models.gates import refuse_difference, refuse_loss
from ripieno_models.onnx_files import exported, quantise
from ripieno_models.onnx_step import Floats, session_of

OPSET = 18
FP32, INT8 = "model.onnx", "model.int8.onnx"
REPLAYED = 256


class Step(nn.Module):
    """One token, with the state passed by hand."""

    def __init__(self, model: Recurrent) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """tokens int64 [1, 1]; h, c [layers, 1, hidden] → logits [1, V], h_out, c_out."""
        logits, (h, c) = self.model(tokens, (h, c))
        return logits[:, 0], h, c


def write_graphs(
    model: nn.Module, made: Path, valid: Sequence[NDArray[np.int64]]
) -> tuple[Layout, Checked]:
    """Write the step graph in fp32 and int8 to `made`, keep int8, and hold both against torch.

    Raises BundleError.
    """
    if not isinstance(model, Recurrent):
        raise BundleError(f"there is no export for {type(model).__name__}")
    options = model.options
    shape = [options.layers, 1, options.hidden]
    # h and c must be two tensors: the exporter takes one that comes twice for a single input.
    exported(
        Step(model),
        (torch.zeros(1, 1, dtype=torch.long), torch.zeros(shape), torch.ones(shape)),
        made / FP32,
        input_names=["tokens", "h", "c"],
        output_names=["logits", "h_out", "c_out"],
        opset_version=OPSET,
    )
    quantise(made / FP32, made / INT8, ("LSTM", "MatMul", "Gemm"))
    checked = gate(model, made, valid)
    (made / FP32).unlink()
    told = Layout(
        (("step", "int8", INT8),),
        {
            "input": [tensor("tokens", "int64", [1, 1])],
            "output": [tensor("logits", "float32", [1, model.embedding.num_embeddings])],
            "state": [
                {"input": name, "output": f"{name}_out", "dtype": "float32", "shape": shape}
                for name in "hc"
            ],
        },
        {"kind": "snapshot"},
    )
    return told, checked


def gate(model: Recurrent, made: Path, valid: Sequence[NDArray[np.int64]]) -> Checked:
    """Hold the graphs against torch on real pieces. Raises BundleError."""
    with torch.inference_mode():
        right = [model(torch.from_numpy(line)[None])[0][0].numpy() for line in valid]
    first = valid[0][:REPLAYED]
    difference = float(np.abs(replay(made / FP32, first) - right[0][: len(first)]).max())
    refuse_difference(difference, len(first), FP32)
    nats = [surprise(logits, line) for logits, line in zip(right, valid, strict=True)]
    nats8 = [surprise(replay(made / INT8, line), line) for line in valid]
    asked = sum(len(line) - 1 for line in valid)
    checked = Checked(difference, sum(nats) / asked, sum(nats8) / asked)
    refuse_loss(checked, INT8)
    return checked


def surprise(logits: Floats, line: NDArray[np.int64]) -> float:
    """The nats of a line's tokens behind its first."""
    likely = torch.from_numpy(logits[:-1]).log_softmax(-1)
    return -float(likely[torch.arange(len(line) - 1), torch.from_numpy(line[1:])].sum())


def replay(path: Path, line: NDArray[np.int64]) -> Floats:
    """Logits [N, V] of a step graph for a line of tokens, from nothing."""
    session = session_of(path)
    shape = session.get_inputs()[1].shape
    h, c = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    told = []
    for token in line.tolist():
        fed = {"tokens": np.array([[token]]), "h": h, "c": c}
        logits, h, c = session.run(["logits", "h_out", "c_out"], fed)
        told.append(logits[0])
    return np.stack(told)
