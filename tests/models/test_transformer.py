"""`chorale-transformer`: it sees what it may see, and its graphs say what torch says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from ripieno.errors import BundleError
from ripieno.grammar.grid import FIRST_PITCH, HOLD, REST, Cursor, Setting
from ripieno.inference.bundle import check
from ripieno.inference.opening import open_model
from ripieno_models import evaluate, export, export_framed, runs
from ripieno_models.calibrate import TRIED, calibrate
from ripieno_models.cli import WRONG_INPUT, main
from ripieno_models.dataset import Batch, whole
from ripieno_models.families.calibration import Temperatures, tempered
from ripieno_models.families.chorale_lstm import legal
from ripieno_models.families.chorale_transformer import (
    DECIDED,
    MOTIONS,
    ChoraleTransformer,
    Options,
)
from ripieno_models.families.registry import family
from ripieno_models.families.voice_leading import marks
from ripieno_models.features import Decisions, decisions
from ripieno_models.framed_graphs import write_frame, write_voice
from ripieno_models.gates import asked_of
from ripieno_models.likelihood import LIVE_ORDER, likelihood
from ripieno_models.onnx_framed import CHUNKS, OnnxFramed
from ripieno_models.piece import Piece, Split

from tests.models.material import few, small_corpus

SMALL: dict[str, int | float | bool] = {
    "width": 32, "layers": 2, "heads": 2, "inner": 64, "decision_layers": 1, "decision_inner": 32,
    "embedding": 8, "context": 64, "batch": 4, "crop": 32, "steps": 24, "steps_per_epoch": 8,
    "warmup": 4, "learning_rate": 0.01, "average": 0.5, "bf16": False, "hide_onsets": 0.5,
    "hide_all": 0.5,
}  # fmt: skip


def options(**other: int | float | bool) -> Options:
    return Options(**{**SMALL, **other})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def model() -> ChoraleTransformer:
    torch.manual_seed(1)
    made = ChoraleTransformer(options()).eval()
    for weight in made.parameters():
        if weight.ndim > 1:
            torch.nn.init.normal_(weight, std=0.3)
    return made


@pytest.fixture(scope="module")
def asked() -> Decisions:
    """The decisions of a real piece, in orders that change from bar to bar."""
    return asked_of(whole(few(Split.VALID, 1), seed=3, batch=1)[0])


@pytest.fixture(scope="module")
def graphs(model: ChoraleTransformer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("graphs")
    export_framed.write_graphs(model, options(), made)
    return made


def torch_logits(model: ChoraleTransformer, features: torch.Tensor) -> NDArray[np.float32]:
    with torch.inference_mode():
        return np.asarray(model(features[None])[0][0].numpy())


def test_it_sees_nothing_that_comes_later(model: ChoraleTransformer) -> None:
    (batch,) = whole(few(Split.VALID, 1), batch=1)
    before = torch_logits(model, asked_of(batch).features[0])
    step, voice = 20, 2
    tokens = batch.tokens.clone()
    tokens[0, step, voice] = FIRST_PITCH + 5
    after = torch_logits(model, decisions(tokens, batch.order, batch.settings).features[0])
    here = 4 * step + voice
    assert (before[: here + 1] == after[: here + 1]).all()
    assert (before[here + 1] != after[here + 1]).any(), "the next voice hears of it"
    assert (before[4 * step + 4] != after[4 * step + 4]).any(), "and so does the next sixteenth"


def test_it_is_told_which_move_would_be_parallel(model: ChoraleTransformer) -> None:
    cursor = Cursor()
    chord = (60, 55, 48, 36)  # the alto a fifth above the tenor, the tenor an octave above the bass
    for voice, pitch in enumerate(chord):
        cursor.decide(voice, pitch - 36 + FIRST_PITCH)
    cursor.next_step()
    before = torch.tensor([cursor.sounding])
    cursor.decide(2, 50 - 36 + FIRST_PITCH)  # the tenor goes up by two
    for voice, octaves, fifths in ((1, 0, 1), (3, 1, 0), (0, 1, 0)):
        row = torch.tensor([cursor.features(voice, Setting())])
        classes = model.voice.classes(row, before)[0]
        joint = int(classes[-4:][2])
        motion = int(classes[-12:-8][2])
        assert motion == 24 + 1 + 2
        assert joint == (motion if octaves else motion + MOTIONS if fifths else 0)
    row = torch.tensor([cursor.features(3, Setting())])
    alto_and_bass = model.voice.classes(row, before)[0][-4:][1]
    assert alto_and_bass == 24 + 1 + MOTIONS, "a fifth and an octave apart; the alto has not moved"


def test_marks_are_what_a_token_would_do() -> None:
    c = 60 - 36 + FIRST_PITCH
    before = torch.tensor([[c + 12, c + 7, c, c - 12]])
    now = torch.tensor([[c + 12, c + 9, c, c - 12]])  # the alto has gone up by two
    told = marks(torch.tensor([[2]]), before, now, torch.tensor([[True, True, False, False]]))[0]
    octaves, fifths, hidden, crossed, waiting, far = told.T

    def where(mark: torch.Tensor) -> list[int]:
        return [int(token) - c for token in mark.nonzero()[:, 0]]

    assert where(fifths) == [2, 16], "the tenor must not follow the alto, below or above it"
    assert where(octaves) == [] and where(hidden) == []
    assert where(crossed) == list(range(10, 22)), "above the alto, or the soprano"
    assert where(waiting) == list(range(-24, -12)), "below the bass, which still waits"
    assert where(far) == list(range(-24, -3)) + list(range(13, 22))
    assert not told[REST].any()
    assert (told[HOLD] == told[c]).all(), "to hold is to sound the same"


def test_hidden_octaves_are_those_of_a_leaping_soprano() -> None:
    c = 60 - 36 + FIRST_PITCH
    before = torch.tensor([[c + 4, c, c - 5, c - 12]])
    now = torch.tensor([[c + 4, c, c - 5, c - 7]])  # the bass has gone up by five
    done = torch.tensor([[False, False, False, True]])
    told = marks(torch.tensor([[0]]), before, now, done)[0]
    assert [int(token) - c for token in told[:, 2].nonzero()[:, 0]] == [12, 17]
    assert not told[:, :2].any()


def test_a_third_is_no_parallel(model: ChoraleTransformer) -> None:
    row = torch.tensor([Cursor(sounding=[30, 26, 22, 10]).features(0, Setting())])
    assert int(model.voice.classes(row, torch.tensor([[30, 26, 22, 10]]))[0][-3]) == 0


def test_the_two_parts_are_the_whole(model: ChoraleTransformer, asked: Decisions) -> None:
    features = asked.features[0, :64]
    with torch.inference_mode():
        hidden = model.frame(features[None, ::4])[0]
        parts = model.voice(features, hidden.repeat_interleave(4, 0)).numpy()
    assert parts == pytest.approx(torch_logits(model, features), abs=1e-5)


@pytest.mark.parametrize("chunks", [(1,), CHUNKS, (3, 1)])
def test_the_graphs_say_what_torch_says(
    model: ChoraleTransformer, graphs: Path, asked: Decisions, chunks: tuple[int, ...]
) -> None:
    features = asked.features[0, : 4 * 64]
    graph = export_framed.opened(graphs, export_framed.FP32)
    told = graph.replay(features.numpy(), chunks)
    assert told == pytest.approx(torch_logits(model, features), abs=1e-4)


def test_going_back_leaves_nothing_behind(
    model: ChoraleTransformer, graphs: Path, asked: Decisions
) -> None:
    features = asked.features[0, : 4 * 60]
    graph = export_framed.opened(graphs, export_framed.FP32)
    told = export_framed.rewound(graph, features.numpy())
    assert told == pytest.approx(torch_logits(model, features), abs=1e-4)


def test_a_full_context_begins_anew_with_its_newer_half(
    model: ChoraleTransformer, graphs: Path, asked: Decisions
) -> None:
    features = asked.features[0, : 4 * 90]
    graph = export_framed.opened(graphs, export_framed.FP32)
    told = graph.replay(features.numpy())
    fresh = torch_logits(model, features[4 * 32 :])
    assert told[4 * 64 :] == pytest.approx(fresh[4 * 32 :], abs=1e-4)
    with pytest.raises(ValueError, match="do not fit in a context of 64"):
        graph.hear(np.zeros((65, features.shape[1]), np.int64))


def test_candidates_in_one_batch_are_those_one_by_one(graphs: Path, asked: Decisions) -> None:
    graph = export_framed.opened(graphs, export_framed.FP32)
    features = asked.features[0, : 4 * 8].numpy()
    hidden = np.repeat(graph.feed(features[::4], CHUNKS), 4, axis=0)
    together = graph.decide(features, hidden)
    alone = [graph.decide(features[at : at + 1], hidden[at : at + 1])[0] for at in range(32)]
    assert together == pytest.approx(np.stack(alone), abs=1e-5)


def test_every_product_is_in_8_bits(graphs: Path) -> None:
    for role in export_framed.ROLES:
        kinds = [node.op_type for node in onnx.load(graphs / export_framed.INT8[role]).graph.node]
        floats = [kind for kind in kinds if kind in ("MatMul", "Gemm")]
        # What the voice multiplies with its table of pitches is cut from a weight: no constant.
        assert len(floats) <= (1 if role == "voice" else 0), floats
        assert "MatMulInteger" in kinds


def test_an_exported_model_has_its_dropout_off(tmp_path: Path, asked: Decisions) -> None:
    torch.manual_seed(2)
    training = ChoraleTransformer(options()).train()
    write_voice(training, options(), tmp_path / "voice.onnx")
    write_frame(training, options(), tmp_path / "frame.onnx")
    graph = OnnxFramed(tmp_path / "frame.onnx", tmp_path / "voice.onnx")
    features = asked.features[0, :64]
    right = torch_logits(training.eval(), features)
    assert graph.replay(features.numpy()) == pytest.approx(right, abs=1e-4)


def test_the_gate_refuses_weights_that_are_not_torchs(
    model: ChoraleTransformer, graphs: Path, tmp_path: Path
) -> None:
    for path in graphs.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    wrong = onnx.load(tmp_path / "frame.onnx")
    largest = max(wrong.graph.initializer, key=lambda weight: len(weight.raw_data))
    values = numpy_helper.to_array(largest) * 1.01
    largest.CopyFrom(numpy_helper.from_array(values, largest.name))
    onnx.save(wrong, tmp_path / "frame.onnx")
    valid = whole(few(Split.VALID, 1), batch=1)
    with pytest.raises(BundleError, match=r"frame\.onnx: the graph's logits differ"):
        export_framed.gate(model, tmp_path, valid)


def test_a_run_learns_and_becomes_a_bundle_that_the_engine_plays(tmp_path: Path) -> None:
    kind = family("chorale-transformer")
    runs.fit(kind, options(), small_corpus(), tmp_path / "run", progress=False)
    rows = (tmp_path / "run" / "curve.csv").read_text().splitlines()
    losses = [float(row.split(",")[-1]) for row in rows[1:]]
    assert losses[-1] < 0.8 * losses[0]
    figures = evaluate.figures(tmp_path / "run", small_corpus())
    assert figures["nll_valid_natural"] < 3
    place = export.bundle(tmp_path / "run", small_corpus(), tmp_path / "zoo")
    text = (place / "CARD.md").read_text()
    assert "ripieno-models train chorale-transformer" in text

    made, _ = runs.load(tmp_path / "run")
    features = asked_of(whole(few(Split.VALID, 1), batch=1)[0]).features[0, : 4 * 20]
    assert sorted(path.name for path in place.glob("*.onnx")) == sorted(export_framed.INT8.values())
    alone = export_framed.opened(place, export_framed.INT8)
    # one by one: what 8 bits round depends on what is decided together
    right = np.stack([alone.step(row) for row in features.tolist()])
    near = torch_logits(made, features)  # type: ignore[arg-type]
    assert np.abs(right - near).mean() < 0.05, "8 bits cost little"
    engine = open_model(check(place))
    told = np.stack([engine.step(row).copy() for row in features.tolist()])
    assert told == pytest.approx(right, abs=1e-5)
    assert engine.length == 20, "a position is a sixteenth"


def test_options_of_another_family_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "chorale-transformer", "--hidden", "32"]) == WRONG_INPUT
    assert "chorale-transformer has no option --hidden" in capsys.readouterr().err


def test_rows_of_a_sixteenth_are_found_whoever_takes_part(model: ChoraleTransformer) -> None:
    (batch,) = whole(few(Split.VALID, 1), batch=1)
    two = batch._replace(order=batch.order[..., [3, 0]])
    features = asked_of(two).features[0, :40]
    assert (features[::2, DECIDED] == 0).all()
    assert torch_logits(model, features).shape == (40, 48)


def test_temperatures_part_rhythm_from_pitch() -> None:
    logits = torch.randn(5, 48, generator=torch.Generator().manual_seed(1)) * 3
    before, after = logits.softmax(1), tempered(logits, Temperatures(1.5, 1.0)).softmax(1)
    levels = (logits / 1.5).softmax(1)
    assert after[:, :2].numpy() == pytest.approx(levels[:, :2].numpy(), abs=1e-6)
    among = [each[:, 2:] / each[:, 2:].sum(1, keepdim=True) for each in (before, after)]
    assert among[1].numpy() == pytest.approx(among[0].numpy(), abs=1e-6), "pitches as they were"
    bolder = tempered(logits, Temperatures(1.0, 2.0)).softmax(1)
    assert bolder[:, :2].numpy() == pytest.approx(before[:, :2].numpy(), abs=1e-6)
    assert (bolder[:, 2:].max(1).values < before[:, 2:].max(1).values).all()
    assert tempered(logits, Temperatures()) is logits


def test_calibration_finds_what_was_done_to_a_model(model: ChoraleTransformer) -> None:
    pieces = few(Split.VALID, 2)
    found = calibrate(model, pieces)
    likeliest = likelihood(model, live(pieces)).nll
    low, high = (round(float(TRIED[end]), 2) for end in (0, -1))
    for pitch in (found.pitch - 0.1, found.pitch + 0.1):
        model.voice.temperatures = Temperatures(found.rhythm, min(high, max(low, pitch)))
        assert likelihood(model, live(pieces)).nll >= likeliest - 1e-5
    excess = []
    for rhythm in (1.0, found.rhythm):
        model.voice.temperatures = Temperatures(rhythm)
        excess.append(abs(notes_expected(model, pieces) - sum(len(p.notes()) for p in pieces)))
    assert excess[1] <= excess[0]
    model.voice.temperatures = Temperatures()


@torch.inference_mode()
def notes_expected(model: ChoraleTransformer, pieces: Sequence[Piece]) -> float:
    """How many notes the model expects of `pieces`, given all that came before each decision."""
    expected = 0.0
    for batch in live(pieces):
        asked = decisions(batch.tokens, batch.order, batch.settings)
        chances = legal(model(asked.features)[0], asked.may_hold).softmax(2)
        counted = batch.mask.repeat_interleave(4, dim=1)
        expected += float(chances[counted][:, FIRST_PITCH:].sum())
    return expected


def test_the_graphs_keep_the_temperatures(
    model: ChoraleTransformer, tmp_path: Path, asked: Decisions
) -> None:
    model.voice.temperatures = Temperatures(1.2, 0.9)
    write_voice(model, options(), tmp_path / "voice.onnx")
    write_frame(model, options(), tmp_path / "frame.onnx")
    features = asked.features[0, :64]
    right = torch_logits(model, features)
    model.voice.temperatures = Temperatures()
    graph = OnnxFramed(tmp_path / "frame.onnx", tmp_path / "voice.onnx")
    assert graph.replay(features.numpy()) == pytest.approx(right, abs=1e-4)
    assert np.abs(right - torch_logits(model, features)).max() > 0.1


def live(pieces: Sequence[Piece]) -> list[Batch]:
    """The pieces in the order in which the engine decides."""
    order = torch.tensor(LIVE_ORDER)
    return [batch._replace(order=order.expand_as(batch.order)) for batch in whole(pieces)]
