"""The conductor: which mode is on, and what a wish of the player means to it. Pure."""

from __future__ import annotations

from dataclasses import replace

from ripieno import knobs
from ripieno.clock import Beats
from ripieno.commands import (
    AnswerNow,
    Become,
    Cadence,
    Choose,
    Keep,
    Loop,
    Mutate,
    Mute,
    Seed,
    SeedFromPlayed,
    Turn,
    Undo,
)
from ripieno.modes.accompany import Accompany
from ripieno.modes.answer import Answer
from ripieno.modes.effects import NOTHING, Cut, Effects, Hush, Say
from ripieno.modes.encore import Encore
from ripieno.modes.fenced import FencedMode, stranger
from ripieno.modes.mode import EVERYTHING, Again
from ripieno.modes.mode import Mode as ModeOfPlay
from ripieno.modes.moment import Moment
from ripieno.modes.solo import Solo
from ripieno.settings import Mode, Settings

Wish = (
    Turn | Choose | Mute | Seed | SeedFromPlayed | AnswerNow | Cadence | Loop | Mutate | Undo | Keep
    | Become
)  # fmt: skip


class Conductor:
    """All modes, one of which plays. `settings` are the ones in force."""

    def __init__(self, settings: Settings, seed: Seed | None, *, alone: bool = True) -> None:
        """Who is not `alone` in a performance may not move the score that others play on."""
        self.moment = Moment(settings, seed=seed, alone=alone)
        self._encore = encore = Encore(self.moment)
        self._modes: dict[Mode, ModeOfPlay] = {
            Mode.SOLO: Solo(self.moment, encore),
            Mode.ANSWER: Answer(self.moment, encore),
            Mode.ACCOMPANY: Accompany(self.moment),
        }
        self.told: Effects = NOTHING
        """What the player should know before anything else."""
        self._own: FencedMode | None = None
        if settings.own_mode:
            instead = self._modes[settings.mode]
            self._own, self.told = stranger(settings.own_mode, self.moment, instead)
            if self._own is None:
                self.moment.settings = replace(settings, own_mode="")

    @property
    def settings(self) -> Settings:
        return self.moment.settings

    @property
    def mode(self) -> ModeOfPlay:
        if self._own is not None and self._own.name == self.moment.settings.own_mode:
            return self._own
        return self._modes[self.moment.settings.mode]

    # ---- the transport

    def start(self, beat: Beats) -> Effects:
        """The transport starts, now, at `beat`."""
        return self.mode.start(beat)

    def arm(self, beat: Beats) -> Effects:
        """The transport stands and will start just at `beat`, on somebody else's word.

        What is planned for `beat` can be ready then; `start` must not be called any more. To arm
        another place just do so; `stop` disarms.
        """
        return (*self.stop(), *self.mode.arm(beat))

    def stop(self) -> Effects:
        """The transport stops: everything planned is void, and the machine falls silent."""
        self.mode.stop()
        return (Cut(self.moment.next_epoch(), EVERYTHING), Hush())

    def moved(self, by: Beats) -> None:
        """The score's beats were moved: all that is remembered in beats moves too."""
        self.moment.ear.moved(by)
        self._encore.moved(by)
        for mode in (*self._modes.values(), *([self._own] if self._own else [])):
            mode.moved(by)

    def located(self, beat: Beats, playing: bool) -> Effects:
        """The transport is at `beat` now, without the time between: a jump, or a loop in a DAW.

        All that was planned is void and silent; what comes next is planned from there.
        """
        self.moment.ear.located(beat)
        return self.mode.located(beat) if playing else NOTHING

    # ---- wishes

    def wish(self, wish: Wish, beat: Beats, playing: bool) -> Effects:
        """What the player asked for, at `beat`. Raises SettingError for a value out of bounds."""
        match wish:
            case Turn(name, value):
                return self._set(knobs.turn(self.settings, name, value), beat, playing)
            case Choose(name, value):
                chosen = knobs.choose(self.settings, name, value)
                if name == "mode":
                    chosen = replace(chosen, own_mode="")
                return self._set(chosen, beat, playing)
            case Become(settings):
                return self._set(settings, beat, playing)
            case Mute(voice, muted):
                now = self.settings.muted
                voices = now | {voice} if muted else now - {voice}
                self.moment.settings = replace(self.settings, muted=frozenset(voices))
                return NOTHING
            case Seed():
                self.moment.seed = wish
                return self.mode.reseed(beat) if playing else NOTHING
            case SeedFromPlayed():
                return self._seed_from_played(beat, playing)
            case AnswerNow():
                return self.mode.answer_now(beat) if playing else NOTHING
            case Cadence():
                return self.mode.cadence(beat) if playing else NOTHING
            case Loop() | Mutate() | Undo() | Keep():
                return self._again(wish, beat, playing)

    def _set(self, settings: Settings, beat: Beats, playing: bool) -> Effects:
        before = self.settings
        same = (settings.mode, settings.own_mode) == (before.mode, before.own_mode)
        if not playing or same:
            self.moment.settings = settings
            return self.mode.changed(beat) if playing and _heard(settings, before) else NOTHING
        baton = self.mode.leave(beat)
        self.moment.settings = settings
        cut = Cut(self.moment.next_epoch(), baton.begin)
        return (*baton.effects, cut, *self.mode.enter(baton, beat))

    def _again(self, wish: Again, beat: Beats, playing: bool) -> Effects:
        if playing or isinstance(wish, Keep):
            return self.mode.again(wish, beat)
        return (Say("Nothing plays: start the transport first"),)

    def _seed_from_played(self, beat: Beats, playing: bool) -> Effects:
        ear = self.moment.ear
        notes = ear.phrase(ear.phrase_start, beat)
        if not notes:
            return (Say("There is no phrase of yours yet: play one first"),)
        seed = Seed("what you played", notes)
        said = Say(f"Your phrase of {len(notes)} notes is the seed now")
        return (*self.wish(seed, beat, playing), said)


def _heard(now: Settings, before: Settings) -> bool:
    """Whether the two differ in something that decides which notes come next."""
    return _decisive(now) != _decisive(before)


def _decisive(settings: Settings) -> tuple[object, ...]:
    turns, blocks = settings.turns, settings.blocks
    return settings.sampling, settings.rules, settings.meter, blocks, turns.space, turns.density
