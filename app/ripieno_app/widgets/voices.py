"""The four voices: how loud each one is, its range, whether it is muted, and which one is yours."""

from __future__ import annotations

from ripieno import surface
from ripieno.grammar.grid import VOICES
from ripieno.settings import Mode, Settings
from textual import events

from ripieno_app.keys import Action, ChangeSound, Cycle, ToggleMute, ToggleSolo
from ripieno_app.messages import Asked, View
from ripieno_app.notation import pitch_name
from ripieno_app.sounds import sound_name
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
        state = view.pending.get(mute_name(voice))
        dot = DOTS[state] if state else _sign(settings, voice)
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


class VoiceSwitches(Line):
    """Below a strip: mute, solo, hold, and the instrument; a click turns what it hits."""

    PARTS = (("mute", 5), ("solo", 5), ("hold", 5))
    """What there is, with its width."""

    def __init__(self, voice: int) -> None:
        super().__init__(id=f"switches-{voice}", classes="voice")
        self.voice = voice

    def write(self, view: View) -> Words:
        settings, voice = view.controls.settings, self.voice
        lit = (
            voice in settings.muted,
            surface.is_solo(settings, voice),
            voice in settings.rules.held,
        )
        words = [("  ", "")]
        for (name, _), on in zip(self.PARTS, lit, strict=True):
            style = "bold reverse $flag" if on else "$label"
            words += [(name.upper() if on else name, style), (" ", "")]
        programs = view.telemetry.programs
        sound = sound_name(programs[voice]) if voice < len(programs) else ""
        return (*words, (f"‹{sound}›" if sound else "", f"$model-{voice}"))

    def on_click(self, event: events.Click) -> None:
        event.stop()
        column = event.x - 2
        actions: tuple[Action, ...] = (
            ToggleMute(self.voice),
            ToggleSolo(self.voice),
            Cycle(f"hold_{VOICES[self.voice]}", 1),
        )
        place = max(0, column // self.PARTS[0][1])
        if place < len(actions):
            self.post_message(Asked(actions[place]))
        else:
            self.post_message(Asked(ChangeSound(self.voice, 1)))


def _sign(settings: Settings, voice: int) -> str:
    """'S' for the only voice that is heard, 'H' for one that is held."""
    if surface.is_solo(settings, voice):
        return "S"
    return "H" if voice in settings.rules.held else " "
