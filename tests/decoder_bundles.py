"""Bundles of decoders with random weights, as the trainer exports them: for tests and benches."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import tomlkit
from ripieno_models import decoder_graphs, decoder_portable
from ripieno_models.bundle_files import Layout, digest, graphs, table, tables
from ripieno_models.decoder_export import FP32, INT8, PORTABLE, Q8, GraphFile, rewind, tensors
from ripieno_models.decoder_graphs import Shape
from ripieno_models.onnx_files import quantise, quantise_blocks
from torch import Tensor

SMALL = Shape(1024, width=256, layers=6, heads=4, kv_heads=4, inner=1024, context=2304)
LARGE = Shape(1024, width=512, layers=8, heads=8, kv_heads=8, inner=2048, context=2304)
"""6.6 and 34 million weights."""


def write_decoder_bundle(
    folder: Path,
    shape: Shape,
    weights: Mapping[str, Tensor],
    precisions: Sequence[str] = ("int8", "q8", "fp32"),
    portable: bool = False,
) -> Path:
    """Write a whole bundle into `folder`: int8, q8 and fp32 graphs, and a `portable` one."""
    folder.mkdir(parents=True, exist_ok=True)
    decoder_graphs.write(weights, shape, folder / FP32)
    quantise(folder / FP32, folder / INT8, ("MatMul",), per_channel=True)
    files: list[GraphFile] = [("step", "int8", INT8)]
    if "q8" in precisions:
        quantise_blocks(folder / FP32, folder / Q8)
        files += [("step", "q8", Q8), ("chunk", "q8", INT8)]
    if "fp32" in precisions:
        files.append(("step", "fp32", FP32))
    if portable:
        decoder_portable.write(weights, shape, folder / PORTABLE["fp32"])
        files.append(("portable", "fp32", PORTABLE["fp32"]))
    (folder / "CARD.md").write_text("# Random weights\n")
    tokens = [[["PAD", str(number)]] for number in range(shape.vocabulary)]
    told = {"format": 1, "tokens": tokens, "merges": []}
    (folder / "vocabulary.json").write_text(json.dumps(told))
    (folder / "manifest.toml").write_text(tomlkit.dumps(_manifest(folder, shape, files)))
    return folder


def _manifest(folder: Path, shape: Shape, files: Sequence[GraphFile]) -> tomlkit.TOMLDocument:
    layout = Layout(tuple(files), tensors(shape), rewind(shape))
    top = tomlkit.document()
    told = {"format": 1, "name": "random-decoder", "version": "1.0.0", "title": "Random weights"}
    for name, value in {**told, "licence": "CC0-1.0", "grammar": "tokens", "given": "none"}.items():
        top.add(name, tomlkit.item(value))
    spec = {"scheme": "remi", "use": "melody", "vocabulary": "vocabulary.json"}
    sizes = {"size": shape.vocabulary, "positions_per_beat": 4, "polyphony": 1}
    top.add("tokens", table({**spec, **sizes, "start": ["BOS_None"], "prefix": []}))
    top.add("voice", tables([{"name": "soprano", "low": 36, "high": 96}]))
    top.add("graph", tables(graphs(layout, folder)))
    for name, rows in layout.tensors.items():
        top.add(name, tables(rows))
    top.add("rewind", table(layout.rewind))
    data = [{"name": "none", "licence": "CC0-1.0", "pieces": 0}]
    made = {"data": data, "command": "none", "seed": 1, "minutes": 0.0, "machine": "any"}
    top.add("training", table(made))
    top.add("metrics", table({"nll": 0.0}))
    others = [folder / name for name in ("CARD.md", "vocabulary.json")]
    top.add("file", tables([{"name": p.name, "sha256": digest(p)} for p in others]))
    return top
