"""The four voices: how loud each one is, its range, whether it is muted, and which one is yours."""

from __future__ import annotations

from ripieno.grammar.grid import VOICES
from ripieno.settings import Mode
from textual import events

from ripieno_app.keys import ToggleMute
from ripieno_app.messages import Asked, View
from ripieno_app.notation import pitch_name
from ripieno_app.widgets.control import DOTS
from ripieno_app.widgets.line import Line, Words
from ripieno_app.wishes import mute_name

CELLS = 8
"""Cells of a level meter."""
ROOM_FOR_NAMES = 27


class VoiceStrip(Line):
    """One voice. A click mutes it or lets it sound again."""

    def __init__(self, voice: int) -> None:
        super().__init__(id=f"voice-{voice}", classes="voice")
        self.voice = voice

    def write(self, view: View) -> Words:
        settings = view.controls.settings
        voice = self.voice
        muted = voice in settings.muted
        name = VOICES[voice].capitalize() if self.size.width >= ROOM_FOR_NAMES else ""
        low, high = settings.rules.ranges[voice]
        dot = DOTS.get(state, "") if (state := view.pending.get(mute_name(voice))) else " "
        yours = settings.mode is Mode.ACCOMPANY and voice == settings.player_voice
        meter = ("  you   ", "bold $player") if yours else self._meter(view, muted)
        return (
            (f"{voice + 1}", "$label"),
            (f" {name or VOICES[voice][0].upper():{7 if name else 1}}", self._style(muted)),
            (dot, "$flag"),
            meter,
            (f" {pitch_name(low)}–{pitch_name(high)}", "$label"),
        )

    def _style(self, muted: bool) -> str:
        return "$label strike" if muted else f"bold $model-{self.voice}"

    def _meter(self, view: View, muted: bool) -> tuple[str, str]:
        if muted:
            return "╌ mute ╌", "$label"
        velocity = view.telemetry.levels[self.voice]
        full = -(-velocity * CELLS // 127)
        return "▮" * full + "▯" * (CELLS - full), f"$model-{self.voice}"

    def on_click(self, event: events.Click) -> None:
        event.stop()
        self.post_message(Asked(ToggleMute(self.voice)))
