"""LV2 instruments: each runs in jalv, a program of its own, and is played over JACK.

jalv is a host of one plug-in (https://gitlab.com/lv2/jalv). It ends when what it reads from ends,
so it never outlives us. A plug-in that crashes takes jalv with it and nothing else, and is started
again; so is one that hangs, when it is found out.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import time

from ripieno.clock import Seconds
from ripieno.errors import PortError, SoundError
from ripieno.midi.jack_port import JackConnection
from ripieno.midi.jack_watch import JackWatch
from ripieno.outputs.port import PortOutput

PATIENCE = 10.0
"""Seconds that an instrument gets to come to JACK."""
LEAVING = 1.0
DEATHS = 3
"""An instrument that ends more often is not started again."""
SILENT = 3
"""Looks, a second apart, at one that finishes no cycle of JACK, before it is thought to hang …"""
CYCLES = 3
"""… while JACK itself goes on, with at least so many cycles between two looks. A server that waits
for its clients is slow then: half a second for a cycle."""
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
        self._uri, self._client = uri, client
        self._instrument = f"{client}-{_short(uri)}"
        self._deaths, self._wired = 0, False
        self._fault = "has ended"
        self._still, self._finished, self._cycles = 0, 0, 0
        self._survivor = False  # of a server that has died
        self._watch = JackWatch(f"{client}-watch")
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
            for port in self._watch.playable():
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
        sounds = self._watch.sounds(self._instrument)
        pairs = zip(sounds * 2 if len(sounds) == 1 else sounds, _SPEAKERS, strict=False)
        self._wired = all([self._watch.connect(*pair) for pair in pairs]) and bool(sounds)
        if sounds:
            self._watch.listen(sounds[0])

    def program(self, channel: int, program: int, at: Seconds | None = None) -> None:
        return

    def check(self) -> bool:
        """Once a second: start it again where it has ended. Its port comes back by itself."""
        if not self._watch.alive:
            self._process.kill()  # jalv does not notice that its server has gone
        elif self._hangs():
            self._fault = "hangs"
            self._process.kill()
        ended = self._process.poll() is not None
        back = super().check()
        if not ended:
            if not self._wired:
                self._wire()
            return back
        given_up, fault = self._deaths >= DEATHS, self._fault
        if self._connection.lost and not given_up:
            self._start_again()  # not before the old port has gone: its name is taken so long
        if self._watch.alive:
            again = "It is started again; the built-in sound plays so long"
            again = "The built-in sound takes its place" if given_up else again
            self._problem = f"The LV2 instrument {_short(self._uri)} {fault}. {again}"
        return back

    @property
    def ready(self) -> bool:
        """Whether it sounds what it is told."""
        return not self._connection.lost and self._process.poll() is None

    def _hangs(self) -> bool:
        """Whether it has finished no cycle for a while, in which JACK went on."""
        assert isinstance(self._connection, JackConnection)
        before = self._finished, self._cycles
        self._finished, self._cycles = self._watch.cycles, self._connection.cycles
        went_on = self._cycles - before[1] >= CYCLES
        listens = self._wired and self._watch.alive and self._finished > 0
        if not listens or self._finished != before[0]:
            self._still = 0
        elif went_on:
            self._still += 1
        return self._still >= SILENT

    def _start_again(self) -> None:
        """With new wires where the old ones belong to a server that has died."""
        self._wired, self._still, self._fault = False, 0, "has ended"
        if self._watch.alive:
            self._deaths += 1
        else:
            try:
                watch = JackWatch(f"{self._client}-watch")
            except PortError:
                return  # the server has gone this moment
            self._watch.abandon()
            self._watch, self._survivor = watch, True
        self._process = self._start()

    def _end(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(LEAVING)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._survivor or not self._watch.alive:
            self._watch.abandon()
        else:
            self._watch.close()

    def close(self) -> None:
        super().close()
        self._end()


def _short(uri: str) -> str:
    """The last word of a URI, as a name for other programs."""
    return re.sub(r"\W+", "-", uri.rstrip("/#").rpartition("/")[2].rpartition("#")[2])[:24] or "lv2"
