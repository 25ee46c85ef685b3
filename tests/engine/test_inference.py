from __future__ import annotations

import multiprocessing
import os
import select
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import pytest
from ripieno.channel import Closed, Receiver, Sender
from ripieno.clock import Beats, VirtualClock
from ripieno.events import (
    InferenceFailed,
    InferenceMessage,
    InferenceReady,
    InferenceSaid,
    Note,
    Planned,
    Request,
    Rung,
    Served,
)
from ripieno.inference.bundle import load_manifest
from ripieno.inference.generate import Generator
from ripieno.inference.onnx_model import StepModel
from ripieno.inference.process import Desk, run
from ripieno.settings import Settings

from tests.engine.bundles import Recipe, write_bundle
from tests.engine.cached_bundles import CachedRecipe, write_cached_bundle

PATIENCE = 30.0
ALL = (0, 1, 2, 3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(tmp_path_factory.mktemp("bundles") / "test-lstm", Recipe(int8=True))


def request(epoch: int, begin: float, end: float, **changes: object) -> Request:
    plain = Request(
        epoch=epoch,
        since=Beats(begin),
        begin=Beats(begin),
        end=Beats(end),
        heard=(),
        given=(),
        player=(),
        settings=Settings(),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


@dataclass
class Asker:
    """The other end of an inference process, as realtime holds it."""

    requests: Sender[Request]
    planned: Receiver[InferenceMessage]
    process: multiprocessing.process.BaseProcess
    log: Path

    def wait(self, enough: Callable[[list[InferenceMessage]], bool]) -> list[InferenceMessage]:
        """All that comes until it is `enough`, or until the process closes its end."""
        messages: list[InferenceMessage] = []
        while not enough(messages):
            self.requests.flush()
            readable, _, _ = select.select([self.planned], [], [], PATIENCE)
            assert readable, f"nothing came after {messages[-3:]}"
            try:
                messages.extend(self.planned.receive())
            except Closed:
                break
        return messages

    def plan(self, epoch: int, last: float) -> list[Planned]:
        """Steps that come, up to the one of `epoch` that ends at `last`."""
        told = self.wait(
            lambda so_far: any(
                isinstance(m, Planned) and m.epoch == epoch and m.end == last for m in so_far
            )
        )
        return [m for m in told if isinstance(m, Planned)]

    def rest(self) -> list[InferenceMessage]:
        """Close our end, and take all that still comes until the other end is closed too."""
        self.requests.close()
        told = self.wait(lambda so_far: False)
        self.process.join(PATIENCE)
        return [message for message in told if not isinstance(message, Served)]


@contextmanager
def inference(
    folder: Path, log: Path, precision: str = "auto", fallback: Path | None = None
) -> Iterator[Asker]:
    spawn = multiprocessing.get_context("spawn")
    requests_out, requests_in = spawn.Pipe(duplex=False)
    planned_out, planned_in = spawn.Pipe(duplex=False)
    args = (requests_out, planned_in, folder, precision, log, fallback)
    process = spawn.Process(target=run, args=args)
    process.start()
    requests_out.close()
    planned_in.close()
    try:
        yield Asker(Sender(requests_in), Receiver(planned_out), process, log)
    finally:
        if process.is_alive():
            process.kill()
        process.join()


@pytest.fixture
def asker(folder: Path, tmp_path: Path) -> Iterator[Asker]:
    with inference(folder, tmp_path / "logs" / "inference.log") as asker:
        (ready,) = asker.wait(lambda so_far: len(so_far) >= 1)
        assert isinstance(ready, InferenceReady)
        assert (ready.model, ready.precision) == ("test-lstm", "int8")
        yield asker


def test_requests_in_steps_out_and_an_orderly_end(asker: Asker) -> None:
    asker.requests.send(request(1, 0, 4, fresh=True))
    asker.requests.send(request(1, 4, 6))
    steps = asker.plan(1, 6.0)
    assert [s.begin for s in steps] == [i / 4 for i in range(24)]
    assert {s.epoch for s in steps} == {1}
    # Its copy of our writing end is closed, so ours is the last: closing it ends the process.
    assert asker.rest() == []
    assert asker.process.exitcode == 0


def test_it_plays_what_the_generator_plays(asker: Asker, folder: Path) -> None:
    generator = Generator(StepModel.open(load_manifest(folder)))
    heard = (Note(0, 72, 80, Beats(0.0), Beats(3.0)),)
    asked = request(1, 4, 12, since=Beats(0.0), heard=heard, given=(0,), fresh=True)
    # The warm-up must leave no trace, and neither must a budget that nobody exceeds.
    horizon = replace(Settings().horizon, budget_ms=1000.0)
    asked = replace(asked, settings=replace(asked.settings, horizon=horizon))
    asker.requests.send(asked)
    expected = [s.voices for s in generator.plan(asked, VirtualClock())]
    assert [s.voices for s in asker.plan(1, 12.0)] == expected


def test_a_newer_epoch_ends_an_older_plan(asker: Asker) -> None:
    asker.requests.send(request(1, 0, 5000, fresh=True))
    first = asker.wait(lambda so_far: len(so_far) >= 3)
    asker.requests.send(request(2, 1, 3))
    steps = [m for m in first if isinstance(m, Planned)] + asker.plan(2, 3.0)
    epochs = [s.epoch for s in steps]
    assert epochs == sorted(epochs)
    assert 3 <= epochs.count(1) < 20_000
    assert [s.begin for s in steps if s.epoch == 2] == [1 + i / 4 for i in range(8)]
    assert asker.rest() == []


def test_an_end_of_file_in_the_middle_still_sends_what_was_asked(asker: Asker) -> None:
    asker.requests.send(request(1, 0, 100, fresh=True))
    told = asker.rest()
    assert [m.begin for m in told if isinstance(m, Planned)] == [i / 4 for i in range(400)]
    assert asker.process.exitcode == 0


def test_it_leaves_when_nobody_listens_any_more(asker: Asker) -> None:
    asker.planned.close()
    asker.requests.send(request(1, 0, 8, fresh=True))
    asker.process.join(PATIENCE)
    assert asker.process.exitcode == 0


@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGHUP])
def test_the_terminal_does_not_stop_it(name: signal.Signals, asker: Asker) -> None:
    assert asker.process.pid is not None
    os.kill(asker.process.pid, name)
    asker.requests.send(request(1, 0, 2, fresh=True))
    assert len(asker.plan(1, 2.0)) == 8


