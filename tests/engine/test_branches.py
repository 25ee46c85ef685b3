"""Candidates as a tree in one run, graphs on standard operators, graphs for single steps."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from ripieno.errors import BundleError
from ripieno.inference.backbone import MOST_BRANCHES, PortableBackbone
from ripieno.inference.bundle import load_manifest
from ripieno.inference.cached_model import CachedModel
from ripieno.inference.model import Branching, ModelFault, Row
from ripieno.inference.opening import open_model

from tests.engine.bundles import sha256
from tests.engine.cached_bundles import (
    CachedRecipe,
    quantise,
    write_cached_bundle,
    write_cached_manifest,
)
from tests.engine.portable_bundles import without_operator, write_portable_bundle
from tests.engine.test_models import rows_of, stepped

CLOSE = 1e-5
CONTEXT = 256
ROWS = rows_of(200)
RECIPE = CachedRecipe(context=CONTEXT, branches=True)
Parents = list[int | None]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cached_bundle(tmp_path_factory.mktemp("branching") / "test", RECIPE)


@pytest.fixture(scope="module")
def model(folder: Path) -> CachedModel:
    opened = open_model(load_manifest(folder))
    assert isinstance(opened, CachedModel)
    return opened


def path_of(number: int, parents: Sequence[int | None]) -> list[int]:
    found: list[int] = []
    at: int | None = number
    while at is not None:
        found.insert(0, at)
        at = parents[at]
    return found


def alone(
    model: CachedModel, heard: list[Row], rows: list[Row], parents: Parents
) -> NDArray[np.float32]:
    """The logits of each row of a tree, each path told by itself from nothing."""
    told = []
    for number in range(len(rows)):
        path = [rows[place] for place in path_of(number, parents)]
        told.append(stepped(model, [*heard, *path])[-1])
    return np.array(told)


def test_the_graph_tells_whether_it_can_branch(model: CachedModel, tmp_path: Path) -> None:
    assert isinstance(model, Branching)
    assert model.branches == MOST_BRANCHES
    plain = open_model(load_manifest(write_cached_bundle(tmp_path / "plain")))
    assert isinstance(plain, Branching) and plain.branches == 0
    with pytest.raises(ModelFault, match="0 candidates"):
        plain.grow(ROWS[:2], [None, None])


def test_a_graph_that_branches_says_what_the_plain_one_says(
    model: CachedModel, tmp_path: Path
) -> None:
    plain = open_model(
        load_manifest(write_cached_bundle(tmp_path / "plain", CachedRecipe(context=CONTEXT)))
    )
    assert np.abs(stepped(model, ROWS[:80]) - stepped(plain, ROWS[:80])).max() <= CLOSE
    model.reset()
    assert np.abs(model.feed(ROWS[:103], [])[0] - stepped(plain, ROWS[:103])[-1]).max() <= CLOSE


@pytest.mark.parametrize("heard", [0, 1, 63, 100])
def test_twenty_siblings_are_twenty_runs(model: CachedModel, heard: int) -> None:
    siblings = rows_of(20, seed=8)
    parents: Parents = [None] * 20
    right = alone(model, ROWS[:heard], siblings, parents)
    model.reset()
    if heard:
        model.feed(ROWS[:heard], [])
    told = model.grow(siblings, parents)
    assert told.shape == right.shape
    assert np.abs(told - right).max() <= CLOSE
    assert np.ptp(right, axis=0).max() > 1, "the siblings say different things"


def test_what_was_heard_is_not_changed_by_candidates(model: CachedModel) -> None:
    right = stepped(model, ROWS[:60])
    model.reset()
    for number, row in enumerate(ROWS[:60]):
        model.grow(rows_of(7, seed=number), [None] * 7)
        assert np.abs(model.step(row) - right[number]).max() <= CLOSE
    assert model.length == 60


def test_twenty_chords_and_the_winner_is_fed_back(model: CachedModel) -> None:
    """Four voices, each decided for all candidates in one run; then the music goes on."""
    model.reset()
    model.feed(ROWS[:50], [])
    rows = rows_of(80, seed=4)
    parents: Parents = [None if n < 20 else n - 20 for n in range(80)]
    told = np.concatenate(
        [model.grow(rows[at : at + 20], parents[at : at + 20]).copy() for at in range(0, 80, 20)]
    )
    winner = 67  # the seventh candidate's last voice
    model.keep(winner)
    assert model.length == 54
    after = model.step(ROWS[50]).copy()
    path = [rows[place] for place in path_of(winner, parents)]
    assert path == [rows[7], rows[27], rows[47], rows[67]]
    right = stepped(model, [*ROWS[:50], *path, ROWS[50]])
    assert np.abs(after - right[-1]).max() <= CLOSE
    assert np.abs(told[[7, 27, 47, 67]] - right[50:54]).max() <= CLOSE


@st.composite
def trees(draw: st.DrawFn) -> tuple[Parents, list[int]]:
    """A tree of up to 30 rows, and into how many runs it is cut."""
    count = draw(st.integers(1, 30))
    parents: Parents = []
    for number in range(count):
        choices = st.none() if number == 0 else st.none() | st.integers(0, number - 1)
        parents.append(draw(choices))
    cuts = sorted(draw(st.sets(st.integers(1, count), max_size=3)) | {count})
    return parents, cuts


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(tree=trees(), heard=st.integers(0, 70), kept=st.integers(0, 29))
def test_any_tree_equals_its_paths(
    model: CachedModel, tree: tuple[Parents, list[int]], heard: int, kept: int
) -> None:
    parents, cuts = tree
    rows = rows_of(len(parents), seed=6)
    right = alone(model, ROWS[:heard], rows, parents)
    model.reset()
    if heard:
        model.feed(ROWS[:heard], [])
    told, begin = [], 0
    for end in cuts:
        told.append(model.grow(rows[begin:end], parents[begin:end]).copy())
        begin = end
    assert np.abs(np.concatenate(told) - right).max() <= CLOSE
    winner = kept % len(rows)
    model.keep(winner)
    after = model.step(ROWS[90]).copy()
    path = [rows[place] for place in path_of(winner, parents)]
    assert np.abs(after - stepped(model, [*ROWS[:heard], *path, ROWS[90]])[-1]).max() <= CLOSE


def test_too_many_candidates_are_a_fault_in_a_sentence(model: CachedModel) -> None:
    model.reset()
    with pytest.raises(ModelFault, match="128 candidates at once"):
        model.grow(rows_of(MOST_BRANCHES + 1), [None] * (MOST_BRANCHES + 1))
    model.feed(rows_of(CONTEXT - 4), [])
    with pytest.raises(ModelFault, match="full"):
        model.grow(rows_of(5), [None] * 5)
    assert np.isfinite(model.grow(rows_of(4), [None] * 4)).all()


# ---- standard operators


def test_the_portable_graph_says_what_the_other_says(tmp_path: Path) -> None:
    recipe = CachedRecipe(context=CONTEXT)
    folder = write_portable_bundle(tmp_path / "test", recipe)
    right = stepped(open_model(load_manifest(folder)), ROWS)
    without_operator(folder)
    model = open_model(load_manifest(folder))
    assert isinstance(model, CachedModel)
    assert isinstance(model._backbone, PortableBackbone)
    assert model.branches == 0
    assert np.abs(stepped(model, ROWS) - right).max() <= CLOSE
    for place in (150, 63, 64, 127):
        model.rewind(place)
        chunk = model.feed(ROWS[place : place + 40], [])[0]
        assert np.abs(chunk - right[place + 39]).max() <= CLOSE
        assert np.abs(model.step(ROWS[place + 40]) - right[place + 40]).max() <= CLOSE


def test_what_is_no_number_is_forgotten_with_what_said_it(tmp_path: Path) -> None:
    folder = write_portable_bundle(tmp_path / "test", CachedRecipe(context=CONTEXT))
    whole = open_model(load_manifest(folder))
    right = stepped(whole, ROWS[:30])
    without_operator(folder)
    portable = open_model(load_manifest(folder))
    for model in (whole, portable):
        assert isinstance(model, CachedModel)
        model.feed(ROWS[:30], []) if model.length < 30 else None
        for cache in model._backbone._caches.values():
            spoilt = cache[:, :, 20:30] if cache.ndim == 4 else cache[:, 20:30]
            spoilt[:] = np.nan
        model.reset()
        assert np.abs(model.feed(ROWS[:15], [])[0] - right[14]).max() <= CLOSE


@pytest.mark.parametrize("place", ["position_ids", "attention_bias"])
def test_one_further_input_without_the_other_is_refused(place: str, tmp_path: Path) -> None:
    folder = write_cached_bundle(tmp_path / "test", RECIPE)
    graph = onnx.load(folder / "model.onnx")
    before = sha256(folder / "model.onnx")
    (found,) = [told for told in graph.graph.input if told.name == place]
    found.name = "something_else"
    for node in graph.graph.node:
        node.input[:] = [found.name if name == place else name for name in node.input]
    onnx.save(graph, folder / "model.onnx")
    path = folder / "manifest.toml"
    path.write_text(path.read_text().replace(before, sha256(folder / "model.onnx")))
    with pytest.raises(BundleError, match=rf"input '({place}|something_else)' is") as refused:
        open_model(load_manifest(folder))
    assert "\n" not in str(refused.value)


def test_weights_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    folder = write_cached_bundle(tmp_path / "test", RECIPE)
    graph = onnx.load(folder / "model.onnx")
    before = sha256(folder / "model.onnx")
    (weight,) = [told for told in graph.graph.initializer if told.name == "l1_o_w"]
    spoilt = np.full(tuple(weight.dims), np.nan, np.float32)
    weight.CopyFrom(onnx.numpy_helper.from_array(spoilt, weight.name))
    onnx.save(graph, folder / "model.onnx")
    path = folder / "manifest.toml"
    path.write_text(path.read_text().replace(before, sha256(folder / "model.onnx")))
    with pytest.raises(BundleError, match="weights are damaged"):
        open_model(load_manifest(folder))


def test_without_a_portable_graph_it_is_told_what_is_missing(tmp_path: Path) -> None:
    folder = write_cached_bundle(tmp_path / "test")
    without_operator(folder)
    with pytest.raises(BundleError) as refused:
        open_model(load_manifest(folder))
    told = str(refused.value)
    assert "needs the operator com.microsoft:GroupQueryAttentionOfTomorrow" in told
    assert "portable graph" in told and "\n" not in told


# ---- two graphs, one for steps and one for chunks


def test_steps_and_chunks_of_different_graphs_share_one_memory(tmp_path: Path) -> None:
    folder = write_cached_bundle(tmp_path / "test", RECIPE)
    quantise(folder / "model.onnx", folder / "model.int8.onnx")
    shutil.copy(folder / "model.onnx", folder / "model.q8.onnx")
    files = {("step", "int8"): "model.int8.onnx", ("step", "q8"): "model.q8.onnx"}
    files |= {("chunk", "q8"): "model.int8.onnx", ("step", "fp32"): "model.onnx"}
    write_cached_manifest(folder, RECIPE, files)
    assert sha256(folder / "model.q8.onnx") == sha256(folder / "model.onnx")
    q8, int8, fp32 = (open_model(load_manifest(folder), p) for p in ("q8", "int8", "fp32"))
    assert [model.precision for model in (q8, int8, fp32)] == ["q8", "int8", "fp32"]
    assert np.array_equal(stepped(q8, ROWS[:8]), stepped(fp32, ROWS[:8]))
    for model in (q8, int8):
        model.reset()
    assert np.array_equal(q8.feed(ROWS[:64], [])[0], int8.feed(ROWS[:64], [])[0])
    mixed, right = q8.step(ROWS[64]), stepped(fp32, ROWS[:65])[-1]
    assert 0 < np.abs(mixed - right).max() < 0.5
