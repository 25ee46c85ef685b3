"""A bundle tried out: loaded and played in a process of its own, under the limits of a performance.

What a stranger's graph does there, it does to that process: one that takes too much memory or never
returns is ended, and a sentence says so.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

from ripieno.clock import Beats, SystemClock
from ripieno.errors import BundleError, RipienoError
from ripieno.events import Note, Planned, Request, Rung
from ripieno.grammar.grid import FEATURES as GRID_FEATURES
from ripieno.grammar.grid import STEPS_PER_BEAT, VOICES
from ripieno.inference import limits
from ripieno.inference.bundle import Manifest, check
from ripieno.inference.bundle_graphs import Rewind
from ripieno.measure import quantile
from ripieno.settings import Settings
from ripieno.streams import leave_terminal

if TYPE_CHECKING:
    from ripieno.inference.generate import Effort
    from ripieno.inference.model import Logits, Model

PATIENCE = 150.0
"""Seconds after which a trial is ended whatever it does."""
ROWS, TURN = 24, 8
"""Rows that are heard, and where the model goes back to: the beginning of a sixteenth."""
EQUAL, ROUNDED = 1e-4, 1.0
"""How far logits that should be the same may differ; and after other chunks, if small numbers are
rounded by what stands beside them."""
MANY = 1 << 16
FILLED, TOLD = 0.7, 4.0
"""Of a context, and the tokens that tell a note, about."""
STEPS, WARM, GAP = 48, 8, 0.004
"""Sixteenths that are timed, after so many that are not, and the seconds between two."""


class ChunkError(BundleError):
    """A model that hears several tokens at once otherwise than one by one."""


@dataclass(frozen=True, slots=True)
class Trial:
    """How a bundle did: the largest difference after a rewind, how long loading took, what a
    sixteenth costs (median and p99, ms), and the most memory it took (MiB)."""

    precision: str
    rewind_difference: float
    load_seconds: float
    median_ms: float
    p99_ms: float
    memory_mib: float

    @property
    def fastest(self) -> float:
        """The tempo, in quarter notes a minute, up to which a sixteenth is decided in time."""
        return 60_000.0 / STEPS_PER_BEAT / self.p99_ms


def trial(folder: Path, precision: str = "auto", steps: int = STEPS) -> Trial:
    """Try the bundle in `folder`. Raises BundleError for whatever goes wrong with it."""
    spawn = multiprocessing.get_context("spawn")
    told, tell = spawn.Pipe(duplex=False)
    with tempfile.TemporaryDirectory(prefix="ripieno-") as place:
        log = Path(place) / "log"
        process = spawn.Process(target=_run, args=(tell, folder, precision, steps, log))
        process.start()
        tell.close()
        try:
            found = told.recv() if told.poll(PATIENCE) else None
        except EOFError:
            found = None
        if process.is_alive() and found is None:
            process.kill()
        process.join()
        told.close()
    if isinstance(found, Trial):
        return found
    if isinstance(found, RipienoError):
        raise found
    raise BundleError(f"the model {_end(process.exitcode)}", where=str(folder))


def _end(code: int | None) -> str:
    """What became of a process that said nothing, by its exit `code`."""
    patience = limits.step_seconds()
    ends = {
        -signal.SIGPROF: f"computed for more than {patience:g} s without an end, and was ended",
        -signal.SIGKILL: f"did not answer within {PATIENCE:g} s, and was ended",
        -signal.SIGSEGV: "broke the program that ran it",
        -signal.SIGABRT: "broke the program that ran it",
    }
    return ends.get(code or 0, f"ended its process (exit code {code})")


def _run(tell: Connection, folder: Path, precision: str, steps: int, log: Path) -> None:
    """The process: load, go back, play, and tell how it went."""
    leave_terminal(log)
    try:
        tell.send(_tried(folder, precision, steps))
    except RipienoError as error:
        tell.send(error)
    except MemoryError:
        tell.send(BundleError("the model takes more memory than it may", where=str(folder)))
    except Exception as error:
        what = f"the model failed ({type(error).__name__}: {str(error)[:120]})"
        tell.send(BundleError(what, where=str(folder)))
    tell.close()
    os._exit(0)


def _tried(folder: Path, precision: str, steps: int) -> Trial:
    from ripieno.inference.grammars import player_of
    from ripieno.inference.opening import open_model

    began = time.perf_counter()
    limits.alive(limits.LOADING)
    manifest = check(folder)
    limits.limit_memory(manifest)
    model = open_model(manifest, precision)
    difference = _rewound(folder, manifest, model)
    player = player_of(model)
    took = []
    loaded = time.perf_counter() - began
    clock, patience = SystemClock(), limits.step_seconds()
    before = _before(manifest)
    for number in range(WARM + steps):
        time.sleep(GAP)
        limits.alive(patience)
        start = time.perf_counter()
        asked = _request(number, before)
        played = list(player.plan(asked, clock, _effort(asked) if before else None))
        took.append(1000.0 * (time.perf_counter() - start))
        _refuse_silence(folder, played, player.faults)
    took = took[WARM:]
    return Trial(
        precision=model.precision,
        rewind_difference=difference,
        load_seconds=loaded,
        median_ms=quantile(took, 0.5),
        p99_ms=quantile(took, 0.99),
        memory_mib=_peak(),
    )


def _refuse_silence(folder: Path, played: list[Planned], faults: list[str]) -> None:
    if faults:
        raise BundleError(faults[0], where=str(folder))
    if len(played) != 1:
        told = f"the grammar made {len(played)} steps of one sixteenth"
        raise BundleError(told, where=str(folder), allowed="one for each")


def _rewound(folder: Path, manifest: Manifest, heard: Model) -> float:
    """The largest difference between logits before and after going back. Raises BundleError."""
    import numpy as np

    from ripieno.inference.model import ModelFault

    rows, patience = _rows(manifest), limits.step_seconds()
    try:
        heard.reset()
        mark = heard.mark()
        first = []
        for number, row in enumerate(rows):
            limits.alive(patience)
            if number == TURN:
                mark = heard.mark()
            first.append(heard.step(row).copy())
        heard.rewind(mark)
        again = [heard.step(row).copy() for row in rows[TURN:]]
        heard.reset()
        fresh = [heard.step(row).copy() for row in rows]
        heard.reset()
    except ModelFault as fault:
        raise BundleError(f"the model failed ({fault})", where=str(folder)) from None
    if not all(np.isfinite(logits).all() for logits in first):
        told = "the model gives logits that are no finite numbers"
        raise BundleError(told, where=str(folder))
    pairs = [*zip(first[TURN:], again, strict=True), *zip(first, fresh, strict=True)]
    difference = max(float(np.abs(one - other).max()) for one, other in pairs)
    if manifest.rewind is Rewind.GROWING:
        _refuse_chunks(folder, heard, rows, first[-1])
    if difference > EQUAL:
        raise BundleError(
            f"after going back the model thinks otherwise (by {difference:.2g})",
            where=str(folder),
            allowed=f"the same logits, within {EQUAL:g}",
        )
    return difference


def _refuse_chunks(folder: Path, heard: Model, rows: list[list[int]], stepped: Logits) -> None:
    """Refuse a model that is of another mind after a chunk behind what it had heard: an export may
    have been made for one token behind a past, and say nothing of it."""
    import numpy as np

    from ripieno.inference.model import ModelFault

    limits.alive(limits.step_seconds())
    try:
        heard.reset()
        heard.feed(rows[:TURN], ())
        at_once, _ = heard.feed(rows[TURN:], ())
        difference = float(np.abs(at_once - stepped).max())
        heard.reset()
    except ModelFault as fault:
        raise ChunkError(f"the model failed ({fault})", where=str(folder)) from None
    if not difference <= (EQUAL if heard.precision == "fp32" else ROUNDED):
        raise ChunkError(
            f"several tokens at once are not the same to the model as one by one (by "
            f"{difference:.2g})",
            where=str(folder),
            allowed=f"the same logits, within {EQUAL:g}",
            nearest="With rewind.chunk = 1 it hears them one by one.",
        )


def _rows(manifest: Manifest) -> list[list[int]]:
    """Rows for a model of any grammar: of the grid's features what they may be, else few tokens."""
    rng = random.Random(1)
    width = manifest.features.shape[-1]
    if manifest.grammar != "grid":
        most = manifest.logits.shape[-1]
        high = most if isinstance(most, int) and width in (1, "chunk") else 2
        count = width if isinstance(width, int) else 1
        return [[rng.randrange(high) for _ in range(count)] for _ in range(ROWS)]
    rows = [[rng.randrange(f.size) for f in GRID_FEATURES] for _ in range(ROWS)]
    decided = next(i for i, f in enumerate(GRID_FEATURES) if f.name == "decided")
    for number, row in enumerate(rows):
        row[decided] = (0, 1, 3, 7)[number % 4]  # voices one after the other, as in music
    return rows


