"""Where the music is, and whose turn it is."""

from __future__ import annotations

from ripieno.events import Phase
from textual import events

from ripieno_app.keys import Deed
from ripieno_app.messages import Asked, View
from ripieno_app.notation import bars_text, place
from ripieno_app.widgets.line import Line, Words


class Position(Line):
    """Play or stop, with bar and beat. A click starts and stops."""

    def write(self, view: View) -> Words:
        playing = view.controls.playing
        where = place(view.telemetry.beat, view.telemetry.settings.meter)
        sign = ("▶", "bold $playing") if playing else ("■", "bold $label")
        return (sign, (f" {where:<6}", "bold"))

    def on_click(self, event: events.Click) -> None:
        event.stop()
        self.post_message(Asked(Deed.TRANSPORT))


class PhaseLine(Line):
    """Whose turn it is, and for how long. A click asks for an answer now."""

    def write(self, view: View) -> Words:
        telemetry = view.telemetry
        bars = bars_text(telemetry.phase_beats, telemetry.settings.meter)
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
        self.post_message(Asked(Deed.ANSWER))
