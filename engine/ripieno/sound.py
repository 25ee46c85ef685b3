"""What sounds: the one place that starts and stops notes, and that keeps the ledger."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from typing import Protocol

from ripieno.clock import Seconds
from ripieno.commands import Programs
from ripieno.ledger import Ledger
from ripieno.measure import Gauge
from ripieno.outputs import Output, messages
from ripieno.outputs.lane import GAP, Lane
from ripieno.outputs.messages import SUSTAIN, Message
from ripieno.outputs.patch import Patch, patches
from ripieno.routing import Routing
from ripieno.section import Cell, Section, When
from ripieno.takes.take import (
    BendMoved,
    ControlMoved,
    Fact,
    NoteEnded,
    NoteStarted,
    SoundChosen,
    Source,
)

__all__ = ["Recorder", "Sound", "When"]

PEDAL_DOWN = 64
"""From this value on the sustain pedal is down."""


class Recorder(Protocol):
    """Something that writes down what happened, without ever waiting."""

    def record(self, fact: Fact) -> None: ...


class Sound:
    """All outputs as one instrument: sections with the machine's voices, and the player's thru.

    Steps may be told `lead` ahead of their time: each output gets them when it needs them, by
    `pump`, which `wake` says when to call. What the player does, and silence, goes out at once.
    """

    def __init__(
        self,
        outputs: Sequence[Output | Lane],
        ledger: Ledger,
        routing: Routing,
        recorder: Recorder,
        others: Sequence[Routing] = (),
    ) -> None:
        """An output that needs more than its own lead comes as a `Lane`. `routing` is that of the
        player and of the first section, `others` are those of further sections."""
        self._lanes = [out if isinstance(out, Lane) else Lane(out) for out in outputs]
        self.ledger = ledger
        self._routing = routing
        self._recorder = recorder
        self.sections = tuple(
            Section(self, each, place) for place, each in enumerate((routing, *others))
        )
        self._thru: dict[int, int] = {}
        self._counts: dict[Cell, int] = {}
        self._ending: set[Cell] = set()  # released, and still in the ledger
        self._pedals: set[int] = set()  # channels whose pedal is down
        self.lateness = Gauge("scheduler")
        self._moments: deque[Seconds] = deque()  # when steps should go out that have not yet
        self._rising: dict[int, Seconds] = {}  # when a pedal that came up has surely been heard
        for output in self.outputs:
            self.greet(output)

    @property
    def outputs(self) -> list[Output]:
        return [lane.output for lane in self._lanes]

    @property
    def click_channel(self) -> int:
        """The channel of the metronome."""
        return self._routing.click_channel

    def greet(self, output: Output) -> None:
        """Tell an output that is new, or has new listeners, all programs, volumes and places."""
        for channel, patch in self._patches().items():
            patch.tell(output, channel)

    def join(self, lane: Lane) -> None:
        """One more output, which knows all programs, volumes and places."""
        self._lanes.append(lane)
        self.greet(lane.output)

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

    @property
    def channels(self) -> tuple[int, ...]:
        """Where the first section's voices, the player's notes and the clicks are told."""
        own = self._routing
        return (*self.sections[0].routing.channels, own.thru_channel, own.click_channel)

    def _patches(self) -> dict[int, Patch]:
        found: dict[int, Patch] = {}
        for section in self.sections:
            found |= patches(section.routing)
        return found | {self._routing.thru_channel: Patch(self._routing.thru_program)}

    def reprogram(self, wanted: Programs, when: When, place: int = 0) -> None:
        """Other sounds for the voices of a section, from their next notes on. Raises
        SettingError."""
        mix = asdict(wanted.mix) if wanted.mix else {}
        before = self._patches()
        section = self.sections[place]
        section.routing = replace(section.routing, programs=wanted.programs, **mix)
        for channel, patch in self._patches().items():
            if patch == before[channel]:
                continue
            for message in patch.instead_of(before[channel]).messages(channel):
                self._put(when.at, message)
            if patch.program != before[channel].program:
                self._recorder.record(SoundChosen(channel, patch.program, when.beat, when.at))

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

    # ---- the player's notes

    def thru_on(self, key: int, pitch: int, velocity: int, when: When) -> None:
        """The player's key `key` sounds `pitch`, at once and as it is."""
        self.thru_off(key, when)
        self._thru[key] = pitch
        channel = self._routing.thru_channel
        self._started(Source.PLAYER, channel, pitch, velocity, when)
        if self._routing.thru:
            self.strike((channel, pitch), velocity, when.at)
            self.pump(when.at)

    def thru_pitch(self, key: int) -> int | None:
        """The pitch that the player's key sounds, None if it is not down."""
        return self._thru.get(key)

    def thru_off(self, key: int, when: When) -> None:
        pitch = self._thru.pop(key, None)
        if pitch is None:
            return
        channel = self._routing.thru_channel
        self._ended(Source.PLAYER, channel, pitch, when)
        if self._routing.thru:
            self.unstrike((channel, pitch), when.at)
            self.pump(when.at)

    def thru_control(self, controller: int, value: int, when: When) -> None:
        channel = self._routing.thru_channel
        self._recorder.record(ControlMoved(channel, controller, value, when.beat, when.at))
        if not self._routing.thru:
            return
        if controller == SUSTAIN:
            self._pedal(channel, value >= PEDAL_DOWN, when.at)
        self._put(when.at, messages.control(channel, controller, value))
        self.pump(when.at)

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

    def thru_bend(self, value: int, when: When) -> None:
        """The player's pitch wheel, -8192…8191."""
        channel = self._routing.thru_channel
        self._recorder.record(BendMoved(channel, value, when.beat, when.at))
        if self._routing.thru:
            self._put(when.at, messages.bend(channel, value))
            self.pump(when.at)

    def thru_program(self, program: int, when: When) -> None:
        """The player has chosen another sound, 0…127, for the player's own notes."""
        if self._routing.thru:
            channel = self._routing.thru_channel
            self._routing = replace(self._routing, thru_program=program)
            self._recorder.record(SoundChosen(channel, program, when.beat, when.at))
            self._put(when.at, messages.program(channel, program))
            self.pump(when.at)

    # ---- beside the music

    def preview_on(self, pitch: int, velocity: int, at: Seconds) -> None:
        """A note that is let be heard on the player's channel, and is in no take."""
        self.strike((self._routing.thru_channel, pitch), velocity, at)
        self.pump(at)

    def preview_off(self, pitch: int, at: Seconds) -> None:
        """The end of one that `preview_on` began."""
        self.unstrike((self._routing.thru_channel, pitch), at)
        self.pump(at)

    # ---- the beat

    def click(self, channel: int, pitch: int, velocity: int, when: When, length: Seconds) -> None:
        """A stroke of the metronome at `when.at`, which may be up to `lead` from now."""
        cell = (channel, pitch)
        self._started(Source.CLICK, channel, pitch, velocity, when)
        self.strike(cell, velocity, when.at)
        end = Seconds(when.at + length)
        self._ended(Source.CLICK, channel, pitch, When(when.beat, when.due, end))
        self.unstrike(cell, end)

    def clock(self, data: Message, at: Seconds) -> None:
        """A clock message to all MIDI ports, at `at`, which may be up to `lead` from now."""
        self._put(at, data)

    # ---- all of it

    @property
    def sounding(self) -> int:
        """How many notes sound, on however many outputs."""
        return len(self._counts)

    def release_all(self, when: When) -> None:
        """Release everything that sounds, pedals too: the end of a performance, in order."""
        for section in self.sections:
            section.hush(when)
        for key in list(self._thru):
            self.thru_off(key, when)
        for channel in tuple(self._pedals):
            self._pedal(channel, False, when.at)
            self._put(when.at, messages.control(channel, SUSTAIN, 0))
        self.pump(when.at)

    def panic(self, when: When) -> None:
        """Release everything, then tell every channel to be silent, whatever it may hold."""
        self.release_all(when)
        for cell in self.ledger.sounding():
            if cell not in self._ending:
                self._put(when.at, messages.note_off(*cell))
                self._ending.add(cell)
        self._counts.clear()
        self.pump(when.at)
        for lane in self._lanes:
            lane.silence(when.at)

    # ---- what sections play on, see `section.Keys`

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
