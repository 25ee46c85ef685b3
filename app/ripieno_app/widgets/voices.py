"""The four voices: how loud each one is, its range, whether it is muted, and which one is yours."""

from __future__ import annotations

from ripieno import surface
from ripieno.grammar.grid import VOICES
from ripieno.settings import Mode, Settings
from textual import events

from ripieno_app.keys import (
    Action,
    ChangeSound,
    Cycle,
    Dial,
    Layer,
    TakeEnd,
    ToggleMute,
    ToggleSolo,
)
from ripieno_app.messages import Asked, View
from ripieno_app.notation import pitch_name
from ripieno_app.ranges import knob_of
from ripieno_app.sounds import sound_name
from ripieno_app.widgets.control import DOTS
from ripieno_app.widgets.line import Line, Words
from ripieno_app.wishes import mute_name

CELLS = 8
"""Cells of a level meter."""
ROOM_FOR_NAMES = 27


class VoiceStrip(Line):
    """One voice. A click mutes it or lets it sound again; on an end of its range it takes that in
    hand, and the wheel turns it there."""

    def __init__(self, voice: int) -> None:
        super().__init__(id=f"voice-{voice}", classes="voice")
        self.voice = voice
        self._ends = (0, 0)  # columns in which the two ends of the range begin

    def write(self, view: View) -> Words:
        settings = view.controls.settings
        voice = self.voice
        muted = voice in settings.muted
        name = VOICES[voice].capitalize() if self.size.width >= ROOM_FOR_NAMES else ""
        state = view.pending.get(mute_name(voice))
        dot = DOTS[state] if state else _sign(settings, voice)
        named = f" {name or VOICES[voice][0].upper():{7 if name else 1}}"
        low, high = (self._end(view, end) for end in (0, 1))
        room = self.size.width - len(named) - len("1 ") - sum(len(t) for t, _ in (*low, *high)) - 3
        cells = max(0, min(CELLS, room))
        begin = len(named) + len("1 ") + cells + 1
        self._ends = begin, begin + sum(len(text) for text, _ in low) + 1
        return (
            (f"{voice + 1}", "$label"),
            (named, self._style(muted)),
            (dot, "$flag"),
            self._meter(view, muted, cells),
            (" ", ""),
            *low,
            ("–", "$label"),
            *high,
        )

    def _end(self, view: View, end: int) -> Words:
        """One end of the range: in braces where they turn it, with a dot while it is on its way."""
        name = knob_of(self.voice, end)
        state = view.pending.get(name)
        pitch = pitch_name(view.controls.settings.rules.ranges[self.voice][end])
        dot = ((DOTS[state], "$flag"),) if state else ()
        if view.hands.layer is Layer.PLAY or view.hands.range_end != name:
            return ((pitch, "$label"), *dot)
        sign = "bold underline $command"
        return (("{", sign), (pitch, "bold"), ("}", sign), *dot)

    def _style(self, muted: bool) -> str:
        return "$label strike" if muted else f"bold $model-{self.voice}"

    def _meter(self, view: View, muted: bool, cells: int) -> tuple[str, str]:
        settings = view.controls.settings
        if settings.mode is Mode.ACCOMPANY and self.voice == settings.player_voice:
            return f"{'you':^{cells}}"[:cells], "bold $player"
        if muted:
            return f"{' mute ':╌^{cells}}"[:cells], "$label"
        velocity = view.telemetry.levels[self.voice]
        full = -(-velocity * cells // 127)
        return "▮" * full + "▯" * (cells - full), f"$model-{self.voice}"

    def _end_at(self, column: int) -> str | None:
        """The knob of the end of the range that is drawn in this column, if one is."""
        low, high = self._ends
        return None if column < low else knob_of(self.voice, int(column >= high))

    def on_click(self, event: events.Click) -> None:
        event.stop()
        end = self._end_at(event.x)
        self.post_message(Asked(ToggleMute(self.voice) if end is None else TakeEnd(end)))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._scroll(event, 1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._scroll(event, -1)

    def _scroll(self, event: events.MouseEvent, clicks: int) -> None:
        event.stop()
        end = self._end_at(event.x)
        if end is not None:
            self.post_message(Asked(Dial(end, clicks)))


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
