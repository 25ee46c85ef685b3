"""Every control that can be turned while the music plays: knobs are numbers, switches are names.

Pure: a turn takes settings and gives new settings, and a value out of bounds is refused in a
sentence. A client that would rather stop at the end of a knob asks `clamped` or `nudged` first.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ripieno.clock import FASTEST, SLOWEST, Meter
from ripieno.errors import SettingError, nearest_name
from ripieno.grammar.grid import VOICES
from ripieno.settings import (
    DIRECTIONS,
    FARTHEST,
    Assign,
    ClockSource,
    EnumT,
    HandOver,
    Key,
    Late,
    Mode,
    OnLoss,
    Settings,
    Strength,
    one_of,
)
from ripieno.turnable import Direction, Knob, RangeEnd, Stability, Switch, changed

NO_KEY = "none"
KEYS = tuple(
    f"{tonic} {scale}"
    for scale in ("major", "minor")
    for tonic in ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
)
METERS = ("4/4", "3/4", "2/4", "6/4", "6/8", "12/8", "5/4", "2/2", "3/2")

KNOBS: tuple[Knob, ...] = (
    Knob("tempo", "tempo", "bpm", SLOWEST, FASTEST, 1, 10, "", "bpm"),
    Knob("temperature", "temperature", "", 0.1, 2.0, 0.05, 0.25, "sampling", "temperature"),
    Knob("top_p", "top-p", "", 0.01, 1.0, 0.01, 0.1, "sampling", "top_p"),
    Knob("top_k", "top-k", "tokens", 0, 500, 1, 10, "sampling", "top_k", True),
    Knob("min_p", "min-p", "", 0.0, 1.0, 0.01, 0.1, "sampling", "min_p"),
    Knob("candidates", "candidates", "steps", 1, 64, 1, 4, "sampling", "candidates", True),
    Knob("seed", "seed", "", 0, 2**32 - 1, 1, 100, "sampling", "seed", True),
    Stability("stability", "responsive ↔ stable", "", 0, 1, 0.125, 0.25, "horizon", "stability"),
    Knob("swing", "swing", "of a beat", 0.5, 0.75, 0.01, 0.05, "sync", "swing"),
    Knob("count_in", "count-in", "bars", 0, 4, 1, 1, "sync", "count_in", True),
    Knob("space", "space", "", 0, 1, 0.05, 0.25, "turns", "space"),
    Knob("density", "density", "", 0.25, 2, 0.05, 0.25, "turns", "density"),
    Knob("commit", "commit", "beats", 0, 16, 0.25, 1, "horizon", "commit"),
    Knob("lookahead", "lookahead", "beats", 0.25, 32, 0.25, 1, "horizon", "lookahead"),
    Knob("budget_ms", "time per step", "ms", 1, 1000, 1, 10, "horizon", "budget_ms"),
    Knob("max_leap", "largest leap", "semitones", 1, 24, 1, 12, "rules", "max_leap", True),
    Knob("longest_rest", "longest rest", "beats", 0.25, 16, 0.25, 1, "rules", "longest_rest"),
    Knob("longest_loop", "longest loop", "times", 2, 16, 1, 4, "rules", "longest_loop", True),
    Knob("after_beats", "answer after", "beats", 0.25, 16, 0.25, 1, "turns", "after_beats"),
    Knob("every_bars", "answer every", "bars", 0, 16, 1, 4, "turns", "every_bars", True),
    Knob("answer_bars", "answer length", "bars", 0, 64, 1, 4, "turns", "bars", True),
    Knob("legato_beats", "legato gap", "beats", 0, 4, 0.25, 1, "turns", "legato_beats"),
    Knob("velocity", "velocity", "", 1, 127, 1, 10, "", "velocity", True),
    Knob("transpose", "transpose", "semitones", -24, 24, 1, 12, "", "transpose", True),
    Knob("player_voice", "your voice", "", 0, len(VOICES) - 1, 1, 1, "", "player_voice", True),
    Knob("onset_tolerance", "onset window", "beats", 0, 0.125, 0.0125, 0.05, "", "onset_tolerance"),
    Knob("morph", "morph", "", 0, 1, 0.05, 0.25, "blocks", "morph"),
    Knob("variation", "variation", "", 0, 1, 0.05, 0.25, "blocks", "variation"),
    *(
        Direction(
            f"direction_{number + 1}",
            f"direction {number + 1}",
            "",
            -FARTHEST,
            FARTHEST,
            0.1,
            0.5,
            "blocks",
            str(number),
        )
        for number in range(DIRECTIONS)
    ),
    *(
        RangeEnd(
            f"{voice}_{end}", f"{voice}: {end}", "pitch", 0, 127, 1, 12, "", f"{voice} {end}", True
        )
        for voice in VOICES
        for end in ("lowest", "highest")
    ),
)


def _with_key(settings: Settings, value: str) -> Settings:
    if value == NO_KEY:  # a lock without a key locks nothing, so it goes as well
        rules = replace(settings.rules, key=None, key_lock=Strength.OFF)
    else:
        rules = replace(settings.rules, key=Key.parse(value))
    return replace(settings, rules=rules)


def _strength_switch(name: str, title: str) -> Switch:
    def write(settings: Settings, value: str) -> Settings:
        changed: dict[str, Any] = {name: one_of(Strength, name, value)}
        return replace(settings, rules=replace(settings.rules, **changed))

    values = tuple(strength.value for strength in Strength)
    return Switch(name, title, values, lambda s: str(getattr(s.rules, name).value), write)


def _enum_switch(name: str, title: str, kind: type[EnumT], part: str) -> Switch:
    """A switch for the field `name`, one of `kind`, of the group `part` ('' for Settings)."""

    def read(settings: Settings) -> str:
        owner = getattr(settings, part) if part else settings
        return str(getattr(owner, name).value)

    def write(settings: Settings, value: str) -> Settings:
        return changed(settings, part, name, one_of(kind, name, value))

    return Switch(name, title, tuple(member.value for member in kind), read, write)


def _flag_switch(name: str, title: str, part: str) -> Switch:
    """A switch 'off' / 'on' for a field that is false or true."""

    def read(settings: Settings) -> str:
        return "on" if getattr(getattr(settings, part) if part else settings, name) else "off"

    def write(settings: Settings, value: str) -> Settings:
        if value not in ("off", "on"):
            raise SettingError(f"{name} cannot be {value!r}", allowed="off, on")
        return changed(settings, part, name, value == "on")

    return Switch(name, title, ("off", "on"), read, write)


def _hold_switch(number: int, voice: str) -> Switch:
    """Whether this voice stays on the note that it sounds."""

    def read(settings: Settings) -> str:
        return "on" if number in settings.rules.held else "off"

    def write(settings: Settings, value: str) -> Settings:
        if value not in ("off", "on"):
            raise SettingError(f"hold_{voice} cannot be {value!r}", allowed="off, on")
        others = settings.rules.held - {number}
        held = others | {number} if value == "on" else others
        return replace(settings, rules=replace(settings.rules, held=held))

    return Switch(f"hold_{voice}", f"hold the {voice}", ("off", "on"), read, write)


SWITCHES: tuple[Switch, ...] = (
    Switch(
        "mode",
        "mode",
        tuple(mode.value for mode in Mode),
        lambda s: s.mode.value,
        lambda s, value: replace(s, mode=one_of(Mode, "mode", value)),
    ),
    _enum_switch("source", "clock", ClockSource, "sync"),
    _enum_switch("on_loss", "when the clock is lost", OnLoss, "sync"),
    _flag_switch("send", "send clock", "sync"),
    _flag_switch("from_phrase", "tempo from phrase", "sync"),
    _flag_switch("metronome", "metronome", "sync"),
    _enum_switch("hand_over", "hand-over", HandOver, "turns"),
    _flag_switch("speculate", "speculate", "turns"),
    _enum_switch("late", "late notes", Late, "horizon"),
    _enum_switch("assign", "your notes are", Assign, ""),
    _flag_switch("follow", "follow", ""),
    Switch("key", "key", (NO_KEY, *KEYS), lambda s: str(s.rules.key or NO_KEY), _with_key),
    _strength_switch("key_lock", "key lock"),
    _strength_switch("crossing", "crossing"),
    _strength_switch("parallels", "parallels"),
    _strength_switch("spacing", "spacing"),
    Switch(
        "meter",
        "meter",
        METERS,
        lambda s: str(s.meter),
        lambda s, value: replace(s, meter=Meter.parse(value)),
    ),
    *(_hold_switch(number, voice) for number, voice in enumerate(VOICES)),
)

_KNOBS = {knob.name: knob for knob in KNOBS}
_SWITCHES = {switch.name: switch for switch in SWITCHES}


def knob(name: str) -> Knob:
    """The knob called `name`. Raises SettingError with the nearest one."""
    if name not in _KNOBS:
        raise SettingError(f"there is no knob called {name!r}", nearest=nearest_name(name, _KNOBS))
    return _KNOBS[name]


def switch(name: str) -> Switch:
    """The switch called `name`. Raises SettingError with the nearest one."""
    if name not in _SWITCHES:
        raise SettingError(
            f"there is no switch called {name!r}", nearest=nearest_name(name, _SWITCHES)
        )
    return _SWITCHES[name]


def turn(settings: Settings, name: str, value: float) -> Settings:
    """Settings with the knob `name` at `value`, in its unit. Raises SettingError."""
    return knob(name).write(settings, value)


def choose(settings: Settings, name: str, value: str) -> Settings:
    """Settings with the switch `name` at `value`. Raises SettingError."""
    return switch(name).write(settings, value)


def clamped(settings: Settings, name: str, value: float) -> float:
    """The value nearest to `value` that the knob `name` takes now."""
    low, high = knob(name).bounds(settings)
    return min(high, max(low, value))


def nudged(settings: Settings, name: str, clicks: int, big: bool = False) -> float:
    """Where the knob `name` stands after so many clicks up (down if negative), within bounds.

    It lands on multiples of its step, so that a value set by hand falls into line at a click.
    """
    turned = knob(name)
    step = turned.big_step if big else turned.step
    moved = turned.read(settings) + clicks * step
    return clamped(settings, name, round(round(moved / turned.step) * turned.step, 6))


def cycled(settings: Settings, name: str, clicks: int = 1) -> str:
    """The value of the switch `name` so many places on, around its `values`."""
    turned = switch(name)
    now = turned.read(settings)
    place = turned.values.index(now) if now in turned.values else -1
    return turned.values[(place + clicks) % len(turned.values)]
