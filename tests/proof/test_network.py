"""Two Ripienos on two machines: qmidinet carries notes and clock over a network with delay and
loss. One plays a line and gives the clock; the other follows it and accompanies the line."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from ripieno.clock import Beats
from ripieno.commands import Locate, Play, Stop
from ripieno.events import Note, Telemetry
from ripieno.settings import ClockSource, Mode, OnLoss, Settings, Sync
from ripieno.takes.facts import Asked
from ripieno.takes.rerun import first_difference
from ripieno.takes.take import read

from tests.engine.jackd import Dump, JackServer
from tests.live import score_reader
from tests.live.show import IN, OUT, Show, quick, stage_of, virtual_ports
from tests.proof.network import Networks, Wire
from tests.proof.reader import notes_only

pytestmark = pytest.mark.real_part
BPM = 120.0
FOLLOWER = "ripieno-b"
"""Its own name: two JACK servers of one machine know their clients by the same sockets."""
MOST = 0.8
"""The share of notes that arrive where the network loses none, at least: on a busy machine JACK
itself may lose a cycle."""


class Watched(Show):
    """A show of which it can be asked whether something is seen soon."""

    def soon(self, true: Callable[[Telemetry], bool]) -> bool:
        for _ in range(100):
            telemetry = self._read()
            if telemetry is not None and true(telemetry):
                return True
        return False


@dataclass
class Pair:
    """The one that leads, the one that follows, and what came out of each, and of the network on
    the other side."""

    leader: Watched
    follower: Watched
    led: Dump
    led_arrived: Dump
    followed: Dump
    followed_arrived: Dump
    wire: Wire

    def start(self) -> None:
        """From the beginning; press play until the other one hears it, for a start may be lost."""
        for _ in range(5):
            self.leader.send(Locate(Beats(0.0)), Play())  # a start, and no song position
            self.leader.until(lambda t: t.playing and t.beat > 3, "the leader's first bar")
            if self.follower.soon(lambda t: t.playing):
                return
            self.leader.send(Stop())
            self.leader.until(lambda t: not t.playing, "the leader's stop")
        pytest.fail("the follower never heard the start")


@pytest.fixture
def networks() -> Iterator[Networks]:
    made = Networks()
    yield made
    made.close()


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[tuple[JackServer, JackServer]]:
    one, other = (
        JackServer(f"ripieno-net-{name}-{os.getpid()}", tmp_path / f"jackd-{name}.log")
        for name in "ab"
    )
    one.start()
    other.start()
    yield one, other
    one.stop()
    other.stop()


def performer(
    folder: Path, bundle: Path, server: JackServer, settings: Settings, client: str = "ripieno"
) -> Watched:
    """A Ripieno of its own on that machine. What comes in goes out through nobody: no echo."""
    folder.mkdir()
    os.environ.update(server.environment)
    routing = replace(virtual_ports(), thru=False, client=client)
    return Watched(stage_of(folder, bundle, settings, routing=routing))


@contextmanager
def pair(
    networks: Networks,
    servers: tuple[JackServer, JackServer],
    bundle: Path,
    folder: Path,
    **wire: float,
) -> Iterator[Pair]:
    """Both of them with all their wires."""
    one, other = servers
    gives = Sync(send=True)
    takes = Sync(source=ClockSource.MIDI, on_loss=OnLoss.STOP)
    leads = quick(Mode.SOLO, BPM, sync=gives, muted=frozenset({1, 2, 3}))
    follows = quick(Mode.ACCOMPANY, 100.0, sync=takes)
    with ExitStack() as stack:
        carried = stack.enter_context(networks.wire(**wire))
        ours = stack.enter_context(networks.qmidinet(0, one, folder / "qmidinet-a.log"))
        theirs = stack.enter_context(networks.qmidinet(1, other, folder / "qmidinet-b.log"))
        # before the performers, so that these go first: a clock that ticks lets no recording end
        dumps = [
            stack.enter_context(server.dump(f"dump-{number}"))
            for number, server in enumerate((one, other, other, one))
        ]
        leader = performer(folder / "a", bundle, one, leads)
        stack.callback(leader.client.close)
        follower = performer(folder / "b", bundle, other, follows, FOLLOWER)
        stack.callback(follower.client.close)
        for show in (leader, follower):
            show.until(lambda t: "(" in t.model, "the model")
        leader.send(Stop())
        out, into = ours
        back, there = theirs
        for server, source, end in (
            (one, OUT, dumps[0].port),
            (other, back, dumps[1].port),
            (other, f"{FOLLOWER}:out", dumps[2].port),
            (one, out, dumps[3].port),
            (one, out, IN),
            (other, back, f"{FOLLOWER}-in:in"),
            (other, f"{FOLLOWER}:out", there),
            (one, OUT, into),
        ):
            server.connect(source, end)
        led, led_arrived, followed, followed_arrived = dumps
        yield Pair(leader, follower, led, led_arrived, followed, followed_arrived, carried)


def heard_line(show: Show) -> list[tuple[int, float]]:
    """(pitch, beat) of the soprano's notes as the model was told of them."""
    facts = read(show.stage.take).facts
    notes: dict[Note, None] = {}
    for fact in facts:
        if isinstance(fact, Asked):
            notes |= dict.fromkeys(
                replace(n, duration=None) for n in fact.request.heard if n.voice == 0
            )
    return [(note.pitch, note.onset) for note in notes]


