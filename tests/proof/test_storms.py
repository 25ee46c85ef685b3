"""Too much, too broken, too often: our input is flooded, and panic is pressed a thousand times."""

from __future__ import annotations

from pathlib import Path

import pytest
from ripieno.commands import Panic, Play, Quit
from ripieno.events import Phase
from ripieno.settings import Mode

from tests.engine.jackd import JackServer
from tests.live import score_reader
from tests.live.player import phrase
from tests.live.show import IN, OUT, TUNE, Show, quick, show, stage_of
from tests.proof.reader import notes_only, ons
from tests.proof.recorder import recording
from tests.proof.source import HIGHEST, LOWEST, Source, flood, noise, source

pytestmark = pytest.mark.real_part

A_SECOND, SECONDS = 10_000, 2
MOST_LOST = 0.01
"""The share of messages that may be lost with JACK's own cycles, where it has missed any."""


@pytest.mark.parametrize("mode", list(Mode))
def test_ten_thousand_messages_a_second(
    mode: Mode, tmp_path: Path, tiny: Path, mortal_jackd: JackServer
) -> None:
    stage = stage_of(tmp_path, tiny, quick(mode))
    with (
        show(stage) as running,
        source() as hands,
        recording(mortal_jackd, "listener") as dump,
    ):
        mortal_jackd.connect(OUT, dump.port)
        mortal_jackd.connect(hands.port, IN)
        hands.play(f"flood {A_SECOND} {SECONDS} 1")
        running.until(lambda t: calm(t.levels, t.sounding), "an end of the flood", 60)
        plays_on(running, hands, mode)
        running.send(Quit())
        running.until_over()
    assert "Traceback" not in stage.log.read_text(errors="replace")
    heard = notes_only(dump.heard)
    assert score_reader.hanging(heard) == []
    lost = 0
    for pitch in range(LOWEST, HIGHEST + 1):  # a note that is struck again may wait a moment
        mine = [m.data[2] for m in ons(heard) if m.data[:2] == (0x94, pitch)]
        played = [m[2] for m in flood(A_SECOND * SECONDS, 1) if m[:2] == bytes((0x90, pitch))]
        lost += len(played) - in_order(mine, played)
    cycles = mortal_jackd.log.read_text(errors="replace").count("XRun")
    assert lost == 0 or cycles, "every note of yours, in your order"
    assert lost <= MOST_LOST * A_SECOND * SECONDS, "and with a cycle JACK loses what was in it"


def in_order(heard: list[int], played: list[int]) -> int:
    """How many of `played` stand in `heard`, in their order. What follows them is not judged."""
    rest = iter(played)
    return sum(each in rest for each in heard)


def calm(levels: tuple[int, ...], sounding: int) -> bool:
    """Nothing sounds but the machine's own voices: the player's hands are off the keys."""
    return sounding <= sum(map(bool, levels))


def plays_on(running: Show, hands: Source, mode: Mode) -> None:
    """It is still an instrument: it sings on, answers, or joins."""
    if mode is Mode.SOLO:
        running.beats_on(8)
        return
    running.in_phase(Phase.IDLE)
    before = running.seen[-1].steps
    hands.play(*phrase(TUNE, 0.25))
    running.until(lambda t: t.steps >= before + 8, "an answer")
    running.in_phase(Phase.IDLE)


def test_random_bytes_and_half_messages(
    tmp_path: Path, tiny: Path, mortal_jackd: JackServer
) -> None:
    stage = stage_of(tmp_path, tiny, quick(Mode.ANSWER))
    with (
        show(stage) as running,
        source() as hands,
        recording(mortal_jackd, "listener") as dump,
    ):
        mortal_jackd.connect(OUT, dump.port)
        mortal_jackd.connect(hands.port, IN)
        hands.play("on 60 90")
        hands.play("raw 904350", "raw 4300", "raw 9040", "raw 80")  # running status, and halves
        hands.play("raw f07e7f", "raw f0", "raw f7", "raw f00102f7", "raw f07d01", "raw 40")
        hands.play(*(f"noise 500 {seed}" for seed in range(4)))
        hands.play("raw f07e", "off 60")  # cut off, and then a message that must not be lost
        running.in_phase(Phase.ANSWERING)
        plays_on(running, hands, Mode.ANSWER)
        running.send(Quit())
        running.until_over()
    assert "Traceback" not in stage.log.read_text(errors="replace")
    heard = notes_only(dump.heard)
    assert score_reader.hanging(heard) == []
    assert all(len(m.data) == 3 and max(m.data[1:]) < 128 for m in heard), "only whole messages"
    mine = [m.data[1] for m in ons(heard) if score_reader.channel(m) == 4]
    assert mine == [60, 0x43, *TUNE]


def test_the_noise_is_noise() -> None:
    packets = noise(500, 1)
    assert len(packets) == 500
    assert {len(packet) for packet in packets} == set(range(1, 13))
    assert any(packet[0] == 0xF0 for packet in packets)
    assert any(packet[0] < 0x80 for packet in packets)


def test_a_thousand_panics_in_a_row(tmp_path: Path, tiny: Path, mortal_jackd: JackServer) -> None:
    stage = stage_of(tmp_path, tiny, quick(Mode.SOLO))
    with (
        show(stage) as running,
        recording(mortal_jackd, "listener") as dump,
    ):
        mortal_jackd.connect(OUT, dump.port)
        running.until(lambda t: t.beat > 6 and sum(map(bool, t.levels)) >= 3, "a chord")
        running.send(*(Panic() for _ in range(1000)))
        running.in_phase(Phase.STOPPED)
        running.send(Play())
        stopped = running.in_phase(Phase.PLAYING)
        running.until(lambda t: t.beat > stopped.beat + 8 and t.sounding > 0, "more music")
        for _ in range(200):
            running.send(Panic(), Play())
        running.until(lambda t: t.phase is Phase.PLAYING and t.sounding > 0, "music once more")
        running.send(Quit())
        running.until_over()
    assert score_reader.hanging(notes_only(dump.heard)) == []
    assert score_reader.unpaired(notes_only(dump.heard)) == []
    silences = {m.data[:2] for m in dump.heard if m.data[1] in (120, 123)}
    assert silences == {(0xB0 | channel, kind) for channel in range(16) for kind in (120, 123)}
