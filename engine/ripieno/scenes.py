"""A preset or a scene that is recalled comes at the next bar line, without a gap.

What decides notes must be settled before the commit horizon reaches the bar line; tempo, sounds
and muted voices change on the line itself. So a recall is done in two halves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ripieno.clock import Beats, Seconds
from ripieno.commands import Become, Programs, Recall
from ripieno.performance import Performance
from ripieno.settings import Settings

MARGIN = Beats(0.125)
"""Half a step: what is wished so long before the horizon meets the bar line is heard there."""

Obey = Callable[[Become | Programs, Seconds], None]


class Scenes:
    """What is recalled and has not come yet. `obey` carries out a wish, `load` gets a model."""

    def __init__(self, performance: Performance, obey: Obey, load: Callable[[str], None]) -> None:
        self.current = ""
        """The name of what was recalled last."""
        self._show, self._obey, self._load = performance, obey, load
        self._coming: Recall | None = None
        self._line = Beats(0.0)
        self._prepared = False

    @property
    def coming(self) -> str:
        """The name of what comes at the next bar line, '' for nothing."""
        return "" if self._coming is None else self._coming.name

    def recall(self, what: Recall, now: Seconds) -> None:
        """Come to `what` at the next bar line, or at once while nothing plays."""
        if what.model:
            self._load(what.model)
        what = replace(what, settings=_same_clock(what.settings, self._show.settings))
        self._coming, self._prepared = what, False
        if not self._show.playing:
            self._arrive(what, now)
            return
        self._line = self._next_line(now)

    def wake(self) -> Seconds | None:
        """When `look` has something to do next; None if nothing is coming."""
        if self._coming is None or not self._show.playing:
            return None
        return self._show.tempo.seconds(self._line if self._prepared else self._early())

    def look(self, now: Seconds) -> None:
        """Do the half that is due at `now`."""
        coming = self._coming
        if coming is None:
            return
        beat = self._show.beat(now)
        if not self._prepared and self._line - beat > self._farthest():  # the music went back
            self._line = self._next_line(now)
        if not self._show.playing or beat >= self._line:
            self._arrive(coming, now)
        elif not self._prepared and beat >= self._early():
            self._prepared = True
            self._obey(Become(_before_the_line(coming.settings, self._show.settings)), now)

    def _arrive(self, what: Recall, now: Seconds) -> None:
        self._coming, self.current = None, what.name
        self._obey(Become(what.settings), now)
        if what.programs is not None:
            self._obey(Programs(what.programs), now)

    def _farthest(self) -> Beats:
        settings = self._show.settings
        return Beats(settings.meter.bar + settings.horizon.commit + MARGIN)

    def _early(self) -> Beats:
        return Beats(self._line - self._show.settings.horizon.commit - MARGIN)

    def _next_line(self, now: Seconds) -> Beats:
        """The first bar line before which what is wished now can still be settled."""
        show = self._show
        meter, commit = show.settings.meter, show.settings.horizon.commit
        soonest = Beats(show.beat(now) + commit + MARGIN)
        return Beats(meter.bar_start(soonest) + meter.bar)


def _same_clock(settings: Settings, now: Settings) -> Settings:
    """`settings` with the clock that is followed `now`: ports stay as they are, and so does it."""
    kept = now.sync
    sync = replace(settings.sync, source=kept.source, on_loss=kept.on_loss, send=kept.send)
    return replace(settings, sync=sync)


def _before_the_line(settings: Settings, now: Settings) -> Settings:
    """`settings` with all that changes on the bar line itself still as it is `now`."""
    sync = replace(settings.sync, swing=now.sync.swing)
    return replace(settings, bpm=now.bpm, muted=now.muted, sync=sync)
