"""The voices that are struck or plucked and then die away: harpsichord, piano, electric piano.

All are sums of decaying partials, the exact solution of a string that is plucked or struck at one
point (Fletcher and Rossing, "The Physics of Musical Instruments", chapters 2, 11 and 12). How fast
a partial dies grows with its frequency (Chaigne and Askenfelt, 1994).

The signal leaves out the slowest decay, which the player's envelope adds. What remains is that
upper partials die sooner, and that is let freeze before the loop begins: the loop is seamless.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from periodic import (
    TAU,
    Loop,
    Random,
    Recording,
    Signal,
    blend,
    hertz,
    random_for,
    saturated,
)


@dataclass(frozen=True, slots=True)
class Partial:
    """One decaying sine: its frequency in Hz, amplitude, and fall in dB per second.

    `offset`, in Hz, is apart from the frequency so that rounding to whole cycles keeps two strings
    together which are hardly out of tune: a beat must not be faster than it would really be.
    """

    frequency: float
    amplitude: float
    fall: float
    phase: float = 0.0  # turns, when struck
    offset: float = 0.0
    delay: float = 0.0  # seconds after the key


def _sum(loop: Loop, partials: list[Partial], onset: float, rise: float) -> Signal:
    """All partials, `onset` seconds and one turn long, less the slowest decay. `rise` in s."""
    slowest = min(partial.fall for partial in partials)
    before = int(onset * loop.rate)
    turns = np.arange(before + loop.length) / loop.length
    at = turns * loop.seconds
    aged = _slowing_clock(at, 0.35 * onset, onset)
    total = np.zeros(len(at))
    for partial in partials:
        shift = loop.whole(partial.offset)
        cycles = loop.whole(partial.frequency) + shift
        # The golden section spreads the beats of neighbours out, or all would throb as one.
        phase = partial.phase + (0.618 * cycles if shift else 0.0)
        if cycles < 0.40 * loop.length:
            decay = 10.0 ** (-(partial.fall - slowest) * aged / 20.0)
            struck = saturated(at - partial.delay, rise)
            total += partial.amplitude * decay * struck * np.sin(TAU * (cycles * turns + phase))
    return total


def _slowing_clock(at: Signal, full: float, stop: float) -> Signal:
    """Time that runs evenly until `full` and slows down smoothly to a stand at `stop`."""
    rest = np.clip((at - full) / (stop - full), 0.0, 1.0)
    return np.minimum(at, full) + (stop - full) * (rest - rest**3 + rest**4 / 2)


@dataclass(frozen=True, slots=True)
class Wood:
    """What knocks when a key is struck: `count` modes between `low` and `high` Hz.

    The lowest falls by `fall` dB per second, higher ones sooner and softer (by `slope`); all of it
    is gone at `until` seconds. `level` is its peak beside the peak of the strings.
    """

    count: int
    low: float
    high: float
    fall: float
    slope: float
    until: float
    level: float


def _knocked(signal: Signal, rate: int, random: Random, wood: Wood) -> Signal:
    """`signal` with the knock of `wood` at its beginning."""
    at = np.arange(len(signal)) / rate
    knock = np.zeros(len(signal))
    for ratio in (wood.high / wood.low) ** random.rand(wood.count):
        phase, loud = TAU * random.rand(), random.uniform(0.5, 1.0)
        if wood.low * ratio < 0.4 * rate:
            decay = loud * ratio**-wood.slope * 10.0 ** (-wood.fall * ratio**0.4 * at / 20.0)
            knock += decay * np.sin(TAU * wood.low * ratio * at + phase)
    knock *= saturated(at, 0.001) * (1.0 - saturated(at, wood.until))
    level = wood.level * float(np.max(np.abs(signal)) / np.max(np.abs(knock)))
    return signal + level * knock


@dataclass(frozen=True, slots=True)
class Choir:
    """A harpsichord's row of strings: one per key, at `multiple` of its pitch and `cents` off."""

    multiple: float
    cents: float
    pluck: float  # where the quill plucks, as a part of the length
    level: float
    delay: float  # seconds after the first


CHOIRS = (
    Choir(1, 0.0, 0.115, 1.0, 0.0),
    Choir(1, 1.2, 0.17, 0.8, 0.006),
    Choir(2, -1.2, 0.13, 0.3, 0.003),
)


