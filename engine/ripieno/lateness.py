"""What becomes of a step that comes too late: one policy, one function, one sentence.

A step tells what each voice does, so whatever is chosen, the next step puts it right.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ripieno.clock import Beats
from ripieno.events import Planned, Sounding
from ripieno.settings import Late

WAITED_FOR = frozenset({Late.PLAY, Late.STRETCH, Late.NEXT, Late.DROP})
"""Policies under which a late step is still wanted until it is over."""


class Latecomers:
    """Remembers, voice by voice, what earlier late notes still ask for."""

    def __init__(self) -> None:
        self._dropped: dict[int, int] = {}  # voice → pitch that stays silent until struck anew
        self._owed: dict[int, Beats] = {}  # voice → by how much its note still ends later
        self._policies: dict[Late, Callable[[Planned, Beats], Planned]] = {
            Late.HOLD: lambda planned, late: planned,
            Late.PLAY: lambda planned, late: planned,
            Late.STRETCH: self._stretch,
            Late.NEXT: self._next,
            Late.DROP: self._drop,
        }

    def clear(self) -> None:
        """All that sounded has been released."""
        self._dropped.clear()
        self._owed.clear()

    def late(self, planned: Planned, by: Beats, policy: Late) -> Planned:
        """What is to sound now of a step that comes `by` beats too late."""
        return self._policies[policy](self.in_time(planned), by)

    def in_time(self, planned: Planned) -> Planned:
        """What is to sound of a step, now that some of its notes were dropped before."""
        if not self._dropped:
            return planned
        return replace(planned, voices=tuple(self._silenced(voice) for voice in planned.voices))

    def ends_later(self, planned: Planned) -> tuple[Planned, Planned | None]:
        """A step without the endings that are owed some time, and those endings by themselves."""
        owed = {v.voice: self._owed.pop(v.voice, None) for v in planned.voices if self._ends(v)}
        later = tuple(v for v in planned.voices if owed.get(v.voice) is not None)
        if not later:
            return planned, None
        by = Beats(max(owed[v.voice] or 0.0 for v in later))
        rest = tuple(v for v in planned.voices if v not in later)
        return replace(planned, voices=rest), replace(
            planned, begin=Beats(planned.begin + by), voices=later
        )

    def _ends(self, voice: Sounding) -> bool:
        """A rest ends the note and pays what is owed; a new note is simply on time."""
        if voice.struck:
            self._owed.pop(voice.voice, None)
        return voice.pitch is None

    def _stretch(self, planned: Planned, late: Beats) -> Planned:
        self._owed.update({v.voice: late for v in planned.voices if v.struck})
        return planned

    def _next(self, planned: Planned, late: Beats) -> Planned:
        """What is struck waits: the next step finds the voice silent, and strikes it."""
        return replace(planned, voices=tuple(_unstruck(voice) for voice in planned.voices))

    def _drop(self, planned: Planned, late: Beats) -> Planned:
        self._dropped.update(
            {v.voice: v.pitch for v in planned.voices if v.struck and v.pitch is not None}
        )
        return self._next(planned, late)

    def _silenced(self, voice: Sounding) -> Sounding:
        if voice.struck or self._dropped.get(voice.voice) != voice.pitch:
            self._dropped.pop(voice.voice, None)
            return voice
        return replace(voice, pitch=None)


def _unstruck(voice: Sounding) -> Sounding:
    return replace(voice, pitch=None, struck=False) if voice.struck else voice
