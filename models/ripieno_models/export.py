"""Writes a run as a bundle, and refuses unless the graphs say what torch says."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import onnx
import torch
from ripieno.errors import BundleError, RipienoError
from ripieno.grammar.grid import FEATURES, VOCABULARY
from ripieno.inference import note_sampler, sonorities
from torch import Tensor, nn

from ripieno_models import bundle_files, export_framed, export_frames, note_tables
from ripieno_models.bundle_files import Checked, Layout, tensor
from ripieno_models.corpora import Corpus
from ripieno_models.dataset import Batch, whole
from ripieno_models.families.chorale_transformer import ChoraleTransformer
from ripieno_models.families.frames import FrameModel
from ripieno_models.gates import (
    LARGEST_DIFFERENCE,
    LARGEST_LOSS,
    asked_of,
    onnx_nll,
    refuse_difference,
    refuse_loss,
    replayed,
)
from ripieno_models.likelihood import likelihood
from ripieno_models.onnx_files import exported, quantise
from ripieno_models.onnx_step import Floats, OnnxStep
from ripieno_models.piece import Ints, Split
from ripieno_models.runs import figures_of, load

__all__ = ["LARGEST_DIFFERENCE", "LARGEST_LOSS", "bundle", "gate", "onnx_nll", "write_graphs"]

OPSET = 18
REFERENCE_STEPS = 64
FP32, INT8, REFERENCE = "model.onnx", "model.int8.onnx", "reference.npz"


class Stacked(Protocol):
    """The sizes of an LSTM."""

    @property
    def layers(self) -> int:
        """How many there are, one above the other."""

    @property
    def hidden(self) -> int:
        """Units of each."""


class Step(nn.Module):
    """One decision, with the state passed by hand."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, features: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """features int64 [1, F]; h, c [layers, 1, hidden] → logits [1, 48], h_out, c_out."""
        logits, (h, c) = self.model(features[:, None], (h, c))
        return logits[:, 0], h, c


def bundle(folder: Path, corpus: Corpus, zoo: Path) -> Path:
    """Write the run in `folder` to `zoo`/NAME. Raises RipienoError where a check fails.

    Everything is checked before anything in the zoo is touched.
    """
    model, options = load(folder)
    told = figures_of(folder)
    valid = whole(corpus.of(Split.VALID), batch=1)
    if not valid:
        raise RipienoError("there is no validation piece to check with", where=corpus.name)
    with tempfile.TemporaryDirectory() as name:
        made = Path(name)
        if isinstance(model, ChoraleTransformer):
            export_framed.write_graphs(model, options, made)
            checked = export_framed.gate(model, made, valid)
            laid_out = export_framed.layout(options)
            export_framed.leave_out_fp32(made)
            if (folder / sonorities.FILE).exists():
                shutil.copy(folder / sonorities.FILE, made / sonorities.FILE)
        elif isinstance(model, FrameModel):
            export_frames.write_graph(model, made / export_frames.FILE)
            checked = export_frames.gate(model, made / export_frames.FILE, valid)
            laid_out = export_frames.layout(model)
            note_tables.write(corpus.of(Split.TRAIN), made / note_sampler.FILE)
        else:
            write_graphs(model, options, made / FP32, made / INT8)
            checked = gate(model, made / FP32, made / INT8, valid)
            laid_out = layout(options)
        write_reference(model, valid, made / REFERENCE)
        return bundle_files.write(folder, laid_out, told, checked, made, zoo)


def write_graphs(
    model: nn.Module, options: Stacked, fp32: Path, int8: Path, width: int = len(FEATURES)
) -> None:
    """Write the step graph in fp32 and int8 (dynamic: weights in int8, sums in int32), for
    decisions of so many features.

    Raises BundleError if an LSTM stays in floats.
    """
    shape = (options.layers, 1, options.hidden)
    # h and c must be two tensors: the exporter takes one that comes twice for a single input.
    example = (
        torch.zeros(1, width, dtype=torch.long),
        torch.zeros(shape),
        torch.ones(shape),
    )
    exported(
        Step(model),
        example,
        fp32,
        input_names=["features", "h", "c"],
        output_names=["logits", "h_out", "c_out"],
        opset_version=OPSET,
    )
    quantise(fp32, int8, ("LSTM", "MatMul", "Gemm"))
    if any(node.op_type == "LSTM" for node in onnx.load(int8).graph.node):
        raise BundleError("an LSTM could not be quantised", where=int8.name)


def layout(
    options: Stacked,
    width: int = len(FEATURES),
    vocabulary: int = VOCABULARY,
    files: tuple[tuple[str, str, str], ...] = (("step", "int8", INT8), ("step", "fp32", FP32)),
) -> Layout:
    """What the manifest tells of a step graph with its state."""
    shape = [options.layers, 1, options.hidden]
    return Layout(
        graphs=files,
        tensors={
            "input": [tensor("features", "int64", [1, width])],
            "output": [tensor("logits", "float32", [1, vocabulary])],
            "state": [
                {"input": name, "output": f"{name}_out", "dtype": "float32", "shape": shape}
                for name in "hc"
            ],
        },
        rewind={"kind": "snapshot"},
    )


def gate(model: nn.Module, fp32: Path, int8: Path, valid: Sequence[Batch]) -> Checked:
    """Hold the graphs against torch on real pieces (one a batch). Raises BundleError."""
    seen = replayed(valid)
    with torch.inference_mode():
        right = model(seen[None])[0][0].numpy()
        nll_fp32 = likelihood(model, valid).nll
    difference = float(np.abs(OnnxStep(fp32).replay(seen.numpy()) - right).max())
    refuse_difference(difference, len(seen), fp32.name)
    checked = Checked(difference, nll_fp32, onnx_nll(OnnxStep(int8), valid))
    refuse_loss(checked, int8.name)
    return checked


def write_reference(model: nn.Module, valid: Sequence[Batch], path: Path) -> None:
    """Write torch's logits for the first steps of a piece, to check the bundle without torch."""
    seen: Ints = asked_of(valid[-1]).features[0, :REFERENCE_STEPS].numpy()
    with torch.inference_mode():
        logits: Floats = model(torch.from_numpy(seen)[None])[0][0].numpy()
    np.savez_compressed(path, features=seen.astype(np.uint8), logits=logits)
