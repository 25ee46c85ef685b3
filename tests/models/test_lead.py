"""Lead sheets: the corpus there and back, a tiny real run, and its bundle played by the engine."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning import Trainer
from lightning.pytorch.callbacks import Callback
from ripieno.clock import Beats, Meter, VirtualClock
from ripieno.events import Note as Heard
from ripieno.events import Request
from ripieno.grammar.lead_sheet import CHORD, FEATURES, MELODY_TOKENS, STAY, Chord
from ripieno.inference.bundle import check
from ripieno.inference.lead.generate import LeadPlayer
from ripieno.inference.opening import open_model
from ripieno.settings import Key, Mode, Rules, Settings
from ripieno_models import cli
from ripieno_models.corpora import SHARED_DATA, openewld
from ripieno_models.families.lead_sheet import COLUMN, legal
from ripieno_models.lead import runs
from ripieno_models.lead.accompany import accompanied, agreement, harmony, played, sounding
from ripieno_models.lead.dataset import KEYS, Crops, whole
from ripieno_models.lead.evaluate import GREEDY, likelihood
from ripieno_models.lead.kind import LEAD_SHEET
from ripieno_models.lead.runs import load
from ripieno_models.lead.sheet import Sheet, on_eighths, rows, sheet_of, tokens
from ripieno_models.options import Training
from ripieno_models.piece import Split
from ripieno_models.tokens.tune import MELODY, Note
from ripieno_models.train import CURVE, LAST, trainer_for

SMALL = {
    "steps": 60,
    "steps-per-epoch": 20,
    "warmup": 4,
    "batch": 4,
    "crop": 64,
    "average": 0.5,
    "hidden": 32,
    "layers": 1,
    "embedding": 6,
    "learning-rate": 0.02,
    "dropout": 0.1,
}
TICK = 120
PROGRESSION = ((0, "major"), (9, "minor"), (5, "major"), (7, "dominant"))


def record(seed: int) -> dict[str, object]:
    """A song as the prepared corpus tells it: a melody of chord notes in 3/4, with a pickup."""
    drawn, key = random.Random(seed), 0
    melody, chords = [[240, 240, 67 + key]], []
    for bar in range(8):
        root, kind = PROGRESSION[bar % 4]
        chords.append([(bar * 3 + 1) * 480, root, kind, None])
        for beat in range(3):
            third = 3 if kind == "minor" else 4
            pitch = 60 + root + drawn.choice((0, third, 7))
            melody.append([(bar * 3 + beat + 1) * 480, 480, pitch])
    bars = [0, *((bar * 3 + 1) * 480 for bar in range(8))]
    return {
        "id": f"s{seed}", "us_pd": seed != 7, "eu_pd": seed != 8, "end": 25 * 480,
        "ts": [[0, 3, 4]], "ks": [[0, 0, "major"]], "bar_ticks": bars,
        "melody": melody, "chords": chords,
    }  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("data")
    (place / openewld.FOLDER).mkdir()
    with gzip.open(place / openewld.FILE, "wt", encoding="utf-8") as lines:
        for seed in range(12):
            lines.write(json.dumps(record(seed)) + "\n")
    splits = {f"s{seed}": "valid" if seed in (3, 7) else "train" for seed in range(12)}
    (place / openewld.SPLITS).write_text(json.dumps(splits), encoding="utf-8")
    return place


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    flags = [word for name, value in SMALL.items() for word in (f"--{name}", str(value))]
    told = ["train", "lead-sheet", "--data", str(data), "--out", str(folder), *flags]
    told += ["--no-bf16", "--quiet"]
    assert cli.main(told) == 0
    return folder


def test_only_what_is_free_on_both_sides_is_read(data: Path) -> None:
    sheets = LEAD_SHEET.sheets(data)
    assert [sheet.name for sheet in sheets] == [f"s{n}" for n in range(12) if n not in (7, 8)]
    sheet = sheets[0]
    assert (sheet.meter, sheet.bar, sheet.pickup, sheet.fifths) == ((3, 4), 12, True, 0)
    assert sheet.melody[0].onset == 10, "the pickup comes late in the first bar"
    assert sheet.chords[:2] == ((12, Chord(0, "")), (24, Chord(9, "m")))
    assert sheet.length == 9 * 12


def test_a_sheet_becomes_tokens_and_a_sheet_again(data: Path) -> None:
    for sheet in LEAD_SHEET.sheets(data):
        again = sheet_of(sheet.name, *tokens(sheet), sheet.meter, sheet.fifths)
        assert [(n.onset, n.pitch, n.duration) for n in again.melody] == [
            (n.onset, n.pitch, n.duration) for n in sheet.melody
        ]
        assert again.chords == sheet.chords
        assert (again.length, again.meter, again.fifths) == (sheet.length, (3, 4), 0)


def test_the_real_corpus_goes_there_and_back() -> None:
    if not (SHARED_DATA / openewld.FILE).exists():
        pytest.skip("the lead sheets do not lie beside the checkout")
    sheets = LEAD_SHEET.sheets(None)
    assert len(sheets) > 140
    for sheet in sheets:
        again = sheet_of(sheet.name, *tokens(sheet), sheet.meter, sheet.fifths)
        assert [(n.onset, n.duration, n.pitch % 12) for n in again.melody] == [
            (n.onset, n.duration, n.pitch % 12) for n in sheet.melody
        ]
        assert sounding(again) == sounding(sheet)
        assert tokens(again) == tokens(sheet)


def test_chords_that_are_printed_again_or_between_eighths() -> None:
    note = Note(0, MELODY, 60, 16)
    changes = ((0, Chord(0, "")), (4, Chord(0, "")), (7, Chord(5, "")), (8, None))
    sheet = Sheet("", (note,), changes, 16, (4, 4), 0)
    assert on_eighths(sheet) == [
        (0, Chord(0, "")), (4, Chord(0, "")), (6, Chord(5, "")), (8, None),
    ]  # fmt: skip
    told = tokens(sheet)[1]
    assert [step for step, token in enumerate(told) if token != STAY] == [0, 6, 8]


def test_transposing_moves_all_that_is_told(data: Path) -> None:
    sheet = LEAD_SHEET.sheets(data)[0]
    plain, moved = list(rows(sheet)), list(rows(sheet.transposed(2)))
    kept = [COLUMN[n] for n in ("melody_above_root", "melody_degree", "root_degree", "kind")]
    for (one, _), (other, _) in zip(plain, moved, strict=True):
        assert [one[column] for column in kept] == [other[column] for column in kept]
        assert other[COLUMN["key"]] == one[COLUMN["key"]] + 2
    assert any(one[1] != other[1] for one, other in zip(plain, moved, strict=True))


def test_a_batch_follows_from_its_number_and_asks_what_is_legal(data: Path) -> None:
    options = LEAD_SHEET.options(batch=6, crop=32, steps_per_epoch=2)
    sheets = [sheet for sheet in LEAD_SHEET.sheets(data) if sheet.split is Split.TRAIN]
    first, again = (list(Crops(sheets, options)) for _ in range(2))
    for one, other in zip(first, again, strict=True):
        assert torch.equal(one.features, other.features)
        assert torch.equal(one.targets, other.targets)
    batch = first[0]
    asked = batch.targets >= 0
    may = legal(torch.zeros(*batch.targets.shape, 196), batch.features) > -1
    assert may.gather(2, batch.targets.clamp(min=0)[..., None])[..., 0][asked].all()
    assert ((batch.targets >= MELODY_TOKENS) == batch.chords)[asked].all()
    assert len(KEYS) == 12


def test_a_run_learns_and_its_bundle_says_what_torch_says(
    run: Path, data: Path, tmp_path: Path
) -> None:
    model, options = load(LEAD_SHEET, run)
    valid = LEAD_SHEET.sheets(data, Split.VALID)
    fresh = LEAD_SHEET.build(options).eval()
    learned, not_yet = (likelihood(m, whole(valid))["nll"] for m in (model, fresh))
    assert learned < 0.3 * not_yet
    told = ["--out", str(run), "--data", str(data)]
    for command in (["evaluate", "lead-sheet"], ["sample", "lead-sheet", "--pieces", "3"]):
        assert cli.main([*command, *told]) == 0
    assert cli.main(["export", "lead-sheet", *told, "--zoo", str(tmp_path)]) == 0
    manifest = check(tmp_path / "lead-sheet")
    assert (manifest.grammar, manifest.given) == ("lead-sheet", "any")
    opened = open_model(manifest)
    with np.load(tmp_path / "lead-sheet" / "reference.npz") as reference:
        seen, logits = reference["features"].astype(int).tolist(), reference["logits"]
    replayed = np.stack([opened.step(row).copy() for row in seen])
    assert len(seen[0]) == len(FEATURES)
    assert np.abs(replayed - logits).max() <= 0.5
    card = (tmp_path / "lead-sheet" / "CARD.md").read_text(encoding="utf-8")
    assert "ripieno-models train lead-sheet" in card
    assert plays_the_same(opened, model, valid[0])


class BreakOff(Callback):
    """Ctrl-C in the third epoch."""

    def on_train_batch_start(self, trainer: object, module: object, batch: object, at: int) -> None:
        if trainer.current_epoch == 2 and at == 3:  # type: ignore[attr-defined]
            raise KeyboardInterrupt


def test_a_run_goes_on_where_it_was_broken_off(
    run: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {name.replace("-", "_"): value for name, value in SMALL.items()}
    options = LEAD_SHEET.options(**told, bf16=False)  # type: ignore[arg-type]

    def breaking(options: Training, folder: Path, *told: Any, **how: Any) -> Trainer:
        trainer = trainer_for(options, folder, *told, **how)
        trainer.callbacks.append(BreakOff())  # type: ignore[attr-defined]
        return trainer

    monkeypatch.setattr(runs, "trainer_for", breaking)
    assert runs.fit(LEAD_SHEET, options, data, tmp_path, progress=False).interrupted
    monkeypatch.undo()
    assert (tmp_path / CURVE).read_text().count("\n") == 1 + 2
    runs.fit(LEAD_SHEET, options, data, tmp_path, resume=True, progress=False)
    assert (tmp_path / CURVE).read_text() == (run / CURVE).read_text()
    one, other = (load(LEAD_SHEET, folder, LAST)[0].state_dict() for folder in (run, tmp_path))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_two_processes_share_each_batch(data: Path) -> None:
    options = LEAD_SHEET.options(batch=6, crop=32, steps_per_epoch=2)
    sheets = [sheet for sheet in LEAD_SHEET.sheets(data) if sheet.split is Split.TRAIN]
    alone, first, second = (Crops(sheets, options) for _ in range(3))
    first.share, second.share = (0, 2), (1, 2)
    for all_of_them, even, odd in zip(alone, first, second, strict=True):
        assert torch.equal(all_of_them.features[::2], even.features)
        assert torch.equal(all_of_them.features[1::2], odd.features)


def test_what_cannot_be_heard_while_it_trains_says_so(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = ["train", "lead-sheet", "--data", str(data), "--out", str(tmp_path / "run"), "--listen"]
    assert cli.main(told) == cli.WRONG_INPUT
    assert "cannot be listened to while it trains" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def plays_the_same(opened: object, model: torch.nn.Module, sheet: Sheet) -> bool:
    """Live in the engine, sixteenth by sixteenth, as offline in torch."""
    opened.reset()  # type: ignore[attr-defined]
    player = LeadPlayer(opened)  # type: ignore[arg-type]
    settings = Settings(
        mode=Mode.ACCOMPANY,
        meter=Meter(3, 4),
        sampling=GREEDY,
        rules=Rules(key=Key(0, "major")),
    )
    notes = [Heard(0, n.pitch, 80, Beats(n.onset / 4), Beats(n.duration / 4)) for n in sheet.melody]
    for step in range(sheet.length):
        now = Beats(step / 4)
        heard = tuple(note for note in notes if note.onset <= now)
        asked = Request(0, now, now, Beats(now + 0.25), heard, (0,), (0,), settings)
        assert len(list(player.plan(asked, VirtualClock()))) == 1
    live = [step.after.chord for step in player._score.steps]
    offline = sounding(accompanied(model, sheet, GREEDY))
    return live == offline and len(set(live)) > 2


def test_counts_of_a_sheet_that_is_known(data: Path) -> None:
    sheet = LEAD_SHEET.sheets(data)[0]
    told = harmony([sheet])
    assert told.changes == pytest.approx(8 / 9)
    assert (told.on_bar, told.on_beat, told.chordal, told.different) == (1, 1, 1, 4)
    same = agreement([sheet], [sheet])
    assert (same.root, same.family, same.chord) == (1, 1, 1)
    moved = agreement([sheet.transposed(1)], [sheet])
    assert (moved.root, moved.chord) == (0, 0)
    tune = played(sheet)
    assert tune.of(MELODY) == sheet.melody
    first = [note for note in tune.notes if note.onset == 12 and note.part != MELODY]
    assert {note.pitch % 12 for note in first} <= {0, 4, 7}
    assert len(first) == 3


def test_rows_ask_the_melody_and_the_chord_in_turn(data: Path) -> None:
    streams = [row[COLUMN["stream"]] for row, _ in rows(LEAD_SHEET.sheets(data)[0])]
    assert streams[1::2] == [CHORD] * (len(streams) // 2)
    assert set(streams[::2]) == {0}
