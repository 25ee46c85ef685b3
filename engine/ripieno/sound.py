"""What sounds: the one place that starts and stops notes, and that keeps the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ripieno.clock import GRID_TOLERANCE, Beats, Seconds
from ripieno.events import Note, Planned
from ripieno.grammar.grid import VOICES
from ripieno.ledger import Ledger
from ripieno.outputs import Output
from ripieno.routing import Routing
from ripieno.take import ControlMoved, Fact, NoteEnded, NoteStarted, Source


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
    """All outputs as one instrument, with four voices of the machine and the player's thru."""

    def __init__(
        self, outputs: Sequence[Output], ledger: Ledger, routing: Routing, recorder: Recorder
    ) -> None:
        self.outputs = list(outputs)
        self.ledger = ledger
        self.muted: frozenset[int] = frozenset()
        self._routing = routing
        self._recorder = recorder
        self._machine: list[_Voice | None] = [None] * len(VOICES)
        self._thru: dict[int, int] = {}
        self._counts: dict[tuple[int, int], int] = {}
        for channel, program in (
            *zip(routing.channels, routing.programs, strict=True),
            (routing.thru_channel, routing.thru_program),
        ):
            for output in self.outputs:
                output.program(channel, program)

    # ---- the machine's voices

    def machine(self) -> tuple[Note, ...]:
        """What the machine sounds now, as notes with an open end."""
        return tuple(
            Note(voice, note.pitch, note.velocity, note.onset, None)
            for voice, note in enumerate(self._machine)
            if note is not None
        )

    def levels(self) -> tuple[int, ...]:
        """The velocity that sounds in each voice, 0 when it is silent."""
        return tuple(0 if note is None else note.velocity for note in self._machine)

    def perform(self, planned: Planned, when: When, source: Source = Source.MODEL) -> None:
        """Bring the voices into the state that was planned: first what ends, then what begins."""
        for told in planned.voices:
            now = self._machine[told.voice]
            wanted = None if told.voice in self.muted else told.pitch
            again = told.struck and now is not None and now.onset < planned.begin - GRID_TOLERANCE
            if now is not None and (wanted != now.pitch or again):
                self._release(told.voice, when)
        for told in planned.voices:
            silent = self._machine[told.voice] is None and told.voice not in self.muted
            if told.pitch is not None and silent:
                note = _Voice(told.pitch, told.velocity, planned.begin, source)
                self._machine[told.voice] = note
                channel = self._routing.channels[told.voice]
                self._started(source, told.voice, channel, told.pitch, told.velocity, when)
                self._strike(channel, told.pitch, told.velocity)

    def mute(self, muted: frozenset[int], when: When) -> None:
        """Silence these voices now, and let the others sound from their next step."""
        self.muted = muted
        for voice in muted:
            self._release(voice, when)

    def hush(self, when: When) -> None:
        """Release every note of the machine."""
        for voice in range(len(VOICES)):
            self._release(voice, when)

    def _release(self, voice: int, when: When) -> None:
        note = self._machine[voice]
        if note is None:
            return
        self._machine[voice] = None
        channel = self._routing.channels[voice]
        self._ended(note.source, voice, channel, note.pitch, when)
        self._unstrike(channel, note.pitch)

    # ---- the player's notes

    def thru_on(self, key: int, pitch: int, velocity: int, when: When) -> None:
        """The player's key `key` sounds `pitch`, at once and as it is."""
        self.thru_off(key, when)
        self._thru[key] = pitch
        channel = self._routing.thru_channel
        self._started(Source.PLAYER, None, channel, pitch, velocity, when)
        if self._routing.thru:
            self._strike(channel, pitch, velocity)

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
            self._unstrike(channel, pitch)

    def thru_control(self, controller: int, value: int, when: When) -> None:
        channel = self._routing.thru_channel
        self._recorder.record(ControlMoved(channel, controller, value, when.beat, when.at))
        if self._routing.thru:
            for output in self.outputs:
                output.control(channel, controller, value)

    # ---- all of it

    @property
    def sounding(self) -> int:
        """How many notes sound, on however many outputs."""
        return self.ledger.count

    def release_all(self, when: When) -> None:
        """Release everything that sounds: the end of a performance, in order."""
        self.hush(when)
        for key in list(self._thru):
            self.thru_off(key, when)

    def panic(self, when: When) -> None:
        """Release everything, then tell every channel to be silent, whatever it may hold."""
        self.release_all(when)
        for channel, pitch in self.ledger.sounding():
            for output in self.outputs:
                output.note_off(channel, pitch)
            self.ledger.release(channel, pitch)
        self._counts.clear()
        for output in self.outputs:
            output.silence()

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

    def _strike(self, channel: int, pitch: int, velocity: int) -> None:
        """Two voices on one channel may share a pitch: the note ends with the last of them."""
        cell = (channel, pitch)
        count = self._counts.get(cell, 0)
        self._counts[cell] = count + 1
        self.ledger.strike(channel, pitch)
        for output in self.outputs:
            if count:
                output.note_off(channel, pitch)
            output.note_on(channel, pitch, velocity)

    def _unstrike(self, channel: int, pitch: int) -> None:
        cell = (channel, pitch)
        count = self._counts.get(cell, 0) - 1
        if count > 0:
            self._counts[cell] = count
            return
        self._counts.pop(cell, None)
        for output in self.outputs:
            output.note_off(channel, pitch)
        self.ledger.release(channel, pitch)
