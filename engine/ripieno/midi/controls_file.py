"""What footswitches, pads and knobs were taught, in the player's own folder: `controls.toml`.

One table for each controller, named after its port, and in it a list of controls for each action
and for each thing that is turned. `lamps` names the port that leads back to the controller, where
it is not the one of the same name:

    ["Launchkey Mini:Launchkey Mini MIDI 1"]
    lamps = "Launchkey Mini MIDI 2"
    answer = ["cc 67", "note 36 on channel 10"]
    temperature = ["cc 21 pick-up from 0.6 to 1.3", "cc 22 on channel 2 relative"]

It may be edited by hand: whatever is learned afterwards, comments stay.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ripieno import surface
from ripieno.commands import Action
from ripieno.errors import SettingError, nearest_name
from ripieno.midi.controls import Binding, Bindings, Control, Kind, Way
from ripieno.midi.rtmidi_ports import unnumbered

_NUMBER = r"-?\d+(?:\.\d+)?"
_CONTROL = re.compile(
    r"(cc|note) (\d{1,3})(?: on channel (\d{1,2}))?(?: (relative\S*|absolute|pick-up))?"
    rf"(?: from ({_NUMBER}) to ({_NUMBER}))?"
)
_ALLOWED = "such as 'cc 67', 'note 36 on channel 10' or 'cc 21 pick-up from 0.5 to 1.2'"
LAMPS = "lamps"
Tables = dict[str, dict[str, object]]


def config_home() -> Path:
    """The player's own settings. The folder may not exist yet."""
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "ripieno"


def path() -> Path:
    """The file with what was learned."""
    return config_home() / "controls.toml"


def load(port: str) -> Bindings:
    """What was learned on the controller called `port`. Raises SettingError for a broken file."""
    table = _read().get(unnumbered(port), {})
    return _located(lambda: _bindings(table))


def lamps_of(port: str) -> str:
    """The port that leads back to the controller called `port`, '' where none is named."""
    name = _read().get(unnumbered(port), {}).get(LAMPS, "")
    return name if isinstance(name, str) else ""


def way_from(name: str) -> Way:
    """The way of turning called `name`. Raises SettingError."""
    try:
        return Way(name)
    except ValueError:
        known = [way.value for way in Way]
        raise SettingError(
            f"there is no way of turning {name!r}",
            allowed=", ".join(known),
            nearest=nearest_name(name, known),
        ) from None


def save(port: str, bindings: Bindings) -> None:
    """Keep what was learned on `port`; what stands for other controllers, and every comment, stays.

    Raises SettingError.
    """
    name = unnumbered(port)
    _read()  # a broken file is told, and not written over
    file = path()
    fresh = file.with_suffix(".new")
    try:
        text = file.read_text(encoding="utf-8") if file.exists() else ""
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(_rewritten(text, name, _table(bindings)), encoding="utf-8")
        fresh.replace(file)  # whole or not at all
    except OSError as error:
        raise SettingError(
            f"what was learned cannot be kept ({(error.strerror or 'unwritable').lower()})",
            where=str(file),
        ) from None


def _read() -> Tables:
    file = path()
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingError(
            f"this cannot be read ({error})", where=str(file), nearest="Mend it, or delete it."
        ) from None
    return _located(lambda: {port: _checked(table) for port, table in tables.items()})


T = TypeVar("T")


def _located(read: Callable[[], T]) -> T:
    """What `read` reads; what is wrong in it is told with the file's name."""
    try:
        return read()
    except SettingError as error:
        raise SettingError(
            error.what, where=str(path()), allowed=error.allowed, nearest=error.nearest
        ) from None


def _checked(table: object) -> dict[str, object]:
    if not isinstance(table, dict):
        raise SettingError(f"{table!r} belongs to no controller", allowed="a table for each")
    _bindings(table)
    return table


def _bindings(table: dict[str, object]) -> Bindings:
    found = []
    for name, controls in table.items():
        if name == LAMPS:
            continue
        action = surface.target_from(name)
        if not isinstance(controls, list):
            raise SettingError(f"{name} = {controls!r} is no list", allowed=f"a list, {_ALLOWED}")
        found += [_binding(control, action) for control in controls]
    return tuple(found)


def _binding(told: object, action: Action | str) -> Binding:
    match = _CONTROL.fullmatch(told) if isinstance(told, str) else None
    if match is None:
        raise SettingError(f"{told!r} is no control", allowed=_ALLOWED)
    kind, number, channel, way, low, high = match.groups()
    control = Control(Kind(kind), int(number), None if channel is None else int(channel) - 1)
    return Binding(
        control,
        action,
        way_from(way) if way else Way.ABSOLUTE,
        None if low is None else float(low),
        None if high is None else float(high),
    )


def _table(bindings: Bindings) -> dict[str, list[str]]:
    """The controls of each action, in the order in which they were learned."""
    table: dict[str, list[str]] = {}
    for action in dict.fromkeys(binding.action for binding in bindings):
        name = action.value if isinstance(action, Action) else action
        table[name] = [_told(binding) for binding in bindings if binding.action == action]
    return table


def _rewritten(text: str, port: str, told: dict[str, list[str]]) -> str:
    """`text` with the controls of `port` as they are `told` now; what has not changed stays."""
    from ripieno.kept_toml import KeptToml  # imported late: it takes a while, and notes may not

    document = KeptToml(text)
    for name in document.names(port):
        if name != LAMPS and name not in told:
            document.remove(port, name)
    for name, controls in told.items():
        document.put(port, name, f"[{', '.join(map(_quoted, controls))}]")
    return str(document)


def _told(binding: Binding) -> str:
    control = binding.control
    told = f"{control.kind.value} {control.number}"
    if control.channel is not None:
        told += f" on channel {control.channel + 1}"
    if binding.way is not Way.ABSOLUTE:
        told += f" {binding.way.value}"
    if binding.low is not None and binding.high is not None:
        told += f" from {binding.low:g} to {binding.high:g}"
    return told


def _quoted(text: str) -> str:
    """A TOML string; what controls are told by has no quotes in it."""
    return f'"{text}"'
