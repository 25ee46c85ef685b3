"""How the machine fares: where it sounds, how late it is, and what the player should read."""

from __future__ import annotations

from collections.abc import Iterable

from ripieno.clock import Seconds
from ripieno.events import Latency, Rung, Telemetry
from ripieno.routing import OutputKind

from ripieno_app.messages import View
from ripieno_app.messages import Words as Spoken
from ripieno_app.widgets.line import Line, Pace, Words

LOOKS = (
    ("▙▄ you ", "$player"),
    ("▗▄ model ", "$model-0"),
    ("▖▖ committed ", "$committed-0"),
    ("⣤⣤ planned", "$planned-0"),
)
SHORT_NAMES = {
    "scheduler": "late",
    "model step": "model",
    "your note → others": "reply",
    "hand-over": "turn",
}
"""The engine's stages on a narrow screen."""
SHORT_RUNGS = {
    Rung.FEWER: "fewer",
    Rung.SHORTER: "shorter",
    Rung.SMALLER: "smaller",
    Rung.HOLD: "hold",
    Rung.REST: "rest",
}
_RUNGS = tuple(Rung)
STEP_STAGE = "model step"
WHOLE = 160
"""Columns of the screen from which on p95 is told as well, where there is one row."""
BAR = 5
"""Cells of the budget's bar."""
TIGHT = 0.7
"""The share of the budget from which on it is drawn as a warning."""
CUT = "… ?"
"""Behind words that there is no room for: the key that tells them in full."""
_EIGHTHS = "▁▂▃▄▅▆▇█"


class RouteLine(Line):
    """The preset, what it sounds through and listens to, and the model."""

    def write(self, view: View) -> Words:
        telemetry = view.telemetry
        return (
            (view.preset, "bold"),
            ("* ", "bold $flag") if view.changed else ("", ""),
            (f"→ {telemetry.coming} ", "$flag") if telemetry.coming else ("", ""),
            (f"● recording into slot {view.recording} ", "bold $urgent")
            if view.recording
            else ("", ""),
            ("  out ", "$label"),
            ("nothing sounds", "bold $urgent")
            if is_mute(telemetry)
            else (", ".join(telemetry.outputs), ""),
            ("  in ", "$label"),
            (", ".join(telemetry.inputs) or "letters only", ""),
            ("  ", ""),
            (telemetry.model or "loading…", "$label"),
        )


def is_mute(telemetry: Telemetry) -> bool:
    """Whether there is nothing through which it could be heard."""
    return all(name == OutputKind.NONE for name in telemetry.outputs)


class Legend(Line):
    """What the glyphs of the roll mean."""

    def write(self, view: View) -> Words:
        return LOOKS


class LatencyLine(Line):
    """Missed deadlines, the rung of the ladder, relaxed rules, and p50/p95/p99 of each stage.

    In two rows where the screen is high; in one row p95 is told only where that is wide.
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._pace = Pace()
        self._rung = SlowToRise()

    def write(self, view: View) -> Words:
        telemetry = view.telemetry
        rung = self._rung.of(telemetry.rung, telemetry.at)
        rows, width = self.size.height, self.size.width
        if not self._pace.due(telemetry.at, self.screen.size.width, rows, width):
            return self._words
        roomy, vast = self._pace.roomy, self._pace.vast
        whole = self.screen.size.width >= WHOLE or rows > 1
        share = budget_share(telemetry)
        stages = [
            (*_stage(each, vast, whole), *_gauge(each, share, roomy and rung is Rung.FULL))
            for each in telemetry.latencies
        ]
        unit = f"  {'p50/p95/p99' if whole else 'p50/p99'} in ms"
        if rows > 1:
            ladder = () if rung is Rung.FULL else _ladder(rung, whole=True)
            counts = _counts(telemetry, ladder, relaxed=True)
            return (*counts, (f"{unit}\n" if stages else "\n", "$label"), *_flush(stages))
        if rung is not Rung.FULL:
            unit = " ms"
        elif not roomy:
            unit = "  ms"
        ladder = () if rung is Rung.FULL else _ladder(rung, vast)
        counts = _counts(telemetry, ladder, relaxed=roomy)
        return _fitting(counts, [*stages, ((unit if stages else "", "$label"),)], width)


def _fitting(words: Words, more: Iterable[Words], width: int) -> Words:
    """`words`, and of `more` what there is room for, nothing of it cut."""
    for each in more:
        if sum(len(text) for text, _ in (*words, *each)) > width:
            break
        words = (*words, *each)
    return words


def _flush(stages: list[Words]) -> Words:
    """The words of a row of their own, which begins at the margin."""
    (first, style), *rest = [word for words in stages for word in words] or [("", "")]
    return ((first.lstrip(" "), style), *rest)


def budget_share(telemetry: Telemetry) -> float | None:
    """How much of its budget a step of the model takes at p95, None as long as none was made."""
    costs = [each.p95 for each in telemetry.latencies if each.stage == STEP_STAGE and each.count]
    return costs[0] / telemetry.settings.horizon.budget_ms if costs else None


def _gauge(latency: Latency, share: float | None, roomy: bool) -> Words:
    """The share of the budget behind the model's figures, as a bar; one cell where it is narrow."""
    if latency.stage != STEP_STAGE or share is None:
        return ()
    style = "$urgent" if share > 1 else "$flag" if share > TIGHT else "$playing"
    if not roomy:
        return ((_EIGHTHS[min(7, int(share * 8))], style),)
    full = min(BAR, max(1, round(share * BAR)))
    return ((" " + "▮" * full + "▯" * (BAR - full), style),)


