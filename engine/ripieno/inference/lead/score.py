"""What a model of lead sheets has heard, step by step, and how it goes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

from ripieno.events import Sounding
from ripieno.grammar.lead_sheet import Hand
from ripieno.inference.model import Logits, Mark, Model, Row

KEPT = 4096
"""Steps that are remembered."""
TOLD_AGAIN = 512
"""Steps that a model is told when it has lost its way."""


@dataclass(frozen=True, slots=True)
class Step:
    """A decided sixteenth: the melody's (pitch, struck), what the model was shown, where it stood
    before, if it was asked then, what sounds before and after it, and what the machine sounds."""

    melody: tuple[int | None, bool]
    rows: tuple[Row, ...]
    mark: Mark | None
    before: Hand
    after: Hand
    voices: tuple[Sounding, ...]


class Score:
    """The steps from `first` on; rows that the model has not heard yet wait."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.seconds = 0.0
        """What the model's runs have cost so far."""
        self.forget()

    def forget(self) -> None:
        """As if nothing had been heard."""
        self.first = 0
        self.steps: list[Step] = []
        self._waiting: list[Row] = []
        self.model.reset()

    @property
    def end(self) -> int | None:
        """The step that comes next; None before the first."""
        return self.first + len(self.steps) if self.steps else None

    @property
    def hand(self) -> Hand:
        """What sounds where the next step begins."""
        return self.steps[-1].after if self.steps else Hand()

    @property
    def voices(self) -> tuple[Sounding, ...]:
        """What the machine sounded in the last step."""
        return self.steps[-1].voices if self.steps else ()

    def at(self, number: int) -> Step | None:
        """The step `number`, if it is remembered."""
        place = number - self.first
        return self.steps[place] if 0 <= place < len(self.steps) else None

    def mark(self) -> Mark | None:
        """Where the model stands; None while rows wait."""
        return None if self._waiting else self.model.mark()

    def add(self, number: int, step: Step) -> None:
        """The step `number` is decided; after a gap, what lies before is forgotten but for what the
        model remembers."""
        if not self.steps or number != self.end:
            self.first, self.steps = number, []
        self.steps.append(step)
        if len(self.steps) > KEPT:
            del self.steps[: KEPT // 2]
            self.first += KEPT // 2

    def rewind(self, number: int) -> None:
        """Forget the step `number` and all after it. What lies before all that is remembered is
        nothing to go back to: it begins anew there."""
        count = max(0, number - self.first)
        if count >= len(self.steps):
            return
        if not count:
            self.forget()
            return
        whole = count
        while whole and self.steps[whole].mark is None:
            whole -= 1
        mark = self.steps[whole].mark
        if mark is None:
            self.model.reset()
        else:
            self.model.rewind(mark)
        self._waiting = [row for step in self.steps[whole:count] for row in step.rows]
        del self.steps[count:]

    def wait(self, row: Row) -> None:
        """A row that the model hears with the next one that is asked."""
        self._waiting.append(row)

    def ask(self, row: Row) -> Logits:
        """What the model says after `row`. Raises ModelFault."""
        return self._feed([*self._waiting, row])

    def catch_up(self) -> None:
        """Tell the model what waits. Raises ModelFault."""
        if self._waiting:
            self._feed(self._waiting)

    def lose(self) -> None:
        """The model has failed: what it remembers is worth nothing, and it is told again."""
        self.model.reset()
        self._waiting = [row for step in self.steps[-TOLD_AGAIN:] for row in step.rows]

    def _feed(self, rows: Sequence[Row]) -> Logits:
        began = perf_counter()
        logits, _ = self.model.feed(rows, ())
        self.seconds += perf_counter() - began
        self._waiting = []
        return logits
