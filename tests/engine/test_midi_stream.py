"""Bytes from a wire become whole messages, whatever else is between them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ripieno.midi.stream import MidiStream

ON, OFF, TICK = b"\x90\x3c\x40", b"\x80\x3c\x00", b"\xf8"


def cut(*parts: bytes) -> list[bytes]:
    stream = MidiStream()
    return [message for part in parts for message in stream.feed(part)]


@pytest.mark.parametrize(
    ("parts", "messages"),
    [
        pytest.param([ON + OFF], [ON, OFF], id="two-in-one"),
        pytest.param([b"\x90\x3c", b"\x40"], [ON], id="one-in-two"),
        pytest.param([ON, b"\x3e\x50"], [ON, b"\x90\x3e\x50"], id="running-status"),
        pytest.param([b"\x90\x3c" + OFF], [OFF], id="cut-off"),
        pytest.param([b"\xf0\x01\x02" + ON], [ON], id="sysex-cut-off"),
        pytest.param([b"\xf0\x01\x02\xf7" + ON], [ON], id="sysex"),
        pytest.param([b"\xf0\x01", TICK, b"\x02\xf7", ON], [TICK, ON], id="tick-in-sysex"),
        pytest.param([b"\x90\x3c\xf8\x40"], [TICK, ON], id="tick-in-a-note"),
        pytest.param([b"\x3c\x40" + ON], [ON], id="data-without-status"),
        pytest.param([b"\xf2\x01\x02\x03" + ON], [b"\xf2\x01\x02", ON], id="song-position"),
        pytest.param([b"\xf6"], [b"\xf6"], id="tune-request"),
        pytest.param([b"\xf4\x01" + ON], [ON], id="undefined"),
        pytest.param([b"\xc3\x05\x06"], [b"\xc3\x05", b"\xc3\x06"], id="programs"),
    ],
)
def test_messages_are_cut_out(parts: list[bytes], messages: list[bytes]) -> None:
    assert cut(*parts) == messages


@given(st.lists(st.binary(max_size=12)))
def test_nothing_is_an_error_and_a_note_off_is_never_swallowed(parts: list[bytes]) -> None:
    messages = cut(*parts, OFF)
    assert messages[-1] == OFF
    for message in messages:
        assert message[0] >= 0x80
        assert all(byte < 0x80 for byte in message[1:])
