"""Whatever ends a performance, no note hangs: an independent recorder keeps the ledger."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ripieno.commands import Choose, Command, Panic, Play, Quit, Stop
from ripieno.events import Phase
from ripieno.settings import Mode

from tests.engine.jackd import Dump, JackServer, until
from tests.live import score_reader
from tests.live.command import log_of, playing
from tests.live.player import phrase, player
from tests.live.processes import alive, children, family, gone
from tests.live.show import IN, OUT, TUNE, Show, quick, show, stage_of

pytestmark = pytest.mark.real_part


@contextmanager
def in_full_sound(folder: Path, bundle: Path, jack: JackServer) -> Iterator[tuple[Show, Dump]]:
    """A choir in the middle of its song, and somebody who writes down what it sings."""
    stage = stage_of(folder, bundle, quick(Mode.SOLO))
    with show(stage) as running, jack.dump("listener") as dump:
        jack.connect(OUT, dump.port)
        running.beats_on(8)  # the guard, too, has seen the connection by now
        score_reader.music(dump)
        sing(running)
        yield running, dump


def sing(running: Show) -> None:
    """Wait until a model's chord sounds."""
    running.until(lambda t: t.beat > 6 and sum(map(bool, t.levels)) >= 3, "a chord")


def assert_silent(dump: Dump) -> None:
    assert sum(map(score_reader.is_on, dump.heard)) > 8, "hardly anything was heard"
    assert score_reader.hanging(dump.heard) == []


@pytest.mark.parametrize(
    ("command", "silent"),
    [
        pytest.param(Stop(), Phase.STOPPED, id="stop"),
        pytest.param(Panic(), Phase.STOPPED, id="panic"),
        pytest.param(Choose("mode", "accompany"), Phase.IDLE, id="another-mode"),
        pytest.param(Choose("mode", "answer"), Phase.IDLE, id="answer-mode"),
    ],
)
def test_after_a_command(
    command: Command, silent: Phase, tmp_path: Path, tiny: Path, jackd: JackServer
) -> None:
    with in_full_sound(tmp_path, tiny, jackd) as (running, dump):
        running.send(command)
        running.in_phase(silent)
        seen = running.until(lambda t: t.sounding == 0, "what is committed ends")
        running.until(lambda t: t.at > seen.at + 0.2, "a moment of silence")
    assert_silent(dump)
    assert score_reader.unpaired(dump.heard) == []


def test_after_a_stop_the_music_goes_on_where_it_stood(
    tmp_path: Path, tiny: Path, jackd: JackServer
) -> None:
    with in_full_sound(tmp_path, tiny, jackd) as (running, dump):
        running.send(Stop())
        stopped = running.in_phase(Phase.STOPPED)
        running.send(Play())
        assert running.in_phase(Phase.PLAYING).beat >= stopped.beat
        running.until(lambda t: t.beat > stopped.beat and t.sounding > 0, "more music")
        running.send(Quit())
        running.until_over()
    assert_silent(dump)


def test_after_the_end_in_order(tmp_path: Path, tiny: Path, jackd: JackServer) -> None:
    with in_full_sound(tmp_path, tiny, jackd) as (running, dump):
        members = family(running.realtime) + family(running.guard)
        running.send(Quit())
        running.until_over()
        gone(members[:-1], "the end of all processes")
    assert_silent(dump)
    assert score_reader.unpaired(dump.heard) == []


def test_realtime_is_told_to_leave(tmp_path: Path, tiny: Path, jackd: JackServer) -> None:
    with in_full_sound(tmp_path, tiny, jackd) as (running, dump):
        members = family(running.realtime)
        os.kill(running.realtime, signal.SIGTERM)
        running.until_over()
        gone(members, "the end of realtime and its model")
    assert running.seen[-1].ended
    assert_silent(dump)


def test_the_model_is_killed_and_the_music_goes_on(
    tmp_path: Path, tiny: Path, jackd: JackServer
) -> None:
    with in_full_sound(tmp_path, tiny, jackd) as (running, dump):
        os.kill(running.inference, signal.SIGKILL)
        died = running.until(
            lambda t: any("model stopped" in n.text for n in t.notices), "a notice"
        )
        back = running.until(lambda t: "restarting" not in t.model, "another model")
        running.until(lambda t: t.steps > back.steps + 16, "steps from the new model", 30)
        assert running.seen[-1].beat > died.beat
        assert running.seen[-1].phase is Phase.PLAYING
        running.send(Quit())
        running.until_over()
    assert_silent(dump)
    assert score_reader.unpaired(dump.heard) == []


def test_the_model_is_killed_while_you_play_and_answers_again(
    tmp_path: Path, tiny: Path, jackd: JackServer
) -> None:
    stage = stage_of(tmp_path, tiny, quick(Mode.ANSWER))
    with show(stage) as running, player() as hands, jackd.dump("listener") as dump:
        jackd.connect(OUT, dump.port)
        jackd.connect(hands.port, IN)
        hands.play(*phrase(TUNE, 0.25))
        running.in_phase(Phase.ANSWERING)
        os.kill(running.inference, signal.SIGKILL)
        running.until(lambda t: any("model stopped" in n.text for n in t.notices), "a notice")
        running.until(lambda t: "restarting" not in t.model, "another model")
        running.in_phase(Phase.IDLE)
        before = running.seen[-1].steps
        hands.play(*phrase(TUNE, 0.25))
        running.in_phase(Phase.ANSWERING)
        assert running.in_phase(Phase.IDLE).steps >= before + 12, "three beats of sixteenths"
    mine = score_reader.of_player(score_reader.notes(dump.heard))
    assert [note.pitch for note in mine] == list(TUNE) * 2
    assert_silent(dump)


