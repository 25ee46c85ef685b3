"""How the machine fares: where it sounds, how late it is, and what the player should read."""

from __future__ import annotations

from ripieno.events import Latency, Telemetry

from ripieno_app.messages import View
from ripieno_app.messages import Words as Spoken
from ripieno_app.widgets.line import Line, Words

LOOKS = (
    ("▙▄ you ", "$player"),
    ("▗▄ model ", "$model-0"),
    ("▖▖ committed ", "$committed-0"),
    ("⣤⣤ planned", "$planned-0"),
)
SHORT_NAMES = {"scheduler": "late", "model step": "model", "your note → others": "reply"}
"""The engine's stages on a narrow screen."""


class RouteLine(Line):
    """The preset, what it sounds through and listens to, and the model."""

    def write(self, view: View) -> Words:
        telemetry = view.telemetry
        return (
            (view.preset, "bold"),
            ("  out ", "$label"),
            (", ".join(telemetry.outputs) or "nothing is open", ""),
            ("  in ", "$label"),
            (", ".join(telemetry.inputs) or "letters only", ""),
            ("  ", ""),
            (telemetry.model or "loading…", "$label"),
        )


class Legend(Line):
    """What the glyphs of the roll mean."""

    def write(self, view: View) -> Words:
        return LOOKS


class LatencyLine(Line):
    """Missed deadlines, relaxed rules, and p50/p99 of each stage, a few times a second."""

    PER_SECOND = 3
    ROOM_FOR_NAMES = 110

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._tick: tuple[int, int] | None = None

    def write(self, view: View) -> Words:
        telemetry, width = view.telemetry, self.size.width
        tick = int(telemetry.at * self.PER_SECOND), width
        if tick == self._tick and self._words:
            return self._words
        self._tick = tick
        whole = width >= self.ROOM_FOR_NAMES
        stages = [word for latency in telemetry.latencies for word in _stage(latency, whole)]
        unit = ("  p50/p99 in ms" if whole else "  ms") if stages else ""
        return (*_counts(telemetry), *stages, (unit, "$label"))


def _counts(telemetry: Telemetry) -> Words:
    return (
        ("missed ", "$label"),
        (f"{telemetry.missed}", "bold $urgent" if telemetry.missed else ""),
        (f"/{telemetry.steps}  relaxed ", "$label"),
        (f"{telemetry.relaxed}", ""),
    )


def _stage(latency: Latency, whole: bool) -> Words:
    name = latency.stage if whole else SHORT_NAMES.get(latency.stage, latency.stage)
    value = f"{_ms(latency.p50)}/{_ms(latency.p99)}" if latency.count else "–"
    return ((f"  {name} ", "$label"), (value, ""))


def _ms(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}" if value >= 0.1 else f"{value:.2f}"


class NoticeLine(Line):
    """The `row`-th newest thing to read; what needs action stands out."""

    def __init__(self, row: int) -> None:
        super().__init__(id=f"notice-{row}", classes="notice")
        self.row = row

    def write(self, view: View) -> Words:
        if self.row >= len(view.words):
            return ()
        return _spoken(view.words[self.row])

    def say(self, words: Spoken) -> None:
        """Say something while there is no view."""
        self._words = _spoken(words)
        self.refresh()


def _spoken(words: Spoken) -> Words:
    number = f"{words.number} " if words.number is not None else ""
    if words.urgent:
        return ((f" ! {number}", "bold reverse $urgent"), (f" {words.text}", "bold $urgent"))
    return ((f"   {number}", "$label"), (words.text, "italic"))
