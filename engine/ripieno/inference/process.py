"""The inference process: requests in, decided steps out, and nothing else.

It lives as long as the pipe that brings its requests. The newest epoch wins: between two steps it
looks for newer requests, and a plan that became void is left where it stands.
"""

from __future__ import annotations

import select
import signal
import sys
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

from ripieno.channel import Closed, Receiver, Sender
from ripieno.clock import Beats, Clock, Seconds, SystemClock
from ripieno.errors import RipienoError
from ripieno.events import (
    InferenceFailed,
    InferenceMessage,
    InferenceReady,
    InferenceSaid,
    Request,
    Served,
)
from ripieno.inference import calibration, limits
from ripieno.inference.bundle import Manifest, load_manifest
from ripieno.inference.constraints import ANY
from ripieno.inference.foreign_rules import foreign_faults, foreign_rules
from ripieno.inference.grammars import Player, player_of
from ripieno.inference.model import Model
from ripieno.inference.opening import open_model
from ripieno.priority import INFERENCE, hurry
from ripieno.settings import Settings
from ripieno.streams import leave_terminal


def run(
    requests: Connection,
    planned: Connection,
    folder: Path,
    precision: str,
    log: Path,
    fallback: Path | None = None,
    rules: tuple[str, ...] = (),
) -> None:
    """The main function of the process, to be started with `spawn`.

    `requests` brings `Request`s, `planned` takes `InferenceMessage`s. `fallback` is a smaller
    bundle, opened when the budget is too short for the one in `folder`. `rules` are those of
    plug-ins that will be asked for: they are imported before the music begins. What C libraries
    print goes to the file `log`. A spawned process inherits no other pipe ends, so each death is
    an end of file.
    """
    for name in (signal.SIGINT, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
    log.parent.mkdir(parents=True, exist_ok=True)
    leave_terminal(log)
    answers: Sender[InferenceMessage] = Sender(planned)
    try:
        clock = SystemClock()
        foreign_rules(rules, ANY)
        generator = _load(folder, precision, fallback, answers, clock)
        Desk(generator, Receiver(requests), answers, clock).serve()
    except Closed:
        return
    except RipienoError as error:
        _fail(answers, str(error))
    except Exception:
        traceback.print_exc()
        sys.stderr.flush()
        _fail(answers, f"The model stopped with an error of its own; {log} tells which.")


class Desk:
    """Where requests wait and are served in order, one step at a time."""

    def __init__(
        self,
        generator: Player,
        requests: Receiver[Request],
        answers: Sender[InferenceMessage],
        clock: Clock,
    ) -> None:
        self._generator, self._clock = generator, clock
        self._requests, self._answers = requests, answers
        self._queue: deque[Request] = deque()
        self._epoch: int | None = None
        self._closed = False
        self._said: set[str] = set()
        self._patience = limits.step_seconds()

    def serve(self) -> None:
        """Serve until nobody asks any more. Raises Closed, also when nobody listens any more."""
        while True:
            self._look(wait=not self._queue)
            if self._queue:
                limits.alive(self._patience)
                try:
                    self._serve_one(self._queue.popleft())
                finally:
                    limits.at_rest()
            elif self._closed:
                self._drain()
                raise Closed

    def _serve_one(self, request: Request) -> None:
        steps, void = 0, self._void(request)
        for step in self._generator.plan(told(request) if void else request, self._clock):
            limits.alive(self._patience)
            self._answers.send(step)
            steps += 1
            self._look(wait=False)
            if void := self._void(request):
                break
        self._answers.send(Served(request.number, steps, void))
        for sentence in (*self._generator.faults, *foreign_faults(request.settings.rules)):
            if sentence not in self._said:
                self._said.add(sentence)
                self._answers.send(InferenceSaid(sentence))
        self._generator.faults.clear()

    def _void(self, request: Request) -> bool:
        return self._epoch is not None and request.epoch < self._epoch

    def _look(self, wait: bool) -> None:
        """Take in the requests that have come; with `wait`, until one has or nobody is left."""
        while True:
            before = len(self._queue)
            if not self._closed:
                self._take_in()
            if not wait or self._closed or len(self._queue) > before:
                return
            writing = [self._answers] if self._answers.full else []
            select.select([self._requests], writing, [])

    def _take_in(self) -> None:
        try:
            for request in self._requests.receive():
                self._queue.append(request)
                if self._epoch is None or request.epoch > self._epoch:
                    self._epoch = request.epoch
        except Closed:
            self._closed = True

    def _drain(self) -> None:
        """Let what was decided leave before the process does."""
        while self._answers.full:
            select.select([], [self._answers], [])


def told(request: Request) -> Request:
    """What is left of a void request: its plan is not wanted, but what it tells was heard, and the
    next request builds on it."""
    return replace(request, end=request.begin)


def _load(
    folder: Path,
    precision: str,
    fallback: Path | None,
    answers: Sender[InferenceMessage],
    clock: Clock,
) -> Player:
    """Load the bundle, play a beat into the void to warm everything, and say that it is ready."""
    began = clock.now()
    limits.alive(limits.LOADING)
    manifest = load_manifest(folder)
    limits.limit_memory(manifest, *_smaller(fallback))
    model = open_model(manifest, *calibration.resolve(folder, precision))
    generator = player_of(model, opener(fallback, precision))
    for _ in generator.plan(_WARM_UP, clock):
        pass
    generator.reset()
    limits.at_rest()
    hurry(INFERENCE)  # only now: loading is long, and may wait for everybody
    seconds = Seconds(clock.now() - began)
    answers.send(InferenceReady(model.manifest.name, model.precision, seconds))
    return generator


def _smaller(folder: Path | None) -> tuple[Manifest, ...]:
    """The smaller bundle, for which there must be room; what is wrong with it is told later."""
    try:
        return () if folder is None else (load_manifest(folder),)
    except RipienoError:
        return ()


def opener(folder: Path | None, precision: str) -> Callable[[], Model] | None:
    """What opens the smaller model of the ladder in `folder`, at `precision` if it is there."""
    if folder is None:
        return None

    def open_it() -> Model:
        manifest = load_manifest(folder)
        there = {graph.precision for graph in manifest.graphs}
        return open_model(manifest, precision if precision in there else "auto")

    return open_it


_WARM_UP = Request(
    epoch=0,
    since=Beats(0.0),
    begin=Beats(0.0),
    end=Beats(1.0),
    heard=(),
    given=(),
    player=(),
    settings=Settings(),
    fresh=True,
)


def _fail(answers: Sender[InferenceMessage], sentence: str) -> None:
    try:
        answers.send(InferenceFailed(sentence))
        while answers.full:
            select.select([], [answers], [])
    except Closed:
        return
