"""A preset: one TOML file that says how a performance goes and where it sounds."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

from ripieno import resources
from ripieno.ensemble import Seated
from ripieno.errors import PresetError, SettingError, nearest_name
from ripieno.grammar.grid import VOICES
from ripieno.preset.ensemble import (
    COMMON,
    TABLE,
    Described,
    outputs_of,
    seated,
    together,
)
from ripieno.preset.ensemble import SECTIONS as OWN_SECTIONS
from ripieno.preset.keys import KEYS, SECTIONS, PresetKey
from ripieno.preset.places import blamed_line, line_of, located, place
from ripieno.routing import OutputKind, OutputSpec, Routing
from ripieno.settings import FULL_RANGES, Blocks, Horizon, Rules, Sampling, Settings, Sync, Turns

DEFAULT = "first-jam"
SCENE = "scene"
_BY_PLACE = {(key.section, key.name): key for key in KEYS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """How a performance goes, where it sounds, and what it starts from."""

    name: str
    title: str = ""
    about: str = ""
    settings: Settings = field(default_factory=Settings)
    routing: Routing = field(default_factory=Routing)
    model: str = "chorale-lstm"
    """Name or folder of the bundle."""
    fallback: str = ""
    """Name or folder of a smaller bundle, for when time is short; '' for none."""
    precision: str = "auto"
    """'auto', 'int8' or 'fp32'."""
    phrase: str = ""
    """Name or path of the seed phrase; '' for none."""
    opening: bool = False
    """The phrase is played in at the start, so that something sounds at once."""
    scenes: tuple[Preset, ...] = ()
    """What it can change to while it plays, each with the scene's name."""
    ensemble: tuple[Seated, ...] = ()
    """All who play, where they are several; what stands above is the first one's."""


def load_preset(name: str = DEFAULT) -> Preset:
    """The preset called `name`, or in the file of that path.

    Raises PresetError with the file, the line, and the nearest right thing.
    """
    path = resources.preset_path(name)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise PresetError(f"it cannot be read ({error.strerror})", where=str(path)) from error
    except UnicodeDecodeError as error:
        raise PresetError("this is not a text file", where=str(path)) from error
    return parse_preset(text, path)


def parse_preset(text: str, path: Path) -> Preset:
    """The preset that `text` says; `path` is told in errors, and its stem is the name."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        what = f"this is not valid TOML: {_lowered(str(error))}"
        raise PresetError(what, where=str(path)) from error
    scenes, members = tables.pop(SCENE, []), tables.pop(TABLE, {})
    empty: dict[str, dict[str, Any]] = {section: {} for section in SECTIONS}
    values = _read(tables, text, path, empty)
    try:
        preset = _built(path.stem, values)
    except SettingError as error:
        raise located(error, path, blamed_line(error, text)) from error
    if members and scenes:
        line = line_of(text, "[scene]", "")
        raise PresetError("an ensemble has no scenes", where=place(path, line))
    preset = replace(preset, scenes=tuple(_scenes(scenes, text, path, values)))
    return _with_ensemble(preset, members, text, path, values) if members else preset


def _read(
    tables: Mapping[str, Any],
    text: str,
    path: Path,
    before: Mapping[str, dict[str, Any]],
    inside: str = "",
) -> dict[str, dict[str, Any]]:
    """The values of `before`, with those that `tables` say instead; they stand in the text with
    `inside` before their names."""
    values = {section: dict(known) for section, known in before.items()}
    for section, name, value in _entries(tables, text, path, inside):
        key = _known(section, name, text, path, inside + section)
        try:
            values[section][key.field] = key.read(name, value)
        except SettingError as error:
            raise located(error, path, line_of(text, inside + section, name)) from error
    return values


def _with_ensemble(
    preset: Preset, tables: Any, text: str, path: Path, base: Mapping[str, dict[str, Any]]
) -> Preset:
    """`preset` with those who play in it; what it says of one alone is the first one's."""
    if not isinstance(tables, dict) or not all(isinstance(t, dict) for t in tables.values()):
        raise PresetError(
            "each of an ensemble is a table of its own", where=str(path), allowed="[ensemble.NAME]"
        )
    members: list[Seated] = []
    for name, table in tables.items():
        here = f"{TABLE}.{name}"
        told = _described(name, table, text, path, base)
        try:
            one = _built(path.stem, told.merged())
            model = {"model": one.model, "fallback": one.fallback, "precision": one.precision}
            members.append(seated(told, one.settings, one.routing, model))
            found = together(members)
        except SettingError as error:
            line = blamed_line(error, text, f"{here}.") or line_of(text, here, "")
            raise located(error, path, line) from error
    first = found[0]
    return replace(
        preset,
        settings=first.member.settings,
        model=first.model,
        fallback=first.fallback,
        precision=first.precision,
        routing=replace(first.routing, outputs=outputs_of(preset.routing, found)),
        ensemble=found,
    )


def _shared_by_all(section: str) -> str:
    known = section in SECTIONS and section not in (TABLE, "")
    return (
        f"All of an ensemble share it: put it into [{section}]."
        if known
        else nearest_name(section, OWN_SECTIONS)
    )


