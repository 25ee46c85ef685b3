"""`ripieno replay`: a take played again as it was, or computed anew and compared."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType

from ripieno.cli.takes import find_take
from ripieno.errors import PortError
from ripieno.outputs import Output
from ripieno.routing import OutputKind, OutputSpec, Routing
from ripieno.takes.take import Take, read

CLIENT = "ripieno"
_SYNTH = OutputSpec(OutputKind.SYNTH)
PATIENCE = 3.0
"""Seconds that the guard gets to leave."""


def replay(options: Namespace) -> int:
    """Play the take again, or with --regenerate compute it anew. Returns the exit code."""
    path = find_take(options.take, Path(options.takes).expanduser())
    take = read(path)
    if options.regenerate:
        from ripieno.cli.regenerate import regenerate

        return regenerate(take, options.model)
    return _play(take, options)


def _play(take: Take, options: Namespace) -> int:
    from ripieno.cli.options import soundfont_of
    from ripieno.clock import SystemClock
    from ripieno.ledger import Ledger, shared_file
    from ripieno.outputs.opening import open_outputs
    from ripieno.outputs.vst3 import Vst3Output
    from ripieno.priority import REALTIME, hurry
    from ripieno.takes.replay import moments, outgoing
    from ripieno.takes.replay import replay as play_again

    list(moments(outgoing(take), options.speed))  # what is wrong with it is said before it opens
    outputs, problems = open_outputs(_routing(take, options), soundfont_of(options.soundfont or ""))
    try:
        for problem in problems:
            raise PortError(problem.rstrip("."))
        for output in outputs:
            if isinstance(output, Vst3Output):  # it may take a while to load
                output.wait()
        names = ", ".join(output.name for output in outputs)
        torn = " It was cut off; what sounds at its end is released." if take.torn else ""
        print(f"{take.name} to {names}; Ctrl-C ends it.{torn}", flush=True)
        with shared_file() as file, _guarded(outputs, file.fileno()), _until_ctrl_c() as stopped:
            ledger = Ledger.shared(file.fileno())
            _pause(options.wait, stopped)
            hurry(REALTIME)
            count = play_again(
                take,
                outputs,
                SystemClock(),
                ledger=ledger,
                speed=options.speed,
                leave=lambda: bool(stopped),
            )
        print(f"{count} messages")
    finally:
        for output in outputs:
            output.close()
    return 128 + stopped[0] if stopped else 0


def _routing(take: Take, options: Namespace) -> Routing:
    from ripieno.preset.values import output_spec
    from ripieno.takes.rerun import routings_of

    specs = tuple(output_spec(text) for text in options.to or ()) or (_SYNTH,)
    return replace(routings_of(take.header)[0], outputs=specs, client=CLIENT)


def _pause(seconds: float, stopped: Sequence[int]) -> None:
    """Time to connect something to a port of ours."""
    until = time.monotonic() + seconds
    while not stopped and (left := until - time.monotonic()) > 0:
        time.sleep(min(left, 0.1))


@contextmanager
def _until_ctrl_c() -> Iterator[list[int]]:
    """The numbers of the signals that asked us to end."""
    stopped: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.append(number)

    before = {each: signal.signal(each, stop) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for number, former in before.items():
            signal.signal(number, former)


@contextmanager
def _guarded(outputs: Sequence[Output], ledger: int) -> Iterator[None]:
    """A guard beside us: if we are killed, it releases what the ledger says is sounding."""
    from ripieno import guard
    from ripieno.channel import Closed, Sender
    from ripieno.inherit import Inherited
    from ripieno.outputs.port import PortOutput

    spawn = multiprocessing.get_context("spawn")
    alive_out, alive_in = spawn.Pipe(duplex=False)
    owner_out, owner_in = spawn.Pipe(duplex=False)
    guard_out, guard_in = spawn.Pipe(duplex=False)
    args = (alive_out, owner_out, guard_in, Inherited(ledger), None, os.devnull)
    process = spawn.Process(target=guard.run, args=args, name="ripieno-guard")
    process.start()
    for end in (alive_out, owner_out, guard_in):
        end.close()
    words: Sender[guard.Word] = Sender(alive_in)
    try:
        for output in outputs:
            if isinstance(output, PortOutput):
                words.send(guard.opened(output))
        yield
        words.send(guard.Goodbye())
    except Closed:
        pass  # the guard died first, and takes nothing with it
    finally:
        words.close()
        owner_in.close()
        process.join(PATIENCE)
        guard_out.close()
