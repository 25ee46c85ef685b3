"""The real screen in a terminal: its keys are heard, and its death leaves nothing behind."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import dropwhile
from pathlib import Path

import mido
import pytest
from ripieno.guard import TERMINAL_MESSAGE

from tests.engine.jackd import Dump, JackServer, until
from tests.live import score_reader
from tests.live.command import RIPIENO, environment, log_of
from tests.live.processes import children, family, gone
from tests.live.show import OUT
from tests.live.terminal import Terminal, terminal

pytestmark = pytest.mark.real_part

ESCAPE, SPACE, LEAVE = "\x1b", " ", "\x11"
NORMAL_SCREEN = b"\x1b[?1049l"


@contextmanager
def choir(folder: Path, bundle: Path, jack: JackServer) -> Iterator[tuple[Terminal, Dump]]:
    """A choir on the real screen, a bar or two into its song, and a listener."""
    words = ("play", "--preset", "chorale-solo", "--out", "virtual", "--bpm", "240", "--no-wav")
    command = [*RIPIENO, *words, "--model", str(bundle), "--takes", str(folder / "takes")]
    with terminal(command, environment(folder)) as screen, jack.dump("listener") as dump:
        jack.wait_for(OUT)
        jack.connect(OUT, dump.port)
        frames = screen.frames
        until(lambda: screen.frames > frames + 60, "two seconds of drawing")
        score_reader.music(dump)
        yield screen, dump


def test_its_keys_are_heard(tmp_path: Path, tiny: Path, jackd: JackServer) -> None:
    with choir(tmp_path, tiny, jackd) as (screen, dump):
        members = family(screen.process.pid)
        screen.press(ESCAPE)
        screen.until("Space plays on")  # the engine says so: it has stopped
        screen.press(SPACE)
        frames = screen.frames
        until(lambda: screen.frames > frames + 30, "a second of drawing")
        heard = sum(map(score_reader.is_on, dump.so_far()))
        score_reader.music(dump, heard + 1)
        screen.press(LEAVE)
        assert screen.ends() == 0
        gone(members, "the end of the whole family")
        assert screen.settings == screen.before
    silenced = [n for n, m in enumerate(dump.heard) if score_reader.silences(m)]
    assert silenced, "panic tells all channels to be silent"
    before, after = dump.heard[: silenced[0]], dump.heard[silenced[-1] :]
    assert sum(map(score_reader.is_on, before)) > 8
    assert score_reader.hanging(before) == [], "panic releases before it silences"
    assert list(dropwhile(lambda m: not score_reader.is_on(m), after)), "space plays on"
    assert score_reader.hanging(dump.heard) == []
    (kept,) = (tmp_path / "takes").glob("*.mid")
    assert kept.name.encode() in screen.written
    assert [m for m in mido.MidiFile(kept) if m.type == "note_on"]


def test_its_death_gives_the_terminal_back_and_no_note_hangs(
    tmp_path: Path, tiny: Path, mortal_jackd: JackServer
) -> None:
    with choir(tmp_path, tiny, mortal_jackd) as (screen, dump):
        members = family(screen.process.pid)
        assert len(children(screen.process.pid)) == 2, "realtime and the guard"
        assert screen.settings != screen.before, "a screen takes the terminal"
        screen.process.kill()
        assert screen.ends() == -signal.SIGKILL
        gone(members, "the end of the whole family")
        screen.until(TERMINAL_MESSAGE)
        assert screen.settings == screen.before
    assert NORMAL_SCREEN in screen.written
    assert screen.written.index(NORMAL_SCREEN) < screen.written.index(TERMINAL_MESSAGE.encode())
    assert sum(map(score_reader.is_on, dump.heard)) > 8
    assert score_reader.hanging(dump.heard) == []
    assert "Traceback" not in log_of(tmp_path)
