"""What a log is made of: where all voices stand, a step, and a place inside one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ripieno.events import Sounding
from ripieno.grammar.grid import REST, STEPS_PER_BEAT, VOICES, Cursor, Setting
from ripieno.inference.model import Mark, Row


@dataclass(slots=True)
class Hand:
    """Where all voices stand between two decisions, in tokens (`cursor`) and in real pitches.

    held: what each voice sounds, None if it rests. last: what it sounded last, None if nothing
    yet. velocities: of the last note struck. lean: what is added to the logits of striking.
    """

    cursor: Cursor = field(default_factory=Cursor)
    held: list[int | None] = field(default_factory=lambda: [None] * len(VOICES))
    last: list[int | None] = field(default_factory=lambda: [None] * len(VOICES))
    velocities: list[int] = field(default_factory=lambda: [0] * len(VOICES))
    lean: tuple[float, ...] = (0.0,) * len(VOICES)

    def copy(self) -> Hand:
        return Hand(
            self.cursor.copy(),
            self.held.copy(),
            self.last.copy(),
            self.velocities.copy(),
            self.lean,
        )


@dataclass(slots=True)
class Entry:
    """One step of the log: its number in sixteenths, its setting, the (voice, token) pairs in
    the order of their decisions, what every voice did, and everything from just before it."""

    step: int
    here: Setting
    before: Hand
    state: Mark | None = None
    decisions: list[tuple[int, int]] = field(default_factory=list)
    frame: list[int] = field(default_factory=lambda: [REST] * len(VOICES))
    voices: list[Sounding | None] = field(default_factory=lambda: [None] * len(VOICES))

    @property
    def complete(self) -> bool:
        return len(self.decisions) == len(VOICES)

    def rows(self) -> list[Row]:
        """What the model hears of this step: a row for each decision."""
        cursor = self.before.cursor.copy()
        rows: list[Row] = []
        for voice, token in self.decisions:
            rows.append(cursor.features(voice, self.here))
            cursor.decide(voice, token)
        return rows


@dataclass(frozen=True, slots=True)
class Fork:
    """A place inside a step to which drawing can come back: copies of all that changes there."""

    hand: Hand
    decisions: tuple[tuple[int, int], ...]
    frame: tuple[int, ...]
    voices: tuple[Sounding | None, ...]
    mark: Mark


def looping(entries: Sequence[Entry], longest: int) -> list[int] | None:
    """The frame with which a beat would come once more, if the step just opened begins a beat and
    the last `longest` beats were all the same."""
    size = STEPS_PER_BEAT
    step = entries[-1].step
    count = longest * size
    if step % size or len(entries) <= count or entries[-1 - count].step != step - count:
        return None
    past = entries[-1 - count : -1]
    if any(a.frame != b.frame for a, b in zip(past, past[size:], strict=False)):
        return None
    return past[-size].frame


def closing(entry: Entry, voice: int, again: list[int] | None) -> int | None:
    """The token with which `voice`, the last to be decided in `entry`, would complete `again`."""
    if again is None:
        return None
    others = (other for other in range(len(VOICES)) if other != voice)
    return again[voice] if all(entry.frame[o] == again[o] for o in others) else None
