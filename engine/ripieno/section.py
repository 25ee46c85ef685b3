"""The voices of one partner: what the machine sounds, voice by voice, and nothing beyond them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ripieno.clock import GRID_TOLERANCE, Beats, Seconds
from ripieno.events import Note, Planned, Sounding, part_of
from ripieno.grammar.grid import VOICES
from ripieno.outputs.lane import GAP
from ripieno.routing import Routing
from ripieno.takes.facts import NoteEnded, NoteStarted, Source

Cell = tuple[int, int]
"""Channel and pitch."""


@dataclass(frozen=True, slots=True)
class When:
    """When a note should sound (`due`, at `beat` on the score) and when it does (`at`)."""

    beat: Beats
    due: Seconds
    at: Seconds


@dataclass(frozen=True, slots=True)
class Sung:
    """A note of `voice` began at `beat`, or ended there: then its velocity is 0."""

    voice: int
    channel: int
    pitch: int
    velocity: int
    beat: Beats


@dataclass(frozen=True, slots=True)
class _Voice:
    """A note of the machine that sounds."""

    pitch: int
    velocity: int
    onset: Beats
    source: Source


class Keys(Protocol):
    """What a section plays on: all outputs as one instrument, shared with everybody else."""

    def tell(self, fact: NoteStarted | NoteEnded) -> None:
        """Write it down."""

    def strike(self, cell: Cell, velocity: int, at: Seconds) -> None:
        """A note begins."""

    def unstrike(self, cell: Cell, at: Seconds, *, at_once: bool = False) -> None:
        """It ends; `at_once`, also if it has not begun yet."""

    def forgo(self, channels: Iterable[int], at: Seconds) -> None:
        """What was to end soon on these channels ends now."""

    def stepped(self, due: Seconds) -> None:
        """Notes of a step that was due then are on their way."""

    def pump(self, now: Seconds) -> None:
        """Hand over what is due."""


class Section:
    """The voices of the partner at `place` in the ensemble, on channels of their own."""

    def __init__(self, keys: Keys, routing: Routing, place: int = 0) -> None:
        self.routing, self.place = routing, place
        self.muted: frozenset[int] = frozenset()
        self._keys = keys
        self._machine: dict[int, _Voice] = {}
        self._news: list[Sung] = []

    def news(self) -> tuple[Sung, ...]:
        """What has begun and ended since the last call, in order."""
        news, self._news = tuple(self._news), []
        return news

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
            self._started(source, told, channel, when)
            self._keys.strike((channel, told.pitch), told.velocity, when.at)
        if begins:
            self._keys.stepped(when.due)

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
        return self.routing.channels[part_of(voice)]

    def mute(self, muted: frozenset[int], when: When) -> None:
        """Silence these voices now, and let the others sound from their next step."""
        self.muted = muted
        self._silence([v for v in sorted(self._machine) if part_of(v) in muted], when)

    def hush(self, when: When) -> None:
        """Release every note of the machine now; what has not begun does not begin."""
        self._keys.forgo(self.routing.channels, when.at)
        self._silence(sorted(self._machine), when)

    def _silence(self, voices: Iterable[int], when: When) -> None:
        for voice in voices:
            self._release(voice, when, at_once=True)
        self._keys.pump(when.at)

    def _release(
        self, voice: int, when: When, *, again: bool = False, at_once: bool = False
    ) -> None:
        """End the note of a voice: `again` when it is struck again then, `at_once` for silence."""
        note = self._machine.pop(voice, None)
        if note is None:
            return
        channel = self._channel(voice)
        ended = NoteEnded(note.source, voice, channel, note.pitch, when.beat, when.at, self.place)
        self._keys.tell(ended)
        self._news.append(Sung(voice, channel, note.pitch, 0, when.beat))
        at = Seconds(when.at - GAP) if again else when.at
        self._keys.unstrike((channel, note.pitch), at, at_once=at_once)

    def _started(self, source: Source, told: Sounding, channel: int, when: When) -> None:
        voice, pitch, velocity = told.voice, told.pitch, told.velocity
        assert pitch is not None
        self._keys.tell(
            NoteStarted(
                source, voice, channel, pitch, velocity, when.beat, when.due, when.at, self.place
            )
        )
        self._news.append(Sung(voice, channel, pitch, velocity, when.beat))