def told(dump: Dump) -> Counter[tuple[int, ...]]:
    """The notes' beginnings and ends, by channel and pitch, each counted. Where several fall into
    one period, because the machine is busy, qmidinet gives them on in an order of its own."""
    return Counter(message.data[:2] for message in notes_only(dump.once))


def arrives(sent: Dump, arrived: Dump) -> None:
    """What arrived is what was sent, and most of it."""
    there, here = told(sent), told(arrived)
    assert not here - there, "nothing comes that was not sent"
    assert sum(there.values()) > 16
    assert sum(here.values()) >= MOST * sum(there.values())


def finish(both: Pair) -> None:
    """Press stop until the other one hears it, for a stop may be lost as well."""
    for _ in range(5):
        both.leader.send(Stop())
        both.leader.until(lambda t: not t.playing and t.sounding == 0, "the leader's silence")
        if both.follower.soon(lambda t: not t.playing and t.sounding == 0):
            return
        both.leader.send(Play())
        both.leader.until(lambda t: t.playing, "the leader goes on")
    pytest.fail("the follower never heard the stop")


def goes_on(both: Pair, beat: float) -> None:
    """Play from there until the other one does, for a song position may be lost. One that comes
    after its continue would leave the follower where it stopped."""
    for _ in range(5):
        both.leader.send(Locate(Beats(beat)), Play())
        both.leader.until(lambda t: t.playing and t.beat > beat + 2, "the leader goes on")
        if both.follower.soon(lambda t: t.playing and beat - 1 < t.beat < beat + 16):
            return
        finish(both)
    pytest.fail(f"the follower never went on at beat {beat:g}")


def test_two_machines_play_together_and_stop_together(
    networks: Networks, servers: tuple[JackServer, JackServer], tiny: Path, tmp_path: Path
) -> None:
    with pair(networks, servers, tiny, tmp_path, delay=15.0, jitter=5.0) as both:
        both.start()
        both.follower.until(lambda t: t.beat > 24 and t.steps > 32, "six bars together")
        state = both.follower.seen[-1].clock
        finish(both)
        goes_on(both, 80.0)
        finish(both)
    assert state is not None and (state.source, state.locked) == ("midi", True)
    assert abs(state.bpm - BPM) < 10, "theirs, and not its own 100"
    for sent, arrived in ((both.led, both.led_arrived), (both.followed, both.followed_arrived)):
        arrives(sent, arrived)
    assert len(heard_line(both.follower)) > 8, "the follower hears the leader all the time"
    for show in (both.leader, both.follower):
        assert first_difference(read(show.stage.take)) is None
    assert sum(way["lost"] for way in both.wire.told.values()) == 0


def test_a_network_that_loses_one_packet_in_twenty_stops_nobody(
    networks: Networks, servers: tuple[JackServer, JackServer], tiny: Path, tmp_path: Path
) -> None:
    with pair(networks, servers, tiny, tmp_path, delay=15.0, jitter=5.0, loss=0.05) as both:
        both.start()
        both.follower.until(lambda t: t.beat > 32 and t.steps > 32, "eight bars together")
        state = both.follower.seen[-1].clock
        finish(both)
    assert state is not None and state.locked
    assert sum(way["lost"] for way in both.wire.told.values()) > 20
    assert score_reader.hanging(notes_only(both.led.heard)) == []
    assert score_reader.hanging(notes_only(both.followed.heard)) == [], "it stops with the clock"
    assert len(heard_line(both.follower)) > 8, "the follower hears the leader all the time"
