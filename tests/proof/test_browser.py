"""The screen in a browser: `textual serve` talks to it as Textual's own web driver has it, here
without a browser. Packets are a letter (D for keys, M for messages), a length, and as many bytes.
"""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.engine.jackd import until
from tests.live.command import RIPIENO, environment, log_of
from tests.live.processes import family, gone

pytestmark = pytest.mark.real_part

DRIVER = "textual.drivers.web_driver:WebDriver"


class Browser:
    """The other end of the web driver: what it drew, as bytes, and what it said."""

    def __init__(self, folder: Path) -> None:
        words = ("play", "--preset", "chorale-solo", "--out", "none", "--no-wav")
        self.process = subprocess.Popen(
            [*RIPIENO, *words, "--takes", str(folder / "takes")],
            env={
                **environment(folder),
                "TEXTUAL_DRIVER": DRIVER,
                "TEXTUAL_COLOR_SYSTEM": "truecolor",
                "COLUMNS": "120",
                "ROWS": "40",
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.drawn = bytearray()
        self.said: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        out = self.process.stdout
        assert out
        out.readline()  # its greeting
        while len(head := out.read(5)) == 5:
            payload = out.read(int.from_bytes(head[1:], "big"))
            if head[:1] == b"D":
                self.drawn += payload
            elif head[:1] == b"M":
                self.said.append(json.loads(payload)["type"])

    def send(self, kind: bytes, payload: bytes) -> None:
        assert self.process.stdin
        self.process.stdin.write(kind + len(payload).to_bytes(4, "big") + payload)
        self.process.stdin.flush()

    def type(self, keys: str) -> None:
        self.send(b"D", keys.encode())

    def tell(self, **message: object) -> None:
        self.send(b"M", json.dumps(message).encode())

    def until(self, words: str) -> None:
        until(lambda: words.encode() in self.drawn, f"{words!r} in the browser", 60)

    def close(self) -> None:
        self.process.kill()
        self.process.wait(30)
        self._reader.join(30)


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    opened = Browser(folder)
    try:
        yield opened
    finally:
        opened.close()


@pytest.mark.parametrize("ending", ["the tab is closed", "the server has gone"])
def test_it_plays_in_a_browser_and_leaves_nothing_behind(
    tmp_path: Path, no_jack: None, ending: str
) -> None:
    with browser(tmp_path) as page:
        page.until("Chorale solo")
        page.tell(type="resize", width=100, height=30)
        page.until("playing")
        page.type("\x1b")
        page.until("Space plays on")
        members = family(page.process.pid)
        if ending == "the tab is closed":
            page.tell(type="quit")
        else:
            assert page.process.stdin
            page.process.stdin.close()
        assert page.process.wait(60) == 0
        gone(members, "the end of the whole family")
    assert "Traceback" not in log_of(tmp_path)
    assert list((tmp_path / "takes").glob("*.mid")), "the take is kept"
