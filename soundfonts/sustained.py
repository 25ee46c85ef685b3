"""The voices that sound as long as a key is held: organ, strings, choir.

Organ: additive, after the spectra and onsets of flue pipes in Fletcher and Rossing, "The Physics
of Musical Instruments", chapter 17. Strings: bowed saw-tooth waves through the resonances of a
body (the same, chapter 10). Choir: the source-filter model of the voice (Fant, "Acoustic Theory
of Speech Production", 1960), on the vowel "aah" as Peterson and Barney (1952) measured it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from periodic import (
    TAU,
    Loop,
    Random,
    Recording,
    Response,
    Signal,
    blend,
    bumps,
    decibels,
    hertz,
    noise,
    random_for,
    retuned,
    rolled_off,
    saturated,
    unit,
    wander,
)


@dataclass(frozen=True, slots=True)
class Rank:
    """One pipe per key, at `multiple` of its frequency and `cents` off."""

    multiple: float
    level: float  # dB
    cents: float
    slope: float  # dB that each harmonic is weaker than the one below


PRINCIPAL_CHORUS = (
    Rank(1, 0.0, 0.0, 4.5),
    Rank(1, -6.0, 0.0, 11.0),  # a flute under the principal, for body
    Rank(2, -4.0, -0.9, 5.0),
    Rank(3, -12.0, 0.6, 6.0),
    Rank(4, -9.0, 1.1, 6.0),
    Rank(6, -17.0, -1.0, 7.0),
    Rank(8, -18.0, 0.8, 7.0),
)
HIGHEST_PIPE = 3500.0  # Hz: above it a rank breaks back an octave, as mixtures do


def organ(note: int) -> Recording:
    """A principal chorus, 8' 4' 2 2/3' 2' and a mixture, with chiff and wind."""
    random = random_for("organ", note)
    loop = Loop.fit(note, blend(1.1, 0.8, note), blend(20000, 32000, note, 36, 66))
    before = int(0.2 * loop.rate)
    total = np.zeros(before + loop.length)
    for rank in PRINCIPAL_CHORUS:
        total += _pipe(loop, random, rank, before)
    mouth = bumps(loop.bins, ((hertz(note), 10.0, 0.7), (3 * hertz(note), 8.0, 0.7)))
    slope = -5.0 * np.log2(1.0 + loop.bins / 1200.0)
    wind = noise(loop, random, decibels(mouth + slope) * rolled_off(loop))
    at = np.arange(-before, loop.length) / loop.rate + before / loop.rate
    gust = 1.0 + 5.0 * _burst(at, 0.03, before / loop.rate)
    level = np.sqrt(np.mean(total[before:] ** 2))
    return Recording(loop, total + 0.006 * level * gust * loop.unrolled(wind, before))


def _pipe(loop: Loop, random: Random, rank: Rank, before: int) -> Signal:
    """One rank's pipe. Its overtones speak before its fundamental settles: the chiff."""
    multiple = rank.multiple
    while multiple * loop.frequency > HIGHEST_PIPE and multiple > 1:
        multiple /= 2
    pitch = multiple * loop.frequency
    cycles = loop.whole(pitch * 2 ** (rank.cents / 1200))
    turns = np.arange(-before, loop.length) / loop.length
    at = turns * loop.seconds + before / loop.rate
    unsteady = 0.012 * loop.unrolled(wander(loop, random, 1.0, 6.0), before)
    breath = 1.0 + 0.02 * loop.unrolled(wander(loop, random, 1.0, 5.0), before)
    rise = blend(0.10, 0.025, 69 + 12 * np.log2(pitch / 440), 36, 90)
    total = np.zeros(len(turns))
    for harmonic in range(1, 15):
        level = rank.level - rank.slope * (harmonic - 1) + random.uniform(-1.5, 1.5)
        phase = TAU * random.rand()
        if harmonic * pitch < 0.4 * loop.rate:
            speaks = saturated(at, rise / harmonic**0.5)
            if harmonic in (2, 3):
                speaks = speaks + 1.2 * _burst(at, 0.4 * rise, before / loop.rate)
            angle = TAU * harmonic * (cycles * turns + unsteady) + phase
            total += 10 ** (level / 20) * speaks * np.sin(angle)
    return total * breath


def _burst(at: Signal, fall: float, until: float) -> Signal:
    """A quick rise at 0 seconds, dying away with the time constant `fall`, gone at `until`."""
    return saturated(at, 0.004) * np.exp(-at / fall) * (1.0 - saturated(at, until))


def strings(note: int) -> Recording:
    """A section of twelve players with vibratos and small drifts of their own."""
    random = random_for("strings", note)
    loop = Loop.fit(note, 1.6, blend(20000, 27000, note, 36, 72))
    table = _wave(loop, slope=1.0)
    total = np.zeros(loop.length)
    for player in range(12):
        depth = random.uniform(6.0, 12.0) * blend(0.6, 1.0, note)
        bend = depth * _vibrato(loop, random, random.uniform(4.8, 6.2))
        bend += 3.0 * wander(loop, random, 0.5, 4.0)
        level = 1.0 + 0.12 * wander(loop, random, 0.5, 6.0)
        total += level * _oscillator(loop, table, bend, (player - 5.5) * 1.1, random)
    size = blend(0.42, 1.0, note, 40, 64)  # from double bass to violin
    body = _body(loop, size)
    total = loop.filtered(unit(total), body.astype(np.complex128))
    bow = noise(loop, random, body * rolled_off(loop))
    bow *= 1.0 + 0.3 * wander(loop, random, 3.0, 12.0)
    mixed = unit(total) + 0.02 * bow
    return Recording(retuned(loop, mixed), loop.unrolled(mixed, 16))


