"""Audio devices through PortAudio. The only file that imports sounddevice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ripieno.errors import SoundError

PORTAUDIO = "Install it: 'sudo apt install libportaudio2'."


def library() -> Any:
    """sounddevice itself. Raises SoundError."""
    try:
        import sounddevice
    except (ImportError, OSError):  # OSError: the package is there, PortAudio is not
        raise SoundError("PortAudio is not installed", nearest=PORTAUDIO) from None
    return sounddevice


def open_stream(
    rate: int, fill: Callable[[Any, int], None], *, device: str = "", block: int = 0
) -> Any:
    """A stream in stereo, not yet started, that asks `fill` for sound in PortAudio's thread.

    `fill` is given a buffer for 32-bit floats, left and right in turns, and how many frames are
    wanted. `device` is the name of one, '' the default; `block` says how many frames are asked for
    at once, 0 leaves it to the device. Raises SoundError.
    """
    sounddevice = library()

    def callback(out: Any, frames: int, time: Any, status: Any) -> None:
        fill(out, frames)

    try:
        return sounddevice.RawOutputStream(
            samplerate=rate,
            blocksize=block,
            channels=2,
            dtype="float32",
            latency="low",
            device=device or None,
            callback=callback,
        )
    except (sounddevice.PortAudioError, ValueError) as error:
        raise SoundError(
            f"no audio device can be opened ({str(error).partition(' [')[0]})",
            nearest="Connect a sound card, or start PipeWire, PulseAudio or JACK.",
        ) from None
