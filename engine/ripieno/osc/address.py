"""Where OSC is heard and told. Loopback only, unless told otherwise. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ripieno.errors import SettingError

LOOPBACK = "127.0.0.1"
Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class OscSpec:
    """Where OSC is heard and where it is told to; an empty `tell` tells nobody."""

    hear: Address
    tell: tuple[Address, ...] = ()


def address_from(text: str) -> Address:
    """'9000' or 'HOST:9000'; without a host it is this machine alone. Raises SettingError."""
    host, colon, port = text.rpartition(":")
    if not port.isdigit() or not 1 <= int(port) <= 65_535 or (colon and not host):
        raise SettingError(
            f"{text!r} is no OSC address", allowed="a port such as 9000, or HOST:9000"
        )
    return host or LOOPBACK, int(port)
