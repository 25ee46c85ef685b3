"""A program that restarts at once is played again; what a player disconnects stays disconnected."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest
from ripieno.midi.jack_midi import JackMidi
from ripieno.midi.jack_port import JackConnection
from ripieno.midi.rtmidi_ports import Direction
from ripieno.outputs.ends import Ends
from ripieno.outputs.messages import note_on

from tests.engine.jackd import JackServer, until

pytestmark = pytest.mark.real_part

LISTENER = "restarts:keys"


class Listener:
    """A program with one MIDI input, as another one would be."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self._midi = JackMidi(
            Direction.INPUT, "restarts", "keys", Ends(), lambda data, at: self.heard.append(data)
        )

    @property
    def cycles(self) -> int:
        return self._midi.cycles

    def close(self) -> None:
        self._midi.close()


@pytest.fixture
def connection(jackd: JackServer) -> Iterator[tuple[JackConnection, Listener]]:
    """Our port, connected to a listener, after a look that has seen it."""
    listener = Listener()
    port = JackConnection(Direction.OUTPUT, "steady", "", LISTENER)
    assert port.check() == ""
    yield port, listener
    port.close()


def heard_by(listener: Listener, port: JackConnection) -> bool:
    port.send(note_on(0, 60, 90))
    return bool(listener.heard)


def test_one_that_restarts_between_two_looks_is_played_again(
    connection: tuple[JackConnection, Listener],
) -> None:
    port, listener = connection
    until(lambda: heard_by(listener, port), "a note before")
    listener.close()
    again = Listener()  # the same name, before anybody has looked
    until(lambda: port.check() == "" and port.newcomer(), "that it is seen as somebody new")
    until(lambda: heard_by(again, port), "a note after")
    assert not port.lost
    again.close()


def test_one_that_the_player_disconnects_is_left_alone(
    connection: tuple[JackConnection, Listener],
) -> None:
    port, listener = connection
    words = ["jack_disconnect", "steady:out", LISTENER]
    subprocess.run(words, check=True, capture_output=True)
    for _ in range(4):
        assert port.check() == ""
    assert not port.newcomer() and not port.lost
    listener.heard.clear()
    port.send(note_on(0, 60, 90))
    before = listener.cycles
    until(lambda: listener.cycles > before + 8, "a few cycles")
    assert not listener.heard
    listener.close()
