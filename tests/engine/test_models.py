"""Every kind of model, one behaviour: what it says depends on what it has heard, not on how."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from ripieno.errors import BundleError
from ripieno.grammar.grid import FEATURES
from ripieno.inference.bundle import load_manifest
from ripieno.inference.bundle_graphs import Rewind
from ripieno.inference.cached_model import CHUNKS, CachedModel, FramedModel
from ripieno.inference.model import Mark, Model, ModelFault, Row
from ripieno.inference.onnx_model import StepModel
from ripieno.inference.opening import open_model

from tests.engine.bundles import Recipe, sha256, write_bundle
from tests.engine.cached_bundles import CachedRecipe, write_cached_bundle

KINDS = ("snapshot", "decision", "frame")
CONTEXT = 256
ROWS = 120
LARGEST_DIFFERENCE = 1e-5


def rows_of(count: int, seed: int = 5) -> list[Row]:
    """Random rows in fours: in each four the voices are decided one after the other."""
    rng = np.random.default_rng(seed)
    sizes = [feature.size for feature in FEATURES]
    rows = rng.integers(0, sizes, (count, len(FEATURES)))
    decided = [feature.name for feature in FEATURES].index("decided")
    rows[:, decided] = np.resize([0, 8, 12, 14], count)
    return [[int(n) for n in row] for row in rows]


INPUTS = rows_of(ROWS)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("bundles")
    made = {"snapshot": write_bundle(place / "snapshot", Recipe(hidden=16, int8=True))}
    for per in ("decision", "frame"):
        recipe = CachedRecipe(context=CONTEXT, int8=True, per=per)
        made[per] = write_cached_bundle(place / per, recipe)
    return made


@pytest.fixture(scope="module")
def models(folders: dict[str, Path]) -> dict[tuple[str, str], Model]:
    return {
        (kind, precision): open_model(load_manifest(folder), precision)
        for kind, folder in folders.items()
        for precision in ("fp32", "int8")
    }


def stepped(model: Model, rows: list[Row]) -> NDArray[np.float32]:
    """The logits after each row, heard one by one from nothing."""
    model.reset()
    return np.array([model.step(row).copy() for row in rows])


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_its_class(kind: str, models: dict[tuple[str, str], Model]) -> None:
    classes = {"snapshot": StepModel, "decision": CachedModel, "frame": FramedModel}
    model = models[kind, "fp32"]
    assert isinstance(model, classes[kind])
    assert model.manifest.rewind is Rewind(kind)
    assert model.context == (CONTEXT if kind != "snapshot" else float("inf"))


@pytest.mark.parametrize("kind", KINDS)
def test_logits_depend_on_everything_heard(kind: str, models: dict[tuple[str, str], Model]) -> None:
    """A model that ignores its context would pass every other test here."""
    model = models[kind, "fp32"]
    one = stepped(model, INPUTS[:8])[-1]
    other = stepped(model, [*rows_of(4, seed=9), *INPUTS[4:8]])[-1]
    assert np.abs(one - other).max() > 100 * LARGEST_DIFFERENCE


@st.composite
def doings(draw: st.DrawFn) -> list[tuple[str, int]]:
    """What a performance does with a model: step, feed a chunk, go back to a mark."""
    kinds = st.sampled_from(["step", "feed", "feed", "back"])
    count = st.integers(1, 70)
    return draw(st.lists(st.tuples(kinds, count), min_size=1, max_size=12))


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(script=doings())
def test_after_any_prefill_step_and_rewind_the_logits_are_those_of_a_fresh_run(
    kind: str, models: dict[tuple[str, str], Model], script: list[tuple[str, int]]
) -> None:
    model = models[kind, "fp32"]
    expected = stepped(model, INPUTS)
    model.reset()
    heard = 0
    marks: dict[int, Mark] = {0: model.mark()}
    for what, count in script:
        if what == "back":
            # a rewind goes to a place that is marked, which for a frame is where a frame begins
            heard = sorted(marks)[count % len(marks)]
            model.rewind(marks[heard])
            marks = {place: mark for place, mark in marks.items() if place <= heard}
            continue
        new = INPUTS[heard : heard + (1 if what == "step" else count)]
        if not new:
            continue
        at = [n for n in range(len(new)) if (heard + n) % 4 == 0]
        if what == "step":
            marks |= {heard: model.mark()} if at else {}
            logits = model.step(new[0])
        else:
            logits, made = model.feed(new, at)
            marks |= {heard + n: mark for n, mark in zip(at, made, strict=True)}
        heard += len(new)
        assert np.abs(logits - expected[heard - 1]).max() <= LARGEST_DIFFERENCE


@pytest.mark.parametrize("precision", ["fp32", "int8"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("back", [0, 4, 40, 76])
def test_the_same_chunks_again_after_a_rewind_are_the_same_bits(
    kind: str, precision: str, back: int, models: dict[tuple[str, str], Model]
) -> None:
    """In int8 sums depend on how rows are chunked, so it is told the same way twice."""
    model = models[kind, precision]

    def tell(begin: int, end: int) -> list[bytes]:
        told = []
        for place in range(begin, end, 4):
            told.append(model.feed(INPUTS[place : place + 3], [])[0].tobytes())
            told.append(model.step(INPUTS[place + 3]).tobytes())
        return told

    model.reset()
    tell(0, back)
    mark = model.mark()
    first = tell(back, 80)
    model.rewind(mark)
    model.feed(INPUTS[60:111], [])
    model.rewind(mark)
    assert tell(back, 80) == first


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", [0, 4, 28, 64])
def test_marks_inside_a_chunk_are_where_they_say(
    kind: str, place: int, models: dict[tuple[str, str], Model]
) -> None:
    model = models[kind, "fp32"]
    model.reset()
    model.feed(INPUTS[:4], [])
    marks = model.feed(INPUTS[4:68], [place])[1]
    assert len(marks) == 1
    model.rewind(marks[0])
    found = model.feed(INPUTS[80:85], [])[0].copy()
    expected = stepped(model, [*INPUTS[: 4 + place], *INPUTS[80:85]])[-1]
    assert np.abs(found - expected).max() <= LARGEST_DIFFERENCE


@pytest.mark.parametrize("kind", ["decision", "frame"])
def test_a_full_context_is_a_fault_and_a_rewind_makes_room(
    kind: str, models: dict[tuple[str, str], Model]
) -> None:
    model = models[kind, "fp32"]
    model.reset()
    per_position = 4 // model.per_step
    many = rows_of(CONTEXT * per_position)
    model.feed(many, [])
    assert model.length == CONTEXT
    with pytest.raises(ModelFault, match="full"):
        model.step(INPUTS[0])
    with pytest.raises(ModelFault, match="full"):
        model.feed(INPUTS[:4], [])
    model.rewind(CONTEXT - 8)
    assert np.isfinite(model.feed(INPUTS[:4], [])[0]).all()


def test_rows_go_in_as_few_runs_as_they_can(models: dict[tuple[str, str], Model]) -> None:
    model = models["decision", "fp32"]
    assert isinstance(model, CachedModel)
    backbone: Any = model._backbone
    assert backbone.chunks == CHUNKS
    taken: list[int] = []
    run = backbone._run

    def noted(bound: object, size: int) -> None:
        taken.append(size)
        run(bound, size)

    backbone._run = noted
    try:
        model.reset()
        model.feed(INPUTS[:103], [])
        model.feed(INPUTS[:7], [])
    finally:
        backbone._run = run
    assert taken == [64, 39, 7]


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_fails_is_a_fault_in_a_sentence(
    kind: str, models: dict[tuple[str, str], Model]
) -> None:
    model = models[kind, "fp32"]
    model.reset()
    with pytest.raises(ModelFault) as fault:
        model.step([10**7] * len(FEATURES))
    assert "\n" not in str(fault.value)
    assert "indices" in str(fault.value)
    assert np.isfinite(model.step(INPUTS[0])).all()


EDITS = {
    "per": ('per = "decision"', 'per = "bar"', "rewind.per is 'bar'", "decision, frame"),
    "context": ("context = 256", "context = 8", "rewind.context is 8", "64…"),
    "chunk": ("chunk = 64", "chunk = 0", "rewind.chunk is 0", "1…"),
    "cache": ("[1, 2, 256, 16]", "[1, 2, 128, 16]", "cache[1].shape", "[1, heads, 256"),
    "floats": (
        'dtype = "float32"\nshape = [1, 2,',
        'dtype = "int8"\nshape = [1, 2,',
        "dtype",
        "'fl",
    ),
    "lengths": ('name = "seqlens_k"', 'name = "lengths"', "lengths int32[1]", "seqlens_k int32[1]"),
    "word": ('[1, "chunk", 24]', '[1, "many", 24]', "shape is [1, 'many', 24]", "'chunk'"),
    "logits": ('[1, "chunk", 48]', "[1, 1, 48]", "logits float32[1, 1, 48]", "'chunk', 48]"),
    "role": ('role = "step"', 'role = "frame"', "graph[1].role is 'frame'", "step, chunk"),
    "snapshot": ('kind = "length"', 'kind = "snapshot"', "rewind.per is not", "allowed: kind"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_every_wrong_key_of_a_cached_bundle_has_its_sentence(edit: str, tmp_path: Path) -> None:
    folder = write_cached_bundle(tmp_path / "test")
    before, after, what, right = EDITS[edit]
    path = folder / "manifest.toml"
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))
    with pytest.raises(BundleError) as refused:
        load_manifest(folder)
    told = str(refused.value)
    assert "\n" not in told
    assert what in told
    assert right in told


def no_voice(folder: Path) -> None:
    path = folder / "manifest.toml"
    text = path.read_text()
    begin = text.index('[[graph]]\nrole = "voice"')
    path.write_text(text[:begin] + text[text.index("[[graph]]", begin + 1) :])


def other_width(folder: Path) -> None:
    path = folder / "manifest.toml"
    path.write_text(path.read_text().replace('"chunk", 64]', '"chunk", 32]'))


def other_input(folder: Path) -> None:
    graph = onnx.load(folder / "model.onnx")
    graph.graph.input.append(onnx.helper.make_tensor_value_info("more", 1, [1]))
    onnx.save(graph, folder / "model.onnx")
    path = folder / "manifest.toml"
    hashes = [line for line in path.read_text().splitlines() if line.startswith("sha256")]
    told = path.read_text().splitlines()
    place = told.index('file = "model.onnx"') + 1
    assert told[place] in hashes
    told[place] = f'sha256 = "{sha256(folder / "model.onnx")}"'
    path.write_text("\n".join(told) + "\n")


@pytest.mark.parametrize(
    ("harm", "what"),
    [
        (no_voice, "has none of role 'voice'"),
        (other_width, "'hidden' is tensor(float) [1, 'S', 64]"),
        (other_input, "input 'more' is"),
    ],
)
def test_a_framed_bundle_that_does_not_fit_is_refused(
    harm: Callable[[Path], None], what: str, tmp_path: Path
) -> None:
    folder = write_cached_bundle(tmp_path / "test", CachedRecipe(per="frame"))
    harm(folder)
    with pytest.raises(BundleError) as refused:
        open_model(load_manifest(folder))
    assert what in str(refused.value)
    assert "\n" not in str(refused.value)
