"""Every set of our processes is killed at once, as long as realtime or the guard is left."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from itertools import combinations
from pathlib import Path

import pytest

from tests.engine.jackd import JackServer
from tests.live import score_reader
from tests.live.command import Running, log_of, playing
from tests.live.processes import children, gone, the_child
from tests.live.show import OUT
from tests.proof.reader import notes_only, ons

pytestmark = pytest.mark.real_part

CHOIR = ("--mode", "solo", "--preset", "daw", "--phrase", "ode-to-joy", "--bpm", "240")
PROCESSES = ("main", "guard", "realtime", "inference")
SETS = [
    victims
    for count in (1, 2, 3)
    for victims in combinations(PROCESSES, count)
    if not {"guard", "realtime"} <= set(victims)
]


def by_name(main: int) -> dict[str, int]:
    """The four processes: realtime is the child of main that has a child of its own."""
    (realtime,) = (pid for pid in children(main) if children(pid))
    (guard,) = (pid for pid in children(main) if pid != realtime)
    inference = the_child(realtime, "the model's process")
    return {"main": main, "guard": guard, "realtime": realtime, "inference": inference}


def kill_at_once(pids: Iterable[int]) -> None:
    """None of them sees another one die."""
    victims = list(pids)
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in victims:
            os.kill(pid, number)


@pytest.mark.parametrize("victims", SETS, ids="+".join)
def test_whoever_is_killed_no_note_hangs(
    victims: tuple[str, ...], tmp_path: Path, tiny: Path, mortal_jackd: JackServer
) -> None:
    choir = (*CHOIR, "--model", str(tiny), "--bars", "0")
    with playing(tmp_path, choir) as running, mortal_jackd.dump("listener") as dump:
        mortal_jackd.wait_for(OUT)
        mortal_jackd.connect(OUT, dump.port)
        running.until("bar 4")
        score_reader.music(dump)
        found = by_name(running.process.pid)
        kill_at_once(found[name] for name in victims)
        if victims == ("inference",):
            goes_on(running)
        running.ends()
        gone(sorted(running.members | set(found.values())), "the end of the whole family")
    heard = notes_only(dump.heard)
    assert len(ons(heard)) > 8, "hardly anything was heard"
    assert score_reader.hanging(heard) == []
    assert "Traceback" not in running.errors() + log_of(tmp_path)
    if "realtime" in victims:
        place = max(n for n, message in enumerate(heard) if score_reader.is_on(message))
        left = score_reader.hanging(heard[: place + 1])
        released = {(score_reader.channel(m), m.data[1]) for m in heard[place + 1 :]}
        assert left, "nothing sounded when it was killed"
        assert released >= set(left), "the guard releases what sounds"


def goes_on(running: Running) -> None:
    """The music goes on with another model, until it is told to end."""
    bars = len([line for line in running.said if line.startswith("bar ")])
    running.until(f"bar {bars + 6}")
    running.process.terminate()