def test_an_inner_error_is_told_in_a_sentence_and_logged(
    asker: Asker, capfd: pytest.CaptureFixture[str]
) -> None:
    asker.requests.send(cast(Request, "play something"))
    told = asker.rest()
    assert len(told) == 1
    assert isinstance(told[0], InferenceFailed)
    assert "The model stopped" in told[0].sentence
    assert str(asker.log) in told[0].sentence
    assert "AttributeError" in asker.log.read_text()
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""


@pytest.mark.parametrize(
    ("name", "precision", "sentence"),
    [
        ("test-lstm", "fp64", "no graph of precision 'fp64'"),
        ("no-such", "auto", "no such bundle folder"),
        ("broken", "auto", "damaged or was changed"),
    ],
)
def test_a_bundle_that_cannot_be_loaded(
    name: str, precision: str, sentence: str, folder: Path, tmp_path: Path
) -> None:
    place = folder.parent / name
    if name == "broken":
        write_bundle(place, Recipe(hidden=8))
        with (place / "model.onnx").open("r+b") as file:
            file.seek(100)
            file.write(b"\0\0\0\0")
    with inference(place, tmp_path / "log", precision) as asker:
        told = asker.wait(lambda so_far: len(so_far) >= 1)
        assert len(told) == 1
        assert isinstance(told[0], InferenceFailed)
        assert sentence in told[0].sentence
        assert "\n" not in told[0].sentence
        asker.process.join(PATIENCE)
        assert asker.process.exitcode == 0


def serve(folder: Path, requests: list[Request]) -> tuple[list[Planned], Generator]:
    """Serve `requests` that all lie in the pipe before the first is looked at."""
    messages, generator = served(folder, requests)
    assert [m.request for m in messages if isinstance(m, Served)] == [r.number for r in requests]
    return [m for m in messages if isinstance(m, Planned)], generator


