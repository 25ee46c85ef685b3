"""JACK's patchbay, against a real server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ripieno.errors import PortError
from ripieno.midi import jack
from ripieno.outputs.port import PortOutput

from tests.engine.jackd import JackServer, outlive_a_server, until

pytestmark = pytest.mark.real_part


def test_a_running_server_answers(jackd: JackServer) -> None:
    assert jack.server_running()
    assert jackd.ports()  # and asking has not stopped it


def test_no_server_is_told_in_a_sentence_and_none_is_started(
    no_jack: None, capfd: pytest.CaptureFixture[str]
) -> None:
    assert not jack.server_running()
    with pytest.raises(PortError, match="no JACK server is running") as error:
        jack.Patchbay("ripieno-test")
    assert str(error.value).endswith(".")
    assert not jack.server_running()
    assert capfd.readouterr() == ("", "")


def test_connections_are_made_seen_and_gone_with_the_port(jackd: JackServer) -> None:
    patchbay = jack.Patchbay("ripieno-test")
    out = PortOutput("patched", "out", virtual=True)
    with jackd.dump("listener") as dump:
        until(lambda: patchbay.connections("patched:out") == (), "our port")
        until(lambda: patchbay.connect("patched:out", dump.port), "the connection")
        assert patchbay.connect("patched:out", dump.port)  # a second time changes nothing
        until(lambda: patchbay.connections("patched:out") == (dump.port,), "the connection")
        assert {"patched:out", dump.port} <= patchbay.ports()
    until(lambda: patchbay.connections("patched:out") == (), "the end of the connection")
    assert not patchbay.connect("patched:out", "listener:input")
    out.close()
    until(lambda: patchbay.connections("patched:out") is None, "the end of our port")
    assert patchbay.period == pytest.approx(256 / 48000)
    patchbay.close()


def test_the_servers_end_is_noticed(tmp_path: Path) -> None:
    outlive_a_server(_notice_the_end, tmp_path / "log")


def _notice_the_end(mortal_jackd: JackServer) -> None:
    patchbay = jack.Patchbay("ripieno-test")
    assert patchbay.alive
    mortal_jackd.stop()
    until(lambda: not patchbay.alive, "the news that JACK has stopped")
    assert patchbay.connections("system:midi_capture_1") is None
    assert patchbay.ports() == frozenset()
    patchbay.abandon()
    mortal_jackd.start()


def test_a_port_that_goes_while_names_are_asked_for_is_no_error(jackd: JackServer) -> None:
    """JACK-Client looks up each name that it was given, and a port may have gone in between."""
    client = jack.open_client("lister")
    port = client.midi_outports.register("passing")
    asked: list[str] = []

    def ask() -> list[Any]:
        asked.append(port.name)
        if len(asked) == 1:
            client.get_port_by_name("lister:gone")  # what the library does with each name
        return [port]

    def ask_in_vain() -> list[Any]:
        return [client.get_port_by_name("lister:gone")]

    try:
        assert jack.names(ask) == ("lister:passing",)
        assert len(asked) == 2
        with pytest.raises(jack.Error, match="not available"):
            jack.names(ask_in_vain)
    finally:
        client.close()
