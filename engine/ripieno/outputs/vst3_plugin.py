"""A VST3 instrument that makes sound on demand, through pedalboard.

The only file that imports pedalboard (https://spotify.github.io/pedalboard). That is under the GPL:
so it is an extra, and imported only in the process that plays a VST3 instrument.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ripieno.errors import SoundError, nearest_name

INSTALL = "Install it: pip install 'ripieno[vst3]'."
Value = float | str | bool
"""A parameter's value as the plug-in shows it: a number in its own unit, a word, or a switch."""
_CONTROLLERS = re.compile(r"MIDI Ch\. \d+ |MIDI CC ")
"""Parameters that stand for MIDI controllers: thousands, which take half a minute to look at."""


def installed() -> bool:
    """Whether pedalboard is there. Does not import it."""
    return find_spec("pedalboard") is not None


def missing() -> SoundError:
    return SoundError("pedalboard, which plays VST3 instruments, is not installed", nearest=INSTALL)


class Vst3Plugin:
    """The instrument in the file `path`, with these parameters. To be made in the main thread."""

    def __init__(self, path: Path, parameters: Iterable[tuple[str, Value]], rate: float) -> None:
        """Load it, which may take a minute. Raises SoundError.

        parameters: names as the plug-in shows them, and values in its own units. rate: frames a
        second.
        """
        self._path, self._rate = path, rate
        self._plugin = self._loaded()
        if not self._plugin.is_instrument:
            raise SoundError("this plug-in is an effect", where=str(path), allowed="an instrument")
        self.name = str(self._plugin.name)
        for name, value in parameters:
            self._set(name, value)
        self.channels = self._channels()

    def _loaded(self) -> Any:
        if not installed():
            raise missing()
        import pedalboard
        from pedalboard import _pedalboard

        ignored = getattr(_pedalboard, "PARAMETER_NAME_REGEXES_TO_IGNORE", None)
        if isinstance(ignored, set):  # else it is only slower
            ignored.add(_CONTROLLERS)
        try:
            return pedalboard.VST3Plugin(str(self._path))
        except Exception as error:  # it has many, and what a plug-in does is anybody's guess
            told = str(error).strip().splitlines() or [type(error).__name__]
            raise SoundError(
                f"it cannot be loaded ({told[0][:200].rstrip('.')})", where=str(self._path)
            ) from error

    def _set(self, name: str, value: Value) -> None:
        parameters = self._plugin.parameters
        shown = {each.name.casefold(): key for key, each in parameters.items()}
        shown |= {key: key for key in parameters}
        key = shown.get(name.strip().casefold())
        if key is None:
            names = [each.name for each in parameters.values()]
            raise SoundError(
                f"{self.name} has no parameter {name!r}",
                allowed=", ".join(names[:40]),
                nearest=nearest_name(name, names),
            )
        try:
            setattr(self._plugin, key, value)
        except (ValueError, TypeError):
            raise SoundError(
                f"{self.name}: {name} cannot be {value!r}", allowed=_allowed(parameters[key])
            ) from None

    def _channels(self) -> int:
        """1 or 2: how many sides it sounds on. What it has to prepare, it does now."""
        for channels in (2, 1):
            try:
                self._sound([], 64, channels)
            except ValueError:
                continue
            return channels
        raise SoundError(f"{self.name} sounds neither in stereo nor in mono")

    def render(self, frames: int, events: Sequence[tuple[int, bytes]]) -> list[bytes]:
        """The next `frames` frames of each side: 32-bit floats, full scale at 1.

        events: MIDI messages, each at its frame 0 … frames - 1, in this order.
        """
        # a quarter of a frame later, so that no rounding puts one on the frame before
        timed = [(data, (frame + 0.25) / self._rate) for frame, data in events]
        return [side.tobytes() for side in self._sound(timed, frames, self.channels)]

    def _sound(self, timed: list[tuple[bytes, float]], frames: int, channels: int) -> Any:
        return self._plugin(
            timed,
            duration=(frames + 0.25) / self._rate,
            sample_rate=self._rate,
            num_channels=channels,
            buffer_size=frames,
            reset=False,
        )


def _allowed(parameter: Any) -> str:
    if parameter.type is float:
        unit = f" {parameter.label}" if parameter.label else ""
        return f"{parameter.min_value:g}…{parameter.max_value:g}{unit}"
    return ", ".join(str(each).lower() for each in parameter.valid_values[:40])
