"""Where the music is, and whose turn it is."""

from __future__ import annotations

from ripieno.clock import Beats
from ripieno.events import Phase, Telemetry
from textual import events

from ripieno_app.keys import ANSWER, Deed
from ripieno_app.messages import Asked, View
from ripieno_app.notation import bars_text, place
from ripieno_app.widgets.line import Line, Words

LEAD_IN = Beats(0.5)
"""The transport starts this little before the music without counting anything in."""


def count_in(telemetry: Telemetry) -> Beats:
    """How long it still counts in, 0 when it does not."""
    ahead = telemetry.counting_in
    counted = telemetry.settings.sync.count_in or ahead > LEAD_IN
    return ahead if telemetry.playing and counted else Beats(0.0)


class Position(Line):
    """Play or stop, with bar and beat. A click starts and stops."""

    def write(self, view: View) -> Words:
        playing = view.controls.playing
        telemetry = view.telemetry
        beat = telemetry.beat if count_in(telemetry) else max(Beats(0.0), telemetry.beat)
        where = place(beat, telemetry.settings.meter)
        sign = ("▶", "bold $playing") if playing else ("■", "bold $label")
        return (sign, (f" {where:<6}", "bold"))

    def on_click(self, event: events.Click) -> None:
        event.stop()
        self.post_message(Asked(Deed.TRANSPORT))


class PhaseLine(Line):
    """Whose turn it is, and for how long. A click asks for an answer now."""

    def write(self, view: View) -> Words:
        telemetry = view.telemetry
        meter = telemetry.settings.meter
        if ahead := count_in(telemetry):
            return (("count-in ", "$flag"), (f"{bars_text(ahead, meter)} left", ""))
        bars = bars_text(telemetry.phase_beats, meter)
        match telemetry.phase:
            case Phase.LISTENING:
                return (("listening ", "$player"), (bars, ""))
            case Phase.ANSWERING:
                return (("answering ", "$playing"), (f"{bars} left", ""))
            case Phase.IDLE:
                return (("your turn", "$player"),)
            case phase:
                return ((phase.value, "$playing" if telemetry.playing else "$label"),)

    def on_click(self, event: events.Click) -> None:
        event.stop()
        self.post_message(Asked(ANSWER))
