"""Plays a model of event tokens live: requests in, one `Planned` out for every sixteenth.

It keeps a story of what was heard and played, writes that as tokens, and draws from the model what
comes next. A melody model plays one line; others play several notes at once, each in a slot of its
own, so that a step still tells the whole state of every voice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import inf
from time import perf_counter

from ripieno.clock import Beats, Clock, Seconds
from ripieno.errors import BundleError
from ripieno.events import Planned, Request, Rung, Sounding
from ripieno.grammar.grid import STEPS_PER_BEAT
from ripieno.grammar.tokens.states import Bounds, Told
from ripieno.inference import density
from ripieno.inference.generate import Effort
from ripieno.inference.heard import line, step_of
from ripieno.inference.model import Model, ModelFault
from ripieno.inference.tokens.bounds import Choices, choices, longest_rest, looping
from ripieno.inference.tokens.drawing import Drawing, Drawn, Wish
from ripieno.inference.tokens.loudness import Loudness
from ripieno.inference.tokens.rungs import Rungs
from ripieno.inference.tokens.slots import LONGEST_NOTE, PLAYERS, Slots
from ripieno.inference.tokens.speaker import Speaker, View
from ripieno.inference.tokens.story import Story
from ripieno.settings import Mode

_MANY_ASKS = 1 << 16


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request under way."""

    request: Request
    clock: Clock
    view: View
    known: bool


