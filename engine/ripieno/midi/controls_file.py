"""What footswitches and pads were taught, kept in the player's own folder: `controls.toml`.

One table for each controller, named after its port, and in it a list of controls for each action:

    ["Launchkey Mini:Launchkey Mini MIDI 1"]
    answer = ["cc 67", "note 36 on channel 10"]
"""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path

from ripieno.errors import SettingError
from ripieno.midi.controls import Binding, Bindings, Control, Kind, action_from
from ripieno.midi.rtmidi_ports import unnumbered

_CONTROL = re.compile(r"(cc|note) (\d{1,3})(?: on channel (\d{1,2}))?")
_ALLOWED = "such as 'cc 67' or 'note 36 on channel 10'"


def config_home() -> Path:
    """The player's own settings. The folder may not exist yet."""
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "ripieno"


def path() -> Path:
    """The file with what was learned."""
    return config_home() / "controls.toml"


def load(port: str) -> Bindings:
    """What was learned on the controller called `port`. Raises SettingError for a broken file."""
    return _read().get(unnumbered(port), ())


def save(port: str, bindings: Bindings) -> None:
    """Keep what was learned on `port`; that of other controllers stays. Raises SettingError."""
    known = _read()
    known[unnumbered(port)] = bindings
    file = path()
    fresh = file.with_suffix(".new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(_text(known), encoding="utf-8")
        fresh.replace(file)  # whole or not at all
    except OSError as error:
        raise SettingError(
            f"what was learned cannot be kept ({(error.strerror or 'unwritable').lower()})",
            where=str(file),
        ) from None


def _read() -> dict[str, Bindings]:
    file = path()
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingError(
            f"this cannot be read ({error})", where=str(file), nearest="Mend it, or delete it."
        ) from None
    try:
        return {port: _bindings(table) for port, table in tables.items()}
    except SettingError as error:
        raise SettingError(
            error.what, where=str(file), allowed=error.allowed, nearest=error.nearest
        ) from None


def _bindings(table: object) -> Bindings:
    if not isinstance(table, dict):
        raise SettingError(f"{table!r} belongs to no controller", allowed="a table for each")
    found = []
    for name, controls in table.items():
        action = action_from(name)
        if not isinstance(controls, list):
            raise SettingError(f"{name} = {controls!r} is no list", allowed=f"a list, {_ALLOWED}")
        found += [Binding(_control(control), action) for control in controls]
    return tuple(found)


def _control(told: object) -> Control:
    match = _CONTROL.fullmatch(told) if isinstance(told, str) else None
    if match is None:
        raise SettingError(f"{told!r} is no control", allowed=_ALLOWED)
    kind, number, channel = match.groups()
    return Control(Kind(kind), int(number), None if channel is None else int(channel) - 1)


def _text(known: dict[str, Bindings]) -> str:
    lines: list[str] = []
    for port, bindings in known.items():
        lines.append(f"[{_quoted(port)}]")
        for action in dict.fromkeys(binding.action for binding in bindings):
            controls = [_told(b.control) for b in bindings if b.action is action]
            lines.append(f"{action.value} = [{', '.join(map(_quoted, controls))}]")
        lines.append("")
    return "\n".join(lines)


def _told(control: Control) -> str:
    plain = f"{control.kind.value} {control.number}"
    return plain if control.channel is None else f"{plain} on channel {control.channel + 1}"


def _quoted(text: str) -> str:
    """A TOML basic string."""
    plain = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\u{ord(c):04X}" for c in plain) + '"'
