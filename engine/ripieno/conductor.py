"""The conductor: which mode is on, and what a wish of the player means to it. Pure."""

from __future__ import annotations

from dataclasses import replace

from ripieno import knobs
from ripieno.clock import Beats
from ripieno.events import AnswerNow, Cadence, Choose, Mute, Seed, SeedFromPlayed, Turn
from ripieno.modes.accompany import Accompany
from ripieno.modes.answer import Answer
from ripieno.modes.effects import NOTHING, Cut, Effects, Hush, Say
from ripieno.modes.mode import Mode as ModeOfPlay
from ripieno.modes.mode import Moment
from ripieno.modes.solo import Solo
from ripieno.settings import Mode, Settings

Wish = Turn | Choose | Mute | Seed | SeedFromPlayed | AnswerNow | Cadence
NEVER_REPLAN = frozenset({"tempo", "velocity", "transpose", "commit", "lookahead", "budget_ms"})
"""Knobs that do not change which notes come next."""


class Conductor:
    """All modes, one of which plays. `settings` are the ones in force."""

    def __init__(self, settings: Settings, seed: Seed | None) -> None:
        self.moment = Moment(settings, seed=seed)
        self._modes: dict[Mode, ModeOfPlay] = {
            Mode.SOLO: Solo(self.moment),
            Mode.ANSWER: Answer(self.moment),
            Mode.ACCOMPANY: Accompany(self.moment),
        }

    @property
    def settings(self) -> Settings:
        return self.moment.settings

    @property
    def mode(self) -> ModeOfPlay:
        return self._modes[self.moment.settings.mode]

    def moved(self, by: Beats) -> None:
        """The score's beats were moved: all that is remembered in beats moves too."""
        self.moment.ear.moved(by)
        for mode in self._modes.values():
            mode.moved(by)

    def start(self, beat: Beats) -> Effects:
        return self.mode.start(beat)

    def stop(self) -> Effects:
        self.mode.stop()
        return (Cut(self.moment.next_epoch(), Beats(float("-inf"))), Hush())

    def wish(self, wish: Wish, beat: Beats, playing: bool) -> Effects:
        """What the player asked for, at `beat`. Raises SettingError for a value out of bounds."""
        match wish:
            case Turn(name, value):
                return self._set(knobs.turn(self.settings, name, value), beat, playing, name)
            case Choose(name, value):
                return self._set(knobs.choose(self.settings, name, value), beat, playing, name)
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

    def _set(self, settings: Settings, beat: Beats, playing: bool, name: str) -> Effects:
        before = self.settings
        if settings == before:
            return NOTHING
        if settings.mode is not before.mode:
            ended = self.stop() if playing else NOTHING
            self.moment.settings = settings
            return (*ended, *self.start(beat)) if playing else NOTHING
        self.moment.settings = settings
        if not playing or name in NEVER_REPLAN:
            return NOTHING
        return self.mode.changed(beat)

    def _seed_from_played(self, beat: Beats, playing: bool) -> Effects:
        ear = self.moment.ear
        notes = ear.phrase(ear.phrase_start, beat)
        if not notes:
            return (Say("There is no phrase of yours yet: play one first"),)
        seed = Seed("what you played", notes)
        said = Say(f"Your phrase of {len(notes)} notes is the seed now")
        return (*self.wish(seed, beat, playing), said)
