"""A moving screen without an engine: `python -m tests.app.demo`. It obeys what scenes can show."""

from __future__ import annotations

import os
import sys
import time

from ripieno.clock import Beats, Seconds, TempoMap
from ripieno.commands import Command, KeyPlayed, Panic, Quit
from ripieno.events import Look, Notice, RollNote, Telemetry
from ripieno.library.items import Looks
from ripieno_app.app import RipienoApp
from ripieno_app.wishes import Controls
from textual.message_pump import MessagePump

from tests.app.scenes import SETTINGS, answering
from tests.app.shelves import FakeShelves

PERIOD = 20.0


class DemoClient:
    """Plays the scene round and round at 30 Hz."""

    def __init__(self, seconds: float) -> None:
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        self._tempo = TempoMap(Seconds(time.perf_counter()), Beats(6.0), SETTINGS.bpm)
        self._controls = Controls(SETTINGS, True, "old-hundredth")
        self._ended = False
        self._until = time.perf_counter() + seconds
        self._keys: list[RollNote] = []
        self._notices: list[Notice] = [Notice(1, "Welcome to the demo.", False)]

    def tick(self) -> None:
        """Time for new telemetry."""
        os.write(self._write, b".")

    def send(self, command: Command) -> None:
        now = Seconds(time.perf_counter())
        self._controls = self._controls.after(command)
        if self._controls.settings.bpm != self._tempo.bpm:
            self._tempo = self._tempo.retimed(now, self._controls.settings.bpm)
        beat = self._tempo.beats(now)
        match command:
            case Quit():
                self._ended = True
            case Panic():
                self._notices.append(Notice(len(self._notices) + 1, "Demo panic.", True))
            case KeyPlayed(pitch, _, True):
                self._keys.append(RollNote(0, pitch, beat, Beats(0.5), Look.PLAYER))

    def fileno(self) -> int:
        return self._read

    def latest(self) -> Telemetry | None:
        try:
            os.read(self._read, 1 << 12)
        except BlockingIOError:
            return None
        now = Seconds(time.perf_counter())
        self._ended = self._ended or now > self._until
        beat = self._tempo.beats(now)
        begin = 16.0 + PERIOD * ((beat - 6.0) // PERIOD)
        shown = answering(beat, self._controls.settings, begin)
        fields = {name: getattr(shown, name) for name in Telemetry.__dataclass_fields__}
        return Telemetry(
            **{
                **fields,
                "at": now,
                "roll": (*shown.roll, *self._keys),
                "phrase": self._controls.phrase,
                "playing": self._controls.playing,
                "notices": tuple(self._notices[-4:]),
                "ended": self._ended,
            }
        )

    def close(self) -> None:
        os.close(self._write)


def main() -> int:
    """Show the demo for so many seconds (the first argument), then print the CPU it took."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 3600.0
    client = DemoClient(seconds)
    app = RipienoApp(client, FakeShelves(), Looks("first-jam", "First jam"))
    began = time.perf_counter()
    cpu = time.process_time()

    def start() -> None:
        MessagePump.set_interval(app, 1 / 30, client.tick)

    app.call_later(start)
    app.run()
    spent = time.process_time() - cpu
    print(f"{100 * spent / (time.perf_counter() - began):.1f} % of a core")
    return 0


if __name__ == "__main__":
    sys.exit(main())