def _described(
    name: str, table: Mapping[str, Any], text: str, path: Path, base: Mapping[str, dict[str, Any]]
) -> Described:
    """What stands in `[ensemble.NAME]` and in its own sections."""
    here = f"{TABLE}.{name}"
    sections = {key: value for key, value in table.items() if isinstance(value, dict)}
    sections.pop("instrument", None)  # the one key whose value may be a table
    short = {key: value for key, value in table.items() if key not in sections}
    for section, items in sections.items():
        shared = [key for key in items if (section, key) in COMMON]
        if section not in OWN_SECTIONS or shared:
            what = f"{', '.join(shared)} in " if shared else ""
            raise PresetError(
                f"{what}[{here}.{section}] cannot be one member's own",
                where=place(path, line_of(text, f"{here}.{section}", "")),
                allowed=f"of its own: {', '.join(OWN_SECTIONS)}",
                nearest=_shared_by_all(section),
            )
    own: dict[str, Any] = {}
    for key_name, value in short.items():
        key = _known(TABLE, key_name, text, path, here)
        try:
            own[key.field] = key.read(key_name, value)
        except SettingError as error:
            raise located(error, path, line_of(text, here, key_name)) from error
    return Described(name, own, _read(sections, text, path, base, f"{here}."))


def _scenes(
    scenes: Any, text: str, path: Path, base: Mapping[str, dict[str, Any]]
) -> Iterator[Preset]:
    """Each scene as a preset of its own: the preset's values, with its own before them."""
    if not isinstance(scenes, list):
        raise PresetError(
            "a scene is a table of its own", where=place(path, None), allowed="[[scene]]"
        )
    for number, scene in enumerate(scenes, 1):
        name = str(scene.pop("name", f"scene {number}"))
        values = _read(scene, text, path, base)
        try:
            yield replace(_built(path.stem, values), name=name)
        except SettingError as error:
            raise located(error, path, None) from error


def _entries(
    tables: Mapping[str, Any], text: str, path: Path, inside: str
) -> list[tuple[str, str, Any]]:
    """All (section, key, value) of the file. Raises PresetError for unknown sections."""
    entries: list[tuple[str, str, Any]] = []
    for name, value in tables.items():
        if isinstance(value, dict):
            if name not in SECTIONS:
                line = line_of(text, inside + name, "")
                nearest = nearest_name(name, [s for s in SECTIONS if s])
                nearest = nearest or f"There are: {', '.join(s for s in SECTIONS if s)}."
                raise PresetError(
                    f"there is no section [{name}]", where=place(path, line), nearest=nearest
                )
            entries += [(name, key, item) for key, item in value.items()]
        else:
            entries.append(("", name, value))
    return entries


def _known(section: str, name: str, text: str, path: Path, header: str) -> PresetKey:
    """The key `name` of `section`, which stands under `header` in the text."""
    if (section, name) in _BY_PLACE:
        return _BY_PLACE[section, name]
    there = place(path, line_of(text, header, name))
    inside = f" in [{header}]" if header else " at the top of the file"
    elsewhere = [key.section for key in KEYS if key.name == name]
    if elsewhere:
        nearest = f"It belongs in [{elsewhere[0]}]."
    else:
        known = [key.name for key in KEYS if key.section == section]
        nearest = nearest_name(name, known) or nearest_name(name, [key.name for key in KEYS])
        nearest = nearest or f"There are: {', '.join(known)}."
    raise PresetError(f"there is no key {name!r}{inside}", where=there, nearest=nearest)


def _built(name: str, values: Mapping[str, dict[str, Any]]) -> Preset:
    """The preset of the values read. Raises SettingError."""
    ranges = tuple(
        values["ranges"].get(voice, full) for voice, full in zip(VOICES, FULL_RANGES, strict=True)
    )
    settings = Settings(
        sampling=Sampling(**values["sampling"]),
        rules=Rules(ranges=ranges, **values["rules"]),
        sync=Sync(**values["sync"]),
        turns=Turns(**values["turns"]),
        blocks=Blocks(**values["blocks"]),
        horizon=Horizon(**values["horizon"]),
        **values["play"],
    )
    return Preset(
        name=name,
        settings=settings,
        routing=_routing(values["routing"], values["voices"]),
        **values[""],
        **values["model"],
        **values["phrase"],
    )


def _routing(values: dict[str, Any], voices: Mapping[str, OutputSpec]) -> Routing:
    """The routing of the values read: what each output is told of is put with it."""
    latencies, tables = values.pop("latency_ms", ()), values.pop("velocity", ())
    outputs = values.get("outputs", Routing().outputs)
    for name, told in (("latency_ms", latencies), ("velocity", tables)):
        if len(told) > len(outputs):
            raise SettingError(
                f"{name} has {len(told)} entries for {len(outputs)} outputs",
                allowed="one for each output",
            )
    specs = zip_longest(outputs, latencies, tables)
    values["outputs"] = tuple(
        replace(output, latency_ms=latency or 0.0, velocity=table or ())
        for output, latency, table in specs
    )
    return _with_instruments(Routing(**values), voices)


def _with_instruments(routing: Routing, voices: Mapping[str, OutputSpec]) -> Routing:
    """A voice with an instrument of its own sounds there, and no longer through our synthesiser;
    MIDI ports are told all."""
    if not voices:
        return routing
    own = {routing.channels[VOICES.index(voice)]: spec for voice, spec in voices.items()}
    left = tuple(channel for channel in range(16) if channel not in own)
    outputs = [
        replace(spec, channels=left) if spec.kind is OutputKind.SYNTH else spec
        for spec in routing.outputs
    ]
    outputs += [replace(spec, channels=(channel,)) for channel, spec in own.items()]
    return replace(routing, outputs=tuple(outputs))


def _lowered(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
