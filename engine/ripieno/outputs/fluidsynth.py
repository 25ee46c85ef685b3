"""FluidSynth: live through its own audio driver, or frame by frame into a file.

The only file that imports pyfluidsynth. Live, the sound is made in FluidSynth's C thread, so that
nothing Python does can make it stutter.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ripieno.clock import Seconds
from ripieno.errors import PortError, SoundError, nearest_name
from ripieno.midi import jack
from ripieno.outputs.soundfont import RATE, check_soundfont, not_a_soundfont

try:
    with contextlib.redirect_stdout(io.StringIO()):  # it prints where CI is set
        import fluidsynth as _fluid
except (ImportError, OSError):  # the package, or the library behind it, is missing
    _fluid = None
else:
    for _level in range(5):  # else it prints over the screen; what matters is told by errors
        _fluid._fl.fluid_set_log_function(_level, None, None)

INSTALL = "Install it: 'sudo apt install libfluidsynth3', or 'brew install fluid-synth'."
LIVE_RATE = 48000
DRIVERS = ("pipewire", "pulseaudio", "alsa", "coreaudio", "jack")
"""Audio drivers, in the order in which they are tried."""
_SETTINGS: dict[str, int | float] = {
    "synth.gain": 0.7,  # five voices of the built-in font, struck hardest, stay below full scale
    "synth.polyphony": 256,
    "synth.midi-channels": 16,
    "synth.reverb.active": 1,
    "synth.reverb.room-size": 0.5,
    "synth.reverb.damp": 0.3,
    "synth.reverb.width": 0.8,
    "synth.reverb.level": 0.4,
    "synth.chorus.active": 0,
    "audio.period-size": 64,
    "audio.periods": 8,  # 11 ms at 48 kHz, where FluidSynth's own choice is twice that
    "audio.jack.autoconnect": 1,
}


def installed() -> bool:
    """Whether pyfluidsynth and libfluidsynth are there."""
    return _fluid is not None


def available_drivers() -> Iterator[str]:
    """The audio drivers whose system answers on this machine, the preferred one first."""
    if sys.platform == "darwin":
        yield "coreaudio"
        return
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}")
    if (runtime / "pipewire-0").exists():
        yield "pipewire"
    if os.environ.get("PULSE_SERVER") or (runtime / "pulse" / "native").exists():
        yield "pulseaudio"
    if any(Path("/dev/snd").glob("pcm*p")):
        yield "alsa"
    if jack.server_running():
        yield "jack"


class _Player:
    """A FluidSynth with one soundfont. Raises SoundError when either cannot be had."""

    def __init__(self, soundfont: Path, rate: int) -> None:
        if _fluid is None:
            raise SoundError("FluidSynth is not installed", nearest=INSTALL)
        check_soundfont(soundfont)
        # pyfluidsynth takes most settings by name, and would else override these two.
        self._synth: Any = _fluid.Synth(
            gain=_SETTINGS["synth.gain"], samplerate=rate, channels=16, **_SETTINGS
        )
        if self._synth.sfload(str(soundfont), 1) < 0:
            self.close()
            raise not_a_soundfont(soundfont)

    # `at` is for outputs that look ahead; what a synthesiser is told sounds now

    def note_on(self, channel: int, pitch: int, velocity: int, at: Seconds | None = None) -> None:
        self._synth.noteon(channel, pitch, velocity)

    def note_off(self, channel: int, pitch: int, at: Seconds | None = None) -> None:
        self._synth.noteoff(channel, pitch)

    def control(self, channel: int, controller: int, value: int, at: Seconds | None = None) -> None:
        self._synth.cc(channel, controller, value)

    def program(self, channel: int, program: int, at: Seconds | None = None) -> None:
        self._synth.program_change(channel, program)

    def bend(self, channel: int, value: int, at: Seconds | None = None) -> None:
        self._synth.pitch_bend(channel, value)

    def close(self) -> None:
        self._synth.delete()


class FluidSynthOutput(_Player):
    """FluidSynth playing live. `driver` names the audio driver; '' takes the first that opens.

    On JACK it connects itself to the speakers. It never opens a MIDI port.
    """

    lead = Seconds(0.0)

    def __init__(self, soundfont: Path, driver: str = "", client: str = "ripieno") -> None:
        """Open an audio device. Raises SoundError."""
        super().__init__(soundfont, LIVE_RATE)
        self._synth.setting("audio.jack.id", f"{client}-synth")
        self.problem = ""
        self._watch = f"{client}-synth-watch"
        self._patchbay: jack.Patchbay | None = None
        self._survivor = False  # of a JACK server that has died
        try:
            self.driver = self._open(driver)
            if self.driver == "jack":
                self._patchbay = jack.Patchbay(self._watch)
        except (SoundError, PortError):
            self.close()
            raise
        self.name = f"FluidSynth ({self.driver}), {soundfont.name}"

    def _open(self, wanted: str) -> str:
        if wanted and wanted not in DRIVERS:
            raise SoundError(
                f"there is no audio driver {wanted!r}",
                allowed=", ".join(DRIVERS),
                nearest=nearest_name(wanted, DRIVERS),
            )
        tried = []
        for driver in available_drivers():
            if wanted in ("", driver):
                tried.append(driver)
                if self._drive(driver):
                    return driver
        raise _no_device(wanted, tried)

    def _drive(self, driver: str) -> bool:
        self._synth.setting("audio.driver", driver)
        # not Synth.start(): it would open a MIDI driver too
        opened = _fluid.new_fluid_audio_driver(self._synth.settings, self._synth.synth)
        if opened:
            self._synth.audio_driver = opened
        return bool(opened)

    def silence(self, at: Seconds | None = None) -> None:
        for channel in range(16):
            self._synth.all_notes_off(channel)
            self._synth.all_sounds_off(channel)

    def clock(self, data: tuple[int, ...], at: Seconds | None = None) -> None:
        return

    def check(self) -> bool:
        """Once a second: notice that JACK has stopped, and sound again when it is back."""
        if self._patchbay and not self._patchbay.alive and not self.problem:
            self.problem = "JACK has stopped, and FluidSynth with it. Start JACK again to hear it."
            self._survivor = True
        elif self.problem and jack.server_running():
            self._go_on()
        return False  # what it was told while nobody heard it, it knows all the same

    def _go_on(self) -> None:
        """Sound on a new server; the old driver is left alone, for to free it would crash."""
        assert self._patchbay
        before = self._patchbay
        try:
            self._patchbay = jack.Patchbay(self._watch)
        except PortError:
            return  # it has gone again
        before.abandon()
        if self._drive("jack"):
            self.problem = ""

    def close(self) -> None:
        if self._survivor or (self._patchbay and not self._patchbay.alive):
            if self._patchbay:
                self._patchbay.abandon()
            jack.abandon(self._synth)
            return  # its driver would free what JACK has freed already, and crash
        super().close()
        if self._patchbay:
            self._patchbay.close()


def _no_device(wanted: str, tried: list[str]) -> SoundError:
    if tried:
        return SoundError(
            f"the audio device cannot be opened (tried {', '.join(tried)})",
            nearest="Close the program that uses it, or choose another output.",
        )
    if wanted:
        return SoundError(f"the audio system {wanted!r} does not answer on this machine")
    return SoundError(
        "this machine has no audio device that can be played to",
        nearest="Connect a sound card, or start PipeWire, PulseAudio or JACK.",
    )


class FluidSynthRenderer(_Player):
    """FluidSynth making sound on demand, in steps of 64 frames at most from the asked ones."""

    def __init__(self, soundfont: Path, rate: int = RATE) -> None:
        super().__init__(soundfont, rate)
        self._write = _fluid._fl.fluid_synth_write_float  # pyfluidsynth has it only as integers

    def render(self, frames: int) -> bytes:
        """See `Renderer.render`."""
        buffer = (ctypes.c_float * (2 * frames))()
        synth = ctypes.c_void_p(self._synth.synth)
        self._write(synth, ctypes.c_int(frames), buffer, 0, 2, buffer, 1, 2)
        return bytes(buffer)
