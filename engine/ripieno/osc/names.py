"""What an OSC message asks for, and what is told in OSC. Pure.

`/ripieno/NAME` is everything of `surface.py`: knobs take a number in their unit, switches one of
their names, voices 0 or 1, actions nothing or anything but 0. `/ripieno/scene` takes the name or
the number, from 1, of a preset of the set list.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ripieno import knobs, surface
from ripieno.commands import Action, Choose, Command, Recall, Turn
from ripieno.errors import SettingError, nearest_name
from ripieno.events import Telemetry
from ripieno.osc.wire import Argument, Message
from ripieno.settings import Settings

ROOT = "/ripieno/"
ERROR = f"{ROOT}error"
SCENE = "scene"
_KNOBS = frozenset(knob.name for knob in knobs.KNOBS)
_SWITCHES = frozenset(switch.name for switch in knobs.SWITCHES)

Asked = Action | Command


def asked(message: Message, settings: Settings, scenes: Sequence[Recall]) -> tuple[Asked, ...]:
    """What `message` asks for. Raises SettingError in a sentence; () for other addresses."""
    if not message.address.startswith(ROOT):
        return ()
    name = message.address.removeprefix(ROOT).replace("/", "_")
    if name == SCENE:
        return (_scene(message, scenes),)
    target = surface.target_from(name)
    if isinstance(target, Action):
        idle = message.arguments and message.arguments[0] in (0, False)
        return () if idle else (target,)
    if len(message.arguments) != 1:
        raise SettingError(f"{message.address} needs one value")
    return _set(target, message.arguments[0], settings)


def _set(name: str, value: Argument, settings: Settings) -> tuple[Command, ...]:
    if name in _KNOBS:
        if isinstance(value, str):
            raise SettingError(f"{name} cannot be {value!r}", allowed="a number")
        knobs.turn(settings, name, float(value))  # refused here, so that the sender is told
        return (Turn(name, float(value)),)
    if name in _SWITCHES:
        chosen = _named(name, value)
        knobs.choose(settings, name, chosen)
        return (Choose(name, chosen),)
    return surface.moved_to(settings, name, float(value) if not isinstance(value, str) else 1.0)


def _named(name: str, value: Argument) -> str:
    """A switch's value by its name, or 0 and 1 for one that is off or on."""
    values = knobs.switch(name).values
    if isinstance(value, str):
        return value
    if values != ("off", "on"):
        raise SettingError(f"{name} cannot be {value!r}", allowed=", ".join(values))
    return values[int(bool(value))]


def _scene(message: Message, scenes: Sequence[Recall]) -> Recall:
    wanted = message.arguments[0] if message.arguments else ""
    if isinstance(wanted, str):
        for scene in scenes:
            if scene.name == wanted:
                return scene
        names = [scene.name for scene in scenes]
        raise SettingError(
            f"there is no preset {wanted!r} in the set list",
            allowed=", ".join(names),
            nearest=nearest_name(wanted, names),
        )
    if not 1 <= int(wanted) <= len(scenes):
        raise SettingError(f"the set list has no place {wanted}", allowed=f"1…{len(scenes)}")
    return scenes[int(wanted) - 1]


def told(telemetry: Telemetry) -> Iterator[Message]:
    """Where everything stands."""
    settings = telemetry.settings
    for knob in knobs.KNOBS:
        yield Message(f"{ROOT}{knob.name}", (knob.read(settings),))
    for switch in knobs.SWITCHES:
        yield Message(f"{ROOT}{switch.name}", (switch.read(settings),))
    for name in surface.TURNED:
        if name.startswith(("mute_", "solo_")):
            yield Message(f"{ROOT}{name}", (int(surface.position(settings, name)),))
    yield Message(f"{ROOT}playing", (int(telemetry.playing),))
    yield Message(f"{ROOT}phase", (telemetry.phase.value,))
    yield Message(f"{ROOT}beat", (int(telemetry.beat // 1),))
    yield Message(f"{ROOT}{SCENE}", (telemetry.scene,))
    for voice, level in enumerate(telemetry.levels):
        yield Message(f"{ROOT}level/{voice + 1}", (level,))