def served(folder: Path, requests: list[Request]) -> tuple[list[InferenceMessage], Generator]:
    """As `serve`, with all that was said."""
    read_requests, write_requests = multiprocessing.Pipe(duplex=False)
    read_planned, write_planned = multiprocessing.Pipe(duplex=False)
    sender: Sender[Request] = Sender(write_requests)
    for asked in requests:
        sender.send(asked)
    sender.close()
    generator = Generator(StepModel.open(load_manifest(folder)))
    answers: Sender[InferenceMessage] = Sender(write_planned)
    incoming: Receiver[Request] = Receiver(read_requests)
    with pytest.raises(Closed):
        Desk(generator, incoming, answers, VirtualClock()).serve()
    answers.close()
    planned: Receiver[InferenceMessage] = Receiver(read_planned)
    messages: list[InferenceMessage] = []
    with pytest.raises(Closed):
        messages.extend(planned.receive())
    return messages, generator


def test_a_void_request_plans_nothing_but_was_heard(folder: Path) -> None:
    melody = tuple(Note(0, 60 + i, 80, Beats(float(i)), Beats(1.0)) for i in range(4))
    asked = [
        request(1, 4, 6, since=Beats(0.0), heard=melody, given=ALL, fresh=True),
        request(2, 4, 5),
        request(2, 5, 6),
    ]
    steps, generator = serve(folder, asked)
    assert [(s.epoch, s.begin) for s in steps] == [(2, 4 + i / 4) for i in range(8)]
    entries = generator.context.entries
    assert [entry.step for entry in entries] == list(range(24))
    first = [entry.voices[0] for entry in entries[:16]]
    assert [v.pitch for v in first if v is not None and v.struck] == [60, 61, 62, 63]


def test_requests_of_one_epoch_are_served_in_order(folder: Path) -> None:
    asked = [request(3, b, b + 1, fresh=b == 0) for b in range(4)]
    steps, _ = serve(folder, asked)
    assert [s.begin for s in steps] == [i / 4 for i in range(16)]
    whole, _ = serve(folder, [request(3, 0, 4, fresh=True)])
    assert [s.voices for s in whole] == [s.voices for s in steps]


def test_each_request_is_answered_for_when_it_is_done(folder: Path) -> None:
    asked = [
        request(1, 0, 1, number=1, fresh=True),
        request(2, 1, 1, number=2),
        request(2, 1, 2, number=3),
    ]
    messages, _ = served(folder, asked)
    told = [m for m in messages if isinstance(m, Served)]
    assert told == [Served(1, 0, True), Served(2, 0, False), Served(3, 4, False)]
    steps = [m for m in messages if isinstance(m, Planned)]
    assert [step.request for step in steps] == [3, 3, 3, 3]
    assert messages.index(told[2]) == len(messages) - 1


def test_where_the_budget_is_too_short_the_smaller_model_plays(
    folder: Path, tmp_path: Path
) -> None:
    """A budget of a millisecond and a model that needs far more for a sixteenth."""
    slow = write_cached_bundle(
        tmp_path / "slow", CachedRecipe(layers=8, heads=8, head_size=64, inner=2048)
    )
    horizon = replace(Settings().horizon, budget_ms=1.0)
    with inference(slow, tmp_path / "log", "fp32", fallback=folder) as asker:
        (ready,) = asker.wait(lambda so_far: len(so_far) >= 1)
        assert isinstance(ready, InferenceReady)
        assert ready.model == "test-lstm"
        settings = replace(Settings(), horizon=horizon)
        asker.requests.send(request(1, 0, 40, fresh=True, settings=settings))
        steps = asker.plan(1, 40.0)
        assert [s.begin for s in steps] == [i / 4 for i in range(160)]
        assert [s.rung for s in steps].count(Rung.SMALLER) > 0
        assert asker.rest() == []
        assert asker.process.exitcode == 0


def test_a_fallback_that_is_not_there_is_told_when_it_is_needed(
    folder: Path, tmp_path: Path
) -> None:
    slow = write_cached_bundle(
        tmp_path / "slow", CachedRecipe(layers=8, heads=8, head_size=64, inner=2048)
    )
    horizon = replace(Settings().horizon, budget_ms=1.0)
    settings = replace(Settings(), horizon=horizon)
    with inference(slow, tmp_path / "log", "fp32", fallback=tmp_path / "none") as asker:
        asker.requests.send(request(1, 0, 10, fresh=True, settings=settings))
        told = asker.rest()
    assert sum(isinstance(m, Planned) for m in told) == 40
    (said,) = [m for m in told if isinstance(m, InferenceSaid)]
    assert "no such bundle folder" in said.sentence
