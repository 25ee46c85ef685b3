"""A stranger's mode behind a fence: where it fails, a mode of ours takes over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

from ripieno import plugins
from ripieno.clock import Beats
from ripieno.errors import PluginError
from ripieno.events import Phase, Planned
from ripieno.modes.effects import NOTHING, Cut, Effects, Hush, Say
from ripieno.modes.encore import Encore
from ripieno.modes.mode import EVERYTHING, Again, Baton, Mode
from ripieno.modes.moment import Moment

SECONDS = 0.02
"""How long a stranger's mode may think; a sixteenth at 300 lasts 0.05 s."""
LOADING = 5.0
P = ParamSpec("P")
T = TypeVar("T")
Factory = Callable[[Moment, Encore], Mode]
"""What an entry point of `ripieno.modes` is: most often the class of a mode."""


class FencedMode(Mode):
    """Plays with `inner` as long as that goes well, and then with `instead`, from where it is.

    The change needs a beat and room for effects, so it is made by the first call that has both.
    """

    def __init__(self, name: str, moment: Moment, encore: Encore, instead: Mode) -> None:
        """Import the mode called `name`. Raises PluginError."""
        factory = cast(Factory, plugins.load(plugins.MODES, name))
        plugin = plugins.find(plugins.MODES, name)
        self._fence = plugins.Fence(plugin, LOADING, f"{type(instead).__name__.lower()} takes over")
        inner = self._fence.call(factory, instead, moment, encore)
        if self._fence.fault or not isinstance(inner, Mode):
            raise PluginError(self._fence.fault or f"{plugin} makes no mode")
        self._fence.seconds, self.name = SECONDS, name
        self._inner: Mode = inner
        self._instead, self._taken_over = instead, False
        self._beat = Beats(0.0)
        super().__init__(moment, inner.record)

    @property
    def _now(self) -> Mode:
        return self._instead if self._fence.fault else self._inner

    # what a screen and the performance read

    @property
    def phase(self) -> Phase:
        return self._now.phase

    @phase.setter
    def phase(self, phase: Phase) -> None:
        """Set once, by what this is made of."""

    @property
    def plan(self) -> Any:
        return self._now.plan

    @plan.setter
    def plan(self, plan: Any) -> None:
        """The same."""

    @property
    def ideal(self) -> Beats | None:
        return self._now.ideal

    @ideal.setter
    def ideal(self, ideal: Beats | None) -> None:
        """The same."""

    # ---- calls that have effects

    def _act(self, name: str, beat: Beats, *args: Any) -> Effects:
        """Call `name` where it belongs, and change over where that was the last time."""
        self._beat = beat
        if not self._fence.fault:
            effects = self._fence.call(getattr(self._inner, name), None, *args)
            if isinstance(effects, tuple):
                return effects
            if not self._fence.fault:
                self._fence.refuse(f"returned no effects from {name}()")
        if not self._taken_over:
            return self._take_over(beat)
        effects = getattr(self._instead, name)(*args)
        return cast(Effects, effects)

    def _take_over(self, beat: Beats) -> Effects:
        """All that the stranger planned is void; ours begins, if music was going on."""
        self._taken_over = True
        cut = Cut(self.moment.next_epoch(), EVERYTHING)
        begun = self._instead.enter(Baton(beat, going=False), beat)
        return (Say(self._fence.fault), cut, Hush(), *begun)

    def start(self, beat: Beats) -> Effects:
        return self._act("start", beat, beat)

    def arm(self, beat: Beats) -> Effects:
        return self._act("arm", beat, beat)

    def enter(self, baton: Baton, beat: Beats) -> Effects:
        return self._act("enter", beat, baton, beat)

    def located(self, beat: Beats) -> Effects:
        return self._act("located", beat, beat)

    def note_on(self, pitch: int, velocity: int, beat: Beats, channel: int = 0) -> Effects:
        return self._act("note_on", beat, pitch, velocity, beat, channel)

    def note_off(self, pitch: int, beat: Beats, channel: int = 0) -> Effects:
        return self._act("note_off", beat, pitch, beat, channel)

    def pedal(self, down: bool, beat: Beats, channel: int = 0) -> Effects:
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

    def _ask(self, part: Callable[P, T], fallback: T, *args: P.args, **kwargs: P.kwargs) -> T:
        """`part` of whoever plays now; `fallback` where the stranger fails."""
        if self._fence.fault:
            return part(*args, **kwargs)
        return self._fence.call(part, fallback, *args, **kwargs)

    def stop(self) -> None:
        self._ask(self._now.stop, None)

    def leave(self, beat: Beats) -> Baton:
        return self._ask(self._now.leave, Baton(beat, False), beat)

    def anchor(self, beat: Beats) -> Beats:
        return self._ask(self._now.anchor, beat, beat)

    def moved(self, by: Beats) -> None:
        self._beat = Beats(self._beat + by)
        self._fence.call(self._inner.moved, None, by)  # ours is moved with the other modes

    def wake(self) -> Beats | None:
        """At once, where the change has still to be made."""
        wake = self._ask(self._now.wake, None)
        pending = self._fence.fault and not self._taken_over
        return self._beat if pending else wake

    def planned(self, planned: Planned) -> Planned | None:
        return self._ask(self._now.planned, None, planned)

    def settled(self, line: Beats, beat: Beats) -> bool:
        return self._ask(self._now.settled, True, line, beat)

    def expects(self, step: Beats) -> bool:
        return self._ask(self._now.expects, False, step)

    def horizon(self, beat: Beats) -> tuple[Beats, Beats]:
        return self._ask(self._now.horizon, (beat, beat), beat)

    def phase_beats(self, beat: Beats) -> Beats:
        return self._ask(self._now.phase_beats, Beats(0.0), beat)


def stranger(
    name: str, moment: Moment, encore: Encore, instead: Mode
) -> tuple[FencedMode | None, Effects]:
    """The mode of a plug-in called `name`, or what to tell the player where there is none."""
    try:
        return FencedMode(name, moment, encore, instead), NOTHING
    except PluginError as error:
        said = f"{error} {type(instead).__name__} plays instead"
        return None, (Say(said),)