def test_realtime_is_killed_and_the_guard_releases(
    tmp_path: Path, tiny: Path, mortal_jackd: JackServer
) -> None:
    with in_full_sound(tmp_path, tiny, mortal_jackd) as (running, dump):
        members = family(running.realtime)
        os.kill(running.realtime, signal.SIGKILL)
        running.until_over()
        gone([running.guard, *members], "the end of the guard and the model")
    assert not running.seen[-1].ended, "it said goodbye, although it was killed"
    assert_silent(dump)
    ons = [n for n, message in enumerate(dump.heard) if score_reader.is_on(message)]
    left = score_reader.hanging(dump.heard[: ons[-1] + 1])
    released = [(score_reader.channel(m), m.data[1]) for m in dump.heard[ons[-1] + 1 :]]
    assert set(released) >= set(left), "the guard releases all that sounds"
    extra = set(released) - set(left)
    assert len(extra) <= 8, "or what was just on its way: four voices ending, four beginning"


def test_the_guard_is_killed_and_realtime_stops_in_order(
    tmp_path: Path, tiny: Path, jackd: JackServer
) -> None:
    with in_full_sound(tmp_path, tiny, jackd) as (running, dump):
        members = family(running.realtime)
        os.kill(running.guard, signal.SIGKILL)
        running.until_over()
        gone(members, "the end of realtime and its model")
    assert running.seen[-1].ended
    assert_silent(dump)


def test_the_listener_goes_suddenly_and_another_one_comes(
    tmp_path: Path, tiny: Path, mortal_jackd: JackServer
) -> None:
    stage = stage_of(tmp_path, tiny, quick(Mode.SOLO))
    with show(stage) as running:
        with mortal_jackd.dump("first") as first:
            mortal_jackd.connect(OUT, first.port)
            score_reader.music(first)
            sing(running)
        with mortal_jackd.dump("second") as second:
            mortal_jackd.connect(OUT, second.port)
            score_reader.music(second)
            running.send(Quit())
            running.until_over()
    assert sum(map(score_reader.is_on, first.heard)) > 4
    assert_silent(second)


def test_jack_stops_and_the_performance_goes_on(
    tmp_path: Path, tiny: Path, mortal_jackd: JackServer
) -> None:
    stage = stage_of(tmp_path, tiny, quick(Mode.SOLO))
    with show(stage) as running:
        sing(running)
        mortal_jackd.stop()
        running.until(lambda t: any("JACK has stopped" in n.text for n in t.notices), "the news")
        running.beats_on(8)
        mortal_jackd.start()
        until(lambda: OUT in mortal_jackd.ports(), "our port on the new server")
        with mortal_jackd.dump("listener") as dump:
            mortal_jackd.connect(OUT, dump.port)
            score_reader.music(dump)
            running.send(Quit())
            running.until_over()
        members = [running.realtime, running.guard]
    gone(members, "the end of all processes")
    assert_silent(dump)
    assert "Traceback" not in stage.log.read_text(errors="replace")


CHOIR = ("--mode", "solo", "--preset", "daw", "--phrase", "ode-to-joy", "--bpm", "240")


@pytest.mark.parametrize(
    ("end", "code"),
    [
        pytest.param(lambda r: r.signal(signal.SIGINT), 130, id="ctrl-c"),
        pytest.param(lambda r: r.process.terminate(), 143, id="terminated"),
        pytest.param(lambda r: r.process.kill(), -9, id="killed"),
    ],
)
def test_the_command_is_ended(
    end: Callable[[object], None], code: int, tmp_path: Path, tiny: Path, mortal_jackd: JackServer
) -> None:
    choir = (*CHOIR, "--model", str(tiny), "--bars", "0")
    with playing(tmp_path, choir) as running, mortal_jackd.dump("listener") as dump:
        mortal_jackd.wait_for(OUT)
        mortal_jackd.connect(OUT, dump.port)
        running.until("bar 4")
        score_reader.music(dump)
        assert len(running.members) >= 4, "main, realtime, inference, guard"
        end(running)
        assert running.ends() == code
        gone(sorted(running.members), "the end of the whole family")
    assert_silent(dump)
    assert "Traceback" not in running.errors() + log_of(tmp_path)
    assert not any(alive(pid) for pid in running.members)


def test_the_command_tells_when_its_engine_is_killed(
    tmp_path: Path, tiny: Path, mortal_jackd: JackServer
) -> None:
    choir = (*CHOIR, "--model", str(tiny), "--bars", "0")
    with playing(tmp_path, choir) as running, mortal_jackd.dump("listener") as dump:
        mortal_jackd.wait_for(OUT)
        mortal_jackd.connect(OUT, dump.port)
        running.until("bar 4")
        score_reader.music(dump)
        (engine,) = (pid for pid in children(running.process.pid) if children(pid))
        os.kill(engine, signal.SIGKILL)
        assert running.ends() == 1
        gone(sorted(running.members), "the end of the whole family")
    assert "stopped by itself; what was played is kept" in running.errors()
    assert Path(running.said[-1]).suffix == ".mid"
    assert_silent(dump)
