"""A stranger's mode in a process of its own: where it fails, a mode of ours takes over."""

from __future__ import annotations

from typing import Any, cast

from ripieno import plugins
from ripieno.clock import Beats
from ripieno.commands import Seed
from ripieno.errors import PluginError
from ripieno.events import Note, Phase, Planned
from ripieno.modes.effects import NOTHING, Cut, Effects, Hush, Say
from ripieno.modes.foreign_link import ForeignLink, Lost
from ripieno.modes.foreign_words import Call, News, Reply
from ripieno.modes.mode import EVERYTHING, Again, Baton, Mode
from ripieno.modes.moment import Moment
from ripieno.modes.passage import Record
from ripieno.settings import Settings

BEGINNING = frozenset({"start", "arm", "enter"})
"""Before these calls it may not have heard all that was played."""


class FencedMode(Mode):
    """Plays with the stranger as long as that goes well, and then with `instead`, from where it is.

    The change needs a beat and room for effects, so it is made by the first call that has both.
    """

    def __init__(self, name: str, moment: Moment, instead: Mode) -> None:
        """Import the mode called `name`, in its process. Raises PluginError."""
        self.name, self._instead = name, instead
        self._link = ForeignLink(plugins.find(plugins.MODES, name), moment)
        self._fault, self._taken_over = "", False
        self._beat = Beats(0.0)
        self._at: Reply = self._link.opened
        self._settings: Settings | None = moment.settings
        self._seed: Seed | None = moment.seed
        self._machine: tuple[Note, ...] | None = None
        super().__init__(moment, _FarRecord(self))

    @property
    def pid(self) -> int | None:
        """The number of the stranger's process."""
        return self._link.pid

    # what a screen and the performance read

    @property
    def phase(self) -> Phase:
        return self._instead.phase if self._fault else self._at.phase

    @phase.setter
    def phase(self, phase: Phase) -> None:
        """Set once, by what this is made of."""

    @property
    def plan(self) -> Any:
        """Whether there is one is all that is known of a stranger's."""
        return self._instead.plan if self._fault else self._at.going or None

    @plan.setter
    def plan(self, plan: Any) -> None:
        """The same."""

    @property
    def ideal(self) -> Beats | None:
        return self._instead.ideal if self._fault else self._at.ideal

    @ideal.setter
    def ideal(self, ideal: Beats | None) -> None:
        """The same."""

    # ---- the stranger

    def ask(self, name: str, fallback: Any, *args: Any) -> Any:
        """What the stranger returns from `name`; `fallback` where it fails, now or before."""
        if self._fault:
            return fallback
        try:
            reply = self._link.call(Call(name, args, self._news(name)))
        except Lost as lost:
            other = type(self._instead).__name__.lower()
            title = plugins.titled(plugins.MODES, self.name)
            self._fault = f"{title} {lost}: {other} takes over"
            return fallback
        self._take_in(reply, played=name != "moved")
        return reply.result

    def _news(self, name: str) -> News:
        """What it does not know yet of the moment."""
        moment = self.moment
        news = News(
            moment.epoch,
            None if moment.settings is self._settings else moment.settings,
            None if moment.seed is self._seed else moment.seed,
            None if moment.machine == self._machine else moment.machine,
            moment.ear if name in BEGINNING else None,
        )
        self._settings, self._seed, self._machine = moment.settings, moment.seed, moment.machine
        return news

    def _take_in(self, reply: Reply, *, played: bool) -> None:
        """The moment is ours again, with what the stranger made of it, if it was this mode that
        `played`: all modes are told when the score is moved."""
        self._at, moment = reply, self.moment
        moment.epoch = reply.epoch
        if reply.settings is not None:
            moment.settings = self._settings = reply.settings
        if reply.seed is not None:
            moment.seed = self._seed = reply.seed
        if reply.ear is not None:
            vars(moment.ear).update(vars(reply.ear))
        if played and reply.phrase_start != moment.ear.phrase_start:
            moment.ear.start_phrase(reply.phrase_start)

    # ---- calls that have effects

    def _act(self, name: str, beat: Beats, *args: Any) -> Effects:
        """Call `name` where it belongs, and change over where that was the last time."""
        self._beat = beat
        effects = self.ask(name, None, *args)
        if effects is None and not self._taken_over:
            return self._take_over(beat)
        if effects is None:
            effects = getattr(self._instead, name)(*args)
        return cast(Effects, effects)

    def _take_over(self, beat: Beats) -> Effects:
        """All that the stranger planned is void; ours begins, if music was going on."""
        self._taken_over = True
        cut = Cut(self.moment.next_epoch(), EVERYTHING)
        begun = self._instead.enter(Baton(beat, going=False), beat)
        return (Say(self._fault), cut, Hush(), *begun)

    def start(self, beat: Beats) -> Effects:
        return self._act("start", beat, beat)

    def arm(self, beat: Beats) -> Effects:
        return self._act("arm", beat, beat)

    def enter(self, baton: Baton, beat: Beats) -> Effects:
        return self._act("enter", beat, baton, beat)

    def located(self, beat: Beats) -> Effects:
        return self._act("located", beat, beat)

    def note_on(self, pitch: int, velocity: int, beat: Beats, channel: int = 0) -> Effects:
        if not self._fault:  # our ear hears whatever a stranger does
            super().note_on(pitch, velocity, beat, channel)
        return self._act("note_on", beat, pitch, velocity, beat, channel)

    def note_off(self, pitch: int, beat: Beats, channel: int = 0) -> Effects:
        if not self._fault:  # our ear hears whatever a stranger does
            super().note_off(pitch, beat, channel)
        return self._act("note_off", beat, pitch, beat, channel)

    def pedal(self, down: bool, beat: Beats, channel: int = 0) -> Effects:
        if not self._fault:  # our ear hears whatever a stranger does
            super().pedal(down, beat, channel)
        return self._act("pedal", beat, down, beat, channel)

    def advance(self, beat: Beats) -> Effects:
        return self._act("advance", beat, beat)

    def missed(self, step: Beats) -> Effects:
        return self._act("missed", step, step)

    def changed(self, beat: Beats) -> Effects:
        return self._act("changed", beat, beat)

    def taken_over(self, line: Beats, beat: Beats) -> Effects:
        return self._act("taken_over", beat, line, beat)

    def answer_now(self, beat: Beats) -> Effects:
        return self._act("answer_now", beat, beat)

    def again(self, wish: Again, beat: Beats) -> Effects:
        return self._act("again", beat, wish, beat)

    def cadence(self, beat: Beats) -> Effects:
        return self._act("cadence", beat, beat)

    def reseed(self, beat: Beats) -> Effects:
        return self._act("reseed", beat, beat)

    # ---- calls that have none: the fall-back's answer is taken at once, its turn comes later

    def _told(self, name: str, fallback: Any, *args: Any) -> Any:
        """What whoever plays now returns from `name`; `fallback` where the stranger fails."""
        if self._fault:
            return getattr(self._instead, name)(*args)
        return self.ask(name, fallback, *args)

    def stop(self) -> None:
        self._told("stop", None)

    def leave(self, beat: Beats) -> Baton:
        return cast(Baton, self._told("leave", Baton(beat, False), beat))

    def anchor(self, beat: Beats) -> Beats:
        return cast(Beats, self._told("anchor", beat, beat))

    def moved(self, by: Beats) -> None:
        self._beat = Beats(self._beat + by)
        self.ask("moved", None, by)  # ours is moved with the other modes

    def wake(self) -> Beats | None:
        """At once, where the change has still to be made."""
        if not self._fault and self.moment.settings is not self._settings:
            self.ask("wake", None)
        if not self._fault:
            return self._at.wake
        return self._instead.wake() if self._taken_over else self._beat

    def planned(self, planned: Planned) -> Planned | None:
        return cast("Planned | None", self._told("planned", None, planned))

    def settled(self, line: Beats, beat: Beats) -> bool:
        return bool(self._told("settled", True, line, beat))

    def expects(self, step: Beats) -> bool:
        return bool(self._told("expects", False, step))

    def horizon(self, beat: Beats) -> tuple[Beats, Beats]:
        return cast(tuple[Beats, Beats], self._told("horizon", (beat, beat), beat))

    def phase_beats(self, beat: Beats) -> Beats:
        return cast(Beats, self._told("phase_beats", Beats(0.0), beat))


class _FarRecord(Record):
    """What the stranger has planned, which is where the stranger is."""

    def __init__(self, mode: FencedMode) -> None:
        super().__init__()
        self._mode = mode

    def known(self, heard: tuple[Note, ...], here: Beats, until: Beats) -> tuple[Note, ...]:
        return cast(tuple[Note, ...], self._mode.ask("known", heard, heard, here, until))


def stranger(name: str, moment: Moment, instead: Mode) -> tuple[FencedMode | None, Effects]:
    """The mode of a plug-in called `name`, or what to tell the player where there is none."""
    try:
        return FencedMode(name, moment, instead), NOTHING
    except PluginError as error:
        said = f"{error} {type(instead).__name__} plays instead"
        return None, (Say(said),)
