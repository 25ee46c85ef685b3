"""The page that explains every key of a preset, in Markdown: `ripieno presets --keys`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from enum import StrEnum
from typing import Any

from ripieno.clock import Meter
from ripieno.grammar.grid import VOICES
from ripieno.knobs import NO_KEY
from ripieno.preset.ensemble import TABLE
from ripieno.preset.keys import KEYS, SECTIONS, PresetKey
from ripieno.preset.preset import Preset
from ripieno.preset.values import SOUNDS, pitch_name
from ripieno.routing import InputSpec, OutputSpec
from ripieno.settings import Key

INTRODUCTION = """\
# Presets

A preset is a small text file in [TOML](https://toml.io) that says how a performance goes and where
it sounds. `ripieno presets` lists them; `ripieno play --preset first-jam` plays one, and so does
`ripieno play --preset my/own.toml`. Put your own into `~/.local/share/ripieno/presets` and they are
known by name. What a preset leaves out has the default below, and what you say on the command line
or turn while playing goes before the preset.

```toml
# Slow and safe, in four voices, on strings.
title = "Evening"

[play]
mode = "answer"
bpm = 66

[sampling]
temperature = 0.8

[routing]
programs = "strings"
```

A preset may have scenes, each with its own table of what differs: it comes at
the next bar line, when you choose it on the screen (`F3`).

```toml
[[scene]]
name = "with you"
play.mode = "accompany"
routing.programs = "choir"
```

A misspelt key or a value out of range is refused in a sentence that names the line and the nearest
right thing.

This page is written by `ripieno presets --keys`; a test compares the two.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([INTRODUCTION, *(line for section in SECTIONS for line in _table(section))])


def _table(section: str) -> Iterator[str]:
    title = SECTIONS[section]
    yield f"## `[{section}]`: {_lowered(title)}" if section else f"## {title}"
    yield ""
    yield "| key | takes | default | meaning |"
    yield "| --- | --- | --- | --- |"
    values = values_of(Preset(name=""), section)
    for key in (each for each in KEYS if each.section == section):
        takes = key.allowed.replace("|", "\\|")
        yield f"| `{key.name}` | {takes} | {_shown(key, values[key.field])} | {key.about} |"
    yield ""


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]


def values_of(preset: Preset, section: str) -> dict[str, Any]:
    """The value of each field of `section` in `preset`."""
    settings = preset.settings
    if section == "ranges":
        return dict(zip(VOICES, settings.rules.ranges, strict=True))
    if section == TABLE:  # what is left out is as the other sections say
        return {key.field: None for key in KEYS if key.section == TABLE}
    if section == "voices":  # what they had was put with the outputs
        return dict.fromkeys(VOICES, "")
    parts: dict[str, Any] = {
        "play": settings,
        "sampling": settings.sampling,
        "rules": settings.rules,
        "sync": settings.sync,
        "turns": settings.turns,
        "horizon": settings.horizon,
        "blocks": settings.blocks,
        "routing": preset.routing,
    }
    owner = parts.get(section, preset)
    values = {each.name: getattr(owner, each.name) for each in fields(owner)}
    if section == "routing":
        values["latency_ms"] = [output.latency_ms for output in preset.routing.outputs]
        values["velocity"] = [output.velocity for output in preset.routing.outputs]
    return values


def _shown(key: PresetKey, value: Any) -> str:
    """A default as it would stand in the file."""
    text = "" if key.section == TABLE else toml_text(as_written(key, value))
    return f"`{text}`" if text else "—"


def as_written(key: PresetKey, value: Any) -> Any:
    """`value` in the words of the file: voices and pitches by name, channels from 1."""
    if key.name == "muted":
        return [VOICES[voice] for voice in sorted(value)]
    if key.section == "ranges":
        return [pitch_name(pitch) for pitch in value]
    if key.name == "player_voice":
        return VOICES[value]
    if key.name == "split":
        return [pitch_name(pitch) for pitch in value]
    if key.name == "voice_channels":
        return [0 if channel is None else channel + 1 for channel in value]
    if key.name in ("programs", "thru_program"):
        names = {program: name for name, program in SOUNDS.items()}
        programs = value if isinstance(value, tuple) else (value,)
        written = [names.get(program, program) for program in programs]
        return written[0] if len(set(written)) == 1 else written
    if key.name == "channels":
        return [channel + 1 for channel in value]
    if key.name in ("thru_channel", "click_channel"):
        return value + 1
    return value


def toml_text(value: Any) -> str:
    """A setting in TOML, as short as it goes; '' for an empty text."""
    if value is None:
        return f'"{NO_KEY}"'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, InputSpec | OutputSpec):
        value = value.name if value.kind == "port" else value.kind
    if isinstance(value, str | StrEnum | Meter | Key):
        return f'"{value}"' if str(value) else ""
    if isinstance(value, tuple | list | frozenset):
        return f"[{', '.join(toml_text(item) for item in value)}]"
    return f"{value:g}" if isinstance(value, float) else str(value)
