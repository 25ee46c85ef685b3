"""What the model has been told: the token log, and how to go back in it.

The log is the truth; the model's state is a position in it. Every step keeps the cursor and the
state from before it, so that going back costs one copy. States older than `kept_states` steps are
dropped: going back so far feeds the last `window` steps before the place again.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter

from ripieno.events import Sounding
from ripieno.grammar.grid import (
    HOLD,
    REST,
    STEPS_PER_BEAT,
    VOICES,
    Cursor,
    Setting,
    token_of,
)
from ripieno.onnx_model import Logits, Snapshot, StepModel

KEPT_STATES = 1024
WINDOW = 256
_LONGEST_LOG = 8192


@dataclass(slots=True)
class Hand:
    """Where all voices stand between two decisions, in tokens (`cursor`) and in real pitches.

    held: what each voice sounds, None if it rests. last: what it sounded last, None if nothing
    yet. velocities: of the last note struck.
    """

    cursor: Cursor = field(default_factory=Cursor)
    held: list[int | None] = field(default_factory=lambda: [None] * len(VOICES))
    last: list[int | None] = field(default_factory=lambda: [None] * len(VOICES))
    velocities: list[int] = field(default_factory=lambda: [0] * len(VOICES))

    def copy(self) -> Hand:
        return Hand(self.cursor.copy(), self.held.copy(), self.last.copy(), self.velocities.copy())


@dataclass(slots=True)
class Entry:
    """One step of the log: its number in sixteenths, its setting, the (voice, token) pairs in
    the order of their decisions, what every voice did, and everything from just before it."""

    step: int
    here: Setting
    before: Hand
    state: Snapshot | None
    decisions: list[tuple[int, int]] = field(default_factory=list)
    frame: list[int] = field(default_factory=lambda: [REST] * len(VOICES))
    voices: list[Sounding | None] = field(default_factory=lambda: [None] * len(VOICES))

    @property
    def complete(self) -> bool:
        return len(self.decisions) == len(VOICES)


class Context:
    """The log of one performance, its present end, and the model that has heard it."""

    def __init__(
        self, model: StepModel, *, kept_states: int = KEPT_STATES, window: int = WINDOW
    ) -> None:
        self._model = model
        self._kept_states, self._window = kept_states, window
        self._rolls: dict[int, int] = {}
        self._unfed: list[tuple[int, ...]] = []
        self.entries: list[Entry] = []
        self.hand = Hand()
        self.model_seconds = 0.0
        """What model runs have cost so far."""
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._model.reset()
        self._rolls.clear()
        self._unfed.clear()
        self.entries.clear()
        self.hand = Hand()

    def at(self, step: int) -> Entry | None:
        """What the log tells of `step`, None if it does not."""
        place = bisect_left(self.entries, step, key=lambda entry: entry.step)
        there = place < len(self.entries) and self.entries[place].step == step
        return self.entries[place] if there else None

    def rewind(self, step: int) -> None:
        """Forget `step` and all after it."""
        place = bisect_left(self.entries, step, key=lambda entry: entry.step)
        if place == len(self.entries):
            return
        self._unfed.clear()
        entry = self.entries[place]
        self.hand = entry.before
        if entry.state is None:
            self._feed_again(place)
        else:
            self._model.restore(entry.state)
        del self.entries[place:]

    def open_step(self, step: int, here: Setting) -> int:
        """Go on to `step`, which lies after all in the log: how often it was decided before.

        After a gap nothing can be held any more: whatever sounded before it has ended.
        """
        self.catch_up()
        if self.entries and self.entries[-1].step != step - 1:
            self.hand.held = [None] * len(VOICES)
        entry = Entry(step, here, self.hand.copy(), self._model.snapshot())
        self.entries.append(entry)
        if len(self.entries) > self._kept_states:
            self.entries[-1 - self._kept_states].state = None
        if len(self.entries) > _LONGEST_LOG:
            self._trim()
        reroll = self._rolls.get(step, 0)
        self._rolls[step] = reroll + 1
        return reroll

    def ask(self, voice: int) -> Logits:
        """The logits for the next decision, which is `voice`'s. `tell` must follow."""
        features = self.hand.cursor.features(voice, self.entries[-1].here)
        began = perf_counter()
        logits = self._model.step(features)
        self.model_seconds += perf_counter() - began
        return logits

    def skip(self, voice: int) -> None:
        """As `ask`, but without an answer: the model hears of it at the next `catch_up`."""
        self._unfed.append(self.hand.cursor.features(voice, self.entries[-1].here))

    def catch_up(self) -> None:
        """Tell the model what it was not asked in time."""
        for features in self._unfed:
            self._model.step(features)
        self._unfed.clear()

    def tell(self, voice: int, token: int, sounding: Sounding) -> None:
        """`voice` does `sounding`, which the model knows as `token`; the fourth ends the step."""
        hand, entry = self.hand, self.entries[-1]
        hand.cursor.decide(voice, token)
        hand.held[voice] = sounding.pitch
        if sounding.pitch is not None:
            hand.last[voice] = sounding.pitch
            hand.velocities[voice] = sounding.velocity
        entry.decisions.append((voice, token))
        entry.frame[voice] = token
        entry.voices[voice] = sounding
        if entry.complete:
            hand.cursor.next_step()

    def loop(self, longest: int) -> list[int] | None:
        """The frame with which a beat would come once more, if the step just opened begins a beat
        and the last `longest` beats were all the same."""
        entries, size = self.entries, STEPS_PER_BEAT
        step = entries[-1].step
        count = longest * size
        if step % size or len(entries) <= count or entries[-1 - count].step != step - count:
            return None
        past = entries[-1 - count : -1]
        if any(a.frame != b.frame for a, b in zip(past, past[size:], strict=False)):
            return None
        return past[-size].frame

    def closing(self, voice: int, again: list[int] | None) -> int | None:
        """The token with which `voice`, the last to be decided, would complete `again`."""
        if again is None:
            return None
        frame = self.entries[-1].frame
        others = (other for other in range(len(VOICES)) if other != voice)
        return again[voice] if all(frame[o] == again[o] for o in others) else None

    def token(self, told: Sounding) -> int:
        """How the model hears `told`. A note held from before the log is one struck now."""
        if told.pitch is None:
            return REST
        if not told.struck and self.hand.held[told.voice] == told.pitch:
            return HOLD
        return token_of(told.pitch)

    def agrees(self, step: int, told: Sequence[Sounding]) -> bool:
        """The log has `step`, and there the voices of `told` did just that."""
        entry = self.at(step)
        if entry is None or not entry.complete:
            return False
        return all(_same(entry.voices[t.voice], t) for t in told)

    def _feed_again(self, place: int) -> None:
        """Bring the model to just before entry `place` from an empty state, `window` steps ago."""
        start = max(0, place - self._window)
        self._model.reset()
        for entry in self.entries[start:place]:
            entry.state = self._model.snapshot()
            cursor = entry.before.cursor.copy()
            for voice, token in entry.decisions:
                self._model.step(cursor.features(voice, entry.here))
                cursor.decide(voice, token)

    def _trim(self) -> None:
        """Forget the older half of a log that has grown too long."""
        del self.entries[: _LONGEST_LOG // 2]
        first = self.entries[0].step
        self._rolls = {step: count for step, count in self._rolls.items() if step >= first}


def _same(known: Sounding | None, told: Sounding) -> bool:
    return known is not None and (known.pitch, known.struck) == (told.pitch, told.struck)
