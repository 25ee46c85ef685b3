"""Two other ways to play in time, each a program of its own, and what keeps a machine busy.

`python -m tests.bench_rivals mido|thread COUNT FILE` plays COUNT notes a twentieth of a second
apart and writes how late each one was, in milliseconds, into FILE. `mido` is MidiFile.play() as its
manual has it; `thread` is a plain thread that sleeps, in the process of a Textual screen that draws
thirty times a second.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import mido
from textual.app import App, ComposeResult
from textual.widgets import Static

from tests.live.player import ROOT

APART = 0.05
"""Seconds between two notes."""
LINES, DRAWN = 12, 1 / 30
_HOG = "while True: sum(range(10_000))"


@contextmanager
def hogs(count: int) -> Iterator[None]:
    """So many programs that only compute, while the block runs."""
    running = [subprocess.Popen([sys.executable, "-c", _HOG]) for _ in range(count)]
    try:
        yield
    finally:
        for hog in running:
            hog.kill()
            hog.wait()


def command(rival: str, count: int, file: Path) -> list[str]:
    return [sys.executable, "-m", "tests.bench_rivals", rival, str(count), str(file)]


def by_mido(count: int) -> list[float]:
    """Lateness in ms of `count` notes from MidiFile.play()."""
    midi = mido.MidiFile(ticks_per_beat=480)
    track = mido.MidiTrack()
    midi.tracks.append(track)
    track.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(60 / APART)))
    for _ in range(count):
        track.append(mido.Message("note_on", note=60, velocity=64, time=480))
    begin, late = time.perf_counter(), list[float]()
    for number, _ in enumerate(midi.play(), start=1):
        late.append(1000 * (time.perf_counter() - begin - number * APART))
    return late


class _Screen(App[None]):
    """Draws all the time, while a thread beside it plays."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self._count, self.late = count, list[float]()

    def compose(self) -> ComposeResult:
        for _ in range(LINES):
            yield Static()

    def on_mount(self) -> None:
        self.set_interval(DRAWN, self._draw)
        threading.Thread(target=self._play, name="player").start()

    def _draw(self) -> None:
        now = time.perf_counter()
        for number, line in enumerate(self.query(Static)):
            line.update("▁▂▃▄▅▆▇█"[int(now * 9 + number) % 8] * 100)

    def _play(self) -> None:
        begin = time.perf_counter()
        for number in range(1, self._count + 1):
            due = begin + number * APART
            time.sleep(max(0.0, due - time.perf_counter()))
            self.late.append(1000 * (time.perf_counter() - due))
        with suppress(RuntimeError):  # it has been closed meanwhile
            self.call_from_thread(self.exit)


def main(rival: str, count: str, file: str) -> None:
    if rival == "mido":
        late = by_mido(int(count))
    else:
        screen = _Screen(int(count))
        screen.run()
        late = screen.late
    Path(file).write_text("\n".join(map(repr, late)))


def read(file: Path) -> tuple[float, ...]:
    return tuple(float(line) for line in file.read_text().split())


__all__ = ["ROOT", "by_mido", "command", "hogs", "read"]

if __name__ == "__main__":
    main(*sys.argv[1:])
