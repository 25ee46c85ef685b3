"""Realtime's end of the inference process: starting it, asking it, noticing that it died."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from ripieno import plugins
from ripieno.channel import Closed, Receiver, Sender
from ripieno.clock import Seconds
from ripieno.events import InferenceMessage, Request
from ripieno.inference.witness import SIZE, Onlooker, Part, Witness
from ripieno.inherit import Inherited
from ripieno.ledger import shared_file

PATIENCE = 2.0
"""Seconds that inference gets to leave in order."""


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Which bundle to run: its folder, and 'int8', 'fp32' or 'auto'.

    fallback: the folder of a smaller bundle, for when the budget is too short for this one.
    rules: the plug-ins' rules that will be asked for. barred: the parts of plug-ins that are left
    out, because a process has died of them.
    """

    folder: Path
    precision: str
    fallback: Path | None = None
    rules: tuple[str, ...] = ()
    barred: tuple[Part, ...] = ()


def _run(
    requests: Connection, planned: Connection, model: ModelSpec, log: Path, seen: Inherited
) -> None:
    """The child's main function. Only there are numpy and ONNX Runtime imported."""
    from ripieno.inference.process import run

    plugins.watched_by(Witness.shared(seen.descriptor).watching)
    for part in model.barred:
        plugins.bar(part.group, part.name)
    run(requests, planned, model.folder, model.precision, log, model.fallback, model.rules)


class InferenceLink:
    """A running inference process. Dies with its owner: its pipes end then."""

    def __init__(self, model: ModelSpec, log: Path) -> None:
        """Start it; it says `InferenceReady` when it is."""
        spawn = multiprocessing.get_context("spawn")
        seen = shared_file(SIZE)
        self._witness = Witness.shared(seen.fileno())
        self._onlooker = Onlooker(self._witness)
        self.stuck = False
        requests_out, requests_in = spawn.Pipe(duplex=False)
        planned_out, planned_in = spawn.Pipe(duplex=False)
        self._process = spawn.Process(
            target=_run,
            args=(requests_out, planned_in, model, log, Inherited(seen.fileno())),
            name="ripieno-inference",
        )
        self._process.start()
        for end in (requests_out, planned_in, seen):
            end.close()
        self._requests: Sender[Request] = Sender(requests_in)
        self._planned: Receiver[InferenceMessage] = Receiver(planned_out)
        self.alive = True

    def fileno(self) -> int:
        return self._planned.fileno()

    def ask(self, request: Request) -> None:
        """Send a request; into the void once the process has died, which only `receive` tells:
        a death that was found out here would be nobody's to notice."""
        if self.alive:
            with suppress(Closed):
                self._requests.send(request)

    def receive(self) -> Iterator[InferenceMessage]:
        """What has come. `alive` is False afterwards when the process has died."""
        try:
            yield from self._planned.receive()
            if self.alive:
                self._requests.flush()
        except Closed:
            self.alive = False

    def look(self, now: Seconds) -> bool:
        """Whether a plug-in's part does not return there: `stuck` from then on."""
        self.stuck = self.stuck or self._onlooker.stuck(now)
        return self.stuck

    @property
    def calling(self) -> Part | None:
        """The plug-in's part that is being called there now, if any."""
        return self._witness.part

    @property
    def blamed(self) -> Part | None:
        """Of whom it died: the plug-in's part that was called then, if it is known to be that."""
        code = self._process.exitcode
        return self._witness.part if self.stuck or code != -signal.SIGKILL else None

    @property
    def pid(self) -> int | None:
        return self._process.pid

    def dismiss(self) -> None:
        """Let it go without waiting: its requests end, so it leaves by itself."""
        self.alive = False
        self._requests.close()

    def kill(self) -> None:
        """End it at once: it does not answer any more. `alive` is False afterwards."""
        self.alive = False
        self._process.kill()

    def gone(self) -> bool:
        """Whether a dismissed process has left."""
        if self._process.is_alive():
            return False
        self.close()
        return True

    def close(self) -> None:
        """Let it go: its pipe ends, so it leaves; if it does not, it is made to."""
        self.alive = False
        self._requests.close()
        self._process.join(PATIENCE)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._planned.close()
