"""The machine's last answers, and hearing one again: loop, mutate, undo, keep.

An answer that has ended lies on a pile. Loop and mutate take the newest, undo throws it away and
takes the one below. What is taken begins on a bar line: at the end of what plays, or, for undo,
on the next one.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from ripieno.clock import GRID_TOLERANCE, Beats
from ripieno.commands import Keep, Loop, Mutate, Seed, Undo
from ripieno.modes.effects import NOTHING, Cut, Effects, Keepsake, Say
from ripieno.modes.mode import Again
from ripieno.modes.moment import Moment
from ripieno.modes.passage import Passage, Record
from ripieno.modes.repeat import Hole, Repeat

PILE = 16
"""How many answers are remembered."""
NONE_YET = Say("There is no answer to play again yet")


@dataclass(frozen=True, slots=True)
class Here:
    """What plays when a wish comes.

    `repeat` is the repetition that plays, if one does. `live` says that what plays is new and not
    on the pile yet. `after` is the bar line at its end, `bar` the next one that can be reached.
    """

    repeat: Repeat | None
    live: bool
    after: Beats
    bar: Beats


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to begin `at` a bar line: `passage`, or what is the newest answer then.

    `mutated`: some of it is drawn anew. `instead`: what plays until then is thrown away.
    """

    at: Beats
    passage: Passage | None = None
    mutated: bool = False
    instead: bool = False


class Encore:
    """The pile, and what is wanted of it."""

    def __init__(self, moment: Moment) -> None:
        self.moment = moment
        self.record = Record()
        self.answers: list[Passage] = []
        self.looping = False
        self.wanted: Wanted | None = None
        self._mutations = self._kept = 0
        self._keep_next = False

    # ---- wishes

    def wish(self, wish: Again, beat: Beats, here: Here) -> Effects:
        match wish:
            case Loop():
                return self._loop(beat, here)
            case Mutate():
                return self._mutate(here)
            case Undo():
                return self._undo(here)
            case Keep():
                return self._keep(here)

    def _loop(self, beat: Beats, here: Here) -> Effects:
        if self.looping:
            return self.end_loop(beat, here)
        if not here.live and not self.answers:
            return (NONE_YET,)
        self.looping = True
        if here.repeat is not None and self.wanted is None:
            here.repeat.until = here.repeat.stop = None
        elif self.wanted is None:
            self.wanted = Wanted(here.after)
        return (Say(f"It loops from bar {self._bar(here.after)}, until you play or loop again"),)

    def end_loop(self, beat: Beats, here: Here) -> Effects:
        """The round that plays is the last one."""
        self.looping = False
        if here.repeat is None:
            self.wanted = None
            return (Say("No loop, then"),)
        if self.wanted is not None:  # one more round is to come, and it will be the last
            return (Say("The loop ends with the next round"),)
        last = here.repeat.round_end(beat)
        cut = here.repeat.end_with(self.moment.next_epoch(), last)
        return (*cut, Say(f"The loop ends at bar {self._bar(last)}"))

    def _mutate(self, here: Here) -> Effects:
        if not here.live and not self.answers:
            return (NONE_YET,)
        self.wanted = Wanted(here.after, mutated=True)
        return (Say(f"It comes again at bar {self._bar(here.after)}, partly new"),)

    def _undo(self, here: Here) -> Effects:
        if not here.live and len(self.answers) >= 2:
            self.answers.pop()
        elif not here.live or not self.answers:
            return (Say("There is no answer before this one"),)
        self.wanted = Wanted(here.bar, self.answers[-1], instead=True)
        return (Say(f"The answer before comes at bar {self._bar(here.bar)}"),)

    def _keep(self, here: Here) -> Effects:
        if here.live:
            self._keep_next = True
            return (Say("This answer is kept when it ends"),)
        return self._kept_seed(self.answers[-1]) if self.answers else (NONE_YET,)

    def _kept_seed(self, passage: Passage) -> Effects:
        self._kept += 1
        name = f"kept answer {self._kept}"
        self.moment.seed = Seed(name, passage.notes)
        bars = round(passage.length / self.moment.settings.meter.bar)
        said = f"Kept: {bars} bar{'s' if bars != 1 else ''} as the seed phrase"
        return (Keepsake(name), Say(said))

    def _bar(self, beat: Beats) -> int:
        return round(beat / self.moment.settings.meter.bar) + 1

    # ---- what comes of them

    def ended(self, passage: Passage | None) -> Effects:
        """What played is over, and was this: it goes on the pile, unless it is thrown away."""
        instead = self.wanted is not None and self.wanted.instead
        if passage is None or instead:
            return NOTHING
        self.answers = [*self.answers, passage][-PILE:]
        if not self._keep_next:
            return NOTHING
        self._keep_next = False
        return self._kept_seed(passage)

    def settled(self, repeat: Repeat) -> Effects:
        """If a repetition was partly new and has come, it is an answer of its own."""
        if not repeat.fresh or repeat.hole is not None:
            return NOTHING
        repeat.fresh = False
        return self.ended(repeat.passage)

    def due(self, beat: Beats) -> bool:
        return self.wanted is not None and beat >= self.wanted.at - GRID_TOLERANCE

    def begin(self, beat: Beats, *, stop: bool) -> tuple[Repeat, Effects] | None:
        """Begin what is wanted; without a loop, after one round stop or let the model go on."""
        wanted, self.wanted = self.wanted, None
        passage = wanted.passage if wanted else None
        if passage is None and self.answers:
            passage = self.answers[-1]
        if wanted is None or passage is None:
            self.looping = False
            return None
        hole = self._hole(passage, whole=not stop) if wanted.mutated else None
        epoch = self.moment.next_epoch()
        repeat = Repeat.of(epoch, wanted.at, passage, self.record, hole, stop=stop)
        if not self.looping:
            repeat.end_with(epoch, Beats(wanted.at + passage.length))
        return repeat, (Cut(epoch, wanted.at), *repeat.top_up(beat, self.moment.settings))

    def _hole(self, passage: Passage, *, whole: bool) -> Hole:
        self._mutations += 1
        settings = self.moment.settings
        chance = Random(f"{settings.sampling.seed} {self._mutations}")
        return Hole.drawn(passage, settings.meter, chance, whole=whole)

    def drop(self) -> None:
        """The player plays, or the transport stops: nothing is wanted any more."""
        self.looping = self._keep_next = False
        self.wanted = None

    def moved(self, by: Beats) -> None:
        """The score's beats were moved."""
        if self.wanted is not None:
            self.wanted = Wanted(
                Beats(self.wanted.at + by),
                self.wanted.passage,
                self.wanted.mutated,
                self.wanted.instead,
            )
