"""From what was heard to what is played: requests in, one `Planned` out for every sixteenth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf
from time import perf_counter

from ripieno.clock import Beats, Clock, Seconds
from ripieno.constraints import HOLDS, RuleBook, Situation, broken, rule_book
from ripieno.context import KEPT_STATES, WINDOW, Context
from ripieno.errors import BundleError
from ripieno.events import Planned, Request, Sounding
from ripieno.grammar.grid import HOLD, REST, STEPS_PER_BEAT, VOICES, Setting, pitch_of, setting
from ripieno.heard import frames, mean_velocity, step_of
from ripieno.onnx_model import StepModel
from ripieno.sampling import draw, uniform
from ripieno.settings import Settings

_BAR_ACCENT, _BEAT_ACCENT, _OFFBEAT_ACCENT = 6, 3, -2
_VOICE_ACCENTS = (2, -1, -1, 0)
_LARGEST_ACCENT = 8
_FERMATA_STEPS = STEPS_PER_BEAT


@dataclass(frozen=True, slots=True)
class Frame:
    """One step to be decided: what stands fixed in it, and by when it should be done."""

    step: int
    here: Setting
    told: Mapping[int, Sounding]
    settings: Settings
    rules: RuleBook
    loudness: int
    clock: Clock
    deadline: Seconds


class Generator:
    """Fills in what was not given and plans what comes next, with the model of a bundle.

    It remembers what was heard and planned, so a request tells only what is new or different.
    """

    def __init__(
        self, model: StepModel, *, kept_states: int = KEPT_STATES, window: int = WINDOW
    ) -> None:
        self.context = Context(model, kept_states=kept_states, window=window)
        self._manifest = model.manifest
        self._heard_loudness: int | None = None

    def plan(self, request: Request, clock: Clock) -> Iterator[Planned]:
        """Bring the context up to `begin`, then decide and yield each step of [begin, end).

        Each step has `horizon.budget_ms` by `clock`, which a virtual clock never uses up; in what
        is left of a late step every voice holds if it may, else rests. Whoever has a newer request
        simply stops iterating. Raises BundleError if the model cannot be played with so.
        """
        self._refuse_roles(request)
        since, begin, end = (step_of(b) for b in (request.since, request.begin, request.end))
        since = min(since, begin)
        told = frames(request.heard, since, max(begin, end))
        if request.fresh:
            self.context.reset()
        while since < begin and self.context.agrees(since, [told[since][v] for v in request.given]):
            since += 1
        self.context.rewind(since)
        loud = self._hear_loudness(request)
        for step in range(since, begin):
            given = {voice: told[step][voice] for voice in request.given}
            self._decide(_frame(step, request, given, loud, clock, inf))
        for step in range(begin, end):
            given = {voice: told[step][voice] for voice in request.player}
            yield self._planned(step, request, given, loud, clock)

    def _refuse_roles(self, request: Request) -> None:
        partly = request.player or 0 < len(request.given) < len(VOICES)
        if self._manifest.given == "none" and partly:
            raise BundleError(
                f"{self._manifest.name} plays all four voices and cannot follow one of them",
                where=str(self._manifest.folder),
                nearest="Choose the solo mode, or a model whose voices can be given.",
            )

    def _hear_loudness(self, request: Request) -> int:
        """How loud the player is, as far as known; else what the settings say.

        A difference no larger than our own accents is no news: it may be our own playing, told
        again, and following that would make us louder and louder.
        """
        known = None if request.fresh else self._heard_loudness
        mean = mean_velocity(request.heard)
        if mean is not None and (known is None or abs(mean - known) > _LARGEST_ACCENT):
            known = mean
        self._heard_loudness = known
        return request.settings.velocity if known is None else known

    def _planned(
        self, step: int, request: Request, given: Mapping[int, Sounding], loud: int, clock: Clock
    ) -> Planned:
        began, model_began = perf_counter(), self.context.model_seconds
        self.context.catch_up()
        frame = _frame(step, request, given, loud, clock, request.settings.horizon.budget_ms)
        served, relaxed = self._decide(frame)
        voices = self.context.entries[-1].voices
        return Planned(
            epoch=request.epoch,
            begin=Beats(step / STEPS_PER_BEAT),
            end=Beats((step + 1) / STEPS_PER_BEAT),
            voices=tuple(s for s in voices if s is not None and s.voice not in given),
            at_once=request.at_once and step == step_of(request.begin),
            model_seconds=Seconds(self.context.model_seconds - model_began),
            seconds=Seconds(perf_counter() - began),
            served=served,
            relaxed=relaxed,
        )

    def _decide(self, frame: Frame) -> tuple[bool, tuple[str, ...]]:
        """Decide all voices of a step: whether in time, and which soft rules were given up."""
        context, told = self.context, frame.told
        reroll = context.open_step(frame.step, frame.here)
        again = context.loop(frame.settings.rules.longest_loop)
        order = self._manifest.order
        relaxed: tuple[str, ...] = ()
        for voice in (v for v in order if v in told):
            context.ask(voice)
            context.tell(voice, context.token(told[voice]), told[voice])
        free = [v for v in order if v not in told]
        in_time = True
        for voice in free:
            situation = self._situation(voice, frame, again if voice == free[-1] else None)
            in_time = in_time and frame.clock.now() < frame.deadline
            if in_time:
                token, names = self._choose(situation, frame, reroll)
                relaxed += names
            else:
                context.skip(voice)
                token = HOLD if frame.rules.must(situation) & HOLDS else REST
            context.tell(voice, token, self._sounding(voice, token, frame))
        return in_time, relaxed

    def _choose(
        self, situation: Situation, frame: Frame, reroll: int
    ) -> tuple[int, tuple[str, ...]]:
        """Draw a token for a voice: the token, and the soft rules that it breaks."""
        sampling, voice = frame.settings.sampling, situation.voice
        logits = self.context.ask(voice)
        allowed, given_up = frame.rules.may(situation)
        chance = uniform(sampling.seed, frame.step, voice, reroll)
        token = draw(logits, allowed, sampling, chance)
        return token, broken(token, given_up) if given_up else ()

    def _situation(self, voice: int, frame: Frame, again: list[int] | None) -> Situation:
        hand = self.context.hand
        cursor = hand.cursor
        decided: list[int | None] = [None] * len(VOICES)
        waiting: list[int | None] = [None] * len(VOICES)
        for other, pitch in enumerate(hand.held):
            if other != voice:
                (decided if cursor.decided >> other & 1 else waiting)[other] = pitch
        return Situation(
            rules=frame.settings.rules,
            voice=voice,
            held=hand.held[voice],
            last=hand.last[voice],
            rested=cursor.ages[voice] if cursor.sounding[voice] == REST else 0,
            decided=decided,
            waiting=waiting,
            loop=self.context.closing(voice, again),
            before=self.context.entries[-1].before.held,
        )

    def _sounding(self, voice: int, token: int, frame: Frame) -> Sounding:
        if token == REST:
            return Sounding(voice, None, False, 0)
        if token == HOLD:
            hand = self.context.hand
            return Sounding(voice, hand.held[voice], False, hand.velocities[voice])
        return Sounding(voice, pitch_of(token), True, _velocity(voice, frame))


def _frame(
    step: int,
    request: Request,
    told: Mapping[int, Sounding],
    loud: int,
    clock: Clock,
    budget_ms: float,
) -> Frame:
    return Frame(
        step=step,
        here=_setting(step, request),
        told=told,
        settings=request.settings,
        rules=rule_book(request.settings.rules),
        loudness=loud,
        clock=clock,
        deadline=Seconds(clock.now() + budget_ms / 1000.0),
    )


def _setting(step: int, request: Request) -> Setting:
    """What the model is told of a step besides the voices; a fermata lasts a beat."""
    bar = step_of(request.settings.meter.bar)
    key = request.settings.rules.key
    ahead: int | None = None
    if request.cadence is not None:
        ahead = step_of(request.cadence) - step
        if -_FERMATA_STEPS < ahead < 0:
            ahead = 0
    return setting(step % bar, bar, None if key is None else key.fifths, ahead)


def _velocity(voice: int, frame: Frame) -> int:
    """As loud as the player, more on the bar line and the beat, the outer voices a little more."""
    bar = step_of(frame.settings.meter.bar)
    if frame.step % bar == 0:
        accent = _BAR_ACCENT
    elif frame.step % STEPS_PER_BEAT == 0:
        accent = _BEAT_ACCENT
    else:
        accent = _OFFBEAT_ACCENT if frame.step % 2 else 0
    return max(1, min(127, frame.loudness + accent + _VOICE_ACCENTS[voice]))
