"""Keeps what was learned in `controls.toml`, without the music waiting for it."""

from __future__ import annotations

from collections import deque
from threading import Lock, Thread

from ripieno.errors import SettingError
from ripieno.midi import controls_file
from ripieno.midi.controls import Bindings


class Keeper:
    """Writes in a thread of its own, which ends when there is nothing left to write."""

    def __init__(self) -> None:
        self._latest: dict[str, Bindings] = {}
        self._lock = Lock()
        self._thread: Thread | None = None
        self._problems: deque[str] = deque()

    def keep(self, port: str, bindings: Bindings) -> None:
        """Let `bindings` be what was learned on the controller `port`; returns at once."""
        with self._lock:
            self._latest[port] = bindings
            if self._thread is None:
                self._thread = Thread(target=self._write, name="controls")
                self._thread.start()

    def problems(self) -> list[str]:
        """What went wrong since the last call, in sentences."""
        return [self._problems.popleft() for _ in range(len(self._problems))]

    def wait(self) -> None:
        """Until all is written."""
        if (thread := self._thread) is not None:
            thread.join()

    def _write(self) -> None:
        while True:
            with self._lock:
                if not self._latest:
                    self._thread = None
                    return
                port, bindings = self._latest.popitem()
            try:
                controls_file.save(port, bindings)
            except SettingError as error:
                self._problems.append(str(error))
