"""The colours, by role. Looks never rely on them: every look has a glyph of its own too."""

from __future__ import annotations

from dataclasses import dataclass

from textual.theme import Theme


@dataclass(frozen=True, slots=True)
class _Palette:
    """What a theme is made of. `voices` are soprano, alto, tenor, bass."""

    ground: str
    surface: str
    panel: str
    text: str
    label: str
    quiet: str
    grid: str
    voices: tuple[str, str, str, str]
    player: str
    playing: str
    flag: str
    urgent: str
    now_ground: str
    dark: bool = True
    fade: float = 0.2
    """How far planned notes are drawn towards the ground."""


_DARK = _Palette(
    "#12141c", "#191c26", "#20242f", "#d8dbe4", "#9aa2b5", "#7b8294", "#333947",
    ("#f0a868", "#8fce8b", "#6cb8e0", "#b79ce6"),
    "#fff3d6", "#8fce8b", "#f2c14e", "#ff8a80", "#2a2230",
)  # fmt: skip
_SIXTEEN = _Palette(
    _DARK.ground, _DARK.surface, _DARK.panel, _DARK.text, _DARK.label, _DARK.quiet, _DARK.grid,
    ("#ffff00", "#00ff00", "#00ffff", "#ff00ff"),  # pastels would all turn white
    _DARK.player, _DARK.playing, _DARK.flag, _DARK.urgent, _DARK.now_ground,
)  # fmt: skip
_LIGHT = _Palette(
    "#fbfaf6", "#f1efe8", "#e6e3d9", "#22252e", "#5a6070", "#6f7585", "#cfccc2",
    ("#a8500a", "#2c7a28", "#1565a0", "#6a3fb5"),
    "#1a1a1a", "#2c7a28", "#8a5a00", "#b3261e", "#f3e3e3", dark=False,
)  # fmt: skip
_CONTRAST = _Palette(
    "#000000", "#161616", "#2a2a2a", "#ffffff", "#ffffff", "#d0d0d0", "#5a5a5a",
    ("#ffb000", "#40ff40", "#40d0ff", "#ff80ff"),
    "#ffffff", "#40ff40", "#ffff00", "#ff6060", "#303000", fade=0.0,
)  # fmt: skip
_STAGE_RED = _Palette(
    "#0a0000", "#140303", "#1f0606", "#e08070", "#b06055", "#96524a", "#3c1512",
    ("#ff9a80", "#e86a55", "#c8503f", "#ad4838"),  # eyes that are used to the dark stay so
    "#ffc0a8", "#ff8870", "#ffa080", "#ff5040", "#2a0808", fade=0.1,
)  # fmt: skip


def _mixed(colour: str, ground: str, share: float) -> str:
    """`colour` with so much of the background mixed in, as #rrggbb."""
    parts = [
        round(int(colour[at : at + 2], 16) * (1 - share) + int(ground[at : at + 2], 16) * share)
        for at in (1, 3, 5)
    ]
    return "#" + "".join(f"{part:02x}" for part in parts)


def _note_colours(palette: _Palette) -> dict[str, str]:
    colours = {}
    for voice, colour in enumerate(palette.voices):
        colours[f"model-{voice}"] = colour
        colours[f"committed-{voice}"] = colour
        colours[f"planned-{voice}"] = _mixed(colour, palette.ground, palette.fade)
    return colours


def _theme(name: str, palette: _Palette) -> Theme:
    soprano, _, tenor, bass = palette.voices
    return Theme(
        name=name,
        dark=palette.dark,
        primary=tenor,
        secondary=bass,
        accent=soprano,
        foreground=palette.text,
        background=palette.ground,
        surface=palette.surface,
        panel=palette.panel,
        success=palette.playing,
        warning=palette.flag,
        error=palette.urgent,
        variables={
            **_note_colours(palette),
            "player": palette.player,
            "playing": palette.playing,
            "command": palette.flag,
            "flag": palette.flag,
            "urgent": palette.urgent,
            "now": palette.urgent,
            "now-ground": palette.now_ground,
            "horizon": palette.flag,
            "bar": _mixed(palette.grid, palette.text, 0.1),
            "grid": palette.grid,
            "label": palette.label,
            "quiet": palette.quiet,
        },
    )


DARK = "dark"
THEMES: dict[str, Theme] = {
    name: _theme(f"ripieno-{name}", palette)
    for name, palette in (
        (DARK, _DARK),
        ("light", _LIGHT),
        ("high-contrast", _CONTRAST),
        ("stage-red", _STAGE_RED),
    )
}
"""By the names that the player knows them by, in the order in which F7 goes through them."""
SIXTEEN = _theme("ripieno-16", _SIXTEEN)
"""The dark one for terminals of sixteen colours."""
