"""From what was heard to what is played: requests in, one `Planned` out for every sixteenth."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import inf
from time import perf_counter

from ripieno.clock import Beats, Clock, Seconds
from ripieno.errors import BundleError
from ripieno.events import Planned, Request, Rung, Sounding
from ripieno.grammar.grid import STEPS_PER_BEAT, VOICES, Setting, setting
from ripieno.inference import note_sampler, sonorities
from ripieno.inference.constraints import rule_book
from ripieno.inference.context import KEPT_STATES, WINDOW, Context
from ripieno.inference.decide import LARGEST_ACCENT, Decider, Frame, Outcome
from ripieno.inference.heard import frames, mean_velocity, step_of
from ripieno.inference.ladder import Ladder
from ripieno.inference.model import Model
from ripieno.inference.sonorities import Sonorities

_FERMATA_STEPS = STEPS_PER_BEAT
_MANY_ROWS = len(VOICES)
"""More rows than these that were not told in time are told before a step's budget begins."""


@dataclass(frozen=True, slots=True)
class Effort:
    """What a step may take: the rung it begins on, how many candidates are drawn at most, how many
    voices the model may be asked for."""

    begun: Rung
    candidates: int
    decided: int


@dataclass(frozen=True, slots=True)
class Asked:
    """A request under way: by which clock, how loud, and whether its efforts are known."""

    request: Request
    clock: Clock
    loudness: int
    known: bool


