"""Signals that repeat without a seam.

Every sound here that lasts is built on a loop that holds a whole number of periods of everything
in it: of the fundamental, of each detuned rank, of each vibrato, even of its noise. So the end
of a loop runs into its beginning exactly, and nothing has to be crossfaded.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

Signal = npt.NDArray[np.float64]
Response = npt.NDArray[np.complex128]
Random = np.random.RandomState  # unlike default_rng, its streams are frozen for good (NEP 19)

TAU = 2.0 * np.pi


def hertz(note: float) -> float:
    """Equal temperament at A4 = 440 Hz; `note` is a MIDI pitch."""
    return float(440.0 * 2.0 ** ((note - 69.0) / 12.0))


def random_for(name: str, note: int) -> Random:
    """A stream of its own for each sample, so that changing one leaves the others as they are."""
    return Random(zlib.crc32(f"{name} {note}".encode()))


def blend(low: float, high: float, note: float, bottom: float = 36.0, top: float = 84.0) -> float:
    """From `low` at the pitch `bottom` to `high` at `top`, geometrically, and level outside."""
    place = min(max((note - bottom) / (top - bottom), 0.0), 1.0)
    return float(low * (high / low) ** place)


@dataclass(frozen=True, slots=True)
class Loop:
    """`cycles` periods of the fundamental in `length` samples at `rate` Hz."""

    note: int
    cycles: int
    length: int
    rate: int

    @classmethod
    def fit(cls, note: int, seconds: float, rate: float) -> Loop:
        """A loop of about `seconds` at about `rate` Hz, in tune to a twentieth of a cent.

        The sample rate takes up what whole periods and whole samples leave over.
        """
        frequency = hertz(note)
        cycles = round(frequency * seconds)
        length = 2 * round(rate * cycles / frequency / 2)
        return cls(note, cycles, length, round(frequency * length / cycles))

    @property
    def frequency(self) -> float:
        """The fundamental, in Hz."""
        return self.rate * self.cycles / self.length

    @property
    def seconds(self) -> float:
        """How long one turn takes."""
        return self.length / self.rate

    @property
    def bins(self) -> Signal:
        """The frequencies, in Hz, of the bins of a real FFT over the loop."""
        return np.asarray(np.arange(self.length // 2 + 1) * (self.rate / self.length), np.float64)

    def whole(self, frequency: float) -> int:
        """The whole number of cycles per turn that comes nearest to `frequency` in Hz."""
        return round(frequency * self.seconds)

    def filtered(self, signal: Signal, response: Response) -> Signal:
        """`signal` (one turn) through `response` (one value per bin), around the loop."""
        spectrum: Response = np.fft.rfft(signal) * response
        return np.fft.irfft(spectrum, self.length)

    def unrolled(self, signal: Signal, before: int) -> Signal:
        """One turn, with the `before` samples that would have led up to it in front."""
        return np.take(signal, np.arange(-before, self.length), mode="wrap")


@dataclass(frozen=True, slots=True)
class Recording:
    """`signal` ends with one turn of `loop`; what comes before is the onset. Any scale.

    `fall` is how fast the player's envelope lets the sound die away, in dB per second; it is not
    in the signal. 0: it lasts.
    """

    loop: Loop
    signal: Signal
    fall: float = 0.0


def wander(loop: Loop, random: Random, low: float, high: float) -> Signal:
    """A smooth random curve around the loop, with RMS 1, made of rates `low` … `high` Hz."""
    first, last = max(1, loop.whole(low)), max(2, loop.whole(high))
    spectrum = np.zeros(loop.length // 2 + 1, np.complex128)
    size = last - first + 1
    spectrum[first : last + 1] = random.randn(size) + 1j * random.randn(size)
    return unit(np.fft.irfft(spectrum, loop.length))


def noise(loop: Loop, random: Random, response: Signal) -> Signal:
    """Noise around the loop with the magnitude `response` (one value per bin), and RMS 1."""
    phases = np.exp(1j * TAU * random.rand(len(response)))
    return unit(np.fft.irfft(response * phases, loop.length))


def unit(signal: Signal) -> Signal:
    """Scaled to RMS 1."""
    return np.asarray(signal / np.sqrt(np.mean(signal**2)))


def saturated(values: Signal, rise: float) -> Signal:
    """0 before 0, then a smooth rise to exactly 1 at `rise`."""
    place = np.clip(values / rise, 0.0, 1.0)
    return np.asarray(place * place * (3.0 - 2.0 * place))


def retuned(loop: Loop, signal: Signal) -> Loop:
    """The loop at the rate that brings the mean pitch of `signal` (one turn) to its note.

    Voices that waver by chance are a few cents off on the whole. The mean is that of the lowest
    three harmonics, each over a semitone either way, weighted by power.
    """
    power = np.abs(np.fft.rfft(signal)) ** 2
    cents = 1200.0 * np.log2(np.maximum(loop.bins, 1e-3) / hertz(loop.note))
    off = []
    for harmonic in (1, 2, 3):
        apart = cents - 1200.0 * np.log2(harmonic)
        near = np.abs(apart) < 100.0
        off.append(np.sum(apart[near] * power[near]) / np.sum(power[near]))
    return replace(loop, rate=round(loop.rate * 2.0 ** (-float(np.mean(off)) / 1200.0)))


def bumps(frequencies: Signal, peaks: tuple[tuple[float, float, float], ...]) -> Signal:
    """A response in dB: a bell on the octave axis for each (centre Hz, gain dB, octaves wide)."""
    octaves = np.log2(np.maximum(frequencies, 1.0))
    total = np.zeros(len(frequencies))
    for at, gain, wide in peaks:
        total += gain * np.exp(-(((octaves - np.log2(at)) / wide) ** 2))
    return total


def rolled_off(loop: Loop) -> Signal:
    """A low-pass for every loop: players interpolate, and images live next to the top octave."""
    return 1.0 - saturated(loop.bins / loop.rate - 0.36, 0.10)


def decibels(values: Signal) -> Signal:
    """A response in dB as a factor."""
    return np.asarray(10.0 ** (values / 20.0))