def harpsichord(note: int) -> Recording:
    """Two choirs of 8' and a light 4', plucked near the nut, one a moment after the other."""
    random = random_for("harpsichord", note)
    loop = Loop.fit(note, 0.4, blend(26000, 32000, note, 36, 60))
    slow = 60.0 / blend(9.0, 3.0, note)  # dB per second of the fundamental
    phases = random.rand(90)
    partials: list[Partial] = []
    for choir in CHOIRS:
        pitch = choir.multiple * loop.frequency
        apart = 2 ** (choir.cents / 1200) - 1
        for harmonic in range(1, 90):
            frequency = harmonic * pitch * (1 + 1.5e-5 * (harmonic**2 - 1)) ** 0.5
            shape = abs(np.sin(np.pi * harmonic * choir.pluck)) + 0.03
            board = 1.0 / (1.0 + (110.0 / frequency) ** 2) ** 0.5
            quill = 1.0 / (1.0 + (frequency / 4200.0) ** 2)
            amplitude = choir.level * shape * board * quill / harmonic**0.65
            fall = slow * (1.0 + 0.4 * frequency / 1000.0) * random.uniform(0.85, 1.25)
            start = (phases[harmonic], apart * frequency, choir.delay)
            partials.append(Partial(frequency, amplitude, fall, *start))
    signal = _sum(loop, partials, onset=0.6, rise=0.0012)
    wood = Wood(24, 160.0, 5000.0, 500.0, 0.3, 0.12, 0.10)
    return Recording(loop, _knocked(signal, loop.rate, random, wood), slow)


def piano(note: int) -> Recording:
    """Three strings under a felt hammer, a little stiff, on a soundboard that answers."""
    random = random_for("piano", note)
    loop = Loop.fit(note, 0.6, blend(18000, 28000, note, 36, 78))
    slow = 60.0 / blend(12.0, 3.5, note)
    stiff = blend(6e-5, 9e-4, note, 36, 96)
    corner = blend(520.0, 2600.0, note, 36, 90)  # Hz: the hammer leaves no room for more
    phases = random.rand(60)  # the same for all three: one hammer strikes them
    partials: list[Partial] = []
    # Strings that move together sink fast into the bridge; what is left between them lingers.
    for cents, level, haste in ((0.0, 1.0, 1.6), (0.9, 0.4, 1.0), (-0.7, 0.25, 1.2)):
        for harmonic in range(1, 60):
            frequency = harmonic * loop.frequency * (1 + stiff * (harmonic**2 - 1)) ** 0.5
            shape = abs(np.sin(np.pi * harmonic / 8.2)) + 0.04
            hammer = 1.0 / (1.0 + (frequency / corner) ** 2) ** 1.2
            board = 1.0 / (1.0 + (60.0 / frequency) ** 2) * 10 ** (random.uniform(-2.5, 2.5) / 20)
            fall = slow * haste * (1.0 + 0.45 * frequency / 1000.0) * random.uniform(0.9, 1.2)
            amplitude = level * shape * hammer * board
            offset = frequency * (2 ** (cents / 1200) - 1)
            partials.append(Partial(frequency, amplitude, fall, phases[harmonic], offset))
    signal = _sum(loop, partials, onset=0.7, rise=blend(0.004, 0.0012, note))
    wood = Wood(40, 70.0, 2500.0, 260.0, 0.6, 0.25, 0.12)
    return Recording(loop, _knocked(signal, loop.rate, random, wood), slow)


def electric_piano(note: int) -> Recording:
    """A tine before a pickup: a warm tone, a bark in the middle of it, a short bell on top."""
    random = random_for("electric piano", note)
    loop = Loop.fit(note, 0.2, blend(13000, 24000, note, 36, 84))
    slow = 60.0 / blend(9.0, 3.0, note)
    warm = ((1, 0.0, 1.0), (2, -8.0, 2.2), (3, -15.0, 3.2), (4, -22.0, 4.5), (5, -28.0, 6.0))
    partials = [
        Partial(n * loop.frequency, 10 ** (level / 20), haste * slow) for n, level, haste in warm
    ]
    for ratio, level, fall in ((6.27, -20.0, 90.0), (17.5, -28.0, 160.0)):
        if ratio * hertz(note) < 7000.0:
            partials.append(Partial(ratio * hertz(note), 10 ** (level / 20), fall))
    signal = _sum(loop, partials, onset=0.4, rise=0.002)
    wood = Wood(12, 150.0, 1500.0, 500.0, 0.5, 0.10, 0.04)
    return Recording(loop, _knocked(signal, loop.rate, random, wood), slow)
