"""A performance without a screen: one line that says where it is, and the engine's notices."""

from __future__ import annotations

from typing import TextIO

from ripieno.events import Notice, Phase, Telemetry
from ripieno.routing import OutputKind

_PHASES = {
    Phase.LISTENING: "listening",
    Phase.ANSWERING: "answering",
    Phase.PLAYING: "playing",
    Phase.ACCOMPANYING: "accompanying",
    Phase.IDLE: "waiting",
    Phase.STOPPED: "stopped",
}


class Progress:
    """Writes to `stream`: one line that renews itself on a terminal, else a line for each bar."""

    def __init__(self, stream: TextIO, bars: int | None) -> None:
        self._stream = stream
        self._bars = bars
        self._live = stream.isatty()
        self._width = 0
        self._bar = 0
        self._notice = -1
        self._ends: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())

    def show(self, telemetry: Telemetry) -> None:
        """Say what is new in `telemetry`."""
        self._show_ends(telemetry)
        for notice in telemetry.notices:
            self._show_notice(notice)
        bar = bar_number(telemetry)
        if self._bars is not None:  # the end is the bar line after the last bar
            bar = min(bar, self._bars)
        if self._live:
            self._renew(self._line(telemetry, bar))
        elif bar > self._bar and telemetry.playing:
            print(self._line(telemetry, bar), file=self._stream, flush=True)
        self._bar = max(bar, self._bar)

    def close(self) -> None:
        """Leave the line."""
        if self._live and self._width:
            print(file=self._stream, flush=True)
            self._width = 0

    def _show_ends(self, telemetry: Telemetry) -> None:
        ends = (telemetry.outputs, telemetry.inputs)
        if ends != self._ends and telemetry.outputs:
            hears = f", hears {', '.join(telemetry.inputs)}" if telemetry.inputs else ""
            heard = [name for name in telemetry.outputs if name != OutputKind.NONE]
            plays = f"It plays to {', '.join(heard)}" if heard else "It plays into the take only"
            self._say(f"{plays}{hears}.")
            self._ends = ends

    def _show_notice(self, notice: Notice) -> None:
        if notice.number > self._notice:
            self._notice = notice.number
            self._say(f"{'! ' if notice.urgent else ''}{notice.text}")

    def _line(self, telemetry: Telemetry, bar: int) -> str:
        of_all = f" of {self._bars}" if self._bars else ""
        phases = [_PHASES[telemetry.phase]]
        by = telemetry.model
        if len(telemetry.partners) > 1:
            phases = [f"{each.name} {_PHASES[each.phase]}" for each in telemetry.partners]
            by = " and ".join(each.name for each in telemetry.partners)
        parts = [f"bar {bar}{of_all}", ", ".join(phases), f"{telemetry.settings.bpm:g} bpm"]
        if telemetry.steps:
            parts.append(f"{telemetry.steps} sixteenths by {by}")
        if telemetry.missed:
            parts.append(f"{telemetry.missed} too late")
        return "  ".join(parts)

    def _say(self, text: str) -> None:
        if self._live and self._width:
            self._renew("")
            print("\r", end="", file=self._stream)
        print(text, file=self._stream, flush=True)

    def _renew(self, line: str) -> None:
        print(f"\r{line:<{self._width}}", end="", file=self._stream, flush=True)
        self._width = len(line)


def bar_number(telemetry: Telemetry) -> int:
    """The bar that the performance is in, from 1; 0 before the first."""
    if telemetry.beat < 0:
        return 0
    return int(telemetry.beat // telemetry.settings.meter.bar) + 1
