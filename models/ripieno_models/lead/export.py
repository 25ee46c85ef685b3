"""Writes a run of lead sheets as a bundle, and refuses unless the graph says what torch says."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import tomlkit
import torch
from ripieno.errors import BundleError, RipienoError
from ripieno.grammar.grid import STEPS_PER_BEAT, VOICES
from ripieno.grammar.lead_sheet import (
    CHORD_TOKENS,
    FEATURES,
    HIGHEST,
    LOWEST,
    MELODY_TOKENS,
    NAMES,
    VOCABULARY,
)
from ripieno.inference.lead.manifest import LEAD_SHEET
from ripieno.settings import FULL_RANGES
from torch import nn

from ripieno_models.bundle_files import (
    Checked,
    Layout,
    commented,
    digest,
    graphs,
    table,
    tables,
    tensor,
    training,
)
from ripieno_models.export import FP32, INT8, OPSET, REFERENCE, REFERENCE_STEPS, Step
from ripieno_models.families.lead_sheet import Options, legal
from ripieno_models.gates import STEPS_REPLAYED, refuse_difference, refuse_loss
from ripieno_models.lead import card
from ripieno_models.lead.dataset import Batch, whole
from ripieno_models.lead.kind import SheetKind
from ripieno_models.lead.report import curves
from ripieno_models.lead.runs import load
from ripieno_models.onnx_files import exported, quantise
from ripieno_models.onnx_step import Floats, OnnxStep
from ripieno_models.piece import Split
from ripieno_models.runs import FIGURES, RECORD, SAMPLES, read
from ripieno_models.tokens.sample import ROLLS
from ripieno_models.train_keeping import put_folder

VERSION = "1.0.0"


def bundle(kind: SheetKind, folder: Path, data: Path | None, zoo: Path) -> Path:
    """Write the run in `folder` to `zoo`/NAME. Raises RipienoError where a check fails.

    Everything is checked before anything in the zoo is touched.
    """
    model, options = load(kind, folder)
    told = read(folder, FIGURES)
    if not told:
        raise RipienoError(
            "this run has no figures yet",
            where=str(folder),
            nearest="Run `ripieno-models evaluate` first.",
        )
    valid = whole(kind.sheets(data, Split.VALID))
    with tempfile.TemporaryDirectory() as name:
        made = Path(name)
        write_graphs(model, options, made / FP32, made / INT8)
        checked = gate(model, made / FP32, made / INT8, valid)
        (made / FP32).unlink()
        write_reference(model, valid[0], made / REFERENCE)
        metrics = {**told, "largest_logit_difference": checked.difference}
        metrics["int8_loss_percent"] = 100 * checked.loss
        decorate(kind, folder, made, metrics)
        manifest = tomlkit.dumps(manifest_of(kind, folder, layout(options), metrics, made))
        (made / "manifest.toml").write_text(manifest, encoding="utf-8")
        place = zoo / kind.name
        put_folder(made, place)
    return Path(place)


def write_graphs(model: nn.Module, options: Options, fp32: Path, int8: Path) -> None:
    """Write the step graph in fp32 and in int8. Raises BundleError if an LSTM stays in floats."""
    shape = (options.layers, 1, options.hidden)
    # h and c must be two tensors: the exporter takes one that comes twice for a single input.
    example = (
        torch.zeros(1, len(FEATURES), dtype=torch.long),
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


def layout(options: Options) -> Layout:
    """What the manifest tells of a step graph with its state."""
    shape = [options.layers, 1, options.hidden]
    return Layout(
        graphs=(("step", "int8", INT8),),
        tensors={
            "input": [tensor("features", "int64", [1, len(FEATURES)])],
            "output": [tensor("logits", "float32", [1, VOCABULARY])],
            "state": [
                {"input": name, "output": f"{name}_out", "dtype": "float32", "shape": shape}
                for name in "hc"
            ],
        },
        rewind={"kind": "snapshot"},
    )


def gate(model: nn.Module, fp32: Path, int8: Path, valid: Sequence[Batch]) -> Checked:
    """Hold the graphs against torch on real sheets. Raises BundleError."""
    first = valid[0].features[0, :STEPS_REPLAYED]
    with torch.inference_mode():
        right = [model(batch.features)[0][0].numpy() for batch in valid]
    told = OnnxStep(fp32).replay(first.numpy())
    difference = float(np.abs(told - right[0][: len(first)]).max())
    refuse_difference(difference, len(first), fp32.name)
    graph = OnnxStep(int8)
    eight = [graph.replay(batch.features[0].numpy()) for batch in valid]
    checked = Checked(difference, nats(right, valid), nats(eight, valid))
    refuse_loss(checked, int8.name)
    return checked


def nats(logits: Sequence[Floats], batches: Sequence[Batch]) -> float:
    """Nats per decision of `logits` [N, VOCABULARY] for each of `batches`, one sheet each."""
    total = 0.0
    for each, batch in zip(logits, batches, strict=True):
        likely = legal(torch.from_numpy(each), batch.features[0]).log_softmax(-1)
        total -= float(likely.gather(1, batch.targets[0][:, None]).sum())
    return total / sum(len(each) for each in logits)


def write_reference(model: nn.Module, batch: Batch, path: Path) -> None:
    """Write torch's logits for the first decisions of a sheet, to check the bundle without it."""
    seen = batch.features[:, :REFERENCE_STEPS]
    with torch.inference_mode():
        logits = model(seen)[0][0].numpy()
    np.savez_compressed(path, features=seen[0].numpy().astype(np.uint8), logits=logits)


