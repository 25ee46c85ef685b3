"""The ids that a model has heard, and how they are brought up to what really happened.

Only what differs is told again: the longest common beginning stays, the model goes back to its end,
and the rest goes in as one chunk.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter

from ripieno.grammar.tokens.vocabulary import Vocabulary
from ripieno.grammar.tokens.writing import Chunk, Writer
from ripieno.inference.model import Logits, Mark, Model, Row

KEPT = 4096
"""Marks of a recurrent model that are kept."""


class Stream:
    """One line of ids, the first `heard` of which the model knows."""

    def __init__(self, model: Model, vocabulary: Vocabulary, writer: Writer) -> None:
        self.model = model
        self.ids: list[int] = []
        self.seconds = 0.0
        """What the model's runs have cost so far."""
        self._vocabulary, self._writer = vocabulary, writer
        self._heard = 0
        self._marks: dict[int, Mark] = {}
        self._logits: Logits | None = None

    @property
    def waiting(self) -> int:
        """Ids that the model was not told yet."""
        return len(self.ids) - self._heard

    def reset(self) -> None:
        """The model has heard nothing, and nothing waits."""
        self.cut(0)
        self.forget()

    def forget(self) -> None:
        """The model has lost its way: it is told everything again when it is asked next."""
        self.model.reset()
        self._heard, self._logits = 0, None
        self._marks.clear()

    def push(self, number: int) -> None:
        """One more id; the model hears of it with the next that is asked."""
        self.ids.append(number)

    def cut(self, length: int) -> None:
        """Go back to the first `length` ids."""
        del self.ids[length:]
        if self._heard > length:
            self._back(length)

    def follow(self, head: Sequence[int], chunks: Sequence[Chunk], *, keep: bool) -> bool:
        """Have it read: the ids `head`, then `chunks` of base ids. What was drawn beyond them stays
        if `keep` and all else is as it was: whether it did."""
        bases = self._vocabulary.bases
        wanted = [base for number in head for base in bases[number]]
        wanted += [base for chunk in chunks for base in chunk]
        count, same = self._common(wanted)
        if keep and same == len(wanted):
            return True
        self.cut(count)
        if count < len(head):
            self.cut(0)
            self.ids += head
            count = len(head)
        told = sum(len(bases[number]) for number in self.ids)
        skip = told - sum(len(bases[number]) for number in head)
        for chunk in chunks:
            if skip < len(chunk):
                self.ids += self._writer.merged(chunk[skip:])
            skip = max(0, skip - len(chunk))
        return False

    def logits(self) -> Logits:
        """What may come next, by the model: [size], a copy. Raises ModelFault."""
        self.catch_up()
        if self._logits is None:  # it stands where it was not asked: the last one is told again
            self._back(len(self.ids) - 1)
            self.catch_up()
        assert self._logits is not None
        return self._logits

    def catch_up(self) -> None:
        """Tell the model all that waits. Raises ModelFault."""
        if not self.waiting:
            return
        rows: list[Row] = [(number,) for number in self.ids[self._heard :]]
        places = range(len(rows)) if self.model.marks_last else range(0)
        began = perf_counter()
        logits, marks = self.model.feed(rows, places)
        self.seconds += perf_counter() - began
        for place, mark in zip(places, marks, strict=True):
            self._marks[self._heard + place] = mark
        self._heard = len(self.ids)
        self._logits = logits.copy()
        while len(self._marks) > KEPT:
            del self._marks[next(iter(self._marks))]

    def _common(self, wanted: Sequence[int]) -> tuple[int, int]:
        """How many ids stand for nothing but a beginning of `wanted`, and how many base ids."""
        bases, place = self._vocabulary.bases, 0
        for count, number in enumerate(self.ids):
            spelled = bases[number]
            if tuple(wanted[place : place + len(spelled)]) != spelled:
                return count, place
            place += len(spelled)
            if place == len(wanted):
                return count + 1, place
        return len(self.ids), place

    def _back(self, length: int) -> None:
        """Let the model stand where it had heard `length` ids, or fewer."""
        self._logits = None
        if not self.model.marks_last:
            self.model.rewind(length)
            self._heard = length
            return
        if length in self._marks:
            self._heard = length
        else:
            self._heard = max((known for known in self._marks if known < length), default=0)
        if self._heard in self._marks:
            self.model.rewind(self._marks[self._heard])
        else:
            self.model.reset()
            self._heard = 0
        for known in [known for known in self._marks if known > self._heard]:
            del self._marks[known]
