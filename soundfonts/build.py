"""Builds ripieno.sf2: synthesises every sample, evens out the loudness, writes the file.

    python soundfonts/build.py [--output FILE] [--only NAME]

Needs numpy alone. The same bytes come out on every run.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import kit
import numpy as np
from periodic import Recording, Signal
from sf2 import (
    ATTENUATION,
    FROM_VELOCITY,
    FROM_VELOCITY_LINEAR,
    LOOPED,
    Generator,
    Instrument,
    Modulator,
    Preset,
    Sample,
    Zone,
    write,
)
from struck import electric_piano, harpsichord, piano
from sustained import choir, organ, strings

INFO = {
    "isng": "EMU8000",
    "INAM": "Ripieno",
    "ICOP": "CC0 1.0: no rights reserved",
    "ICMT": "Synthesised by soundfonts/build.py. No recording of any instrument is in it.",
    "ISFT": "soundfonts/build.py",
}
LOUDNESS = -19.0  # dB of full scale: every key of every instrument, by `loudness`
HIGHEST_PEAK = 0.97
CONTINUED = 8  # samples after a loop that repeat its beginning, for players that look ahead
STROKE_LOUDNESS = -18.0  # the same for the kit, over the eighth of a second that IEC calls fast
PLAYER_FALL = 96.0  # dB that an envelope's decay time spans; 100 by the book, 96 as played


@dataclass(frozen=True, slots=True)
class Recipe:
    """An instrument: who synthesises it, at which pitches, and how a key shapes it.

    Times are in seconds. `width` is how far apart its two sides stand (0: one side, 1: hard left
    and right), `spread` how far low keys stand to the left of high ones; `loudness` in dB.
    """

    name: str
    voice: Callable[[int], Recording]
    notes: range
    attack: float
    release: float
    reverb: float
    width: float = 0.0
    spread: float = 0.0
    loudness: float = 0.0
    shared: Mapping[Generator, int] = field(default_factory=dict)
    modulators: tuple[Modulator, ...] = ()


# Keys of an organ and a harpsichord hardly answer to touch; a little is left for expression.
LITTLE_TOUCH = (Modulator(FROM_VELOCITY, ATTENUATION, 400),)
# Half as loud for half the touch, as tinysoundfont plays every font: a soft click is still heard.
PLAIN_TOUCH = (Modulator(FROM_VELOCITY, ATTENUATION, 480),)
DARKER_WHEN_SOFT = (Modulator(FROM_VELOCITY_LINEAR, Generator.FILTER_CUTOFF, -3600),)
RECIPES = (
    Recipe(
        "Organ",
        organ,
        range(36, 91, 6),
        0.001,
        0.45,
        0.45,
        loudness=-1.5,
        modulators=LITTLE_TOUCH,
    ),
    Recipe(
        "Harpsichord",
        harpsichord,
        range(30, 91, 6),
        0.001,
        0.30,
        0.25,
        spread=0.25,
        loudness=-1.7,
        modulators=LITTLE_TOUCH,
    ),
    Recipe(
        "Strings",
        strings,
        range(36, 91, 6),
        0.09,
        0.8,
        0.45,
        width=0.7,
        shared={Generator.FILTER_CUTOFF: 12800},
        modulators=DARKER_WHEN_SOFT,
    ),
    Recipe("Choir", choir, range(40, 85, 4), 0.08, 0.9, 0.55, width=0.7),
    Recipe(
        "Piano",
        piano,
        range(30, 91, 6),
        0.001,
        0.5,
        0.2,
        spread=0.3,
        shared={Generator.FILTER_CUTOFF: 13000},
        modulators=DARKER_WHEN_SOFT,
    ),
    Recipe(
        "Electric piano",
        electric_piano,
        range(36, 91, 6),
        0.001,
        0.4,
        0.25,
        shared={Generator.FILTER_CUTOFF: 12500},
        modulators=DARKER_WHEN_SOFT,
    ),
)
# Every General MIDI program finds its nearest relation, so that no file plays into silence.
PROGRAMS: tuple[tuple[range, str], ...] = (
    (range(0, 4), "Piano"),
    (range(4, 6), "Electric piano"),
    (range(6, 8), "Harpsichord"),
    (range(8, 16), "Electric piano"),
    (range(16, 24), "Organ"),
    (range(24, 32), "Harpsichord"),
    (range(32, 40), "Piano"),
    (range(40, 45), "Strings"),
    (range(45, 47), "Harpsichord"),
    (range(47, 48), "Piano"),
    (range(48, 52), "Strings"),
    (range(52, 55), "Choir"),
    (range(55, 56), "Strings"),
    (range(56, 80), "Organ"),
    (range(80, 88), "Organ"),
    (range(88, 91), "Strings"),
    (range(91, 92), "Choir"),
    (range(92, 104), "Strings"),
    (range(104, 109), "Harpsichord"),
    (range(109, 112), "Strings"),
    (range(112, 128), "Piano"),
)


def timecents(seconds: float) -> int:
    """A time as SoundFont generators have it."""
    return round(1200 * math.log2(seconds))


def loudness(signal: Signal, rate: int) -> float:
    """In dB of full scale: halfway between the plain and the A-weighted level (IEC 61672-1).

    At the levels of a living room the ear weighs low tones less than the plain level does, and
    more than the A-weighted.
    """
    power = np.abs(np.fft.rfft(signal)) ** 2 / len(signal) ** 2 * 2.0
    squares = np.fft.rfftfreq(len(signal), 1.0 / rate)[1:] ** 2
    weight = 12194.0**2 * squares**2 / ((squares + 20.6**2) * (squares + 12194.0**2))
    weight *= 1.2589 / np.sqrt((squares + 107.7**2) * (squares + 737.9**2))
    plain, weighted = np.sum(power[1:]), np.sum(power[1:] * weight**2)
    return float(5.0 * np.log10(plain) + 5.0 * np.log10(weighted))


def heard(recording: Recording) -> Signal:
    """The first half second of a sound that dies away, one turn of the loop of one that lasts."""
    if recording.fall == 0.0:
        return recording.signal[-recording.loop.length :]
    rate = recording.loop.rate
    start = recording.signal[: rate // 2]
    return start * 10.0 ** (-recording.fall * np.arange(len(start)) / rate / 20.0)


def sample(recipe: Recipe, note: int) -> tuple[Sample, float]:
    """The sample for `note`, at its loudness, and the fall in dB per second that it needs."""
    recording = recipe.voice(note)
    loop = recording.loop
    target = LOUDNESS + recipe.loudness - (3.0 if recipe.width else 0.0)
    gain = 10 ** ((target - loudness(heard(recording), loop.rate)) / 20)
    signal = recording.signal * gain
    again = len(signal) - loop.length
    signal = np.concatenate([signal, signal[again : again + CONTINUED]])
    name = f"{recipe.name} {note}"
    data = _rounded(name, signal)
    ends = (again, again + loop.length)
    return Sample(name, data, loop.rate, note, ends), recording.fall


def _rounded(name: str, signal: Signal) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    peak = float(np.max(np.abs(signal)))
    if peak > HIGHEST_PEAK:
        raise ValueError(f"{name} would clip: its peak is {peak:.2f}, at most {HIGHEST_PEAK}.")
    return np.round(signal * 32767.0).astype(np.int16)


def instrument(recipe: Recipe) -> tuple[Instrument, list[Sample]]:
    """All samples of `recipe`, each over the keys that lie nearest to it."""
    notes = list(recipe.notes)
    borders = [0, *(low + (high - low) // 2 + 1 for low, high in pairwise(notes)), 128]
    samples: list[Sample] = []
    zones: list[Zone] = []
    for note, low, above in zip(notes, borders[:-1], borders[1:], strict=True):
        made, fall = sample(recipe, note)
        samples.append(made)
        zones += _sides(recipe, made, low, above - 1, fall)
    shared = {
        **recipe.shared,
        Generator.ATTACK: timecents(recipe.attack),
        Generator.RELEASE: timecents(recipe.release),
        Generator.REVERB_SEND: round(recipe.reverb * 1000),
        Generator.SAMPLE_MODES: LOOPED,
    }
    return Instrument(recipe.name, zones, shared, recipe.modulators), samples


def _sides(recipe: Recipe, made: Sample, low: int, high: int, fall: float) -> Iterable[Zone]:
    """One zone, or two that read the loop half a turn apart: two sides for the price of one."""
    shape: dict[Generator, int] = {}
    if fall:
        shape = {Generator.DECAY: timecents(PLAYER_FALL / fall), Generator.SUSTAIN: 1000}
    if not recipe.width:
        pan = round(500 * recipe.spread * (made.note - 60) / 30)
        yield Zone(made.name, low, high, {**shape, Generator.PAN: max(-500, min(500, pan))})
        return
    coarse, fine = divmod(len(made.data) // 2, 32768)
    pan = round(500 * recipe.width)
    yield Zone(made.name, low, high, {**shape, Generator.PAN: -pan})
    offset = {Generator.START_OFFSET: fine, Generator.START_COARSE_OFFSET: coarse}
    yield Zone(made.name, low, high, {**shape, **offset, Generator.PAN: pan})


def drums() -> tuple[Instrument, list[Sample]]:
    """The kit: each key at one pitch, and the hats choking each other."""
    samples = []
    for name, play in kit.STROKES.items():
        stroke = play()
        signal = stroke.signal * _stroke_gain(stroke)
        samples.append(Sample(name, _rounded(name, signal), stroke.rate, 60))
    zones = []
    for key, (name, moved) in kit.KEYS.items():
        shape = {Generator.ROOT_KEY: key - moved}
        if name.startswith("hat"):
            shape[Generator.EXCLUSIVE_CLASS] = 1
        zones.append(Zone(name, key, key, shape))
    shared = {Generator.RELEASE: timecents(1.5), Generator.REVERB_SEND: 80}
    return Instrument("Kit", zones, shared, PLAIN_TOUCH), samples


def _stroke_gain(stroke: kit.Stroke) -> float:
    """What brings `stroke` to the kit's loudness, or as near as its peak allows."""
    fast = np.zeros(stroke.rate // 8)
    start = stroke.signal[: len(fast)]
    fast[: len(start)] = start
    wanted = 10 ** ((STROKE_LOUDNESS - loudness(fast, stroke.rate)) / 20)
    return float(min(wanted, HIGHEST_PEAK / np.max(np.abs(stroke.signal))))


def build(only: str | None = None) -> bytes:
    """The file's bytes; with `only`, a font of that one instrument and its presets."""
    instruments: list[Instrument] = []
    samples: list[Sample] = []
    for recipe in RECIPES:
        if only in (None, recipe.name):
            made, its_samples = instrument(recipe)
            instruments.append(made)
            samples += its_samples
    presets = [
        Preset(name, 0, program, name)
        for programs, name in PROGRAMS
        for program in programs
        if only in (None, name)
    ]
    if only in (None, "Kit"):
        made, its_samples = drums()
        instruments.append(made)
        samples += its_samples
        presets.append(Preset("Kit", 128, 0, "Kit"))
    return write(INFO, samples, instruments, presets)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Build Ripieno's own SoundFont.")
    here = Path(__file__).parent
    names = [*(recipe.name for recipe in RECIPES), "Kit"]
    parser.add_argument("--output", type=Path, default=here / "ripieno.sf2")
    parser.add_argument("--only", choices=names, help="build a font of one instrument")
    arguments = parser.parse_args()
    data = build(arguments.only)
    arguments.output.write_bytes(data)
    print(f"{arguments.output}: {len(data) / 2**20:.2f} MiB")


if __name__ == "__main__":
    main()
