"""Everything that can be turned or pressed, by its name: what MIDI controllers and OSC share. Pure.

A name is that of a knob or a switch (`knobs.py`), `mute_VOICE`, `solo_VOICE`, or an action. What
has a value has a position 0…1 as well, so that any fader can show it and move it.
"""

from __future__ import annotations

from ripieno import knobs
from ripieno.commands import Action, Choose, Command, Mute, Turn
from ripieno.errors import SettingError, nearest_name
from ripieno.grammar.grid import VOICES
from ripieno.settings import Settings

COMFORTABLE = {"tempo": (40.0, 200.0), "seed": (0.0, 127.0), "top_k": (0.0, 64.0)}
"""What a fader covers where the whole range of a knob would be too coarse for it."""
_KNOBS = frozenset(knob.name for knob in knobs.KNOBS)
_SWITCHES = frozenset(switch.name for switch in knobs.SWITCHES)
_MUTES = {f"mute_{voice}": number for number, voice in enumerate(VOICES)}
_SOLOS = {f"solo_{voice}": number for number, voice in enumerate(VOICES)}

TURNED: tuple[str, ...] = (*sorted(_KNOBS), *sorted(_SWITCHES), *_MUTES, *_SOLOS)
"""All names that have a value."""


def target_from(name: str) -> Action | str:
    """The action or the turned thing called `name`. Raises SettingError with the nearest one."""
    if name in TURNED:
        return name
    try:
        return Action(name)
    except ValueError:
        known = [*(action.value for action in Action), *TURNED]
        raise SettingError(
            f"there is nothing called {name!r} to control",
            allowed="an action, a knob, a switch, mute_VOICE or solo_VOICE",
            nearest=nearest_name(name, known),
        ) from None


def is_stepped(name: str) -> bool:
    """Whether `name` is chosen among few values, so that a switch can move it on."""
    return name not in _KNOBS


def span(
    settings: Settings, name: str, low: float | None, high: float | None
) -> tuple[float, float]:
    """What a fader for the knob `name` covers: `low` … `high`, where given, within its bounds."""
    least, most = knobs.knob(name).bounds(settings)
    usual = COMFORTABLE.get(name, (least, most))
    begin = usual[0] if low is None else low
    end = usual[1] if high is None else high
    return max(least, begin), min(most, end)


def position(
    settings: Settings, name: str, low: float | None = None, high: float | None = None
) -> float:
    """Where `name` stands, 0…1."""
    if name in _KNOBS:
        least, most = span(settings, name, low, high)
        value = knobs.knob(name).read(settings)
        return min(1.0, max(0.0, (value - least) / (most - least))) if most > least else 0.0
    if name in _SWITCHES:
        switch = knobs.switch(name)
        now = switch.read(settings)
        place = switch.values.index(now) if now in switch.values else 0
        return place / (len(switch.values) - 1)
    return float(_lit(settings, name))


def moved_to(
    settings: Settings, name: str, where: float, low: float | None = None, high: float | None = None
) -> tuple[Command, ...]:
    """What brings `name` to the position `where`, 0…1; nothing where it stands there."""
    where = min(1.0, max(0.0, where))
    if name in _KNOBS:
        least, most = span(settings, name, low, high)
        knob = knobs.knob(name)
        value = least + where * (most - least)
        steps = round((value - knob.low) / knob.step) * knob.step + knob.low
        value = knobs.clamped(settings, name, round(steps, 6))
        return () if value == knob.read(settings) else (Turn(name, value),)
    if name in _SWITCHES:
        values = knobs.switch(name).values
        chosen = values[round(where * (len(values) - 1))]
        return () if chosen == knobs.switch(name).read(settings) else (Choose(name, chosen),)
    return pressed(settings, name) if (where >= 0.5) != _lit(settings, name) else ()


def nudged(settings: Settings, name: str, clicks: int) -> tuple[Command, ...]:
    """What moves `name` by so many clicks."""
    if name in _KNOBS:
        return (Turn(name, knobs.nudged(settings, name, clicks)),)
    if name in _SWITCHES:
        return (Choose(name, knobs.cycled(settings, name, 1 if clicks > 0 else -1)),)
    return pressed(settings, name) if (clicks > 0) != _lit(settings, name) else ()


def pressed(settings: Settings, name: str) -> tuple[Command, ...]:
    """What a touch of `name` does: a switch goes on to its next value, a voice is muted or not."""
    if name in _MUTES:
        return (Mute(_MUTES[name], _MUTES[name] not in settings.muted),)
    if name in _SOLOS:
        return solo(settings, _SOLOS[name])
    return nudged(settings, name, 1)


def is_solo(settings: Settings, voice: int) -> bool:
    """Whether `voice` is the only one that is heard."""
    return settings.muted == frozenset(range(len(VOICES))) - {voice}


def solo(settings: Settings, voice: int) -> tuple[Command, ...]:
    """Only `voice` is heard; where that is so already, all are."""
    alone = is_solo(settings, voice)
    wanted = frozenset() if alone else frozenset(range(len(VOICES))) - {voice}
    changed = sorted(wanted ^ settings.muted)
    return tuple(Mute(other, other in wanted) for other in changed)


def _lit(settings: Settings, name: str) -> bool:
    if name in _MUTES:
        return _MUTES[name] in settings.muted
    return is_solo(settings, _SOLOS[name])
