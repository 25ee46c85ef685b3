"""Exported decoders as bundles that the engine opens: it says what torch says, in every precision,
with and without ONNX Runtime's own operators."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from ripieno.inference.backbone import PortableBackbone
from ripieno.inference.bundle import load_manifest
from ripieno.inference.cached_model import CachedModel
from ripieno.inference.opening import open_model
from ripieno_models.bundle_files import digest
from ripieno_models.decoder_export import FP32
from ripieno_models.decoder_graphs import Shape, random_weights
from ripieno_models.families.decoder import Decoder, TransformerOptions

from tests.bench_torch_decoder import Static
from tests.bench_turns import Way, in_turns, interval
from tests.decoder_bundles import write_decoder_bundle

SHAPE = Shape(vocabulary=60, width=64, layers=2, heads=4, kv_heads=4, inner=96, context=256)
TOKENS = [int(token) for token in np.random.default_rng(7).integers(0, 60, 120)]
TOLERANCES = {"fp32": 1e-4, "int8": 0.2, "q8": 0.2}
Floats = NDArray[np.float32]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("bundles") / "random-decoder"
    return write_decoder_bundle(place, SHAPE, random_weights(SHAPE), portable=True)


@pytest.fixture(scope="module")
def right() -> Floats:
    """What torch says after each token."""
    sizes = TransformerOptions(width=64, layers=2, heads=4, inner=96, context=256)
    model = Decoder(sizes, SHAPE.vocabulary).eval()
    model.load_state_dict(random_weights(SHAPE))
    with torch.inference_mode():
        return np.asarray(model(torch.tensor([TOKENS]))[0][0].numpy())


def opened(folder: Path, precision: str) -> CachedModel:
    model = open_model(load_manifest(folder), precision)
    assert isinstance(model, CachedModel)
    return model


@pytest.mark.parametrize("precision", TOLERANCES)
def test_steps_chunks_and_trees_in_every_precision(
    precision: str, folder: Path, right: Floats
) -> None:
    model, near = opened(folder, precision), TOLERANCES[precision]
    assert model.precision == precision
    rows = [(token,) for token in TOKENS]
    told = [model.step(row).copy() for row in rows[:40]]
    assert np.abs(told - right[:40]).max() <= near
    told = [model.feed(rows[40:90], [])[0].copy(), model.step(rows[90]).copy()]
    assert np.abs(told - right[[89, 90]]).max() <= near
    model.rewind(70)
    others = rows[20:39]
    tree = model.grow([rows[70], *others, rows[71]], [*[None] * 20, 0])
    assert np.abs(tree[[0, 20]] - right[[70, 71]]).max() <= near
    model.keep(20)
    assert model.length == 72
    assert np.abs(model.step(rows[72]) - right[72]).max() <= near


def test_a_runtime_without_its_own_operators_plays_the_portable_graph(
    folder: Path, right: Floats, tmp_path: Path
) -> None:
    place = tmp_path / folder.name
    place.mkdir()
    for file in folder.iterdir():
        (place / file.name).write_bytes(file.read_bytes())
    graph = onnx.load(place / FP32)
    for node in graph.graph.node:
        if node.op_type == "GroupQueryAttention":
            node.op_type = "NotYetInvented"
    before = digest(place / FP32)
    onnx.save(graph, place / FP32)
    manifest = place / "manifest.toml"
    manifest.write_text(manifest.read_text().replace(before, digest(place / FP32)))
    model = opened(place, "fp32")
    assert isinstance(model._backbone, PortableBackbone)
    rows = [(token,) for token in TOKENS]
    told = [model.feed(rows[:100], [])[0].copy(), model.step(rows[100]).copy()]
    assert np.abs(told - right[99:101]).max() <= 1e-4
    assert opened(place, "int8").branches > 0, "the other graphs are whole"


def test_what_the_bench_compares_with_says_the_same(right: Floats) -> None:
    static = Static(random_weights(SHAPE), SHAPE)
    told = [static.feed(TOKENS[:50]), static.feed(TOKENS[50:51]), static.feed(TOKENS[51:52])]
    assert np.abs(np.array(told) - right[49:52]).max() <= 1e-4
    static.rewind(40)
    assert np.abs(static.feed(TOKENS[40:41]) - right[40]).max() <= 1e-4


def test_ways_are_measured_in_turns_and_made_ready_each_time() -> None:
    done: list[str] = []
    ways = [
        Way(name, lambda name=name: done.append(name), lambda: done.append("ready"))  # type: ignore[misc]
        for name in ("one", "other")
    ]
    found = in_turns(ways, 15)
    assert done[:4] == ["ready", "one"] * 2
    assert done[24:28] == ["ready", "other"] * 2
    assert len(found["one"].values) == len(found["other"].values) == 20
    low, high = interval(found["one"], found["one"])
    assert low == high == 1.0
