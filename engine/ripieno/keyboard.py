"""All outputs as one keyboard: what begins, what ends, what surely has, and the ledger of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Protocol

from ripieno.clock import Seconds
from ripieno.ledger import Ledger
from ripieno.measure import Gauge
from ripieno.outputs import Output, messages
from ripieno.outputs.lane import GAP, Lane
from ripieno.outputs.messages import SUSTAIN, Message
from ripieno.section import Cell, When
from ripieno.takes.facts import Fact, NoteEnded, NoteStarted, Source


class Recorder(Protocol):
    """Something that writes down what happened, without ever waiting."""

    def record(self, fact: Fact) -> None: ...


class Keyboard:
    """Notes on all outputs at once; pedals, which hold what has ended; and their time.

    What is told ahead of its moment each output gets when it needs it, by `pump`, which `wake` says
    when to call.
    """

    def __init__(
        self, outputs: Sequence[Output | Lane], ledger: Ledger, recorder: Recorder
    ) -> None:
        self._lanes = [out if isinstance(out, Lane) else Lane(out) for out in outputs]
        self.ledger = ledger
        self._recorder = recorder
        self._counts: dict[Cell, int] = {}
        self._ending: set[Cell] = set()  # released, and still in the ledger
        self._pedals: set[int] = set()  # channels whose pedal is down
        self.lateness = Gauge("scheduler")
        self._moments: deque[Seconds] = deque()  # when steps should go out that have not yet
        self._rising: dict[int, Seconds] = {}  # when a pedal that came up has surely been heard

    @property
    def outputs(self) -> list[Output]:
        return [lane.output for lane in self._lanes]

    def leave(self, lane: Lane) -> None:
        """One output less, on which nothing sounds."""
        self._lanes.remove(lane)

    def hand_pedals(self, lane: Lane, at: Seconds) -> None:
        """Let an output know of the pedals that are down."""
        for channel in sorted(self._pedals):
            lane.put(at, messages.control(channel, SUSTAIN, 127))

    @property
    def pedalled(self) -> bool:
        """Whether a pedal is down, so that what has ended may sound on."""
        return bool(self._pedals)

    # ---- time

    @property
    def lead(self) -> Seconds:
        """How long before its moment a step should be told."""
        return max((GAP, *(lane.lead for lane in self._lanes)))

    def wake(self) -> Seconds | None:
        """When `pump` has something to do; None when nothing waits."""
        wakes = (lane.wake() for lane in self._lanes)
        return min((at for at in wakes if at is not None), default=None)

    def pump(self, now: Seconds) -> None:
        """Hand over what is due, and forget what has surely ended."""
        while self._moments and self._moments[0] <= now:
            self.lateness.add(now - self._moments.popleft())
        for lane in self._lanes:
            lane.pump(now)
        for cell in tuple(self._ending):
            gone = [lane.gone(*cell) for lane in self._lanes]
            if all(at is not None and at <= now for at in gone):
                self._ending.discard(cell)
                self.ledger.release(*cell)
        for channel, heard in tuple(self._rising.items()):
            if heard <= now:
                del self._rising[channel]
                self.ledger.pedal(channel, False)

    def _put(self, at: Seconds, message: Message) -> None:
        for lane in self._lanes:
            lane.put(at, message)

    # ---- pedals

    def _pedal(self, channel: int, down: bool, at: Seconds) -> None:
        """Keep the ledger: a pedal is in it before it goes down and until it has surely risen."""
        self._rising.pop(channel, None)
        if down:
            self._pedals.add(channel)
            self.ledger.pedal(channel, True)
        elif channel in self._pedals:
            self._pedals.discard(channel)
            farthest = max((lane.output.lead for lane in self._lanes), default=Seconds(0.0))
            self._rising[channel] = Seconds(at + 2 * farthest)

    # ---- notes

    @property
    def sounding(self) -> int:
        """How many notes sound, on however many outputs."""
        return len(self._counts)

    def tell(self, fact: NoteStarted | NoteEnded) -> None:
        self._recorder.record(fact)

    def stepped(self, due: Seconds) -> None:
        self._moments.append(due)

    def forgo(self, channels: Iterable[int], at: Seconds) -> None:
        for cell in self._ending:
            if cell[0] in channels:
                for lane in self._lanes:
                    lane.cancel(*cell, at)

    def _started(self, source: Source, channel: int, pitch: int, velocity: int, when: When) -> None:
        due = None if source is Source.PLAYER else when.due
        self.tell(NoteStarted(source, None, channel, pitch, velocity, when.beat, due, when.at))

    def _ended(self, source: Source, channel: int, pitch: int, when: When) -> None:
        self.tell(NoteEnded(source, None, channel, pitch, when.beat, when.at))

    def strike(self, cell: Cell, velocity: int, at: Seconds) -> None:
        """Two voices on one channel may share a pitch: the note ends with the last of them."""
        count = self._counts.get(cell, 0)
        self._counts[cell] = count + 1
        self._ending.discard(cell)
        self.ledger.strike(*cell)
        if count:
            self._put(Seconds(at - GAP), messages.note_off(*cell))
        self._put(at, messages.note_on(*cell, velocity))

    def unstrike(self, cell: Cell, at: Seconds, *, at_once: bool = False) -> None:
        count = self._counts.get(cell, 0) - 1
        if count > 0:
            self._counts[cell] = count
            return
        self._counts.pop(cell, None)
        self._ending.add(cell)
        if not at_once:
            self._put(at, messages.note_off(*cell))
            return
        for lane in self._lanes:
            lane.cancel(*cell, at)
