"""`make soak`: a performance of many hours in virtual time, watched for what only hours show.

`python -m tests.soak [--hours H] [--model NAME] [--log FILE]`. A tireless player plays phrases,
chords and pedals, turns knobs and changes modes; the real model answers; the real journal is
written. Fails when memory grows, when the beat drifts by a tick, or when a note hangs.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from decimal import Decimal, localcontext
from pathlib import Path

from ripieno import resources
from ripieno.clock import FASTEST, Beats, Seconds
from ripieno.inference.bundle import check
from ripieno.inference.generate import Generator
from ripieno.inference.link import ModelSpec
from ripieno.inference.opening import open_model
from ripieno.performance import Performance
from ripieno.preset.preset import load_preset
from ripieno.render import Offline
from ripieno.stage import Script, Stage
from ripieno.sync.sender import ClockSender
from ripieno.takes.history import History
from ripieno.takes.take import Fact, Journal, NoteEnded, NoteStarted, Source
from ripieno.transport import LEAD_IN

from tests.soak_player import TirelessPlayer

SHIPPED = "chorale-lstm"
TICKS = 24
"""Ticks of a MIDI clock to the quarter note."""
THIS_VERY_MOMENT = Decimal("1e-6")
"""Ticks: one that is due at the moment of a look may have been sent, or be about to be."""
LOOK_EVERY, LINE_EVERY = 60.0, 600.0
"""Seconds of virtual time between two looks, and between two lines of the table."""
WARM = 0.5
"""What is remembered has filled up after this share of the time; from there on nothing grows."""
MORE_OBJECTS, MORE_MEGABYTES = 0.03, 6.0
"""By how much the least of the last quarter may exceed the least of the third one: a share of all
objects, and megabytes. What is in use goes up and down with the music; what leaks only goes up."""
LONGEST = 64.0
"""Beats: no note of the player's is ever held that long."""
PAGE = "hours  notes     steps    missed  drift  objects   memory  journal  took"


class Exact:
    """The beat in decimal arithmetic of fifty digits: what the performance's floats are held to."""

    def __init__(self, bpm: float) -> None:
        self._at, self._beat, self._bpm = Decimal(0), Decimal(float(LEAD_IN)), Decimal(bpm)

    def beat(self, at: Seconds) -> Decimal:
        with localcontext() as context:
            context.prec = 50
            return self._beat + (Decimal(at) - self._at) * self._bpm / 60

    def turn(self, at: Seconds, bpm: float) -> None:
        """From `at` on the tempo is another one."""
        self._beat, self._at, self._bpm = self.beat(at), Decimal(at), Decimal(bpm)


class Witness:
    """Counts notes on their way into the take, and knows which are open."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.notes = self.wrong = 0
        self.open: dict[tuple[int, int, int | None], NoteStarted] = {}

    def record(self, fact: Fact) -> None:
        self._journal.record(fact)
        if isinstance(fact, NoteStarted):
            self.notes += 1
            key = (fact.channel, fact.pitch, fact.voice)
            self.wrong += key in self.open
            self.open[key] = fact
        elif isinstance(fact, NoteEnded):
            self.wrong += self.open.pop((fact.channel, fact.pitch, fact.voice), None) is None

    def held_for(self, beat: Beats) -> float:
        """How long the player's oldest note has been held, in beats."""
        mine = [note.beat for note in self.open.values() if note.source is Source.PLAYER]
        return max((beat - begin for begin in mine), default=0.0)


@dataclass(frozen=True, slots=True)
class Look:
    """One line of the table."""

    hours: float
    notes: int
    steps: int
    missed: int
    drift: int
    """Ticks between the performance's beat and the exact one, or between ticks sent and due."""
    objects: int
    megabytes: float
    journal: float
    """Megabytes on the disk."""
    took: float
    """Seconds of real time."""

    def __str__(self) -> str:
        return (
            f"{self.hours:5.2f}  {self.notes:<9} {self.steps:<8} {self.missed:<7} {self.drift:<6} "
            f"{self.objects:<9} {self.megabytes:<7.1f} {self.journal:<8.1f} {self.took:.0f} s"
        )


class _Over(Exception):
    """The time is up."""