def decorate(kind: SheetKind, folder: Path, made: Path, metrics: dict[str, float]) -> None:
    """Add what is for people: the card, the curve, three samples and their picture."""
    shutil.copy(curves(folder), made / "curves.svg")
    for path in (*sorted(folder.glob("sample-*.mid")), folder / ROLLS):
        if path.exists():
            shutil.copy(path, made / path.name)
    words = card.text(kind, read(folder, RECORD), metrics, read(folder, SAMPLES))
    (made / "CARD.md").write_text(words, encoding="utf-8")


def manifest_of(
    kind: SheetKind, folder: Path, told: Layout, metrics: dict[str, float], made: Path
) -> tomlkit.TOMLDocument:
    """The manifest of the files in `made`."""
    top = tomlkit.document()
    top.add(tomlkit.comment("What the engine must know of this model; it checks all of it."))
    for name, value, comment in (
        ("format", 1, "of this manifest"),
        ("name", kind.name, None),
        ("version", VERSION, None),
        ("title", kind.title, None),
        ("licence", "Apache-2.0", "of the weights"),
        ("grammar", LEAD_SHEET, "how tokens become music"),
        ("given", "any", "which voices a player may give"),
    ):
        top.add(name, commented(value, comment))
    top.add(LEAD_SHEET, grammar())
    ranges = ((LOWEST, HIGHEST), *FULL_RANGES[1:])
    pairs = zip(VOICES, ranges, strict=True)
    top.add("voice", tables([{"name": name, "low": r[0], "high": r[1]} for name, r in pairs]))
    top.add("graph", tables(graphs(told, made)))
    for name, rows in told.tensors.items():
        top.add(name, tables(rows))
    top.add("rewind", table(told.rewind))
    top.add("training", training(read(folder, RECORD)))
    top.add("metrics", table({name: round(value, 6) for name, value in metrics.items()}))
    top["metrics"].comment("nll: nats per sixteenth, each told in CARD.md")
    others = [p for p in sorted(made.iterdir()) if p.suffix not in (".onnx", ".toml")]
    top.add("file", tables([{"name": p.name, "sha256": digest(p)} for p in others]))
    return top


def grammar() -> Any:
    """The manifest's table of the grammar."""
    return table(
        {
            "steps_per_beat": STEPS_PER_BEAT,
            "melody_tokens": MELODY_TOKENS,
            "chord_tokens": CHORD_TOKENS,
            "features": [feature.name for feature in FEATURES],
            "kinds": list(NAMES),
        },
        steps_per_beat="a step is a sixteenth",
        melody_tokens="hold, rest, and the pitches",
        chord_tokens="stay, none, and the symbols: twelve roots, each with all kinds",
    )
