"""The strips of an ensemble: who plays, whose turn it is, how loud, and how well it is served."""

from __future__ import annotations

from ripieno.events import PartnerState, Rung
from textual import events

from ripieno_app.keys import BringForward
from ripieno_app.messages import Asked, View
from ripieno_app.widgets.line import Line, Words
from ripieno_app.widgets.status import SHORT_RUNGS

CELLS = 5
"""Cells of a level meter."""
PLACES = 8
"""An ensemble has so many members at most."""
ROOMY = 34
"""Columns from which on the mode and the misses are told too."""


class PartnerStrip(Line):
    """One member; a click brings it to the front, where the controls are its own."""

    def __init__(self, place: int) -> None:
        super().__init__(id=f"partner-{place}", classes="voice")
        self.place = place

    def show(self, view: View) -> None:
        partners = view.telemetry.partners
        self.display = len(partners) > 1 and self.place < len(partners)
        if self.display:
            super().show(view)

    def write(self, view: View) -> Words:
        partner = view.telemetry.partners[self.place]
        front = view.telemetry.front == self.place
        level = -(-max(partner.levels, default=0) * CELLS // 127)
        roomy = self.size.width >= ROOMY
        words: Words = (
            ("▸" if front else " ", "bold $flag"),
            (partner.name, "bold reverse" if front else "bold"),
            (f" {'▮' * level}{'▯' * (CELLS - level)}", "$playing" if level else "$label"),
            *_trouble(partner, roomy),
        )
        room = self.size.width - sum(len(text) for text, _ in words)
        whole = f" {_what(partner, roomy)} "
        told = whole if len(whole) <= room else f" {_what(partner, False)}"
        return (*words, (told.rstrip(), "$label"))

    def on_click(self, event: events.Click) -> None:
        event.stop()
        self.post_message(Asked(BringForward(self.place)))


def _what(partner: PartnerState, roomy: bool) -> str:
    if "(" not in partner.model:  # it is loading, restarting, or there is none
        return partner.model
    return f"{partner.mode}, {partner.phase.value}" if roomy else partner.phase.value


def _trouble(partner: PartnerState, roomy: bool) -> Words:
    words: list[tuple[str, str]] = []
    if partner.rung is not Rung.FULL:
        words.append((f" {SHORT_RUNGS[partner.rung]}", "bold $urgent"))
    if partner.missed and roomy:
        words.append((f" {partner.missed} late", "$urgent"))
    return tuple(words)