def _body(loop: Loop, size: float) -> Signal:
    """A violin's main resonances, moved down for its larger sisters, and softened on top."""
    peaks = (
        (280.0 * size, 5.0, 0.35),
        (480.0 * size, 5.0, 0.30),
        (1150.0 * size, -4.0, 0.45),
        (2500.0 * size**0.5, 5.0, 0.60),
    )
    rumble = -12.0 * np.log2(1.0 + (150.0 * size / np.maximum(loop.bins, 1.0)) ** 2)
    top = -6.0 * np.log2(1.0 + (loop.bins / (3200.0 * size**0.3)) ** 2)
    return decibels(bumps(loop.bins, peaks) + rumble + top)


def _wave(loop: Loop, slope: float) -> Signal:
    """One period, finely drawn, of all harmonics that fit, each 1 / harmonic ** slope."""
    harmonics = np.arange(1, int(0.42 * loop.rate / loop.frequency) + 1)
    frequency = harmonics * loop.frequency / loop.rate
    amplitude = (1.0 - saturated(frequency - 0.34, 0.08)) / harmonics**slope
    spectrum = np.zeros(2**15 + 1, np.complex128)
    spectrum[harmonics] = -1j * amplitude
    return np.asarray(np.fft.irfft(spectrum) * 2**15)


def _vibrato(loop: Loop, random: Random, rate: float) -> Signal:
    """A sine of about `rate` Hz, whole cycles per loop, never quite regular."""
    uneven = 0.06 * wander(loop, random, 0.5, 1.5)
    turns = np.arange(loop.length) / loop.length
    return np.sin(TAU * (loop.whole(rate) * turns + uneven + random.rand()))


def _oscillator(loop: Loop, table: Signal, bend: Signal, cents: float, random: Random) -> Signal:
    """One player: `table` read `cents` off (as whole cycles allow) and bent by `bend` cents."""
    ratio = 2.0 ** (bend / 1200.0)
    cycles = loop.whole(loop.frequency * 2 ** (cents / 1200))
    phase = np.cumsum(ratio / np.sum(ratio)) * cycles + random.rand()
    place = (phase % 1.0) * len(table)
    around = np.append(table, table[0])
    return np.asarray(np.interp(place, np.arange(len(around)), around))


def choir(note: int) -> Recording:
    """Fourteen singers on "aah": men below, women above, and both where their ranges meet."""
    random = random_for("choir", note)
    loop = Loop.fit(note, 1.5, 19000)
    table = _wave(loop, slope=1.0)
    women = min(max((note - 50) / 16, 0.0), 1.0)
    total = np.zeros(loop.length)
    for singer in range(14):
        depth = random.uniform(10.0, 22.0)
        bend = depth * _vibrato(loop, random, random.uniform(5.0, 6.2))
        bend += 5.0 * wander(loop, random, 0.5, 3.0) + 2.0 * wander(loop, random, 4.0, 12.0)
        level = 1.0 + 0.12 * wander(loop, random, 0.5, 4.0)
        voice = level * _oscillator(loop, table, bend, (singer - 6.5) * 1.3, random)
        throat = np.clip(women + random.uniform(-0.15, 0.15), 0.0, 1.0)
        response = _vowel(loop, throat, random.uniform(0.96, 1.04))
        breath = noise(loop, random, rolled_off(loop) * decibels(loop.bins / 4000.0))
        total += loop.filtered(unit(voice) + 0.035 * breath, response * rolled_off(loop))
    return Recording(retuned(loop, total), loop.unrolled(total, 16))


MEN = ((690.0, 90.0), (1090.0, 100.0), (2440.0, 140.0), (3300.0, 200.0), (4100.0, 300.0))
WOMEN = ((820.0, 110.0), (1220.0, 120.0), (2810.0, 170.0), (3900.0, 250.0), (4900.0, 350.0))


def _vowel(loop: Loop, women: float, size: float) -> Response:
    """Five formants in cascade, between a man's (0) and a woman's (1), all times `size`.

    A singer whose note lies above the first formant opens the mouth and moves it up to the note.
    """
    response = np.ones(len(loop.bins), np.complex128)
    for index, (low, high) in enumerate(zip(MEN, WOMEN, strict=True)):
        centre = size * low[0] * (high[0] / low[0]) ** women
        width = 1.6 * low[1] * (high[1] / low[1]) ** women
        if index == 0:
            centre = max(centre, 1.05 * loop.frequency)
        if index == 1:
            centre = max(centre, 1.4 * loop.frequency)
        response *= centre**2 / (centre**2 - loop.bins**2 + 1j * width * loop.bins)
    # What the formants above these add to the ones below (Fant's higher-pole correction), and
    # what trained singers and a room add: Sundberg's singer's formant, and some chest.
    higher = 1.0 + (loop.bins / 2500.0) ** 2
    return response * higher * decibels(bumps(loop.bins, ((3000.0, 7.0, 0.5), (230.0, 6.0, 0.9))))
