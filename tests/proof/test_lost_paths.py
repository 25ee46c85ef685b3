"""Ports and servers go in the middle of a chord; what hangs is released before anything new."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from ripieno.commands import Quit
from ripieno.events import Phase
from ripieno.settings import Mode

from tests.engine.jackd import Heard, JackServer, until
from tests.live import score_reader
from tests.live.player import player
from tests.live.show import IN, OUT, Show, quick, show, stage_of
from tests.proof.reader import MARK, disconnect, mark, notes_only, ons, owed, reconnect
from tests.proof.source import Source, source

pytestmark = pytest.mark.real_part


def sing(running: Show) -> None:
    """Wait until a model's chord sounds."""
    running.until(lambda t: t.beat > 6 and sum(map(bool, t.levels)) >= 3, "a chord")


def test_the_wire_to_the_listener_is_taken_out_and_put_back(
    tmp_path: Path, tiny: Path, mortal_jackd: JackServer
) -> None:
    stage = stage_of(tmp_path, tiny, quick(Mode.SOLO))
    with show(stage) as running, source() as marks, mortal_jackd.dump("listener") as dump:
        mortal_jackd.connect(marks.port, dump.port)
        mortal_jackd.connect(OUT, dump.port)
        running.beats_on(4)
        score_reader.music(dump, 4)
        sing(running)
        disconnect(mortal_jackd, OUT, dump.port)
        marks.play(f"control {MARK} 1")
        running.beats_on(6)
        mortal_jackd.connect(OUT, dump.port)
        running.beats_on(8)
        running.send(Quit())
        running.until_over()
    place = mark(dump.heard, 1)
    assert score_reader.hanging(notes_only(dump.heard[:place])), "nothing sounded when it went"
    assert owed(dump.heard, place) == [], "released before anything new sounds"
    assert len(ons(dump.heard[place:])) > 4, "the music came back"
    assert score_reader.hanging(notes_only(dump.heard)) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_jack_dies_and_is_started_again(
    number: signal.Signals, tmp_path: Path, tiny: Path, mortal_jackd: JackServer
) -> None:
    """Two recordings, before and after: the listener may be an instrument that lives on."""
    stage = stage_of(tmp_path, tiny, quick(Mode.SOLO))
    with show(stage) as running:
        with mortal_jackd.dump("listener") as before:
            mortal_jackd.connect(OUT, before.port)
            running.beats_on(4)
            score_reader.music(before, 4)
            sing(running)
            mortal_jackd.stop(number)
            running.until(lambda t: any("JACK has stopped" in n.text for n in t.notices), "news")
        running.beats_on(6)
        mortal_jackd.start()
        with mortal_jackd.dump("listener") as after:
            until(lambda: OUT in mortal_jackd.ports(), "our port on the new server")
            reconnect(mortal_jackd, OUT, after.port)
            score_reader.music(after)
            running.send(Quit())
            running.until_over()
    place = len(before.heard)
    heard: list[Heard] = [*before.heard, *after.heard]
    assert score_reader.hanging(notes_only(before.heard)), "nothing sounded when JACK died"
    assert owed(heard, place) == []
    assert len(ons(after.heard)) > 4, "the music came back"
    assert score_reader.hanging(notes_only(heard)) == []


def unplugged(server: JackServer, hands: Source) -> None:
    disconnect(server, hands.port, IN)


def killed(server: JackServer, hands: Source) -> None:
    hands.process.kill()
    hands.process.wait(10)


@pytest.mark.parametrize("goes", [unplugged, killed])
def test_an_instrument_goes_with_its_keys_down(
    goes: Callable[[JackServer, Source], None],
    tmp_path: Path,
    tiny: Path,
    mortal_jackd: JackServer,
) -> None:
    stage = stage_of(tmp_path, tiny, quick(Mode.ANSWER))
    with (
        show(stage) as running,
        source() as hands,
        player() as others,
        mortal_jackd.dump("listener") as dump,
    ):
        mortal_jackd.connect(others.port, dump.port)
        mortal_jackd.connect(OUT, dump.port)
        mortal_jackd.connect(hands.port, IN)
        hands.play("on 60 90", "on 64 90", "on 67 90", "wait 0.2")
        running.until(lambda t: t.sounding >= 3, "the chord")
        goes(mortal_jackd, hands)
        running.until(lambda t: t.sounding == 0 or t.phase is Phase.ANSWERING, "its release")
        others.play("wait 0.3", "on 1 1", "off 1")  # a mark
        running.send(Quit())
        running.until_over()
    place = next(n for n, m in enumerate(dump.heard) if m.data[:2] == (0x90, 1))
    mine = [m for m in notes_only(dump.heard[:place]) if score_reader.channel(m) == 4]
    assert len(ons(mine)) == 3
    assert score_reader.hanging(mine) == [], "released when it went, not only at the end"
