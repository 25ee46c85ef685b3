"""OSC packets to messages and back. The only file that imports python-osc."""

from __future__ import annotations

from dataclasses import dataclass

from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.osc_packet import OscPacket, ParseError

Argument = float | int | str | bool


@dataclass(frozen=True, slots=True)
class Message:
    """An OSC message: its address and what it carries."""

    address: str
    arguments: tuple[Argument, ...] = ()


def unpack(packet: bytes) -> tuple[Message, ...]:
    """The messages of a packet, bundles too, in order; () for what is no OSC at all."""
    try:
        timed = OscPacket(packet).messages
        return tuple(_message(each.message.address, each.message.params) for each in timed)
    except (ParseError, ValueError, IndexError, UnicodeDecodeError):
        return ()


def pack(message: Message) -> bytes:
    """The packet of one message."""
    builder = OscMessageBuilder(message.address)
    for argument in message.arguments:
        builder.add_arg(argument)
    return bytes(builder.build().dgram)


def _message(address: str, parameters: list[object]) -> Message:
    plain = tuple(each for each in parameters if isinstance(each, (bool, int, float, str)))
    return Message(address, plain)
