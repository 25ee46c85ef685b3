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
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

from ripieno.bundle import load_manifest
from ripieno.channel import Closed, Receiver, Sender
from ripieno.clock import Beats, Clock, Seconds, SystemClock
from ripieno.errors import RipienoError
from ripieno.events import InferenceFailed, InferenceMessage, InferenceReady, Request
from ripieno.generate import Generator
from ripieno.onnx_model import StepModel
from ripieno.priority import INFERENCE, hurry
from ripieno.settings import Settings
from ripieno.streams import leave_terminal


def run(
    requests: Connection,
    planned: Connection,
    folder: Path,
    precision: str,
    log: Path,
) -> None:
    """The main function of the process, to be started with `spawn`.

    `requests` brings `Request`s, `planned` takes `InferenceMessage`s. What C libraries print goes
    to the file `log`. A spawned process inherits no other pipe ends, so each death is an end of
    file.
    """
    for name in (signal.SIGINT, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
    log.parent.mkdir(parents=True, exist_ok=True)
    leave_terminal(log)
    answers: Sender[InferenceMessage] = Sender(planned)
    try:
        clock = SystemClock()
        desk = Desk(_load(folder, precision, answers, clock), Receiver(requests), answers, clock)
        desk.serve()
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
        generator: Generator,
        requests: Receiver[Request],
        answers: Sender[InferenceMessage],
        clock: Clock,
    ) -> None:
        self._generator, self._clock = generator, clock
        self._requests, self._answers = requests, answers
        self._queue: deque[Request] = deque()
        self._epoch: int | None = None
        self._closed = False

    def serve(self) -> None:
        """Serve until nobody asks any more. Raises Closed, also when nobody listens any more."""
        while True:
            self._look(wait=not self._queue)
            if self._queue:
                self._serve_one(self._queue.popleft())
            elif self._closed:
                self._drain()
                raise Closed

    def _serve_one(self, request: Request) -> None:
        if self._void(request):
            # Its plan is void, but what it tells was heard, and the next request builds on it.
            request = replace(request, end=request.begin)
        for step in self._generator.plan(request, self._clock):
            self._answers.send(step)
            self._look(wait=False)
            if self._void(request):
                break

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


def _load(
    folder: Path, precision: str, answers: Sender[InferenceMessage], clock: Clock
) -> Generator:
    """Load the bundle, play a beat into the void to warm everything, and say that it is ready."""
    began = clock.now()
    model = StepModel.open(load_manifest(folder), precision)
    generator = Generator(model)
    for _ in generator.plan(_WARM_UP, clock):
        pass
    generator.context.reset()
    hurry(INFERENCE)  # only now: loading is long, and may wait for everybody
    seconds = Seconds(clock.now() - began)
    answers.send(InferenceReady(model.manifest.name, model.precision, seconds))
    return generator


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