class TokensGenerator:
    """Plans what comes next with a model of event tokens. See `generate.Generator`, whose interface
    it has; `fallback` opens a smaller model of event tokens."""

    def __init__(self, model: Model, fallback: Callable[[], Model] | None = None) -> None:
        """Raises BundleError for a vocabulary that does not fit."""
        self.faults: list[str] = []
        self.story = Story()
        self._rungs = Rungs(model, fallback, self.faults)
        self._spec = self._rungs.full.spec
        self._slots = Slots(self.story, self._spec.part, self._spec.polyphony)
        self._told: set[str] = set()
        self.reset()

    @property
    def speaker(self) -> Speaker:
        """The model that is asked now, and what it has heard."""
        return self._rungs.speaker

    def reset(self) -> None:
        """Forget everything, also what steps have cost."""
        self._rungs.ladder = self._rungs.new_ladder()
        self._loudness = Loudness()
        self._forget()

    def _forget(self) -> None:
        self.story.clear()
        self.speaker.reset()
        self.view: View | None = None
        self._changed = True
        self._rolls: dict[int, int] = {}
        self._lean = 0.0

    def plan(
        self, request: Request, clock: Clock, efforts: Mapping[Beats, Effort] | None = None
    ) -> Iterator[Planned]:
        """Bring the story up to `begin`, then decide and yield each step of [begin, end).

        See `generate.Generator.plan`. Raises BundleError if the model cannot be played with so.
        """
        self._refuse_roles(request)
        since, begin, end = (step_of(b) for b in (request.since, request.begin, request.end))
        since = min(since, begin)
        if request.fresh:
            self._forget()
        asked = _Asked(request, clock, View.of(request, self._spec), efforts is not None)
        self._changed = self._changed or asked.view != self.view
        self.view = asked.view
        self._loudness.hear(request)
        given = self._lines(request, PLAYERS if request.given else ())
        player = self._lines(request, request.player)
        since = self._hear(given, since, begin)
        for step in range(since, begin):
            self._decide(step, {v: told[step] for v, told in given.items()}, asked, self._silent())
        for step in range(begin, end):
            effort = (efforts or {}).get(Beats(step / STEPS_PER_BEAT)) or self._effort()
            yield self._planned(step, {v: told[step] for v, told in player.items()}, asked, effort)
        if self._rungs.begun is not Rung.HOLD:  # now it costs the next request no time
            self._catch_up(max(begin, end), asked)

    def _lines(self, request: Request, voices: Iterable[int]) -> dict[int, dict[int, Sounding]]:
        """What `voices` did, by voice and step. Where all four are told, all of the machine is.

        Nobody plays along with what was only listened to, so one voice given is as good as four.
        """
        told = set(voices)
        if told.issuperset(PLAYERS):
            told.update(note.voice for note in request.heard)
            told.update(self.story.lines)
            told.update(self._slots.voices)
        begin, end = step_of(request.since), step_of(max(request.begin, request.end))
        begin = min(begin, step_of(request.begin))
        lines = {voice: line(request.heard, voice, begin, end) for voice in sorted(told)}
        return {voice: dict(enumerate(states, begin)) for voice, states in lines.items()}

    def _hear(self, given: dict[int, dict[int, Sounding]], since: int, begin: int) -> int:
        """Take the story back to the first step of which something else is told: that step."""
        while since < begin and given:
            if not self.story.agrees(since, (told[since] for told in given.values())):
                break
            since += 1
        if self.story.rewind(since):
            self._changed = True
        return since

    # ---- a step

    def _silent(self) -> Effort:
        return Effort(self._rungs.begun, 1, 0 if self._rungs.begun is Rung.HOLD else _MANY_ASKS)

    def _effort(self) -> Effort:
        rung = self._rungs.ladder.rung
        return Effort(rung, 1, 0 if rung is Rung.HOLD else _MANY_ASKS)

    def _planned(
        self, step: int, told: Mapping[int, Sounding], asked: _Asked, effort: Effort
    ) -> Planned:
        request, clock = asked.request, asked.clock
        self._changed = self._rungs.step_onto(effort.begun) or self._changed
        began, model_began = perf_counter(), self.speaker.stream.seconds
        started = clock.now()
        drawn = self._decide(step, told, asked, effort)
        voices = [self.story.state(voice, step) for voice in self._slots.untold(told)]
        if voices and not asked.known:
            budget = request.settings.horizon.budget_ms / 1000.0
            cost, late = Seconds(clock.now() - started), not drawn.served
            self._rungs.ladder.tell(cost, Seconds(budget), late=late, fault=bool(drawn.fault))
        return Planned(
            epoch=request.epoch,
            begin=Beats(step / STEPS_PER_BEAT),
            end=Beats((step + 1) / STEPS_PER_BEAT),
            voices=tuple(voices),
            at_once=request.at_once and step == step_of(request.begin),
            model_seconds=Seconds(self.speaker.stream.seconds - model_began),
            seconds=Seconds(perf_counter() - began),
            served=drawn.served,
            relaxed=drawn.relaxed,
            request=request.number,
            rung=_rung(drawn, effort, voices),
            candidates=1,
            begun=effort.begun,
            decided=drawn.asked,
        )

    def _decide(
        self, step: int, told: Mapping[int, Sounding], asked: _Asked, effort: Effort
    ) -> Drawn:
        """Write down what was told of `step`, and draw what the machine does in it."""
        settings = asked.request.settings
        self._changed = self.story.drop(told, step) or self._changed
        for sounding in told.values():
            self._changed = self.story.tell(step, sounding) or self._changed
        free = [voice for voice in self._slots.voices if voice not in told]
        for voice in (*PLAYERS, *free):
            if voice not in told:
                self._changed = self.story.close(voice, step) or self._changed
        reroll = self._rolls.get(step, 0)
        self._rolls[step] = reroll + 1
        holding = self._spec.part in settings.rules.held and self._slots.sounding(free, step)
        drawn = Drawn((), True, (), 0)
        if free and not holding:
            drawn = self._draw(step, free, asked, effort, reroll)
        if not drawn.served or holding:
            for voice in free:
                self.story.hold(voice, step)
            self._changed = True
        for note in drawn.notes:
            self._play(note, free, asked)
        self._changed = self._slots.end_endless(free, step) or self._changed
        self.story.decided = step + 1
        if asked.request.density is not None:
            struck = any(self.story.state(voice, step).struck for voice in free)
            self._lean = density.moved(self._lean, asked.request.density, struck)
        if drawn.fault:
            self.speaker.fail()
            self._changed = True
            name = self.speaker.model.manifest.name
            self.faults.append(f"{name} failed for a moment ({drawn.fault}); the music goes on")
        return drawn

    def _draw(
        self, step: int, free: list[int], asked: _Asked, effort: Effort, reroll: int
    ) -> Drawn:
        request, speaker = asked.request, self.speaker
        budget = inf if asked.known else request.settings.horizon.budget_ms / 1000.0
        deadline = Seconds(asked.clock.now() + budget)
        if effort.begun is Rung.HOLD:
            self._changed = True
            return Drawn((), False, (), 0)
        late = speaker.state.now < step * speaker.sixteenth and not speaker.state.open
        if self._changed or late or speaker.lost or speaker.tight():
            keep = not (self._changed or late)
            if not keep:
                self.story.drop(free, step)
            joined = step + any(True for _ in self.story.notes(step, step + 1))
            if not speaker.follow(self.story, joined, asked.view, keep=keep):
                self.story.drop(free, step)
            self._changed = False
            self._tell(speaker.remarks)
        lean = None
        if request.density is not None:
            lean = request.density - density.NATURAL + self._lean
        wish = Wish(
            step=step,
            bounds=self._bounds(step, asked),
            sampling=request.settings.sampling,
            clock=asked.clock,
            deadline=deadline,
            asks=effort.decided,
            reroll=reroll,
            lean=lean,
            theirs=self._theirs(step, asked),
        )
        drawn = Drawing(speaker, wish).run()
        self._changed = drawn.waits
        return drawn

    def _theirs(self, step: int, asked: _Asked) -> Bounds | None:
        """What the player's next notes may be, where the model tells them apart."""
        speaker, programs = self.speaker, self._spec.programs
        if programs is None or not asked.view.apart:
            return None
        unit = speaker.sixteenth
        return Bounds(
            pitches=speaker.reader.pitches,
            earliest=step * unit,
            program=programs[0],
            origin=speaker.origin(asked.view, step) * unit,
            meter=speaker.meter(asked.view),
            part=speaker.part(asked.view, step) * unit,
        )

    def _bounds(self, step: int, asked: _Asked) -> Choices:
        speaker, rules, view = self.speaker, asked.request.settings.rules, asked.view
        unit, one = speaker.sixteenth, self._spec.polyphony == 1
        programs = self._spec.programs
        plain = Bounds(
            pitches=speaker.reader.pitches,
            earliest=step * unit,
            program=None if programs is None else programs[1],
            most=self._spec.polyphony,
            grid=unit,
            origin=speaker.origin(view, step) * unit,
            meter=speaker.meter(view),
            part=speaker.part(view, step) * unit,
        )
        last = self.story.last(PLAYERS if one else self._slots.voices, step)
        rested = step if last is None else min(last.reach, step + LONGEST_NOTE)
        return choices(
            plain,
            rules,
            part=self._spec.part,
            last=last.pitch if one and last is not None else None,
            loop=self._loop(step, rules.longest_loop) if one else None,
            latest=max(step, rested + longest_rest(rules)) * unit,
        )

    def _loop(self, step: int, longest: int) -> int | None:
        """The pitch with which the beat that begins now would come once more."""
        if step % STEPS_PER_BEAT:
            return None
        voice = self._spec.part
        size = STEPS_PER_BEAT
        first = step - longest * size
        beats = [
            [
                (state.pitch, state.struck)
                for state in (self.story.state(voice, s) for s in range(begin, begin + size))
            ]
            for begin in range(first, step, size)
        ]
        return looping(beats)

    def _play(self, told: Told, free: list[int], asked: _Asked) -> None:
        bar, own = self.speaker.bar_steps(asked.view), self.speaker.reader.velocities
        settings = asked.request.settings

        def velocity(onset: int) -> int:
            return self._loudness.of(told, onset % bar, settings, own)

        self._slots.play(told, free, self.speaker.sixteenth, velocity)

    def _tell(self, remarks: Iterable[str]) -> None:
        """Let the player know, once, what the model cannot be told as it is."""
        for remark in remarks:
            if remark not in self._told:
                self._told.add(remark)
                self.faults.append(f"{self.speaker.model.manifest.name} {remark}")

    def _refuse_roles(self, request: Request) -> None:
        manifest = self._rungs.full.model.manifest
        along = request.player and request.settings.mode is Mode.ACCOMPANY
        if manifest.given == "none" and along:
            raise BundleError(
                f"{manifest.name} plays on its own and cannot go along with a player",
                where=str(manifest.folder),
                nearest="Choose the solo or the answer mode, or a model that accompanies.",
            )

    def _catch_up(self, step: int, asked: _Asked) -> None:
        """Let the model hear what waits, and make room, while there is time."""
        speaker = self.speaker
        if speaker.tight(early=True):
            self.story.drop(self._slots.voices, step)
            speaker.follow(self.story, step, asked.view, keep=False, slide=True)
            self._changed = False
        try:
            speaker.stream.catch_up()
        except ModelFault:
            speaker.fail()
            self._changed = True


def tokens_player(model: Model, smaller: Callable[[], Model] | None = None) -> TokensGenerator:
    """The player of the grammar `tokens`."""
    return TokensGenerator(model, smaller)


def _rung(drawn: Drawn, effort: Effort, voices: Iterable[Sounding]) -> Rung:
    if drawn.served:
        return effort.begun
    held = any(v.pitch is not None and not v.struck for v in voices)
    return Rung.HOLD if held else Rung.REST
