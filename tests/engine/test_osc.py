"""OSC over a loopback socket, with a client of its own that packs its bytes by hand."""

from __future__ import annotations

import select
import socket
import struct
from collections.abc import Iterator
from dataclasses import replace

import pytest
from ripieno.commands import Action, Choose, Mute, Recall, Turn
from ripieno.errors import PortError, SettingError
from ripieno.osc.address import LOOPBACK, OscSpec, address_from
from ripieno.osc.names import Asked
from ripieno.osc.station import OscStation
from ripieno.settings import Settings

from tests.app.scenes import answering

SCENES = (Recall("quiet", Settings(velocity=20)), Recall("loud", Settings(velocity=120)))


def text(value: str) -> bytes:
    """An OSC string: ends in a zero, filled up to a multiple of four bytes."""
    data = value.encode() + b"\0"
    return data + b"\0" * (-len(data) % 4)


def packet(address: str, *arguments: float | int | str) -> bytes:
    """An OSC message, as the 1.0 specification has it."""
    kinds = {int: "i", float: "f", str: "s"}
    tags = "," + "".join(kinds[type(each)] for each in arguments)
    body = b"".join(
        text(each) if isinstance(each, str) else struct.pack(f">{kinds[type(each)]}", each)
        for each in arguments
    )
    return text(address) + text(tags) + body


def bundle(*packets: bytes) -> bytes:
    """Several messages at once."""
    head = text("#bundle") + struct.pack(">Q", 1)
    return head + b"".join(struct.pack(">i", len(each)) + each for each in packets)


def unpacked(data: bytes) -> tuple[str, list[float | int | str]]:
    """The address and the arguments of a message."""

    def string(at: int) -> tuple[str, int]:
        end = data.index(b"\0", at)
        return data[at:end].decode(), end + 4 - end % 4

    address, at = string(0)
    tags, at = string(at)
    found: list[float | int | str] = []
    for tag in tags[1:]:
        if tag == "s":
            value, at = string(at)
            found.append(value)
        else:
            found += struct.unpack(f">{tag}", data[at : at + 4])
            at += 4
    return address, found


@pytest.fixture
def client() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.bind((LOOPBACK, 0))
        opened.settimeout(10)
        yield opened


@pytest.fixture
def station(client: socket.socket) -> Iterator[OscStation]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((LOOPBACK, 0))
        port = probe.getsockname()[1]
    opened = OscStation(OscSpec((LOOPBACK, port), (client.getsockname(),)), SCENES)
    client.connect((LOOPBACK, port))
    yield opened
    opened.close()


def heard(station: OscStation) -> list[Asked]:
    assert select.select([station], [], [], 10)[0]
    return list(station.receive(Settings()))


def test_the_same_names_as_on_the_screen(station: OscStation, client: socket.socket) -> None:
    asked = {
        packet("/ripieno/temperature", 1.25): [Turn("temperature", 1.25)],
        packet("/ripieno/tempo", 96): [Turn("tempo", 96.0)],
        packet("/ripieno/mode", "solo"): [Choose("mode", "solo")],
        packet("/ripieno/metronome", 1): [Choose("metronome", "on")],
        packet("/ripieno/mute/bass", 1): [Mute(3, True)],
        packet("/ripieno/mute_bass", 0): [],
        packet("/ripieno/answer"): [Action.ANSWER],
        packet("/ripieno/panic", 1.0): [Action.PANIC],
        packet("/ripieno/panic", 0.0): [],
        packet("/ripieno/scene", "loud"): [SCENES[1]],
        packet("/ripieno/scene", 1): [SCENES[0]],
        packet("/somebody/else", 1): [],
        bundle(packet("/ripieno/loop"), packet("/ripieno/space", 0.5)): [
            Action.LOOP,
            Turn("space", 0.5),
        ],
    }
    for data, commands in asked.items():
        client.send(data)
        assert heard(station) == commands, data


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (packet("/ripieno/temprature", 1.0), "Did you mean 'temperature'"),
        (packet("/ripieno/temperature", 9.0), "0.1…2"),
        (packet("/ripieno/temperature", "hot"), "allowed: a number"),
        (packet("/ripieno/temperature"), "needs one value"),
        (packet("/ripieno/mode", "sole"), "'solo'"),
        (packet("/ripieno/mode", 3), "allowed: solo"),
        (packet("/ripieno/scene", "lout"), "Did you mean 'loud'"),
        (packet("/ripieno/scene", 7), "1…2"),
    ],
)
def test_what_cannot_be_is_told_to_who_asked(
    data: bytes, sentence: str, station: OscStation, client: socket.socket
) -> None:
    client.send(data)
    assert heard(station) == []
    address, (told,) = unpacked(client.recv(4096))
    assert address == "/ripieno/error"
    assert isinstance(told, str)
    assert sentence in told


@pytest.mark.parametrize("data", [b"", b"\0" * 7, b"/ripieno", b"#bundle\0", b"\xff" * 900])
def test_nonsense_is_silence(data: bytes, station: OscStation, client: socket.socket) -> None:
    client.send(data)
    client.send(packet("/ripieno/answer"))
    found: list[Asked] = []
    while not found:
        found = heard(station)
    assert found == [Action.ANSWER]


def test_what_changes_is_told_once(station: OscStation, client: socket.socket) -> None:
    now = answering()
    station.tell(now)
    told = dict(unpacked(client.recv(4096)) for _ in range(60))
    assert told["/ripieno/temperature"] == [pytest.approx(0.95)]
    assert told["/ripieno/tempo"] == [84.0]
    drain(client)
    station.tell(now)
    louder = replace(now, settings=replace(now.settings, velocity=99))
    station.tell(louder)
    assert unpacked(client.recv(4096)) == ("/ripieno/velocity", [99.0])


def drain(client: socket.socket) -> None:
    client.setblocking(False)
    try:
        while True:
            client.recv(4096)
    except BlockingIOError:
        client.settimeout(10)


def test_a_port_that_is_taken_is_told(client: socket.socket) -> None:
    with pytest.raises(PortError, match="cannot be heard at 127"):
        OscStation(OscSpec(client.getsockname()))


def test_without_a_host_it_is_this_machine_alone() -> None:
    assert address_from("9000") == (LOOPBACK, 9000)
    assert address_from("192.168.1.5:9000") == ("192.168.1.5", 9000)
    for wrong in ("", "osc", ":9000", "host:", "host:99999", "0"):
        with pytest.raises(SettingError, match="no OSC address"):
            address_from(wrong)
