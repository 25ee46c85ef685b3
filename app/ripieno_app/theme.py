"""The colours, by role. Looks never rely on them: every look has a glyph of its own too."""

from __future__ import annotations

from textual.theme import Theme

_VOICES = ("#f0a868", "#8fce8b", "#6cb8e0", "#b79ce6")
"""Soprano, alto, tenor, bass: from warm to cool."""
_VOICES_OF_16 = ("#ffff00", "#00ff00", "#00ffff", "#ff00ff")
"""The same for terminals of sixteen colours, where pastels would all turn white."""
_GROUND = "#12141c"


def _towards_ground(colour: str, share: float) -> str:
    """`colour` with so much of the background mixed in, as #rrggbb."""
    parts = [
        round(int(colour[at : at + 2], 16) * (1 - share) + int(_GROUND[at : at + 2], 16) * share)
        for at in (1, 3, 5)
    ]
    return "#" + "".join(f"{part:02x}" for part in parts)


def _note_colours(voices: tuple[str, ...]) -> dict[str, str]:
    colours = {}
    for voice, colour in enumerate(voices):
        colours[f"model-{voice}"] = colour
        colours[f"committed-{voice}"] = colour
        colours[f"planned-{voice}"] = _towards_ground(colour, 0.2)
    return colours


def _theme(name: str, voices: tuple[str, ...]) -> Theme:
    return Theme(
        name=name,
        dark=True,
        primary="#6cb8e0",
        secondary="#b79ce6",
        accent="#f0a868",
        foreground="#d8dbe4",
        background=_GROUND,
        surface="#191c26",
        panel="#20242f",
        success="#8fce8b",
        warning="#f2c14e",
        error="#f2777a",
        variables={
            **_note_colours(voices),
            "player": "#fff3d6",
            "playing": "#8fce8b",
            "command": "#f2c14e",
            "flag": "#f2c14e",
            "urgent": "#ff8a80",
            "now": "#f2777a",
            "now-ground": "#2a2230",
            "horizon": "#f2c14e",
            "bar": "#3a4050",
            "grid": "#333947",
            "label": "#9aa2b5",
            "quiet": "#7b8294",
        },
    )


RIPIENO = _theme("ripieno", _VOICES)
RIPIENO_16 = _theme("ripieno-16", _VOICES_OF_16)
