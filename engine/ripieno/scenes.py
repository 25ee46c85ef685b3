"""A preset or a scene that is recalled comes at the next bar line, without a gap.

What decides notes must be settled before the commit horizon reaches the bar line; sounds must be
there for its first notes; tempo and muted voices change on the line itself. So a recall is done in
three parts. One that brings another model or other instruments waits for them, and comes with them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from enum import Enum, auto
from typing import Protocol

from ripieno.clock import Beats, Seconds
from ripieno.commands import Become, Programs, Recall
from ripieno.performance import Performance
from ripieno.routing import Routing
from ripieno.settings import Settings
from ripieno.sound import SOONER

MARGIN = Beats(0.125)
"""Half a step: what is wished so long before the horizon meets the bar line is heard there."""
AT_HAND = Seconds(0.01)
"""How long before they are needed sounds are put on their way."""

Obey = Callable[[Become | Programs, Seconds], None]


class Loader(Protocol):
    """Who brings another model."""

    @property
    def loading(self) -> bool:
        """Whether a model was asked for whose bar line is not known yet."""
        ...

    @property
    def line(self) -> Beats | None:
        """The bar line on which a model takes over that is ready; None for no such model."""
        ...


class Sounds(Protocol):
    """Who brings other instruments."""

    @property
    def loading(self) -> bool:
        """Whether something is being opened."""
        ...

    def prepare(
        self, name: str, routing: Routing | None, now: Seconds, *, as_written: bool = False
    ) -> None:
        """Begin to open what `name` sounds through, on the channels of here, or on its own `as
        written`; None changes nothing."""

    def take_over(self, now: Seconds) -> None:
        """Let notes begin there, or as soon as it is open."""


class _Part(Enum):
    """What is still to be done of a recall."""

    SETTLE = auto()
    SOUND = auto()
    ARRIVE = auto()


class Scenes:
    """What is recalled and has not come yet. `obey` carries out a wish, `load` gets a model.

    `sounds` brings instruments, where it is there; `begun` is the preset that it all began with,
    by its name, and what that sounds through.
    """

    def __init__(
        self,
        performance: Performance,
        obey: Obey,
        load: Callable[[str], None],
        loader: Loader,
        sounds: Sounds | None = None,
        begun: tuple[str, Routing] | None = None,
    ) -> None:
        self.current = ""
        """The name of what was recalled last."""
        self._show, self._obey, self._load, self._loader = performance, obey, load, loader
        self._sounds = sounds
        self._had = dict([begun] if begun else [])  # what each scene that was here sounded through
        self._coming: Recall | None = None
        self._line: Beats | None = None  # not known while a model is loading
        self._left: list[_Part] = []

    @property
    def coming(self) -> str:
        """The name of what comes at the next bar line, '' for nothing."""
        return "" if self._coming is None else self._coming.name

    def recall(self, what: Recall, now: Seconds) -> None:
        """Come to `what` at the next bar line, or at once while nothing plays."""
        if what.model:
            self._load(what.model)
        what = replace(what, settings=same_clock(what.settings, self._show.settings))
        self._coming, self._line, self._left = what, None, list(_Part)
        routing = what.routing or self._had.get(what.name)
        if routing is not None:
            self._had[what.name] = routing
        if self._sounds is not None:
            self._sounds.prepare(what.name, routing, now)
        if not self._show.playing:
            self._arrive(what, now)
        else:
            self._find_line(now)

    def arrived(self, name: str, routing: Routing) -> None:
        """Others have come in, who play `name` and sound through `routing`."""
        self._coming, self.current = None, name
        self._had[name] = routing

    def forsake(self) -> None:
        """What was recalled is not wanted any more."""
        self._coming = None

    def wake(self) -> Seconds | None:
        """When `look` has something to do next; None if nothing is coming, or not yet known."""
        if self._coming is None or self._line is None or not self._show.playing:
            return None
        return min(self._moment(part, self._line) for part in self._left)

    def look(self, now: Seconds) -> None:
        """Do what is due at `now`."""
        coming = self._coming
        if coming is None:
            return
        if not self._show.playing:
            self._arrive(coming, now)
            return
        self._find_line(now)
        if self._line is None:
            return
        for part in tuple(self._left):
            if self._coming and self._moment(part, self._line) <= now:
                self._left.remove(part)
                self._do(part, coming, self._line, now)

    def _do(self, part: _Part, what: Recall, line: Beats, now: Seconds) -> None:
        match part:
            case _Part.SETTLE:
                settled = _before_the_line(what.settings, self._show.settings)
                self._obey(Become(settled), now)
            case _Part.SOUND:
                self._sound(what, max(now, Seconds(self._show.tempo.seconds(line) - SOONER)))
            case _Part.ARRIVE:
                self._arrive(what, now)

    def _arrive(self, what: Recall, now: Seconds) -> None:
        self._coming, self.current = None, what.name
        self._obey(Become(what.settings), now)
        if _Part.SOUND in self._left:
            self._sound(what, now)

    def _sound(self, what: Recall, at: Seconds) -> None:
        if self._sounds is not None:
            self._sounds.take_over(at)
        if what.programs is not None:
            self._obey(Programs(what.programs, what.mix), at)

    def _moment(self, part: _Part, line: Beats) -> Seconds:
        """When `part` is due, for a recall that comes on `line`."""
        show = self._show
        early = Beats(line - show.settings.horizon.commit - MARGIN)
        if part is _Part.SETTLE:
            return show.tempo.seconds(early)
        on_line = show.tempo.seconds(line)
        sound = part is _Part.SOUND
        return Seconds(on_line - show.sound.lead - AT_HAND) if sound else on_line

    def _find_line(self, now: Seconds) -> None:
        """The bar line on which it comes, once that is known; another one where the music went."""
        show = self._show
        if self._coming is not None and self._is_loading(self._coming):
            self._line, self._left = None, list(_Part)
            return
        bar = Beats(show.settings.meter.bar + show.settings.horizon.commit + MARGIN)
        known = self._loader.line if self._coming and self._coming.model else None
        if self._line is None:
            self._line = self._next_line(now) if known is None else known
        elif known is None and _Part.SETTLE in self._left and self._line - show.beat(now) > bar:
            self._line = self._next_line(now)  # the music went back

    def _is_loading(self, what: Recall) -> bool:
        opening = self._sounds is not None and self._sounds.loading
        return opening or bool(what.model and self._loader.loading)

    def _next_line(self, now: Seconds) -> Beats:
        """The first bar line before which what is wished now can still be settled."""
        show = self._show
        meter, commit = show.settings.meter, show.settings.horizon.commit
        soonest = Beats(show.beat(now) + commit + MARGIN)
        return Beats(meter.bar_start(soonest) + meter.bar)


def same_clock(settings: Settings, now: Settings) -> Settings:
    """`settings` with the clock that is followed `now`: ports stay as they are, and so does it."""
    kept = now.sync
    sync = replace(settings.sync, source=kept.source, on_loss=kept.on_loss, send=kept.send)
    return replace(settings, sync=sync)


def _before_the_line(settings: Settings, now: Settings) -> Settings:
    """`settings` with all that changes on the bar line itself still as it is `now`."""
    sync = replace(settings.sync, swing=now.sync.swing)
    return replace(settings, bpm=now.bpm, muted=now.muted, sync=sync)
