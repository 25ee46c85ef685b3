"""A bell that another thread rings, for a loop that waits for files."""

from __future__ import annotations

import os


class Bell:
    """Readable once it was rung. Neither side ever waits for the other."""

    def __init__(self) -> None:
        self._out, self._in = os.pipe()
        for end in (self._out, self._in):
            os.set_blocking(end, False)

    def fileno(self) -> int:
        return self._out

    def ring(self) -> None:
        """From any thread."""
        try:
            os.write(self._in, b"!")
        except BlockingIOError:
            return  # it is ringing already

    def hush(self) -> None:
        """It has been heard."""
        os.read(self._out, 4096)

    def close(self) -> None:
        os.close(self._out)
        os.close(self._in)
