"""Ableton Link: the music takes on a session's tempo and bars, and shares its start."""

from __future__ import annotations

import subprocess
import sys

import pytest
from ripieno.clock import Beats, Seconds, VirtualClock
from ripieno.errors import SettingError
from ripieno.sync.effects import Begin, Halt, Steer, SyncEffect, Warn
from ripieno.sync.link import INTERVAL, LinkFollower, open_session

from tests.fakes import FakeLink


class Playing:
    """A follower of a fake session, in virtual time."""

    def __init__(self, bpm: float = 120.0, beat: float = 17.3, quantum: float = 4.0) -> None:
        self.clock = VirtualClock(Seconds(100.0))
        self.session = FakeLink(self.clock, bpm, beat)
        self.follower = LinkFollower(self.session, Beats(quantum))
        self.effects: list[SyncEffect] = []

    def on(self, seconds: float) -> None:
        """Look at the session as often as is wanted; the music never jumps unless it is told."""
        until = self.clock.now() + seconds
        while self.clock.now() < until:
            self.clock.sleep_until(Seconds(self.clock.now() + INTERVAL))
            before, now = self.follower.tempo, self.clock.now()
            for effect in self.follower.poll(now):
                if isinstance(effect, Steer):
                    assert before
                    assert effect.tempo.beat == pytest.approx(before.straight(now), abs=1e-9)
                self.effects.append(effect)

    def beat(self) -> float:
        assert self.follower.tempo
        return self.follower.tempo.straight(self.clock.now())

    def apart(self) -> float:
        """By how many beats our bars lie beside the session's."""
        quantum = self.session.quantum
        return (self.session.beat - self.beat() + quantum / 2) % quantum - quantum / 2


@pytest.mark.parametrize("quantum", [3.0, 4.0, 6.0])
def test_a_start_falls_on_the_next_shared_bar(quantum: float) -> None:
    played = Playing(quantum=quantum)
    (begun,) = played.follower.start(Beats(0.0), played.clock.now())
    assert isinstance(begun, Begin)
    assert -quantum - 0.5 <= begun.tempo.beat <= -0.5
    assert played.session.playing
    played.on(20)
    assert played.apart() == pytest.approx(0, abs=1e-4)
    assert played.effects == []  # a session that does not change needs no steering


def test_it_goes_on_with_its_own_bar() -> None:
    played = Playing()
    played.follower.start(Beats(9.0), played.clock.now())
    assert 3.5 <= played.beat() <= 7.5
    played.on(3)
    (halted,) = played.follower.stop(played.clock.now())
    assert halted == Halt(played.clock.now())
    assert not played.session.playing and played.follower.tempo is None


def test_a_peer_starts_and_stops() -> None:
    played = Playing()
    played.on(1)
    played.session.playing = True
    played.on(2)
    played.session.playing = False
    played.on(1)
    assert [type(effect) for effect in played.effects] == [Begin, Halt]


@pytest.mark.parametrize("bpm", [60, 126, 240])
def test_a_change_of_tempo_is_followed(bpm: float) -> None:
    played = Playing()
    played.follower.start(Beats(0.0), played.clock.now())
    played.on(4)
    played.session.tempo = bpm
    played.on(4)
    assert played.follower.tempo and played.follower.tempo.bpm == pytest.approx(bpm, rel=0.01)
    assert played.apart() == pytest.approx(0, abs=2e-3)
    assert not any(isinstance(effect, Begin) for effect in played.effects)


def test_joining_another_session_is_a_jump_only_where_it_is_far() -> None:
    played = Playing()
    played.follower.start(Beats(0.0), played.clock.now())
    played.on(4)
    played.session.force_beat(played.session.beat + 0.2)
    played.on(4)
    assert {type(effect) for effect in played.effects} == {Steer}
    played.session.force_beat(played.session.beat - 7)
    played.on(1)
    assert [type(e) for e in played.effects if not isinstance(e, Steer)] == [Begin]


def test_the_player_may_set_the_tempo_of_all() -> None:
    played = Playing()
    played.follower.propose(98)
    assert played.session.tempo == 98
    assert played.follower.state().bpm == 98


def test_a_tempo_beyond_the_bounds_is_told_once() -> None:
    played = Playing(bpm=400)
    played.follower.start(Beats(0.0), played.clock.now())
    played.session.tempo = 410
    played.on(5)
    told = [effect for effect in played.effects if isinstance(effect, Warn)]
    assert len(told) <= 1
    assert played.follower.tempo and played.follower.tempo.bpm == 300


def test_it_is_locked_while_there_are_others() -> None:
    played = Playing()
    assert not played.follower.state().locked
    played.session.num_peers = 2
    state = played.follower.state()
    assert (state.source, state.locked, state.bpm, state.jitter) == ("link", True, 120, 0)


def test_nobody_imports_it_unasked() -> None:
    program = (
        "import ripieno.sync.link, sys; print('aalink' in sys.modules, 'asyncio' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "False"]


def test_without_it_a_sentence_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aalink", None)  # as if it were not installed
    with pytest.raises(SettingError, match=r"pip install ripieno\[link\]"):
        open_session(120)


def test_the_real_library_has_what_is_faked() -> None:
    """Where it is installed. No session is joined: that would send packets to the network."""
    aalink = pytest.importorskip("aalink", reason="the optional extra is not installed")
    wanted = {"beat", "tempo", "playing", "quantum", "num_peers", "enabled"}
    assert wanted | {"start_stop_sync_enabled"} <= set(dir(aalink.Link))
