"""The terminal's state: saved before a screen takes it, given back when the screen has died."""

from __future__ import annotations

import os
import sys
import termios
from dataclasses import dataclass
from typing import Any

_LEAVE = (
    "\x1b[?2026l"  # whatever was being drawn, draw it now
    "\x1b[<u"  # the keyboard as it was, where the kitty protocol was on
    "\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1015l"  # no mouse reports
    "\x1b[?1004l\x1b[?2004l\x1b[?2048l"  # no reports of focus, pasting or size
    "\x1b[?1049l\x1b[0m\x1b[?25h"  # the normal screen, plain colours, the cursor
)


@dataclass(frozen=True, slots=True)
class Terminal:
    """The terminal `device` and its settings, as `termios.tcgetattr` tells them."""

    device: str
    attributes: tuple[int | tuple[bytes | int, ...], ...]


def saved_terminal() -> Terminal | None:
    """The terminal that this process reads its keys from, as it is now; None without one."""
    try:
        descriptor = sys.stdin.fileno()
        *flags, characters = termios.tcgetattr(descriptor)
        return Terminal(os.ttyname(descriptor), (*flags, tuple(characters)))
    except (OSError, ValueError, AttributeError, termios.error):
        return None


def give_back(terminal: Terminal, message: str = "") -> bool:
    """Leave the screen, restore the settings, and say `message`; False when it is gone too.

    A process in the background must ignore SIGTTOU before it calls this.
    """
    try:
        descriptor = os.open(terminal.device, os.O_RDWR | os.O_NOCTTY)
    except OSError:
        return False
    *flags, characters = terminal.attributes
    assert isinstance(characters, tuple)
    attributes: list[Any] = [*flags, list(characters)]
    try:
        os.write(descriptor, _LEAVE.encode())
        termios.tcsetattr(descriptor, termios.TCSANOW, attributes)
        if message:
            os.write(descriptor, f"\r\n{message}\r\n".encode())
    except (OSError, termios.error):
        return False
    finally:
        os.close(descriptor)
    return True
