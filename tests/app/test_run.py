"""The whole screen on a real terminal: it comes back whole whatever happens, without traceback."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = """
import sys
from tests.app.fakes import FakeClient
from tests.app.scenes import answering
from tests.app.shelves import FakeShelves
from ripieno.library.items import Looks
from ripieno_app import app, desk
client = FakeClient()
client.tell(answering())
{trouble}
code = app.run(client, shelves=FakeShelves(), looks=Looks("first-jam", "first-jam"))
print(f"code {{code}} closed {{client.closed}}")
"""
ALTERNATE_ON, ALTERNATE_OFF = b"\x1b[?1049h", b"\x1b[?1049l"
SHOW_CURSOR, MOUSE_OFF = b"\x1b[?25h", b"\x1b[?1000l"


def run_on_terminal(trouble: str = "", keys: bytes = b"", term: str = "xterm-256color") -> bytes:
    """Everything that a terminal of 80 × 24 gets to see; `keys` are typed once the screen is up."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": term, "COLUMNS": "80", "LINES": "24"}
    for name in ("NO_COLOR", "COLORTERM"):
        environment.pop(name, None)
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(trouble=trouble)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=ROOT,
        env=environment,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        seen = b""
        limit = time.monotonic() + 60
        while time.monotonic() < limit:
            if select.select([ours], [], [], 0.1)[0]:
                try:
                    seen += os.read(ours, 1 << 16)
                except OSError:  # the last process has closed its end
                    break
            if keys and b"first-jam" in seen:
                os.write(ours, keys)
                keys = b""
        process.kill()
    os.close(ours)
    return seen


def assert_terminal_is_whole(seen: bytes) -> None:
    assert ALTERNATE_ON in seen
    left = seen.rindex(ALTERNATE_OFF)
    assert left > seen.rindex(ALTERNATE_ON)
    assert seen.rindex(SHOW_CURSOR) > seen.rindex(ALTERNATE_ON)
    assert seen.rindex(MOUSE_OFF) > seen.rindex(ALTERNATE_ON)
    assert b"Traceback" not in seen
    assert b"closed True" in seen[left:]


@pytest.mark.real_part
def test_ctrl_c_twice_leaves_in_order() -> None:
    seen = run_on_terminal(keys=b"\x03\x03")
    assert_terminal_is_whole(seen)
    assert b"code 0" in seen


@pytest.mark.real_part
def test_a_fault_while_telemetry_comes_in_is_one_sentence() -> None:
    trouble = "def fail(self): raise RuntimeError('the ink ran out')\ndesk.Desk.read = fail"
    seen = run_on_terminal(trouble)
    assert_terminal_is_whole(seen)
    assert b"The screen had to close: the ink ran out." in seen
    assert b"code 1" in seen


@pytest.mark.real_part
def test_a_fault_under_a_key_is_one_sentence() -> None:
    trouble = "def fail(self, key): raise KeyError('no such key')\ndesk.Desk.press = fail"
    seen = run_on_terminal(trouble, b"z")
    assert_terminal_is_whole(seen)
    assert b"The screen had to close" in seen
    assert b"code 1" in seen


@pytest.mark.real_part
def test_an_engine_that_is_gone_gives_code_one() -> None:
    seen = run_on_terminal("client.die()", b"q")
    assert_terminal_is_whole(seen)
    assert b"code 1" in seen


@pytest.mark.real_part
@pytest.mark.parametrize("term", ["linux", "xterm-256color"])
def test_voices_keep_colours_of_their_own(term: str) -> None:
    seen = run_on_terminal(keys=b"\x03\x03", term=term)
    assert_terminal_is_whole(seen)
    shades = [re.search(rb"\x1b\[([0-9;]+)m " + voice, seen) for voice in (b"S", b"A", b"T", b"B")]
    assert len({shade.group(1) for shade in shades if shade is not None}) == len(shades)
