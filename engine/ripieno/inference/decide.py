"""One step: all voices decided under the rules, once, or several times to keep the best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, inf, isfinite

import numpy as np

from ripieno.clock import Clock, Seconds
from ripieno.events import Sounding
from ripieno.grammar.grid import (
    FIRST_PITCH,
    HOLD,
    REST,
    STEPS_PER_BEAT,
    VOICES,
    Setting,
    pitch_of,
)
from ripieno.inference import density
from ripieno.inference.constraints import ANY, HOLDS, RESTS, RuleBook, Situation, Tokens, broken
from ripieno.inference.context import Context
from ripieno.inference.entries import Fork, closing, looping
from ripieno.inference.model import Logits, ModelFault
from ripieno.inference.note_sampler import Choice, Tables
from ripieno.inference.sampling import draw, uniform
from ripieno.inference.scoring import Motion, score, surprise
from ripieno.inference.sonorities import Sonorities
from ripieno.settings import Settings

NONSENSE = "The model gave what is no number"
_BAR_ACCENT, _BEAT_ACCENT, _OFFBEAT_ACCENT = 6, 3, -2
_VOICE_ACCENTS = (2, -1, -1, 0)
LARGEST_ACCENT = 8
PITCHES: Tokens = ANY & ~HOLDS & ~RESTS
_ANY_RHYTHM: Mapping[int, Tokens] = {}


@dataclass(frozen=True, slots=True)
class Frame:
    """One step to be decided: what stands fixed in it, and by when it should be done.

    candidates: the most that are drawn. most: how many voices the model may be asked for. density:
    onsets wanted per beat and voice, None as the model likes.
    """

    step: int
    here: Setting
    told: Mapping[int, Sounding]
    settings: Settings
    rules: RuleBook
    loudness: int
    clock: Clock
    deadline: Seconds
    candidates: int = 1
    most: int = len(VOICES)
    density: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a step went: whether all voices were decided in time, which soft rules were given up,
    how many voices the model was asked for, of how many candidates this one is the best, when the
    first of them was there, and what the model did wrong, if anything."""

    served: bool
    relaxed: tuple[str, ...]
    decided: int
    candidates: int
    first_at: Seconds
    fault: str = ""


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A candidate: how good it is, how many voices were asked for, what was given up."""

    score: float
    decided: int
    late: bool
    relaxed: tuple[str, ...]
    fault: str = ""


class Decider:
    """Decides steps with the model and the log of `context`; `order` of the voices as trained.

    With the `tables` of a corpus, candidates are judged by these too, and differ in rhythm; with
    `sonorities`, their chords by the bundle's own count of them.
    """

    def __init__(
        self,
        context: Context,
        order: tuple[int, ...],
        tables: Tables | None = None,
        sonorities: Sonorities | None = None,
    ) -> None:
        self._context, self._order = context, order
        self._tables, self._sonorities = tables, sonorities

    def decide(self, frame: Frame) -> Outcome:
        """Decide all voices of a step. What is not decided in time holds if it may, else rests."""
        context, told = self._context, frame.told
        reroll = context.open_step(frame.step, frame.here)
        again = looping(context.entries, frame.settings.rules.longest_loop)
        for voice in (v for v in self._order if v in told):
            context.later(voice)
            context.tell(voice, context.token(told[voice]), told[voice])
        free = [v for v in self._order if v not in told]
        several = frame.settings.sampling.candidates > 1 and free and frame.most
        if several and frame.clock.now() < frame.deadline:
            outcome = self._best(frame, free, again, reroll)
        else:
            drawn = self._draw(frame, free, again, reroll)
            outcome = _outcome(drawn, 1, frame)
        if frame.density is not None:
            self._lean(frame.density, free)
        if outcome.fault:
            context.fail()
        return outcome

    def _best(self, frame: Frame, free: list[int], again: list[int] | None, reroll: int) -> Outcome:
        """Draw the pitches of a step again while there is time, until one is taken; else the best.

        Each is taken with the probability that its score leaves it (rejection sampling: von
        Neumann, 1951): what is rare with good composers stays rare, and does not become forbidden.
        The rhythm is the first one's. Moving gives rise to objections and standing still to none,
        so that the music would stop, were rhythms to compete.
        """
        context, clock = self._context, frame.clock
        try:
            first = context.ask(free[0]).copy()
        except ModelFault as error:
            return _outcome(self._hold(frame, free, str(error), asked=1), 1, frame)
        start = context.fork()
        kept: tuple[_Drawn, Fork] | None = None
        count, longest, first_at, fault = 0, 0.0, clock.now(), ""
        rhythm: Mapping[int, Tokens] = {}
        while count < frame.candidates:
            began = clock.now()
            if kept is not None and began + longest > frame.deadline:
                break
            if kept is not None:
                context.back(start)
            drawn = self._draw(frame, free, again, reroll, first, count, rhythm)
            now = clock.now()
            if drawn.late or drawn.fault:
                if kept is None:
                    return _outcome(drawn, 1, frame)
                fault, count = drawn.fault, count + bool(drawn.fault)
                break
            if kept is None:
                first_at = now
                rhythm = _ANY_RHYTHM if self._tables else _rhythm(context.entries[-1].decisions)
            longest = max(longest, now - began)
            taken = self._taken(drawn.score, frame, reroll, count)
            if kept is None or taken or drawn.score > kept[0].score:
                kept = drawn, context.fork()
            count = frame.candidates if taken else count + 1
        assert kept is not None, "at least one candidate is asked for"
        context.adopt(kept[1], start)
        return Outcome(True, kept[0].relaxed, kept[0].decided, count, first_at, fault)

    def _taken(self, score: float, frame: Frame, reroll: int, candidate: int) -> bool:
        """Whether no more candidates are drawn: always where nothing is objected."""
        sampling = frame.settings.sampling
        chance = uniform(sampling.seed, frame.step, len(VOICES), reroll, candidate)
        return chance < exp(score)

    def _draw(
        self,
        frame: Frame,
        free: list[int],
        again: list[int] | None,
        reroll: int,
        first: Logits | None = None,
        candidate: int = 0,
        rhythm: Mapping[int, Tokens] = _ANY_RHYTHM,
    ) -> _Drawn:
        """Decide the voices `free` once. With `first`, the first one's logits, and score it."""
        context, clock, deadline = self._context, frame.clock, frame.deadline
        relaxed: tuple[str, ...] = ()
        surprised, asked, fault = 0.0, 0, ""
        in_time, logits = True, first
        for voice in free:
            situation = self._situation(voice, frame, again if voice == free[-1] else None)
            if asked or first is None:
                in_time = in_time and asked < frame.most and clock.now() < deadline
            if in_time:
                asked += 1
                try:
                    logits = first if first is not None and asked == 1 else context.ask(voice)
                except ModelFault as error:
                    in_time, fault = False, str(error)
            # one that is no number makes their sum none
            if in_time and logits is not None and not isfinite(np.add.reduce(logits)):
                in_time, fault = False, NONSENSE
                context.fail()
            if in_time and logits is not None:
                kept = rhythm.get(voice, ANY)
                token, given_up = self._choose(logits, situation, frame, reroll, candidate, kept)
                relaxed += given_up
                if first is not None:
                    surprised += surprise(logits, token)
            else:
                context.later(voice)
                token = HOLD if frame.rules.must(situation) & HOLDS else REST
            context.tell(voice, token, self._sounding(voice, token, frame))
        scored = 0.0
        if first is not None:
            scored = score(surprised, self._motion(frame, free), self._sonorities)
        if first is not None and self._tables is not None:
            scored += self._tables.score(self._choice(frame, free))
        return _Drawn(scored, asked, not in_time, relaxed, fault)

    def _choose(
        self,
        logits: Logits,
        situation: Situation,
        frame: Frame,
        reroll: int,
        candidate: int,
        kept: Tokens,
    ) -> tuple[int, tuple[str, ...]]:
        """Draw a token for a voice, of those that are `kept` for its rhythm if the rules leave one:
        the token, and the soft rules that it breaks."""
        sampling, voice = frame.settings.sampling, situation.voice
        if frame.density is not None:
            logits = self._leaning(logits, voice, frame.density)
        allowed, given_up = frame.rules.may(situation)
        chance = uniform(sampling.seed, frame.step, voice, reroll, candidate)
        token = draw(logits, allowed & kept or allowed, sampling, chance)
        return token, broken(token, given_up) if given_up else ()

    def _hold(self, frame: Frame, free: list[int], fault: str, asked: int) -> _Drawn:
        """The model failed before the first voice: all of them hold, or rest."""
        for voice in free:
            situation = self._situation(voice, frame, None)
            token = HOLD if frame.rules.must(situation) & HOLDS else REST
            self._context.tell(voice, token, self._sounding(voice, token, frame))
        return _Drawn(-inf, asked, True, (), fault)

    def _choice(self, frame: Frame, free: list[int]) -> Choice:
        entry = self._context.entries[-1]
        return Choice(
            before=entry.before.held,
            now=self._context.hand.held,
            strike=frozenset(v for v in free if entry.frame[v] >= FIRST_PITCH),
            ours=frozenset(free),
            place=frame.step % STEPS_PER_BEAT,
        )

    def _motion(self, frame: Frame, free: list[int]) -> Motion:
        return Motion(
            before=self._context.entries[-1].before.held,
            now=self._context.hand.held,
            ours=frozenset(free),
            key=frame.settings.rules.key,
            rests=frame.here.cadence == 0,
        )

    def _leaning(self, logits: Logits, voice: int, target: float) -> Logits:
        lean = density.guess(target) + self._context.hand.lean[voice]
        leaning = logits.copy()
        leaning[FIRST_PITCH:] += np.float32(lean)
        return leaning

    def _lean(self, target: float, free: list[int]) -> None:
        hand, voices = self._context.hand, self._context.entries[-1].voices
        lean = list(hand.lean)
        for voice in free:
            sounding = voices[voice]
            struck = sounding is not None and sounding.struck
            lean[voice] = density.moved(lean[voice], target, struck)
        hand.lean = tuple(lean)

    def _situation(self, voice: int, frame: Frame, again: list[int] | None) -> Situation:
        hand, entry = self._context.hand, self._context.entries[-1]
        cursor, held = hand.cursor, hand.held
        decided, waiting = held.copy(), held.copy()
        for other in range(len(VOICES)):
            (waiting if cursor.decided >> other & 1 else decided)[other] = None
        decided[voice] = waiting[voice] = None
        return Situation(
            rules=frame.settings.rules,
            voice=voice,
            held=held[voice],
            last=hand.last[voice],
            rested=cursor.ages[voice] if cursor.sounding[voice] == REST else 0,
            decided=decided,
            waiting=waiting,
            loop=closing(entry, voice, again),
            before=entry.before.held,
        )

    def _sounding(self, voice: int, token: int, frame: Frame) -> Sounding:
        if token == REST:
            return Sounding(voice, None, False, 0)
        if token == HOLD:
            hand = self._context.hand
            return Sounding(voice, hand.held[voice], False, hand.velocities[voice])
        return Sounding(voice, pitch_of(token), True, _velocity(voice, frame))


def _rhythm(decisions: Sequence[tuple[int, int]]) -> dict[int, Tokens]:
    """The tokens with which each voice does again what it did in rhythm: hold, rest, or strike."""
    return {voice: 1 << token if token in (HOLD, REST) else PITCHES for voice, token in decisions}


def _outcome(drawn: _Drawn, candidates: int, frame: Frame) -> Outcome:
    served = not drawn.late and not drawn.fault
    now = frame.clock.now()
    return Outcome(served, drawn.relaxed, drawn.decided, candidates, now, drawn.fault)


def _velocity(voice: int, frame: Frame) -> int:
    """As loud as the player, more on the bar line and the beat, the outer voices a little more."""
    bar = round(frame.settings.meter.bar * STEPS_PER_BEAT)
    if frame.step % bar == 0:
        accent = _BAR_ACCENT
    elif frame.step % STEPS_PER_BEAT == 0:
        accent = _BEAT_ACCENT
    else:
        accent = _OFFBEAT_ACCENT if frame.step % 2 else 0
    return max(1, min(127, frame.loudness + accent + _VOICE_ACCENTS[voice]))
