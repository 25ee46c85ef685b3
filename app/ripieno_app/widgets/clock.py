"""Where the time comes from, and how good it is."""

from __future__ import annotations

from ripieno.events import ClockState
from ripieno.settings import ClockSource

from ripieno_app.messages import View
from ripieno_app.widgets.line import Line, Pace, Words

_QUIET, _LOST = "$label", "bold $urgent"


class ClockLine(Line):
    """Our own clock, or the one that is followed: locked to it, waiting for it, or it is lost."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._pace = Pace()
        self._source = ""
        self._held = False  # whether this source has been locked before

    def write(self, view: View) -> Words:
        clock = view.telemetry.clock
        if clock is None:
            return ()
        held = self._held and clock.source == self._source
        self._source, self._held = clock.source, held or clock.locked
        playing = view.telemetry.playing
        urgent = clock.source, clock.locked, playing
        if not self._pace.due(view.telemetry.at, self.screen.size.width, *urgent):
            return self._words
        match clock.source:
            case ClockSource.MIDI:
                return _midi(clock, held, playing, self._pace.roomy)
            case ClockSource.LINK:
                return _link(clock)
            case source:
                return (("clock ", _QUIET), (source, ""))


def _midi(clock: ClockState, held: bool, playing: bool, whole: bool) -> Words:
    if not clock.locked:
        if held:
            return (("! midi lost", _LOST),)
        return (("midi ", _QUIET), ("locking" if playing else "waiting", ""))
    jitter = f" ±{clock.jitter:.{0 if clock.jitter >= 10 else 1}f} ms"
    return (("midi locked " if whole else "midi ", _QUIET), (_bpm(clock), ""), (jitter, _QUIET))


def _link(clock: ClockState) -> Words:
    company = ((_bpm(clock), ""),) if clock.locked else ((f"{_bpm(clock)} alone", ""),)
    return (("link ", _QUIET), *company)


def _bpm(clock: ClockState) -> str:
    return f"{clock.bpm:.1f}"
