"""What has changed in an ensemble since its preset, and where in the file that belongs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from ripieno.ensemble import Seated
from ripieno.errors import PresetError
from ripieno.grammar.grid import VOICES
from ripieno.kept_toml import KeptToml
from ripieno.preset.ensemble import COMMON, SECTIONS, TABLE
from ripieno.preset.keys import KEYS, PresetKey
from ripieno.preset.page import as_written, toml_text, values_of
from ripieno.preset.preset import Preset
from ripieno.settings import Mode, Settings

SHORT = {("play", "mode"), ("play", "player_voice"), ("routing", "programs")}
"""Keys that stand in a member's own table, as `mode = "answer"` does."""
SHARED = "sync"
"""A section that stands once, for all."""


class Player(Protocol):
    """One of those who play, as it is now."""

    @property
    def name(self) -> str: ...

    @property
    def settings(self) -> Settings: ...

    @property
    def programs(self) -> tuple[int, ...]: ...


@dataclass(frozen=True, slots=True)
class Change:
    """A key whose value is not that of the preset: `before` and `now` as they stand in a file.

    whose: the member's name, '' for what all share.
    """

    whose: str
    key: PresetKey
    before: Any
    now: Any

    def __str__(self) -> str:
        name = self.key.name.replace("_", " ")
        told = f"{name} {toml_text(self.before)} → {toml_text(self.now)}".replace('"', "")
        return f"{self.whose}: {told}" if self.whose else told


def changes(preset: Preset, players: Sequence[Player]) -> Iterator[Change]:
    """All that is not as `preset` has it. Raises PresetError where others play than there."""
    seats = preset.ensemble
    if [seat.member.name for seat in seats] != [player.name for player in players]:
        raise PresetError(f"{preset.name} is of others than those who play", where=preset.name)
    for seat, player in zip(seats, players, strict=True):
        before = replace(preset, settings=seat.member.settings, routing=seat.routing)
        now = replace(
            preset,
            settings=player.settings,
            routing=replace(seat.routing, programs=player.programs),
        )
        first = seat is seats[0]
        for key in KEYS:
            common = key.section == SHARED or (key.section, key.name) in COMMON
            own = key.section in SECTIONS or key.name == "programs"
            if not (first if common else own) or (key.section == TABLE):
                continue
            was, becomes = (
                as_written(key, values_of(each, key.section)[key.field]) for each in (before, now)
            )
            if was != becomes:
                yield Change("" if common else player.name, key, was, becomes)


def put(document: KeptToml, preset: Preset, change: Change) -> None:
    """Write `change` where it belongs in the text of `preset`."""
    key, value = change.key, toml_text(change.now)
    here = (TABLE, change.whose)
    if not change.whose:
        document.put_at((key.section,), key.name, value)
    elif key.name == "muted" and "voices" in document.names_at(here):
        (seat,) = (each for each in preset.ensemble if each.member.name == change.whose)
        document.put_at(here, "voices", toml_text(_voices(seat, change.now)))
    elif (key.section, key.name) in SHORT and key.name not in document.names_at(
        (*here, key.section)
    ):
        document.put_at(here, key.name, value)
    else:
        document.put_at((*here, key.section), key.name, value)


def _voices(seat: Seated, muted: Sequence[str]) -> list[str]:
    """The voices that are left to it; the one that you play for it is never its own."""
    settings = seat.member.settings
    yours = VOICES[settings.player_voice] if settings.mode is Mode.ACCOMPANY else ""
    return [voice for voice in VOICES if voice not in muted and voice != yours]
