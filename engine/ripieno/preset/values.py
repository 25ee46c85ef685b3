"""How the values in a preset are read: pitches, keys, voices, sounds, ports.

Every reader takes the key's name and the value as TOML gives it, and raises SettingError.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from ripieno.clock import Meter
from ripieno.errors import SettingError, nearest_name
from ripieno.grammar.grid import VOICES
from ripieno.knobs import NO_KEY
from ripieno.routing import InputKind, InputSpec, OutputKind, OutputSpec
from ripieno.settings import EnumT, Key, Mode, Strength, one_of

Reader = Callable[[str, Any], Any]
"""(key, value from the file) → value of the setting. Raises SettingError."""

PRECISIONS = ("auto", "int8", "q8", "fp32")
SOUNDS = {
    "piano": 0,
    "electric-piano": 4,
    "harpsichord": 6,
    "organ": 19,
    "strings": 48,
    "choir": 52,
}
"""Names for the General MIDI programs that the built-in soundfont has."""
_DEGREES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_PITCH = re.compile(r"([A-Ga-g])([#b]?)(-?\d+)")


def pitch_from(name: str, value: Any) -> int:
    """A MIDI number from 60 or 'C4'. Raises SettingError."""
    if isinstance(value, str) and (match := _PITCH.fullmatch(value.strip())):
        letter, sign, octave = match.groups()
        value = _DEGREES[letter.upper()] + {"": 0, "#": 1, "b": -1}[sign] + 12 * (int(octave) + 1)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 127:
        raise SettingError(
            f"{name} has {value!r}, which is no pitch",
            allowed="a name such as 'C4' or 'Bb3', or a MIDI number 0…127",
        )
    return value


def pitch_name(pitch: int) -> str:
    """60 → 'C4'."""
    return f"{_NAMES[pitch % 12]}{pitch // 12 - 1}"


def output_spec(text: str) -> OutputSpec:
    """An output from 'synth', 'synth:DRIVER', 'virtual', 'none', 'lv2:URI', 'vst3:NAME',
    'plugin:NAME', or the name of a port."""
    kind, _, rest = text.strip().partition(":")
    if kind == OutputKind.SYNTH:
        return OutputSpec(OutputKind.SYNTH, rest)
    if kind in (OutputKind.LV2, OutputKind.VST3, OutputKind.PLUGIN) and rest:
        return OutputSpec(OutputKind(kind), rest)
    if text in (OutputKind.VIRTUAL, OutputKind.NONE):
        return OutputSpec(OutputKind(text))
    return OutputSpec(OutputKind.PORT, text)


def input_spec(text: str) -> InputSpec:
    """An input from 'virtual', a MIDI file's path, or a port's name."""
    if text == InputKind.VIRTUAL:
        return InputSpec(InputKind.VIRTUAL)
    if PurePath(text).suffix.lower() in (".mid", ".midi"):
        return InputSpec(InputKind.FILE, text)
    return InputSpec(InputKind.PORT, text)


def _wrong(name: str, value: Any, allowed: str, nearest: str = "") -> SettingError:
    return SettingError(f"{name} cannot be {value!r}", allowed=allowed, nearest=nearest)


def text_from(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise _wrong(name, value, "a text in quotes")
    return value


def number_from(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(name, value, "a number")
    return float(value)


def whole_from(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong(name, value, "a whole number")
    return value


def flag_from(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _wrong(name, value, "true or false")
    return value


def voice_from(name: str, value: Any) -> int:
    if value not in VOICES:
        raise _wrong(name, value, ", ".join(VOICES), nearest_name(str(value), VOICES))
    return VOICES.index(value)


def several_from(read: Callable[[str, Any], Any]) -> Reader:
    def take(name: str, value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise _wrong(name, value, "a list in square brackets")
        return tuple(read(name, item) for item in value)

    return take


def voices_from(name: str, value: Any) -> frozenset[int]:
    return frozenset(several_from(voice_from)(name, value))


def range_from(name: str, value: Any) -> tuple[int, int]:
    if not isinstance(value, list) or len(value) != 2:
        raise _wrong(name, value, "two pitches, such as ['C4', 'A5']")
    return pitch_from(name, value[0]), pitch_from(name, value[1])


def strength_from(name: str, value: Any) -> Strength:
    return one_of(Strength, name, value)


def mode_from(name: str, value: Any) -> Mode:
    return one_of(Mode, name, value)


def one_from(kind: type[EnumT]) -> Reader:
    """Reads the name of a member of `kind`."""

    def take(name: str, value: Any) -> EnumT:
        return one_of(kind, name, value)

    return take


def meter_from(name: str, value: Any) -> Meter:
    return Meter.parse(text_from(name, value))


def key_from(name: str, value: Any) -> Key | None:
    text = text_from(name, value)
    return None if text == NO_KEY else Key.parse(text)


def precision_from(name: str, value: Any) -> str:
    if value not in PRECISIONS:
        raise _wrong(name, value, ", ".join(PRECISIONS), nearest_name(str(value), PRECISIONS))
    return str(value)


def program_from(name: str, value: Any) -> int:
    """A General MIDI program 0…127 from a number or a name of SOUNDS. Raises SettingError."""
    if isinstance(value, str) and value in SOUNDS:
        return SOUNDS[value]
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 127:
        raise _wrong(
            name, value, f"{', '.join(SOUNDS)}, or 0…127", nearest_name(str(value), SOUNDS)
        )
    return value


def programs_from(name: str, value: Any) -> tuple[int, ...]:
    each = value if isinstance(value, list) else [value] * len(VOICES)
    return tuple(program_from(name, item) for item in each)


def channel_from(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 16:
        raise _wrong(name, value, "a MIDI channel, 1…16")
    return value - 1


def optional_channel_from(name: str, value: Any) -> int | None:
    """A channel, or 0 for none."""
    return None if value == 0 and not isinstance(value, bool) else channel_from(name, value)


def optional_from(low: int, high: int) -> Reader:
    """Reads a whole number low … high, or 'none'."""

    def take(name: str, value: Any) -> int | None:
        if value == NO_KEY:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise _wrong(name, value, f"{low}…{high}, or '{NO_KEY}'")
        return value

    return take


def points_from(name: str, value: Any) -> tuple[tuple[int, int], ...]:
    """A velocity table: a list of pairs [played, sent]."""
    points = several_from(several_from(whole_from))(name, value)
    if any(len(point) != 2 for point in points):
        raise _wrong(name, value, "a list of pairs [played, sent]")
    return tuple((played, sent) for played, sent in points)


def outputs_from(name: str, value: Any) -> tuple[OutputSpec, ...]:
    return tuple(
        output_spec(text_from(name, item)) for item in several_from(text_from)(name, value)
    )


def instrument_from(name: str, value: Any) -> OutputSpec:
    """What one voice plays on: a table with the key `instrument`, and for a VST3 instrument a table
    `parameters`. Raises SettingError."""
    keys = set(value) if isinstance(value, dict) else set()
    if "instrument" not in keys or keys - {"instrument", "parameters"}:
        raise _wrong(name, value, "a table with the key `instrument`, and perhaps `parameters`")
    spec = output_spec(text_from(f"{name}.instrument", value["instrument"]))
    if "parameters" not in keys:
        return spec
    if spec.kind is not OutputKind.VST3:
        raise SettingError(f"{name} has parameters", allowed="parameters of a `vst3:` instrument")
    return replace(spec, parameters=_parameters(f"{name}.parameters", value["parameters"]))


def _parameters(name: str, value: Any) -> tuple[tuple[str, float | str | bool], ...]:
    """The parameters of an instrument: which there are, only the instrument knows."""
    if not isinstance(value, dict):
        raise _wrong(name, value, "a table of names and values")
    for key, each in value.items():
        if not isinstance(each, float | int | str):
            raise _wrong(f"{name}.{key}", each, "a number, a text in quotes, or true or false")
    return tuple((key, float(v) if type(v) is int else v) for key, v in value.items())


def inputs_from(name: str, value: Any) -> tuple[InputSpec, ...]:
    return tuple(input_spec(text) for text in several_from(text_from)(name, value))