class Watch(Script):
    """The player's hands, and an eye on everything, each time that the performance wakes."""

    def __init__(self, player: TirelessPlayer, exact: Exact, take: Path, ends: Seconds) -> None:
        super().__init__(None, ())
        self._ends = ends
        self._player, self._exact, self._take = player, exact, take
        self._sender = ClockSender(Seconds(0.0))
        self._rolling = False
        self._ticks = 0
        self._next = LOOK_EVERY
        self._began = time.monotonic()
        self.witness: Witness | None = None
        self.looks: list[Look] = []
        self.longest = 0.0

    def wake(self, performance: Performance) -> Seconds | None:
        wake = performance.tempo.seconds(self._player.next_beat)
        return Seconds(min(wake, self._next))

    def feed(self, performance: Performance, at: Seconds) -> None:
        self._send_clock(performance, at)
        for bpm in self._player.play(performance, at):
            self._exact.turn(performance.tempo.at, bpm)  # `lead` from now
        if at >= self._next:
            self._next += LOOK_EVERY
            self.look(performance, at)
        if at >= self._ends:
            performance.stop(at)
            raise _Over

    def _send_clock(self, performance: Performance, at: Seconds) -> None:
        if not self._rolling:
            self._rolling = True
            self._sender.start(performance.tempo, at)
        sent = self._sender.due(performance.tempo, at)
        self._ticks += sum(data == (0xF8,) and moment <= at for data, moment in sent)

    def look(self, performance: Performance, at: Seconds) -> None:
        """Write down how all is."""
        assert self.witness
        gc.collect()
        exact = self._exact.beat(at)
        off = round((Decimal(performance.tempo.straight(at)) - exact) * TICKS)
        self.longest = max(self.longest, self.witness.held_for(performance.beat(at)))
        look = Look(
            hours=at / 3600,
            notes=self.witness.notes,
            steps=steps_of(performance),
            missed=performance.missed,
            drift=off if off else self._lost_ticks(exact),
            objects=len(gc.get_objects()),
            megabytes=memory(),
            journal=self._take.stat().st_size / 1e6,
            took=time.monotonic() - self._began,
        )
        self.looks.append(look)
        if at % LINE_EVERY < LOOK_EVERY:
            print(look, flush=True)

    def _lost_ticks(self, exact: Decimal) -> int:
        """How many ticks of our clock are missing by now, the first of which was at the start."""
        since = (exact - Decimal(float(LEAD_IN))) * TICKS
        fewest, most = (int(since + nudge) + 1 for nudge in (-THIS_VERY_MOMENT, THIS_VERY_MOMENT))
        return max(fewest - self._ticks, min(most - self._ticks, 0))


def steps_of(performance: Performance) -> int:
    return performance.sequencer.steps


def memory() -> float:
    """Megabytes of this process in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def soak(hours: float, model: str, folder: Path) -> tuple[list[Look], list[str]]:
    """Play for so long: the table, and a sentence for each thing that went wrong."""
    preset = load_preset("first-jam")
    spec = ModelSpec(resources.bundle_folder(model), "auto")
    stage = Stage(
        preset=preset,
        model=spec,
        seed=None,
        soundfont=resources.soundfont_path(),
        take=folder / "soak.take",
        log=folder / "engine.log",
    )
    bpm = preset.settings.bpm
    journal = Journal(stage.take, stage.header([spec.precision], Seconds(0.0)))
    ends = Seconds(hours * 3600)
    watch = Watch(TirelessPlayer(seed=1), Exact(bpm), stage.take, ends)
    watch.witness = Witness(journal)
    generator = Generator(open_model(check(spec.folder), spec.precision))
    offline = Offline(stage, [generator], watch, History(watch.witness))
    try:
        offline.run(Beats(hours * 60 * FASTEST))  # farther than the time that there is
    except _Over:
        pass
    finally:
        journal.close()
    return watch.looks, verdict(watch, offline.performance)


def verdict(watch: Watch, performance: Performance) -> list[str]:
    """What went wrong."""
    looks, witness = watch.looks, watch.witness
    assert witness
    found: list[str] = []
    if witness.open or witness.wrong or performance.sound.ledger.sounding():
        found.append(f"{len(witness.open)} notes hang, {witness.wrong} do not pair up")
    if watch.longest > LONGEST:
        found.append(f"a note of the player's was held for {watch.longest:.0f} beats")
    if any(look.drift for look in looks):
        found.append(f"the beat drifts by up to {max(abs(look.drift) for look in looks)} ticks")
    settled = looks[int(len(looks) * WARM) :]
    before, after = settled[: len(settled) // 2], settled[len(settled) // 2 :]
    if before and after:
        objects = min(k.objects for k in after) / min(k.objects for k in before) - 1
        megabytes = min(k.megabytes for k in after) - min(k.megabytes for k in before)
        if objects > MORE_OBJECTS:
            found.append(f"{objects:.1%} more objects in the last quarter than in the third")
        if megabytes > MORE_MEGABYTES:
            found.append(f"{megabytes:.1f} MB more in the last quarter than in the third")
    if not looks or looks[-1].notes < 100:
        found.append("hardly anything was played")
    return found


def main() -> int:
    options = _options()
    with tempfile.TemporaryDirectory() as place:
        print(PAGE, flush=True)
        looks, wrong = soak(options.hours, options.model, Path(place))
    said = wrong or ["Memory did not grow, the beat did not drift by a tick, and no note hung."]
    print("\n".join(said))
    if options.log:
        lines = [str(look) for look in looks if round(look.hours * 3600) % LINE_EVERY < LOOK_EVERY]
        options.log.write_text("\n".join((PAGE, *lines, *said)) + "\n")
    return 1 if wrong else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--hours", type=float, default=24.0, help="of virtual time, %(default)g")
    parser.add_argument("--model", default=SHIPPED, help="which model plays, %(default)s")
    parser.add_argument("--log", type=Path, help="a file for the table")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
