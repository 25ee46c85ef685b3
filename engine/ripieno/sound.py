"""What sounds: the one place that starts and stops notes, and that keeps the ledger."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from ripieno.clock import GRID_TOLERANCE, Beats, Seconds
from ripieno.events import Note, Planned, Sounding, part_of
from ripieno.grammar.grid import VOICES
from ripieno.ledger import Ledger
from ripieno.measure import Gauge
from ripieno.outputs import Output, messages
from ripieno.outputs.lane import GAP, Lane
from ripieno.outputs.messages import SUSTAIN, Message
from ripieno.outputs.patch import patches
from ripieno.routing import Routing
from ripieno.takes.take import BendMoved, ControlMoved, Fact, NoteEnded, NoteStarted, Source

PEDAL_DOWN = 64
"""From this value on the sustain pedal is down."""
Cell = tuple[int, int]
"""Channel and pitch."""


@dataclass(frozen=True, slots=True)
class When:
    """When a note should sound (`due`, at `beat` on the score) and when it does (`at`)."""

    beat: Beats
    due: Seconds
    at: Seconds


class Recorder(Protocol):
    """Something that writes down what happened, without ever waiting."""

    def record(self, fact: Fact) -> None: ...


@dataclass(frozen=True, slots=True)
class _Voice:
    """A note of the machine that sounds."""

    pitch: int
    velocity: int
    onset: Beats
    source: Source


class Sound:
    """All outputs as one instrument, with four voices of the machine and the player's thru.

    Steps may be told `lead` ahead of their time: each output gets them when it needs them, by
    `pump`, which `wake` says when to call. What the player does, and silence, goes out at once.
    """

    def __init__(
        self,
        outputs: Sequence[Output | Lane],
        ledger: Ledger,
        routing: Routing,
        recorder: Recorder,
    ) -> None:
        """An output that needs more than its own lead comes as a `Lane`."""
        self._lanes = [out if isinstance(out, Lane) else Lane(out) for out in outputs]
        self.ledger = ledger
        self.muted: frozenset[int] = frozenset()
        self._routing = routing
        self._recorder = recorder
        self._machine: dict[int, _Voice] = {}
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
        for channel, patch in patches(self._routing).items():
            patch.tell(output, channel)

    @property
    def programs(self) -> tuple[int, ...]:
        """The General MIDI program of each voice."""
        return self._routing.programs

    def reprogram(self, programs: tuple[int, ...]) -> None:
        """Other sounds for the voices, from their next notes on. Raises SettingError."""
        self._routing = replace(self._routing, programs=programs)
        for output in self.outputs:
            self.greet(output)

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

    # ---- the machine's voices

    def machine(self) -> tuple[Note, ...]:
        """What the machine sounds now, as notes with an open end."""
        return tuple(
            Note(voice, note.pitch, note.velocity, note.onset, None)
            for voice, note in sorted(self._machine.items())
        )

    def levels(self) -> tuple[int, ...]:
        """The velocity that sounds in each voice, 0 when it is silent."""
        levels = [0] * len(VOICES)
        for voice, note in self._machine.items():
            levels[part_of(voice)] = max(levels[part_of(voice)], note.velocity)
        return tuple(levels)

    def perform(self, planned: Planned, when: When, source: Source = Source.MODEL) -> None:
        """Bring the voices into the state that was planned: first what ends, then what begins.

        It sounds at `when.at`, which may be up to `lead` from now.
        """
        ends = [told.voice for told in planned.voices if self._ends(told, planned.begin)]
        ends += self._left_out(planned.voices)
        begins = [told for told in planned.voices if self._begins(told, told.voice in ends)]
        struck = {(self._channel(told.voice), told.pitch) for told in begins}
        for voice in ends:
            again = (self._channel(voice), self._machine[voice].pitch) in struck
            self._release(voice, when, again=again)
        for told in begins:
            assert told.pitch is not None
            self._machine[told.voice] = _Voice(told.pitch, told.velocity, planned.begin, source)
            channel = self._channel(told.voice)
            self._started(source, told.voice, channel, told.pitch, told.velocity, when)
            self._strike((channel, told.pitch), told.velocity, when.at)
        if begins:
            self._moments.append(when.due)

    def _left_out(self, voices: Sequence[Sounding]) -> list[int]:
        """The slots that sound, and that a step does not name, of voices that rest in it."""
        named = {told.voice for told in voices}
        resting = {told.voice for told in voices if told.pitch is None}
        return [v for v in sorted(self._machine) if v not in named and part_of(v) in resting]

    def _ends(self, told: Sounding, begin: Beats) -> bool:
        """Whether what this voice sounds now ends where the step begins."""
        now = self._machine.get(told.voice)
        if now is None:
            return False
        wanted = None if part_of(told.voice) in self.muted else told.pitch
        return wanted != now.pitch or (told.struck and now.onset < begin - GRID_TOLERANCE)

    def _begins(self, told: Sounding, ended: bool) -> bool:
        silent = told.voice not in self._machine or ended
        return told.pitch is not None and silent and part_of(told.voice) not in self.muted

    def _channel(self, voice: int) -> int:
        return self._routing.channels[part_of(voice)]

    def mute(self, muted: frozenset[int], when: When) -> None:
        """Silence these voices now, and let the others sound from their next step."""
        self.muted = muted
        self._silence([v for v in sorted(self._machine) if part_of(v) in muted], when)

    def hush(self, when: When) -> None:
        """Release every note of the machine now; what has not begun does not begin."""
        for cell in self._ending:  # what was to end soon ends now, too
            for lane in self._lanes:
                lane.cancel(*cell, when.at)
        self._silence(sorted(self._machine), when)

    def _silence(self, voices: Iterable[int], when: When) -> None:
        for voice in voices:
            self._release(voice, when, at_once=True)
        self.pump(when.at)

    def _release(
        self, voice: int, when: When, *, again: bool = False, at_once: bool = False
    ) -> None:
        """End the note of a voice: `again` when it is struck again then, `at_once` for silence."""
        note = self._machine.pop(voice, None)
        if note is None:
            return
        channel = self._channel(voice)
        self._ended(note.source, voice, channel, note.pitch, when)
        at = Seconds(when.at - GAP) if again else when.at
        self._unstrike((channel, note.pitch), at, at_once=at_once)

    # ---- the player's notes

    def thru_on(self, key: int, pitch: int, velocity: int, when: When) -> None:
        """The player's key `key` sounds `pitch`, at once and as it is."""
        self.thru_off(key, when)
        self._thru[key] = pitch
        channel = self._routing.thru_channel
        self._started(Source.PLAYER, None, channel, pitch, velocity, when)
        if self._routing.thru:
            self._strike((channel, pitch), velocity, when.at)
            self.pump(when.at)

    def thru_pitch(self, key: int) -> int | None:
        """The pitch that the player's key sounds, None if it is not down."""
        return self._thru.get(key)

    def thru_off(self, key: int, when: When) -> None:
        pitch = self._thru.pop(key, None)
        if pitch is None:
            return
        channel = self._routing.thru_channel
        self._ended(Source.PLAYER, None, channel, pitch, when)
        if self._routing.thru:
            self._unstrike((channel, pitch), when.at)
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

    def thru_program(self, program: int, at: Seconds) -> None:
        """The player has chosen another sound, 0…127, for the player's own notes."""
        if self._routing.thru:
            self._routing = replace(self._routing, thru_program=program)
            self._put(at, messages.program(self._routing.thru_channel, program))
            self.pump(at)

    # ---- beside the music

    def preview_on(self, pitch: int, velocity: int, at: Seconds) -> None:
        """A note that is let be heard on the player's channel, and is in no take."""
        self._strike((self._routing.thru_channel, pitch), velocity, at)
        self.pump(at)

    def preview_off(self, pitch: int, at: Seconds) -> None:
        """The end of one that `preview_on` began."""
        self._unstrike((self._routing.thru_channel, pitch), at)
        self.pump(at)

    # ---- the beat

    def click(self, channel: int, pitch: int, velocity: int, when: When, length: Seconds) -> None:
        """A stroke of the metronome at `when.at`, which may be up to `lead` from now."""
        cell = (channel, pitch)
        self._started(Source.CLICK, None, channel, pitch, velocity, when)
        self._strike(cell, velocity, when.at)
        end = Seconds(when.at + length)
        self._ended(Source.CLICK, None, channel, pitch, When(when.beat, when.due, end))
        self._unstrike(cell, end)

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
        self.hush(when)
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

    def _started(
        self, source: Source, voice: int | None, channel: int, pitch: int, velocity: int, when: When
    ) -> None:
        due = None if source is Source.PLAYER else when.due
        self._recorder.record(
            NoteStarted(source, voice, channel, pitch, velocity, when.beat, due, when.at)
        )

    def _ended(
        self, source: Source, voice: int | None, channel: int, pitch: int, when: When
    ) -> None:
        self._recorder.record(NoteEnded(source, voice, channel, pitch, when.beat, when.at))

    def _strike(self, cell: Cell, velocity: int, at: Seconds) -> None:
        """Two voices on one channel may share a pitch: the note ends with the last of them."""
        count = self._counts.get(cell, 0)
        self._counts[cell] = count + 1
        self._ending.discard(cell)
        self.ledger.strike(*cell)
        if count:
            self._put(Seconds(at - GAP), messages.note_off(*cell))
        self._put(at, messages.note_on(*cell, velocity))

    def _unstrike(self, cell: Cell, at: Seconds, *, at_once: bool = False) -> None:
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
