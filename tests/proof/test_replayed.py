"""A real performance into a real port, and its take played again: the same bytes arrive."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest
from ripieno.cli.regenerate import steps_differ
from ripieno.clock import Beats
from ripieno.midi.midifile import write_score
from ripieno.score import Part, PartNote, Score
from ripieno.takes.facts import Restarted, Sent
from ripieno.takes.report import report
from ripieno.takes.rerun import first_difference
from ripieno.takes.sessions import sessions
from ripieno.takes.take import read

from tests.engine.jackd import Heard, JackServer, until
from tests.live.command import RIPIENO, environment, playing
from tests.live.processes import alive, children, family, the_child

pytestmark = pytest.mark.real_part
OUT = "ripieno:out"
WORDS = ("--preset", "daw", "--mode", "solo", "--phrase", "ode-to-joy", "--bpm", "200")


def music(heard: list[Heard]) -> list[Heard]:
    """What was played, without programs and volumes: a new listener is told those once more."""
    return [each for each in heard if each.data[0] & 0xF0 in (0x80, 0x90, 0xE0)]


def recorded(
    folder: Path, model: Path, jackd: JackServer, bars: int = 4
) -> tuple[Path, list[Heard]]:
    """A performance: its take, and what an independent program heard of it."""
    with (
        jackd.dump("live") as dump,
        playing(folder, (*WORDS, "--model", str(model), "--bars", str(bars))) as running,
    ):
        jackd.wait_for(OUT)
        jackd.connect(OUT, dump.port)
        assert running.ends() == 0, running.errors()
        take = running.take
    return take, music(dump.once)


def test_a_take_played_again_arrives_byte_for_byte(
    tmp_path: Path, tiny: Path, jackd: JackServer
) -> None:
    take, live = recorded(tmp_path, tiny, jackd)
    told = [bytes.fromhex(f.bytes) for f in read(take).facts if isinstance(f, Sent)]
    assert [bytes(each.data) for each in live] == [m for m in told if m[0] & 0xF0 in (0x80, 0x90)]
    assert len(live) > 40
    with jackd.dump("again") as dump:
        words = (*RIPIENO, "replay", str(take), "--to", "virtual", "--wait", "2")
        process = subprocess.Popen(words, env=environment(tmp_path), stdout=subprocess.PIPE)
        jackd.wait_for(OUT)
        jackd.connect(OUT, dump.port)
        assert process.wait(120) == 0
        assert process.stdout
        process.stdout.close()
    again = music(dump.once)
    assert [each.data for each in again] == [each.data for each in live]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_replay_that_is_ended_leaves_no_note(
    number: signal.Signals, tmp_path: Path, tiny: Path, jackd: JackServer
) -> None:
    """Ctrl-C releases what sounds; when the process is killed, its guard does."""
    take, live = recorded(tmp_path, tiny, jackd, bars=2)
    with jackd.dump("ended") as dump:
        words = (*RIPIENO, "replay", str(take), "--to", "virtual", "--wait", "2", "--speed", "0.3")
        process = subprocess.Popen(words, env=environment(tmp_path), stdout=subprocess.PIPE)
        jackd.wait_for(OUT)
        jackd.connect(OUT, dump.port)
        until(lambda: len(music(dump.so_far())) > 12, "it plays")
        members = family(process.pid)
        os.kill(process.pid, number)
        process.wait(60)
        assert process.stdout
        process.stdout.close()
        until(lambda: not any(alive(pid) for pid in members), "the end of the guard")
    sounding: set[tuple[int, int]] = set()
    for message in music(dump.once):
        cell = (message.data[0] & 0x0F, message.data[1])
        (sounding.add if message.data[0] & 0xF0 == 0x90 else sounding.discard)(cell)
    assert not sounding
    assert 0 < len(music(dump.once)) < len(live)


def test_a_performance_whose_model_was_killed_comes_out_the_same_again(
    tmp_path: Path, tiny: Path
) -> None:
    """Two processes of inference; the second is told what was heard of the first."""
    words = (*WORDS, "--model", str(tiny), "--bars", "8", "--out", "none")
    with playing(tmp_path, words) as running:
        running.until("bar 2")
        (realtime,) = (pid for pid in children(running.process.pid) if children(pid))
        os.kill(the_child(realtime, "inference"), signal.SIGKILL)
        assert running.ends() == 0
        recorded = read(running.take)
    assert sum(isinstance(fact, Restarted) for fact in recorded.facts) == 1
    assert len(sessions(recorded)) == 2
    assert first_difference(recorded) is None
    assert steps_differ(recorded, tiny) is None
    found = report(recorded)
    assert not found.violations
    assert not found.hung


def test_a_file_that_you_accompany_comes_out_the_same_again(tmp_path: Path, tiny: Path) -> None:
    """Requests that overtake each other are the rule here: each note plans anew."""
    tune = tmp_path / "tune.mid"
    notes = tuple(
        PartNote(Beats(n * 0.5 + 0.03 * (n % 3)), Beats(0.45), 60 + (n * 5) % 12, 80)
        for n in range(40)
    )
    write_score(Score((Part("tune", 0, None, notes),)), tune)
    words = ("--mode", "accompany", "--model", str(tiny), "--bpm", "200", "--bars", "5")
    with playing(tmp_path, (*words, "--in", str(tune), "--out", "none")) as running:
        assert running.ends() == 0
        recorded = read(running.take)
    assert first_difference(recorded) is None
    assert steps_differ(recorded, tiny) is None
    assert report(recorded).joined is not None
    assert not report(recorded).hung