class SlowToRise:
    """The rung to be shown: down at once, and up again when it has held for a while."""

    HOLDS = Seconds(2.0)

    def __init__(self) -> None:
        self._rung = Rung.FULL
        self._since = Seconds(0.0)

    def of(self, rung: Rung, at: Seconds) -> Rung:
        """The rung to show at `at`, when the last step was served on `rung`."""
        if _RUNGS.index(rung) >= _RUNGS.index(self._rung) or at - self._since > self.HOLDS:
            self._rung, self._since = rung, at
        return self._rung


def _counts(telemetry: Telemetry, ladder: Words, *, relaxed: bool) -> Words:
    missed = f"{telemetry.missed}", "bold $urgent" if telemetry.missed else ""
    words: Words = (("missed ", "$label"), missed, (f"/{telemetry.steps}", "$label"), *ladder)
    return (*words, ("  relaxed ", "$label"), (f"{telemetry.relaxed}", "")) if relaxed else words


def _ladder(rung: Rung, whole: bool) -> Words:
    return (("  ladder: ", "$label"), (rung if whole else SHORT_RUNGS[rung], "$flag"))


def _stage(latency: Latency, vast: bool, whole: bool) -> Words:
    name = latency.stage if vast else SHORT_NAMES.get(latency.stage, latency.stage)
    middle = f"{_ms(latency.p95)}/" if whole else ""
    value = f"{_ms(latency.p50)}/{middle}{_ms(latency.p99)}" if latency.count else "–"
    return ((f"  {name} ", "$label"), (value, ""))


def _ms(value: float) -> str:
    """'12', '1.2', '0.02' or '0'."""
    places = 0 if value >= 10 or value < 0.005 else 1 if value >= 0.1 else 2
    return f"{value:.{places}f}"


class NoticeLine(Line):
    """The `row`-th newest thing to read; what needs action stands out."""

    def __init__(self, row: int) -> None:
        super().__init__(id=f"notice-{row}", classes="notice")
        self.row = row

    def write(self, view: View) -> Words:
        if self.row >= len(view.words):
            return ()
        words = _spoken(view.words[self.row])
        room = self.size.width - sum(len(text) for text, _ in words[:-1])
        text, style = words[-1]
        if room > len(CUT) and len(text) > room:  # the help has it in full
            return (*words[:-1], (f"{text[: room - len(CUT)]}", style), (CUT, "bold $command"))
        return words

    def say(self, words: Spoken) -> None:
        """Say something while there is no view."""
        self._words = _spoken(words)
        self.refresh()


def _spoken(words: Spoken) -> Words:
    number = f"{words.number} " if words.number is not None else ""
    if words.urgent:
        return ((f" ! {number}", "bold reverse $urgent"), (f" {words.text}", "bold $urgent"))
    return ((f"   {number}", "$label"), (words.text, "italic"))
