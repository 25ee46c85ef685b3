"""A performance without a screen: one line that says where it is, and the engine's notices."""

from __future__ import annotations

from typing import TextIO

from ripieno.events import Notice, Phase, Telemetry

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
        if ends != self._ends and telemetry.outputs and telemetry.steps:
            heard = f"; hears {', '.join(telemetry.inputs)}" if telemetry.inputs else ""
            self._say(f"{telemetry.model} → {', '.join(telemetry.outputs)}{heard}")
            self._ends = ends

    def _show_notice(self, notice: Notice) -> None:
        if notice.number > self._notice:
            self._notice = notice.number
            self._say(f"{'! ' if notice.urgent else ''}{notice.text}")

    def _line(self, telemetry: Telemetry, bar: int) -> str:
        of_all = f" of {self._bars}" if self._bars else ""
        missed = f", {telemetry.missed} missed" if telemetry.missed else ""
        return (
            f"bar {bar}{of_all}  {_PHASES[telemetry.phase]}  {telemetry.settings.bpm:g} bpm  "
            f"{telemetry.steps} steps{missed}"
        )

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
