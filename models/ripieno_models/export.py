"""Writes a run as a bundle, and refuses unless the graphs say what torch says."""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxscript import optimizer
from ripieno.errors import BundleError, RipienoError
from ripieno.grammar.grid import FEATURES
from torch import Tensor, nn

from ripieno_models import bundle_files
from ripieno_models.bundle_files import Checked
from ripieno_models.corpora import Corpus
from ripieno_models.dataset import Batch, whole
from ripieno_models.families.chorale_lstm import ChoraleLstm, Options
from ripieno_models.features import Decisions, decisions
from ripieno_models.likelihood import likelihood, log_prob
from ripieno_models.onnx_step import Floats, OnnxStep
from ripieno_models.piece import Ints, Split
from ripieno_models.runs import FIGURES, load, read

OPSET = 18
STEPS_REPLAYED = 256
LARGEST_DIFFERENCE = 1e-4
LARGEST_LOSS = 0.005
"""How much worse int8 may be than fp32, as a share of its nats per decision."""
REFERENCE_STEPS = 64
FOLDED = 1 << 24
"""Bytes of a constant that may still be folded: more than any weight has."""
FP32, INT8, REFERENCE = "model.onnx", "model.int8.onnx", "reference.npz"


class Step(nn.Module):
    """One decision, with the state passed by hand."""

    def __init__(self, model: ChoraleLstm) -> None:
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
    told = read(folder, FIGURES)
    if not told:
        raise RipienoError(
            "this run has no figures yet",
            where=str(folder),
            nearest="Run `ripieno-models evaluate` first.",
        )
    valid = whole(corpus.of(Split.VALID), batch=1)
    if not valid:
        raise RipienoError("there is no validation piece to check with", where=corpus.name)
    with tempfile.TemporaryDirectory() as made:
        fp32, int8 = Path(made, FP32), Path(made, INT8)
        write_graphs(model, options, fp32, int8)
        checked = gate(model, fp32, int8, valid)
        write_reference(model, valid, Path(made, REFERENCE))
        return bundle_files.write(folder, options, told, checked, Path(made), zoo)


def write_graphs(model: ChoraleLstm, options: Options, fp32: Path, int8: Path) -> None:
    """Write the step graph in fp32 and int8 (dynamic: weights in int8, sums in int32)."""
    step = Step(model).eval()
    shape = (options.layers, 1, options.hidden)
    # h and c must be two tensors: the exporter takes one that comes twice for a single input.
    example = (
        torch.zeros(1, len(FEATURES), dtype=torch.long),
        torch.zeros(shape),
        torch.ones(shape),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        program = torch.onnx.export(
            step,
            example,
            input_names=["features", "h", "c"],
            output_names=["logits", "h_out", "c_out"],
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    # Weights that the graph cuts and joins anew are no constants, and would stay in fp32.
    optimizer.optimize(program.model, input_size_limit=FOLDED, output_size_limit=FOLDED)
    graph = without_traces(program.model_proto)
    onnx.checker.check_model(graph)
    onnx.save(graph, fp32)
    quantise(fp32, int8)


def without_traces(model: onnx.ModelProto) -> onnx.ModelProto:
    """`model` without the notes of the exporter, which name the files of whoever exported it."""
    parts = (model.graph, *model.functions)
    noted = [*parts, *(node for part in parts for node in part.node)]
    noted += [*model.graph.input, *model.graph.output, *model.graph.value_info]
    for each in noted:
        each.ClearField("metadata_props")
        each.ClearField("doc_string")
    return model


def quantise(fp32: Path, int8: Path) -> None:
    """Write `fp32` with 8-bit weights to `int8`. Raises BundleError if an LSTM stays in floats."""
    logging.getLogger().setLevel(logging.ERROR)
    quantize_dynamic(
        fp32, int8, op_types_to_quantize=["LSTM", "MatMul", "Gemm"], weight_type=QuantType.QInt8
    )
    if any(node.op_type == "LSTM" for node in onnx.load(int8).graph.node):
        raise BundleError("an LSTM could not be quantised", where=int8.name)


def gate(model: ChoraleLstm, fp32: Path, int8: Path, valid: Sequence[Batch]) -> Checked:
    """Hold the graphs against torch on real pieces (one a batch). Raises BundleError."""
    piece = next((b for b in valid if b.tokens.shape[1] * 4 >= STEPS_REPLAYED), valid[0])
    asked = asked_of(piece)
    seen = asked.features[0, :STEPS_REPLAYED]
    with torch.inference_mode():
        right = model(seen[None])[0][0].numpy()
        nll_fp32 = likelihood(model, valid).nll
    difference = float(np.abs(OnnxStep(fp32).replay(seen.numpy()) - right).max())
    if not difference <= LARGEST_DIFFERENCE:
        raise BundleError(
            f"the graph's logits differ from torch's by {difference:.2g} in {len(seen)} steps",
            where=fp32.name,
            allowed=f"at most {LARGEST_DIFFERENCE:g}",
        )
    checked = Checked(difference, nll_fp32, onnx_nll(OnnxStep(int8), valid))
    if not abs(checked.loss) <= LARGEST_LOSS:
        raise BundleError(
            f"in int8 the model is {checked.loss:+.2%} off, {checked.nll_int8:.4f} instead of "
            f"{checked.nll_fp32:.4f} nats per decision",
            where=int8.name,
            allowed=f"at most {LARGEST_LOSS:.1%}",
        )
    return checked


def onnx_nll(graph: OnnxStep, batches: Sequence[Batch]) -> float:
    """Nats per decision of a step graph over whole pieces, one a batch."""
    total, count = 0.0, 0
    for batch in batches:
        asked = asked_of(batch)
        logits = torch.from_numpy(graph.replay(asked.features[0].numpy()))
        total -= float(log_prob(logits[None], asked).sum())
        count += asked.targets.numel()
    return total / count


def asked_of(piece: Batch) -> Decisions:
    """The decisions of a batch of one piece."""
    return decisions(piece.tokens, piece.order, piece.settings)


def write_reference(model: ChoraleLstm, valid: Sequence[Batch], path: Path) -> None:
    """Write torch's logits for the first steps of a piece, to check the bundle without torch."""
    seen: Ints = asked_of(valid[-1]).features[0, :REFERENCE_STEPS].numpy()
    with torch.inference_mode():
        logits: Floats = model(torch.from_numpy(seen)[None])[0][0].numpy()
    np.savez_compressed(path, features=seen.astype(np.uint8), logits=logits)
