"""Plays a model of lead sheets live: requests in, one `Planned` out for every sixteenth.

The model hears a melody and says which chord belongs under it; the chord is voiced here, smoothly,
by the voices that the player leaves free. Where nobody plays, it goes on with the melody as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import inf
from time import perf_counter

import numpy as np

from ripieno.clock import Beats, Clock, Seconds
from ripieno.events import Planned, Request, Rung, Sounding
from ripieno.grammar.grid import STEPS_PER_BEAT
from ripieno.grammar.lead_sheet import (
    CHORD,
    MELODY,
    PART,
    STAY,
    Frame,
    bar_steps,
    features,
    melody_token,
)
from ripieno.inference.decide import LARGEST_ACCENT, NONSENSE
from ripieno.inference.generate import Effort
from ripieno.inference.heard import frames, mean_velocity, step_of
from ripieno.inference.ladder import Ladder
from ripieno.inference.lead.choose import Wish, chord_of, pitch_of
from ripieno.inference.lead.hands import ALL, Hands
from ripieno.inference.lead.score import Score, Step
from ripieno.inference.model import Logits, Model, ModelFault, Row
from ripieno.settings import Mode, Settings

ASKS = 2
"""How often the model is asked in a step, at most: for the melody and for the chord."""
ON_BAR, ON_BEAT = 6, 3
"""Accents, in velocities."""
Told = Mapping[int, Sounding]
Line = tuple[int | None, bool]
"""What the melody does in a step: its pitch, and whether that is struck."""


@dataclass(slots=True)
class _Asked:
    """A request under way; `asks` are left in this step, until `deadline`."""

    request: Request
    clock: Clock
    known: bool
    asks: int = ASKS
    deadline: float = inf
    fault: str = ""

    @property
    def may(self) -> bool:
        """Whether the model may be asked once more."""
        return self.asks > 0 and self.clock.now() < self.deadline and not self.fault


class LeadPlayer:
    """Plans chords under a melody, and the melody where no player gives it. See
    `generate.Generator`, whose interface it has."""

    def __init__(self, model: Model) -> None:
        self.faults: list[str] = []
        self._score = Score(model)
        self.reset()

    def reset(self) -> None:
        """Forget everything, also what steps have cost."""
        self._ladder = Ladder((Rung.FULL, Rung.HOLD))
        self._loudness: int | None = None
        self._forget()

    def _forget(self) -> None:
        self._score.forget()
        self._begin: int | None = None
        self._rolls: dict[int, int] = {}
        self._lead = 0

    def plan(
        self, request: Request, clock: Clock, efforts: Mapping[Beats, Effort] | None = None
    ) -> Iterator[Planned]:
        """Bring the sheet up to `begin`, then decide and yield each step of [begin, end).

        See `generate.Generator.plan`.
        """
        since, begin, end = (step_of(b) for b in (request.since, request.begin, request.end))
        since = min(since, begin)
        if request.fresh:
            self._forget()
        self._hear(request)
        told = frames(request.heard, since, max(begin, end))
        while since < begin and request.given and self._agrees(since, told[since]):
            since += 1
        self._score.rewind(since)
        asked = _Asked(request, clock, efforts is not None)
        for step in range(since, begin):
            asked.asks, asked.deadline = self._asks(), inf
            self._decide(step, {voice: told[step][voice] for voice in request.given}, asked)
        for step in range(begin, end):
            effort = (efforts or {}).get(Beats(step / STEPS_PER_BEAT))
            effort = effort or Effort(self._ladder.rung, 1, self._asks())
            own = {voice: told[step][voice] for voice in request.player}
            yield self._planned(step, own, asked, effort)
        if self._ladder.rung is not Rung.HOLD:  # now it costs the next request no time
            self._catch_up(asked)

    def _asks(self) -> int:
        return 0 if self._ladder.rung is Rung.HOLD else ASKS

    def _hear(self, request: Request) -> None:
        """Which voice has the melody, and how loud the player is: a difference no larger than our
        own accents is no news."""
        voice = request.settings.player_voice
        others = request.player and voice not in request.player
        self._lead = min(request.player) if others else voice
        known = None if request.fresh else self._loudness
        mean = mean_velocity(request.heard)
        if mean is not None and (known is None or abs(mean - known) > LARGEST_ACCENT):
            known = mean
        self._loudness = known

    def _agrees(self, number: int, told: tuple[Sounding, ...]) -> bool:
        """Whether the melody of a step is known to be as it is told."""
        step, lead = self._score.at(number), told[self._lead]
        return step is not None and step.melody == (lead.pitch, lead.struck)

    # ---- a step

    def _planned(self, step: int, told: Told, asked: _Asked, effort: Effort) -> Planned:
        request, clock = asked.request, asked.clock
        began, model_began = perf_counter(), self._score.seconds
        started = clock.now()
        budget = inf if asked.known else request.settings.horizon.budget_ms / 1000.0
        asked.asks, asked.deadline = min(effort.decided, ASKS), started + budget
        most = asked.asks
        served = self._decide(step, told, asked)
        voices = self._score.voices
        if voices and not asked.known:
            cost, fault = Seconds(clock.now() - started), bool(asked.fault)
            late = not served or cost > budget
            self._ladder.tell(cost, Seconds(budget), late=late, fault=fault)
        return Planned(
            epoch=request.epoch,
            begin=Beats(step / STEPS_PER_BEAT),
            end=Beats((step + 1) / STEPS_PER_BEAT),
            voices=voices,
            at_once=request.at_once and step == step_of(request.begin),
            model_seconds=Seconds(self._score.seconds - model_began),
            seconds=Seconds(perf_counter() - began),
            served=served,
            request=request.number,
            rung=effort.begun if served else _held(voices),
            begun=effort.begun,
            decided=most - asked.asks,
        )

    def _decide(self, step: int, told: Told, asked: _Asked) -> bool:
        """Write down the melody of `step`, find the chord, and voice it: whether in time."""
        score, settings = self._score, asked.request.settings
        asked.fault = ""
        mark, before = score.mark(), score.hand
        wish = Wish(step, self._frame(step, told, settings), settings, self._rolls.get(step, 0))
        self._rolls[step] = wish.reroll + 1
        first = features(MELODY, before, wish.frame)
        melody = self._melody(first, told, wish, asked)
        struck = melody[1] or before.pitch is None
        hand = before.melody(melody_token(melody[0], struck))
        second = features(CHORD, hand, wish.frame)
        follows = settings.mode is Mode.ACCOMPANY and told.keys() >= set(ALL)
        logits = None if follows else self._ask(second, asked)
        if follows:
            score.wait(second)
        token = STAY if logits is None else chord_of(logits, hand, wish)
        after = hand.harmony(token)
        hands = Hands(settings, self._lead, melody, self._velocity(wish.frame, settings))
        voices = hands.play(score.voices, told, after.chord, follows=follows)
        score.add(step, Step(melody, (first, second), mark, before, after, voices))
        if asked.fault:
            score.lose()
            name = score.model.manifest.name
            self.faults.append(f"{name} failed for a moment ({asked.fault}); the music goes on")
        return follows or logits is not None

    def _melody(self, row: Row, told: Told, wish: Wish, asked: _Asked) -> Line:
        """What the melody does: as it is told, else drawn; a model that has no time holds. Where
        the machine only accompanies, it leaves the melody alone."""
        score = self._score
        last = score.steps[-1].melody[0] if score.steps else None
        along = wish.settings.mode is Mode.ACCOMPANY
        logits = None
        if self._lead in told or along:
            score.wait(row)
        else:
            logits = self._ask(row, asked)
        if self._lead in told:
            lead = told[self._lead]
            return lead.pitch, lead.struck
        if logits is None:
            return (None if along else last), False
        return pitch_of(logits, score.hand, last, wish)

    def _ask(self, row: Row, asked: _Asked) -> Logits | None:
        """What the model makes of `row`; None if there is no time, or it fails."""
        if not asked.may:
            self._score.wait(row)
            return None
        asked.asks -= 1
        try:
            logits = self._score.ask(row)
        except ModelFault as error:
            asked.fault = str(error)
            return None
        if not np.isfinite(logits).all():
            asked.fault = NONSENSE
            return None
        return logits

    def _catch_up(self, asked: _Asked) -> None:
        try:
            self._score.catch_up()
        except ModelFault:
            self._score.lose()

    def _frame(self, step: int, told: Told, settings: Settings) -> Frame:
        """What a step stands in. Bars are counted from the melody's first note: a first bar that is
        no more than half full is a pickup."""
        meter = settings.meter.numerator, settings.meter.denominator
        bar, key = bar_steps(meter), settings.rules.key
        sounds = self._lead not in told or told[self._lead].pitch is not None
        if self._begin is None and sounds:
            pickup = 2 * (step % bar) >= bar
            self._begin = step // bar * bar + (bar if pickup else 0)
        counted = 0 if self._begin is None else (step - self._begin) // bar % PART
        return Frame(step % bar, meter, counted, None if key is None else key.fifths)

    def _velocity(self, frame: Frame, settings: Settings) -> int:
        """As loud as the player, more on the bar line and the beat."""
        loud = settings.velocity if self._loudness is None else self._loudness
        place = frame.place or 0
        accent = ON_BAR if place == 0 else ON_BEAT * (place % STEPS_PER_BEAT == 0)
        return max(1, min(127, loud + accent))


def lead_player(model: Model, smaller: Callable[[], Model] | None = None) -> LeadPlayer:
    """The player of the grammar `lead-sheet`. It is so quick that it needs no `smaller` one."""
    return LeadPlayer(model)


def _held(voices: tuple[Sounding, ...]) -> Rung:
    """What a step came to that was not decided in time."""
    sounds = any(voice.pitch is not None for voice in voices)
    return Rung.HOLD if sounds else Rung.REST
