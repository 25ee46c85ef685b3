"""Presets on the shelf: listed, made ready to be recalled, saved without losing a comment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ripieno import resources
from ripieno.commands import Mix, Recall
from ripieno.ensemble import Member, Seated
from ripieno.errors import PresetError, RipienoError
from ripieno.kept_toml import KeptToml
from ripieno.library import ensemble_presets
from ripieno.library.ensemble_presets import Player
from ripieno.library.items import PresetItem
from ripieno.preset.keys import KEYS, PresetKey
from ripieno.preset.page import as_written, toml_text, values_of
from ripieno.preset.preset import Preset, load_preset
from ripieno.settings import Settings

SET_LIST = "setlist.txt"
PLAYED = frozenset({"play", "sampling", "rules", "ranges", "sync", "turns", "horizon", "blocks"})
"""The sections that can change while it plays."""


def presets() -> tuple[PresetItem, ...]:
    """All presets, by name; those that cannot be read say why."""
    return tuple(item(name) for name in resources.presets())


def item(name: str) -> PresetItem:
    """The preset called `name`."""
    try:
        own = resources.preset_path(name).is_relative_to(_home())
        preset = load_preset(name)
    except RipienoError as error:
        return PresetItem(name, name, problem=str(error))
    return PresetItem(
        name,
        preset.title or name,
        preset.about,
        recall_of(preset),
        tuple(replace(recall_of(scene), name=scene.name) for scene in preset.scenes),
        own,
    )


def recall_of(preset: Preset) -> Recall:
    """What brings `preset` while something else plays: all but its ports and its clock."""
    routing = preset.routing
    mix = Mix(routing.banks, routing.volumes, routing.pans)
    return Recall(
        preset.name,
        preset.settings,
        routing.programs,
        preset.model,
        mix=mix,
        routing=routing,
        players=preset.ensemble or (_alone(preset),),
    )


def _alone(preset: Preset) -> Seated:
    """The one who plays in a preset for one."""
    return Seated(
        member=Member(settings=preset.settings),
        model=preset.model,
        fallback=preset.fallback,
        precision=preset.precision,
        routing=preset.routing,
    )


def set_list() -> tuple[str, ...]:
    """The presets that 'next' goes through: the player's `setlist.txt`, a name on each line.

    Without one it is all presets, by name. Lines that begin with # are comments.
    """
    try:
        lines = (resources.data_home() / SET_LIST).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return tuple(resources.presets())
    names = [line.strip() for line in lines]
    return tuple(name for name in names if name and not name.startswith("#"))


def recalls() -> tuple[Recall, ...]:
    """The set list, ready to be recalled; what cannot be read is left out."""
    items = (item(name) for name in set_list())
    return tuple(each.recall for each in items if each.recall is not None)


def differences(
    preset: Preset,
    settings: Settings,
    programs: tuple[int, ...],
    players: Sequence[Player] = (),
) -> Iterator[str]:
    """'temperature 0.9 → 1.1' for all that is not as `preset` has it; of an ensemble, as it is of
    its `players`."""
    if preset.ensemble:
        yield from map(str, ensemble_presets.changes(preset, players))
        return
    for key, before, now in _changed(preset, settings, programs):
        yield f"{key.name.replace('_', ' ')} {toml_text(before)} → {toml_text(now)}".replace(
            '"', ""
        )


def save(
    base: str,
    name: str,
    settings: Settings,
    programs: tuple[int, ...],
    title: str = "",
    players: Sequence[Player] = (),
) -> Path:
    """Keep `settings` as the player's preset `name`, in the text of the preset `base`; of an
    ensemble, what its `players` play by.

    Whatever is not changed stays as it stands there, comments too. Returns the file's path.
    Raises PresetError.
    """
    preset = load_preset(base)
    source = resources.preset_path(base)
    target = _home() / f"{name}.toml"
    try:
        document = KeptToml(source.read_text(encoding="utf-8"))
        if preset.ensemble:
            for change in ensemble_presets.changes(preset, players):
                ensemble_presets.put(document, preset, change)
        else:
            for key, _, now in _changed(preset, settings, programs):
                document.put(key.section, key.name, toml_text(now))
        if title:
            document.put("", "title", toml_text(title))
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = target.with_suffix(".new")
        fresh.write_text(str(document), encoding="utf-8")
        fresh.replace(target)  # whole or not at all
    except OSError as error:
        raise PresetError(f"it cannot be kept ({error.strerror})", where=str(target)) from None
    except ValueError as error:
        raise PresetError(f"this is not valid TOML ({error})", where=str(source)) from None
    load_preset(name)  # what was written can be read
    return target


def _changed(
    preset: Preset, settings: Settings, programs: tuple[int, ...]
) -> Iterator[tuple[PresetKey, Any, Any]]:
    """Each key whose value is not that of `preset`: before and now, as they stand in a file."""
    routing = replace(preset.routing, programs=programs)
    playing = replace(preset, settings=settings, routing=routing)
    for key in KEYS:
        if key.section not in PLAYED and key.name != "programs":
            continue
        before, now = (
            as_written(key, values_of(each, key.section)[key.field]) for each in (preset, playing)
        )
        if before != now:
            yield key, before, now


def _home() -> Path:
    return resources.data_home() / "presets"
