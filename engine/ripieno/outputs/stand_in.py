"""The built-in sound plays what an instrument cannot play: not yet, or no more. Pure.

The voices go over from one to the other note by note: what sounds ends where it began, and the
next note begins on the other one. So nothing is cut off, and every note-off finds its note.
"""

from __future__ import annotations

from collections.abc import Sequence

from ripieno.outputs import Replaceable
from ripieno.outputs.lane import Lane


class StandIn:
    """`lane` leads to the built-in sound, and begins notes where it does anyway. Besides, it plays
    the channels `alone`, whose instruments do not open, and stands in for every one of `lanes`
    that may be away."""

    def __init__(
        self, lane: Lane, lanes: Sequence[Lane], alone: frozenset[int] = frozenset()
    ) -> None:
        self._lane = lane
        self._own = lane.begins | alone
        self._others = [each for each in lanes if isinstance(each.output, Replaceable)]
        self.look()

    def look(self) -> None:
        """Who is there, plays."""
        begins = self._own
        for other in self._others:
            assert isinstance(other.output, Replaceable)
            if other.output.ready:
                other.begins = other.channels
            else:
                other.begins = frozenset()
                begins |= other.channels
        self._lane.begins = begins
