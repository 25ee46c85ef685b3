"""LV2 instruments: each runs in jalv, a program of its own, and is played over JACK.

jalv is a host of one plug-in (https://gitlab.com/lv2/jalv). It ends when what it reads from ends,
so it never outlives us. A plug-in that crashes takes jalv with it and nothing else, and is started
again.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import time

from ripieno.clock import Seconds
from ripieno.errors import PortError, SoundError
from ripieno.midi.jack import Patchbay
from ripieno.outputs.port import PortOutput

PATIENCE = 10.0
"""Seconds that an instrument gets to come to JACK."""
LEAVING = 1.0
DEATHS = 3
"""An instrument that ends more often is not started again."""
_LOOK = 0.05
_SPEAKERS = ("system:playback_1", "system:playback_2")
INSTALL = "Install it (on Debian: apt install jalv), and start a JACK server."


class Lv2Output(PortOutput):
    """The LV2 instrument `uri`, played on all channels that it is sent; heard on JACK's first two
    playback ports. It keeps the sound that it begins with: programs and banks are not sent."""

    def __init__(self, uri: str, client: str) -> None:
        """Start it, and open its MIDI port. Raises SoundError or PortError."""
        if shutil.which("jalv") is None:
            raise SoundError("jalv, which plays LV2 instruments, is not installed", nearest=INSTALL)
        self._uri = uri
        self._instrument = f"{client}-{_short(uri)}"
        self._deaths, self._wired = 0, False
        self._patchbay = Patchbay(f"{client}-wires")
        self._process = self._start()
        try:
            super().__init__(client, self._awaited(), virtual=False)
        except (SoundError, PortError):
            self._end()
            raise
        self.name = f"LV2 {_short(uri)}"
        self._wire()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            ["jalv", "-n", self._instrument, "-x", self._uri],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def _awaited(self) -> str:
        """The full name of its MIDI port, once it is there. Raises SoundError."""
        latest = time.monotonic() + PATIENCE
        while time.monotonic() < latest:
            for port in self._patchbay.playable():
                if port.startswith(f"{self._instrument}:"):
                    return port
            if self._process.poll() is not None:
                raise SoundError(
                    f"jalv cannot play the LV2 plug-in {self._uri!r}",
                    allowed="an instrument that `lv2ls` lists",
                )
            time.sleep(_LOOK)
        raise SoundError(f"the LV2 plug-in {self._uri!r} hears no MIDI", allowed="an instrument")

    def _wire(self) -> None:
        """Let it be heard. One that sounds in mono is heard on both sides."""
        sounds = self._patchbay.sounds(self._instrument)
        pairs = zip(sounds * 2 if len(sounds) == 1 else sounds, _SPEAKERS, strict=False)
        self._wired = all([self._patchbay.connect(*pair) for pair in pairs]) and bool(sounds)

    def program(self, channel: int, program: int, at: Seconds | None = None) -> None:
        return

    def check(self) -> bool:
        """Once a second: start it again where it has ended. Its port comes back by itself."""
        ended = self._process.poll() is not None
        back = super().check()
        if not ended:
            if not self._wired:
                self._wire()
            return back
        # One that came before its forerunner's port had gone would pass for the same port, which
        # somebody had disconnected: it would never be played.
        given_up = self._deaths >= DEATHS
        if self._connection.lost and not given_up:
            self._deaths += 1
            self._wired = False
            self._process = self._start()
        again = "It stays silent now" if given_up else "It is started again"
        self._problem = f"The LV2 instrument {_short(self._uri)} has ended. {again}"
        return back

    def _end(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(LEAVING)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._patchbay.close()

    def close(self) -> None:
        super().close()
        self._end()


def _short(uri: str) -> str:
    """The last word of a URI, as a name for other programs."""
    return re.sub(r"\W+", "-", uri.rstrip("/#").rpartition("/")[2].rpartition("#")[2])[:24] or "lv2"
