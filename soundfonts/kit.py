"""A small drum kit, enough to count in and to keep time: blocks, stick, hat, kick, snare.

Damped modes for what rings, filtered noise for what rattles. One-shots, without loops.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from periodic import TAU, Random, Signal, bumps, decibels, random_for, saturated


@dataclass(frozen=True, slots=True)
class Stroke:
    """A one-shot at `rate` Hz, of any scale."""

    rate: int
    signal: Signal


def _times(seconds: float, rate: int) -> Signal:
    return np.arange(int(seconds * rate)) / rate


def _ring(at: Signal, modes: tuple[tuple[float, float, float], ...]) -> Signal:
    """Each mode: its frequency in Hz, amplitude, and time in seconds to fall by 60 dB."""
    total = np.zeros(len(at))
    for frequency, amplitude, fall in modes:
        total += amplitude * 10.0 ** (-3.0 * at / fall) * np.sin(TAU * frequency * at)
    return total


def _rattle(random: Random, at: Signal, peak: float, wide: float, fall: float) -> Signal:
    """Noise around `peak` Hz, `wide` octaves to each side, falling by 60 dB in `fall` seconds."""
    rate = 1.0 / (at[1] - at[0])
    frequencies = np.fft.rfftfreq(len(at), 1.0 / rate)
    shape = decibels(bumps(frequencies, ((peak, 60.0, wide),)) - 60.0)
    turned = np.exp(1j * TAU * random.rand(len(frequencies)))
    rough = np.fft.irfft(shape * turned, len(at))
    return np.asarray(rough / np.max(np.abs(rough)) * 10.0 ** (-3.0 * at / fall))


def _ended(at: Signal) -> Signal:
    """Fades out over the last fifth, so that the end is silent."""
    return 1.0 - saturated(at - 0.8 * at[-1], 0.2 * at[-1])


def _block(name: str, pitch: float) -> Stroke:
    at = _times(0.16, 32000)
    body = _ring(at, ((pitch, 1.0, 0.13), (2.42 * pitch, 0.35, 0.07), (4.1 * pitch, 0.12, 0.04)))
    tap = _rattle(random_for(name, 0), at, 4000.0, 1.5, 0.02)
    return Stroke(32000, (saturated(at, 0.0006) * body + 0.3 * tap) * _ended(at))


def block_high() -> Stroke:
    """A high wood block: the first beat of a count-in."""
    return _block("block high", 1245.0)


def block_low() -> Stroke:
    """A low wood block: the other beats."""
    return _block("block low", 830.0)


def stick() -> Stroke:
    """The stick laid across the rim."""
    at = _times(0.14, 32000)
    body = _ring(at, ((390.0, 0.4, 0.10), (1720.0, 1.0, 0.09), (2650.0, 0.4, 0.05)))
    tap = _rattle(random_for("stick", 0), at, 3200.0, 1.2, 0.03)
    return Stroke(32000, (saturated(at, 0.0008) * body + 0.3 * tap) * _ended(at))


def claves() -> Stroke:
    """Two sticks of hard wood over a hollow hand: a free bar's first three modes."""
    at = _times(0.16, 32000)
    body = _ring(at, ((2090.0, 1.0, 0.12), (5760.0, 0.2, 0.05), (11294.0, 0.06, 0.03)))
    return Stroke(32000, saturated(at, 0.0006) * body * _ended(at))


def _hat(name: str, fall: float, seconds: float) -> Stroke:
    at = _times(seconds, 36000)
    hiss = _rattle(random_for(name, 0), at, 9500.0, 1.0, fall)
    metal = np.zeros(len(at))
    for ratio in (2.0, 3.0, 4.16, 5.43, 6.79, 8.21):  # the six oscillators of a drum machine
        metal += np.sign(np.sin(TAU * 540.0 * ratio * at)) * hiss
    return Stroke(36000, (hiss + 0.25 * metal) * saturated(at, 0.0008) * _ended(at))


def hat_closed() -> Stroke:
    """A closed hi-hat."""
    return _hat("hat closed", 0.10, 0.12)


def hat_open() -> Stroke:
    """An open hi-hat."""
    return _hat("hat open", 0.75, 0.55)


def kick() -> Stroke:
    """A bass drum: a pitch that drops to about 50 Hz, and the beater."""
    at = _times(0.34, 16000)
    turns = 50.0 * at + 110.0 * 0.022 * (1.0 - np.exp(-at / 0.022))
    skin = np.sin(TAU * turns) * 10.0 ** (-3.0 * at / 0.42)
    beater = _rattle(random_for("kick", 0), at, 1800.0, 1.2, 0.02)
    return Stroke(16000, (saturated(at, 0.001) * skin + 0.18 * beater) * _ended(at))


def snare() -> Stroke:
    """A snare drum: two modes of the skin, and the wires."""
    at = _times(0.26, 32000)
    skin = _ring(at, ((186.0, 1.0, 0.16), (331.0, 0.6, 0.12), (512.0, 0.25, 0.08)))
    wires = _rattle(random_for("snare", 0), at, 4200.0, 1.7, 0.24)
    return Stroke(32000, (saturated(at, 0.0008) * skin + 0.9 * wires) * _ended(at))


STROKES: dict[str, Callable[[], Stroke]] = {
    "block high": block_high,
    "block low": block_low,
    "stick": stick,
    "claves": claves,
    "hat closed": hat_closed,
    "hat open": hat_open,
    "kick": kick,
    "snare": snare,
}
# Which stroke a General MIDI percussion key plays, and by how many semitones it is moved.
KEYS: dict[int, tuple[str, int]] = {
    33: ("block low", 0),
    34: ("block high", 0),
    35: ("kick", -2),
    36: ("kick", 0),
    37: ("stick", 0),
    38: ("snare", 0),
    40: ("snare", 2),
    41: ("kick", 5),
    42: ("hat closed", 0),
    43: ("kick", 8),
    44: ("hat closed", -2),
    45: ("kick", 10),
    46: ("hat open", 0),
    47: ("kick", 13),
    48: ("kick", 15),
    49: ("hat open", -5),
    50: ("kick", 18),
    51: ("hat open", 2),
    75: ("claves", 0),
    76: ("block high", 0),
    77: ("block low", 0),
}
