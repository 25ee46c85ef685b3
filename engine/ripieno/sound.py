"""What sounds: the one place that starts and stops notes, and that keeps the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from ripieno.clock import Seconds
from ripieno.commands import Programs
from ripieno.keyboard import Keyboard, Recorder
from ripieno.ledger import Ledger
from ripieno.outputs import Output, messages
from ripieno.outputs.lane import Lane
from ripieno.outputs.messages import SUSTAIN, Message
from ripieno.outputs.patch import Patch, patches
from ripieno.routing import Routing
from ripieno.section import Section, When
from ripieno.takes.take import (
    BendMoved,
    ControlMoved,
    SoundChosen,
    Source,
)

__all__ = ["Recorder", "Sound", "When"]

SOONER = Seconds(0.002)
"""So long before a bar line a sound is chosen for it: no note lies between."""
PEDAL_DOWN = 64
"""From this value on the sustain pedal is down."""


@dataclass(frozen=True, slots=True)
class _Key:
    """A key that the player holds: the pitch that it sounds, or is silent at (not `sounds`)."""

    pitch: int
    channel: int
    sounds: bool


class Sound(Keyboard):
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
        super().__init__(outputs, ledger, recorder)
        self._routing = routing
        self.sections = tuple(
            Section(self, each, place) for place, each in enumerate((routing, *others))
        )
        self._thru: dict[int, _Key] = {}
        for output in self.outputs:
            self.greet(output)

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
        section = next(each for each in self.sections if each.place == place)
        section.routing = replace(section.routing, programs=wanted.programs, **mix)
        for channel, patch in self._patches().items():
            if patch == before[channel]:
                continue
            for message in patch.instead_of(before[channel]).messages(channel):
                self._put(when.at, message)
            if patch.program != before[channel].program:
                self._recorder.record(SoundChosen(channel, patch.program, when.beat, when.at))

    # ---- others who play

    def admit(self, routings: Sequence[Routing], place: int) -> tuple[Section, ...]:
        """Sections for others, at this place and on: theirs, once they are `seat`ed."""
        return tuple(Section(self, each, here) for here, each in enumerate(routings, place))

    def seat(self, sections: tuple[Section, ...], routing: Routing, when: When) -> None:
        """From now on these sections play, and the player and the metronome on the channels of
        `routing`. A key that is down ends where it began."""
        before, own = self._patches(), self._routing.thru_channel
        self.sections, self._routing = sections, routing
        for channel, patch in self._patches().items():
            known = before.get(channel)
            if patch == known:
                continue
            for message in (patch.instead_of(known) if known else patch).messages(channel):
                self._put(Seconds(when.at - SOONER), message)
            if known is None or patch.program != known.program:
                self._recorder.record(SoundChosen(channel, patch.program, when.beat, when.at))
        if own != routing.thru_channel:
            self._hand_foot(own, routing.thru_channel, when)

    def _hand_foot(self, before: int, now: int, when: When) -> None:
        """The player's channel is another: the pedal goes along, and the wheel stands straight."""
        self._put(when.at, messages.bend(before, 0))
        if before in self._pedals:
            self._pedal(before, False, when.at)
            self._put(when.at, messages.control(before, SUSTAIN, 0))
            if self._routing.thru:
                self._pedal(now, True, when.at)
                self._put(when.at, messages.control(now, SUSTAIN, 127))

    # ---- the player's notes

    def thru_on(self, key: int, pitch: int, velocity: int, when: When) -> None:
        """The player's key `key` sounds `pitch`, at once and as it is."""
        self.thru_off(key, when)
        channel, sounds = self._routing.thru_channel, self._routing.thru
        self._thru[key] = _Key(pitch, channel, sounds)
        self._started(Source.PLAYER, channel, pitch, velocity, when)
        if sounds:
            self.strike((channel, pitch), velocity, when.at)
            self.pump(when.at)

    def thru_pitch(self, key: int) -> int | None:
        """The pitch that the player's key sounds, None if it is not down."""
        down = self._thru.get(key)
        return None if down is None else down.pitch

    def thru_off(self, key: int, when: When) -> None:
        down = self._thru.pop(key, None)
        if down is None:
            return
        self._ended(Source.PLAYER, down.channel, down.pitch, when)
        if down.sounds:
            self.unstrike((down.channel, down.pitch), when.at)
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
