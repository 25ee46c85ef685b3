"""A preset: one TOML file that says how a performance goes and where it sounds."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

from ripieno import resources
from ripieno.errors import PresetError, SettingError, nearest_name
from ripieno.grammar.grid import VOICES
from ripieno.preset.keys import KEYS, SECTIONS, PresetKey
from ripieno.routing import OutputKind, OutputSpec, Routing
from ripieno.settings import FULL_RANGES, Horizon, Rules, Sampling, Settings, Sync, Turns

DEFAULT = "first-jam"
SCENE = "scene"
_HEADER = re.compile(r"\s*\[\s*([\w\-.\"' ]+?)\s*\]")
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
    scenes = tables.pop(SCENE, [])
    empty: dict[str, dict[str, Any]] = {section: {} for section in SECTIONS}
    values = _read(tables, text, path, empty)
    try:
        preset = _built(path.stem, values)
    except SettingError as error:
        raise _located(error, path, _blamed_line(error, text)) from error
    return replace(preset, scenes=tuple(_scenes(scenes, text, path, values)))


def _read(
    tables: Mapping[str, Any], text: str, path: Path, before: Mapping[str, dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    """The values of `before`, with those that `tables` say instead."""
    values = {section: dict(known) for section, known in before.items()}
    for section, name, value in _entries(tables, text, path):
        key = _known(section, name, text, path)
        try:
            values[section][key.field] = key.read(name, value)
        except SettingError as error:
            raise _located(error, path, _line_of(text, section, name)) from error
    return values


def _scenes(
    scenes: Any, text: str, path: Path, base: Mapping[str, dict[str, Any]]
) -> Iterator[Preset]:
    """Each scene as a preset of its own: the preset's values, with its own before them."""
    if not isinstance(scenes, list):
        raise PresetError(
            "a scene is a table of its own", where=_place(path, None), allowed="[[scene]]"
        )
    for number, scene in enumerate(scenes, 1):
        name = str(scene.pop("name", f"scene {number}"))
        values = _read(scene, text, path, base)
        try:
            yield replace(_built(path.stem, values), name=name)
        except SettingError as error:
            raise _located(error, path, None) from error


def _entries(tables: Mapping[str, Any], text: str, path: Path) -> list[tuple[str, str, Any]]:
    """All (section, key, value) of the file. Raises PresetError for unknown sections."""
    entries: list[tuple[str, str, Any]] = []
    for name, value in tables.items():
        if isinstance(value, dict):
            if name not in SECTIONS:
                line = _line_of(text, name, "")
                nearest = nearest_name(name, [s for s in SECTIONS if s])
                nearest = nearest or f"There are: {', '.join(s for s in SECTIONS if s)}."
                raise PresetError(
                    f"there is no section [{name}]", where=_place(path, line), nearest=nearest
                )
            entries += [(name, key, item) for key, item in value.items()]
        else:
            entries.append(("", name, value))
    return entries


def _known(section: str, name: str, text: str, path: Path) -> PresetKey:
    if (section, name) in _BY_PLACE:
        return _BY_PLACE[section, name]
    place = _place(path, _line_of(text, section, name))
    inside = f" in [{section}]" if section else " at the top of the file"
    elsewhere = [key.section for key in KEYS if key.name == name]
    if elsewhere:
        nearest = f"It belongs in [{elsewhere[0]}]."
    else:
        known = [key.name for key in KEYS if key.section == section]
        nearest = nearest_name(name, known) or nearest_name(name, [key.name for key in KEYS])
        nearest = nearest or f"There are: {', '.join(known)}."
    raise PresetError(f"there is no key {name!r}{inside}", where=place, nearest=nearest)


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


def _line_of(text: str, section: str, name: str) -> int | None:
    """The line, from 1, of the key `name` in `section`, or of the section's header if '' ."""
    here = ""
    for number, line in enumerate(text.splitlines(), 1):
        if match := _HEADER.match(line):
            here = match[1].strip("\"'")
            if here == section and not name:
                return number
        elif name and here == section and re.match(rf"\s*[\"']?{re.escape(name)}[\"']?\s*=", line):
            return number
    return None


def _blamed_line(error: SettingError, text: str) -> int | None:
    """The first line whose key is named in what happened."""
    words = set(re.findall(r"\w+", error.what))
    lines = [_line_of(text, key.section, key.name) for key in KEYS if key.field in words]
    return min((line for line in lines if line is not None), default=None)


def _located(error: SettingError, path: Path, line: int | None) -> PresetError:
    return PresetError(
        error.what, where=_place(path, line), allowed=error.allowed, nearest=error.nearest
    )


def _place(path: Path, line: int | None) -> str:
    return f"{path}, line {line}" if line else str(path)


def _lowered(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
