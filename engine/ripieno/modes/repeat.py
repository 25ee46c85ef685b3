"""A plan that plays a passage again: as it was, or with some of it drawn anew. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

from ripieno.clock import GRID_TOLERANCE, Beats, Meter, ceil_to
from ripieno.events import Request, part_of
from ripieno.modes.ear import STEP
from ripieno.modes.effects import Ask, Cut, Effects, Recall, Sow
from ripieno.modes.passage import Part, Passage, Record
from ripieno.modes.plan import ALL_VOICES, Plan, context, nearest_limit
from ripieno.settings import Settings


@dataclass(frozen=True, slots=True)
class Hole:
    """What is drawn anew: these voices from `begin` (in beats of the passage) to its end.

    To the end, because each new note obeys the rules towards what came before it and not towards
    what comes after: old notes behind new ones could leap, or cross, as no rule allows.
    """

    begin: Beats
    voices: tuple[int, ...]

    @classmethod
    def drawn(cls, passage: Passage, meter: Meter, chance: Random, *, whole: bool) -> Hole:
        """A hole after at least half a bar: any voices that sound in it, or all if `whole`."""
        half = ceil_to(Beats(meter.bar / 2), STEP)
        places = max(1, math.floor(passage.length / half + GRID_TOLERANCE) - 1)
        first = Beats(min(passage.length - STEP, half * chance.randint(1, places)))
        sounding = {part_of(note.voice) for note in passage.notes}
        voices = ALL_VOICES if whole else tuple(sorted(sounding)) or ALL_VOICES
        count = len(voices) if whole else chance.randint(1, len(voices))
        return cls(first, tuple(sorted(chance.sample(voices, count))))


@dataclass(slots=True, kw_only=True)
class Repeat(Plan):
    """`passage` from `begin` on, round after round; then, from `until`, the model goes on.

    Without `until` there is no end to it. The first round may have a `hole`; the rounds after it
    repeat what came of it. With `halts` nothing follows after `until`.
    """

    passage: Passage
    until: Beats | None = None
    hole: Hole | None = None
    halts: bool = True
    fresh: bool = False
    """It has, or had, a hole, and what came of it is not on the pile of answers yet."""

    @classmethod
    def of(
        cls,
        epoch: int,
        begin: Beats,
        passage: Passage,
        record: Record,
        hole: Hole | None,
        *,
        stop: bool,
    ) -> Repeat:
        return cls(
            epoch=epoch,
            begin=begin,
            stop=None,
            asked=begin,
            received=begin,
            record=record,
            passage=passage,
            hole=hole,
            halts=stop,
            fresh=hole is not None,
        )

    def round_end(self, beat: Beats) -> Beats:
        """Where the round ends that plays at `beat`; the first one's end before it begins."""
        rounds = max(0.0, (beat - self.begin + GRID_TOLERANCE) // self.passage.length)
        return Beats(self.begin + (rounds + 1) * self.passage.length)

    def renew(self, epoch: int, begin: Beats, beat: Beats, settings: Settings) -> Effects:
        """Only what the model draws can change: what is repeated is as it was."""
        begin = max(begin, self._drawn_from(begin))
        if (self.hole is None and self.until is None) or self.asked <= begin + GRID_TOLERANCE:
            return ()
        self.epoch = epoch
        self.asked = begin
        self.received = min(self.received, begin)
        return (Cut(epoch, begin), *self.top_up(beat, settings))

    def end_with(self, epoch: int, last: Beats) -> Effects:
        """Repeat up to `last`, and no longer; what is planned beyond it is void."""
        self.until = last
        self.stop = last if self.halts else None
        if self.asked <= last + GRID_TOLERANCE:
            return ()
        self.epoch = epoch
        self.asked = last
        self.received = min(self.received, last)
        return (Cut(epoch, last),)

    def _drawn_from(self, beat: Beats) -> Beats:
        """From where on the model decides, in the round of `beat`."""
        until = Beats(math.inf) if self.until is None else self.until
        if beat >= until - GRID_TOLERANCE:
            return until
        if self.hole is not None and self.round_end(beat) == self.round_end(self.begin):
            return min(until, Beats(self.begin + self.hole.begin))
        return min(until, self.round_end(beat))

    def top_up(self, beat: Beats, settings: Settings) -> Effects:
        """As for every plan; but a second round needs the first to have come."""
        self._settle()
        return Plan.top_up(self, beat, settings)

    def _settle(self) -> None:
        """When the round with the hole has come, what it brought is what is repeated."""
        end = self.round_end(self.begin)
        if self.hole is None or self.received < end - GRID_TOLERANCE:
            return
        self.hole = None
        self.passage = self.record.passage(self.begin, end) or self.passage

    def _open(self, beat: Beats) -> bool:
        end = self.round_end(self.begin)
        goes_on = self.until is None or self.until > end + GRID_TOLERANCE
        if self.hole is not None and goes_on and beat >= end - GRID_TOLERANCE:
            return False  # the second round repeats the first: it waits until that has come
        return not self._complete(beat)

    def _chunk_end(self, begin: Beats) -> Beats:
        limits = (self.stop, self.until, self.round_end(begin), self._drawn_from(begin))
        return nearest_limit(begin, limits)

    def _chunk(self, begin: Beats, end: Beats, settings: Settings) -> Effects:
        if self.until is not None and begin >= self.until - GRID_TOLERANCE:
            return Plan._chunk(self, begin, end, settings)
        part = self.passage.at(Beats(self.round_end(begin) - self.passage.length))
        if begin >= self._drawn_from(begin) - GRID_TOLERANCE:
            return self._redraw(part, begin, end, settings)
        for planned in part.steps(self.epoch, begin, end):
            self.record.add(planned)
        self.received = max(self.received, end)
        told = context(self.epoch, begin, end, part.within(begin, end), ALL_VOICES, settings)
        return (Ask(told), *(Recall(p) for p in part.steps(self.epoch, begin, end)))

    def _redraw(self, part: Part, begin: Beats, end: Beats, settings: Settings) -> Effects:
        """Some voices as they were, and the model is asked for the others."""
        assert self.hole is not None
        voices = sorted({*ALL_VOICES, *part.voices})
        kept = tuple(voice for voice in voices if part_of(voice) not in self.hole.voices)
        part = part.of_voices(kept)
        steps = tuple(part.steps(self.epoch, begin, end)) if kept else ()
        for planned in steps:
            self.record.add(planned)
        request = Request(
            epoch=self.epoch,
            since=begin,
            begin=begin,
            end=end,
            heard=part.within(begin, end),
            given=ALL_VOICES,
            player=kept,
            settings=settings,
            cadence=self.cadence,
        )
        return (Ask(request), *(Sow(planned) for planned in steps))