class Generator:
    """Fills in what was not given and plans what comes next, with the model of a bundle.

    It remembers what was heard and planned, so a request tells only what is new or different.
    `fallback` opens a smaller model for when this one is too slow; it may raise BundleError.
    `balance` stands in for what the bundle tells of its chords.
    """

    def __init__(
        self,
        model: Model,
        *,
        kept_states: int = KEPT_STATES,
        window: int = WINDOW,
        fallback: Callable[[], Model] | None = None,
        balance: Sonorities | None = None,
    ) -> None:
        self.context = Context(model, kept_states=kept_states, window=window)
        self.faults: list[str] = []
        """What went wrong with the model, in sentences; whoever tells the player clears it."""
        self._model, self._open_smaller = model, fallback
        self._smaller: Model | None = None
        named, folder = {file.name for file in model.manifest.files}, model.manifest.folder
        tables = note_sampler.load(folder) if note_sampler.FILE in named else None
        if balance is None and sonorities.FILE in named:
            balance = sonorities.load(folder)
        self._decider = Decider(self.context, model.manifest.order, tables, balance)
        self._manifest = model.manifest
        self._heard_loudness: int | None = None
        self._ladder = Ladder(self._rungs())
        self._begun = Rung.FULL

    def reset(self) -> None:
        """Forget everything, also what steps have cost."""
        self.context.reset()
        self._heard_loudness = None
        self._ladder = Ladder(self._rungs())

    def plan(
        self, request: Request, clock: Clock, efforts: Mapping[Beats, Effort] | None = None
    ) -> Iterator[Planned]:
        """Bring the context up to `begin`, then decide and yield each step of [begin, end).

        Each step has `horizon.budget_ms` by `clock`, which a virtual clock never uses up; in what
        is left of a late step every voice holds if it may, else rests. Whoever has a newer request
        simply stops iterating. With `efforts`, by the beats on which steps begin, nothing depends
        on time: it is done as it was done before. Raises BundleError if the model cannot be played
        with so.
        """
        self._refuse_roles(request)
        since, begin, end = (step_of(b) for b in (request.since, request.begin, request.end))
        since = min(since, begin)
        told = frames(request.heard, since, max(begin, end))
        if request.fresh:
            self.context.reset()
        while since < begin and request.given:  # what nobody did agrees with nothing
            if not self.context.agrees(since, [told[since][v] for v in request.given]):
                break
            since += 1
        self.context.rewind(since)
        asked = Asked(request, clock, self._hear_loudness(request), efforts is not None)
        for step in range(since, begin):
            self._silent(step, {voice: told[step][voice] for voice in request.given}, asked)
        for step in range(begin, end):
            effort = (efforts or {}).get(Beats(step / STEPS_PER_BEAT)) or self._effort(request)
            given = {voice: told[step][voice] for voice in request.player}
            yield self._planned(step, given, asked, effort)
        if self._begun is not Rung.HOLD:  # what can be done now costs the next request no time
            self.context.catch_up()
            self.context.make_room(early=True)

    def _rungs(self) -> tuple[Rung, ...]:
        """The rungs that exist with these models; what a short context saves, a recurrent state
        has saved already."""
        shorter = (Rung.SHORTER,) if self._model.context < inf else ()
        smaller = (Rung.SMALLER,) if self._open_smaller else ()
        return (Rung.FULL, *shorter, *smaller, Rung.HOLD)

    def _effort(self, request: Request) -> Effort:
        rung = self._ladder.rung
        candidates = request.settings.sampling.candidates if rung is Rung.FULL else 1
        return Effort(rung, candidates, 0 if rung is Rung.HOLD else len(VOICES))

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
        if mean is not None and (known is None or abs(mean - known) > LARGEST_ACCENT):
            known = mean
        self._heard_loudness = known
        return request.settings.velocity if known is None else known

    def _silent(self, step: int, told: Mapping[int, Sounding], asked: Asked) -> None:
        """Decide a step that is not sent, on the rung of the last one that was."""
        self._find_the_way()
        self.context.make_room()
        most = 0 if self._begun is Rung.HOLD else len(VOICES)
        frame = _frame(step, told, asked, Effort(self._begun, 1, most), Seconds(inf))
        self._note(self._decider.decide(frame))

    def _planned(
        self, step: int, told: Mapping[int, Sounding], asked: Asked, effort: Effort
    ) -> Planned:
        request, clock = asked.request, asked.clock
        began, model_began = perf_counter(), self.context.model_seconds
        self._step_onto(effort.begun)
        started = clock.now()
        budget = inf if asked.known else request.settings.horizon.budget_ms / 1000.0
        outcome = self._decider.decide(_frame(step, told, asked, effort, Seconds(started + budget)))
        self._note(outcome)
        voices = [
            sounding
            for sounding in self.context.entries[-1].voices
            if sounding is not None and sounding.voice not in told
        ]
        if voices and not asked.known:
            cost, late = Seconds(outcome.first_at - started), not outcome.served
            self._ladder.tell(cost, Seconds(budget), late=late, fault=bool(outcome.fault))
        return Planned(
            epoch=request.epoch,
            begin=Beats(step / STEPS_PER_BEAT),
            end=Beats((step + 1) / STEPS_PER_BEAT),
            voices=tuple(voices),
            at_once=request.at_once and step == step_of(request.begin),
            model_seconds=Seconds(self.context.model_seconds - model_began),
            seconds=Seconds(perf_counter() - began),
            served=outcome.served,
            relaxed=outcome.relaxed,
            request=request.number,
            rung=_rung(outcome, effort, request, voices),
            candidates=outcome.candidates,
            begun=effort.begun,
            decided=outcome.decided,
        )

    def _step_onto(self, rung: Rung) -> None:
        """Make ready for a step on `rung`: the model that it asks, and what that was not told."""
        if rung is not self._begun:
            self._begun = rung
            if rung is not Rung.HOLD:
                model = self._smaller_model() if rung is Rung.SMALLER else self._model
                self.context.use(model, short=rung is not Rung.FULL)
        self._find_the_way()
        self.context.make_room()
        if self.context.waiting > _MANY_ROWS:
            self.context.catch_up()

    def _find_the_way(self) -> None:
        """Leave the model alone, or, where it has lost its way, tell it what it missed."""
        if self._begun is Rung.HOLD:
            self.context.leave()
        elif self.context.lost:
            self.context.catch_up()

    def _smaller_model(self) -> Model:
        """The smaller model, opened when it is needed first; this one if that cannot be had."""
        if self._smaller is None and self._open_smaller is not None:
            try:
                self._smaller = self._open_smaller()
            except BundleError as error:
                self.faults.append(str(error))
                self._smaller = self._model
        return self._smaller or self._model

    def _note(self, outcome: Outcome) -> None:
        if outcome.fault:
            name = self.context.model.manifest.name
            self.faults.append(f"{name} failed for a moment ({outcome.fault}); the music goes on")


def _rung(outcome: Outcome, effort: Effort, request: Request, voices: Iterable[Sounding]) -> Rung:
    """What the step came to: held or at rest where the model had no time, else as it was begun."""
    if not outcome.served:
        held = any(v.pitch is not None and not v.struck for v in voices)
        return Rung.HOLD if held else Rung.REST
    if effort.begun is Rung.FULL and outcome.candidates < request.settings.sampling.candidates:
        return Rung.FEWER
    return effort.begun


def _frame(
    step: int, told: Mapping[int, Sounding], asked: Asked, effort: Effort, deadline: Seconds
) -> Frame:
    request = asked.request
    return Frame(
        step=step,
        here=_setting(step, request),
        told=told,
        settings=request.settings,
        rules=rule_book(request.settings.rules),
        loudness=asked.loudness,
        clock=asked.clock,
        deadline=deadline,
        candidates=effort.candidates,
        most=effort.decided,
        density=request.density,
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