def _before(manifest: Manifest) -> tuple[Note, ...]:
    """What was heard before the steps that are timed: where each costs more the more there was, as
    much as fills most of the context, so that it also has to make room."""
    if manifest.rewind is not Rewind.GROWING:
        return ()
    count = int(FILLED * manifest.context / TOLD)
    unit = 1 / STEPS_PER_BEAT
    return tuple(Note(0, 60 + n % 7, 80, Beats(n * unit), Beats(unit)) for n in range(count))


def _request(number: int, before: tuple[Note, ...]) -> Request:
    """The sixteenth with this `number` behind what was heard `before`, which the first tells."""
    step = len(before) + number
    begin, end = Beats(step / STEPS_PER_BEAT), Beats((step + 1) / STEPS_PER_BEAT)
    since, heard, given = begin, tuple[Note, ...](), tuple[int, ...]()
    if before and not number:
        since, heard, given = Beats(0.0), before, tuple(range(len(VOICES)))
    return Request(1, since, begin, end, heard, given, (), Settings(), number=number + 1)


def _effort(asked: Request) -> dict[Beats, Effort]:
    """All that it can, however long it takes: what it costs is to be told, not kept to."""
    from ripieno.inference.generate import Effort

    return {asked.begin: Effort(Rung.FULL, 1, MANY)}


def _peak() -> float:
    """The most memory that this process has taken, in MiB; 0 where nobody tells."""
    if sys.platform == "win32":
        return 0.0
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1 << 20) if sys.platform == "darwin" else most / 1024
