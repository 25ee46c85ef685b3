"""Where your phrase becomes the machine's turn: the policies of `settings.HandOver`. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ripieno.clock import Beats, Meter, ceil_to
from ripieno.events import Planned, Sounding
from ripieno.modes.ear import STEP, Ear
from ripieno.modes.moment import Moment
from ripieno.settings import HandOver

BEAT = Beats(1.0)
LEAD = Beats(0.5)
"""An answer is planned this long before it begins; a note of yours before that voids it."""
LONGEST = 8
"""Bars of an answer that is as long as your phrase, at most."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn of the machine that is to come.

    At the beat `at` the turn changes, and the answer stands at `begin` on the score: the same
    place, unless the score moves (`snap`, `freeze`). From `sure` on nothing but a note of the
    player can change that.
    """

    at: Beats
    begin: Beats
    sure: Beats


def policy(moment: Moment) -> HandOver:
    """The policy in force: on somebody else's clock the score cannot move, so it catches up."""
    wanted = moment.settings.turns.hand_over
    movable = moment.ours and not moment.settings.turns.every_bars
    moves = wanted in (HandOver.SNAP, HandOver.FREEZE)
    return wanted if movable or not moves else HandOver.CATCH_UP


def next_turn(moment: Moment) -> Turn | None:
    """The machine's next turn, as things stand: None while you play."""
    settings = moment.settings
    if settings.turns.every_bars:
        return after_bars(settings.meter, settings.turns.every_bars, moment.ear.phrase_start)
    return after_silence(moment)


def planning(moment: Moment, turn: Turn) -> Beats:
    """When `turn` is to be planned: before it is sure if that is wanted, but a score that waits
    for the player waits until then."""
    latest = Beats(turn.at - moment.reaction)
    if policy(moment) is HandOver.FREEZE:
        return latest
    if not moment.settings.turns.speculate:
        return min(turn.sure, latest)
    return Beats(turn.at - LEAD)


def bars(moment: Moment, begin: Beats) -> int:
    """How long an answer that begins at `begin` is to be, in bars."""
    turns = moment.settings.turns
    if turns.bars and turns.every_bars:
        return min(turns.bars, turns.every_bars)
    if turns.bars or turns.every_bars:
        return turns.bars or turns.every_bars
    played = (begin - moment.ear.phrase_start) / moment.settings.meter.bar
    return min(LONGEST, max(1, round(played if moment.ear.notes else 4.0)))


def after_silence(moment: Moment) -> Turn | None:
    """The turn that your silence gives to the machine, None while you play."""
    released, edge = moment.ear.last_release, moment.ear.silent_from
    if released is None or edge is None:
        return None
    sure = Beats(released + moment.settings.turns.after_beats)
    return turn_from(moment, sure, BEAT, edge)


def turn_from(moment: Moment, sure: Beats, grid: Beats, edge: Beats | None) -> Turn:
    """The machine's next turn, when it can begin from the beat `sure` on.

    Without a policy that says otherwise it stands on the `grid`. `edge` is where your phrase ended
    on the score, None while a note of yours sounds.
    """
    match policy(moment):
        case HandOver.CATCH_UP:
            begin = ceil_to(sure, grid)
            return Turn(begin, begin, sure)
        case HandOver.NEXT_BAR:
            begin = moment.settings.meter.next_bar(sure)
            return Turn(begin, begin, sure)
        case HandOver.SNAP:
            return Turn(sure, ceil_to(sure, BEAT), sure)
        case HandOver.FREEZE:
            here = ceil_to(sure, STEP)
            return Turn(sure, here if edge is None else min(edge, here), sure)


def after_bars(meter: Meter, bars: int, phrase_start: Beats) -> Turn:
    """Trading: the first `bars` bars of the score are yours, the next the machine's, and so on.

    The machine's first turn that begins after the phrase did.
    """
    half, whole = Beats(bars * meter.bar), Beats(2 * bars * meter.bar)
    rounds = (phrase_start + STEP - half) / whole
    begin = Beats(ceil_to(Beats(rounds), Beats(1.0)) * whole + half)
    return Turn(begin, begin, begin)


class Tied:
    """Keys that are still down at the hand-over: the model decides how long their notes last.

    Their voices go on from them in the model's mind, and are silent in the machine until the
    model strikes them anew, or changes them: until then it is the player who sounds.
    """

    def __init__(self) -> None:
        self._pitches: dict[int, int] = {}
        self._freed: dict[int, Beats] = {}

    def take(self, ear: Ear) -> None:
        """Note which voices go on at the hand-over."""
        self._pitches = {n.voice: n.pitch for n in ear.held if n.voice is not None}
        self._freed.clear()

    def __bool__(self) -> bool:
        return bool(self._pitches)

    def without(self, planned: Planned) -> Planned:
        """The step as the machine sounds it. A later plan of a step counts, not an earlier one."""
        voices = tuple(self._own(told, planned.begin) for told in planned.voices)
        return replace(planned, voices=voices)

    def _own(self, told: Sounding, begin: Beats) -> Sounding:
        voice = told.voice
        if voice not in self._pitches or self._freed.get(voice, begin) < begin:
            return told
        if told.pitch == self._pitches[voice] and not told.struck:
            self._freed.pop(voice, None)
            return Sounding(voice, None, False, 0)
        self._freed[voice] = begin
        return told
