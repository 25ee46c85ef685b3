"""A writer for SoundFont 2 files, after the SoundFont Technical Specification 2.04 (E-mu, 2006).

It knows what our own font needs: mono 16-bit samples, one level of instruments, presets that point
at one instrument each. `write` lays down the three lists INFO, sdta and pdta; whatever the format
derives from something else (bag indices, sample addresses, terminal records) is derived here.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import chain

import numpy as np
import numpy.typing as npt

GUARD = 46  # zero samples that must follow every sample (7.10 of the specification)


class Generator(IntEnum):
    """The generators that we use, by their number in section 8.1.2."""

    START_COARSE_OFFSET = 4  # in 32,768 samples
    START_OFFSET = 0  # in samples
    FILTER_CUTOFF = 8  # absolute cents
    MOD_ENV_TO_FILTER = 11  # cents
    CHORUS_SEND = 15  # 0.1 %
    REVERB_SEND = 16  # 0.1 %
    PAN = 17  # -500 left … 500 right
    MOD_ATTACK = 26  # timecents, as all envelope times
    MOD_DECAY = 28
    MOD_SUSTAIN = 29  # 0.1 % of decrease
    MOD_RELEASE = 30
    ATTACK = 34
    DECAY = 36
    SUSTAIN = 37  # cB of attenuation
    RELEASE = 38
    INSTRUMENT = 41
    KEY_RANGE = 43
    SAMPLE = 53
    SAMPLE_MODES = 54
    EXCLUSIVE_CLASS = 57
    ROOT_KEY = 58


LOOPED = 1  # a value of SAMPLE_MODES
ATTENUATION = 48  # a modulator's destination; no zone of ours sets it
FROM_VELOCITY = 0x0502  # concave, unipolar, falling: the default for attenuation
FROM_VELOCITY_LINEAR = 0x0102  # linear, unipolar, falling: the default for the filter


@dataclass(frozen=True, slots=True)
class Modulator:
    """`source` (an enumeration of section 8.2) moves `destination` by at most `amount`."""

    source: int
    destination: int
    amount: int


@dataclass(frozen=True, slots=True)
class Sample:
    """A mono recording. `note` is the MIDI pitch at which it plays unchanged at `rate` Hz.

    `loop` is (first, end) in samples from the start, end exclusive, or None for a one-shot.
    """

    name: str
    data: npt.NDArray[np.int16]
    rate: int
    note: int
    loop: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Zone:
    """The keys `low` … `high` (MIDI, inclusive) play the sample called `sample`."""

    sample: str
    low: int
    high: int
    generators: Mapping[Generator, int]


@dataclass(frozen=True, slots=True)
class Instrument:
    """Zones, and what they share: a zone's own generator wins over the shared one."""

    name: str
    zones: Sequence[Zone]
    shared: Mapping[Generator, int]
    modulators: Sequence[Modulator] = ()


@dataclass(frozen=True, slots=True)
class Preset:
    """`bank` 0–127, or 128 for percussion; `program` 0–127, both as MIDI counts on the wire."""

    name: str
    bank: int
    program: int
    instrument: str


def write(
    info: Mapping[str, str],
    samples: Sequence[Sample],
    instruments: Sequence[Instrument],
    presets: Iterable[Preset],
) -> bytes:
    """The whole file. `info` maps INFO chunk names (`INAM`, `ICOP`, …) to ASCII texts."""
    texts = (_chunk(name, _text(text)) for name, text in info.items())
    version = _chunk("ifil", struct.pack("<HH", 2, 4))
    ordered = sorted(presets, key=lambda preset: (preset.bank, preset.program))
    body = b"".join(
        [
            b"sfbk",
            _list("INFO", [version, *texts]),
            _list("sdta", [_chunk("smpl", _sample_data(samples))]),
            _list(
                "pdta",
                [
                    *_preset_chunks(ordered, [instrument.name for instrument in instruments]),
                    *_instrument_chunks(instruments, [sample.name for sample in samples]),
                    _chunk("shdr", _sample_headers(samples)),
                ],
            ),
        ]
    )
    return _chunk("RIFF", body)


def _chunk(name: str, body: bytes) -> bytes:
    padded = body + b"\0" * (len(body) % 2)
    return name.encode("ascii") + struct.pack("<I", len(padded)) + padded


def _list(name: str, chunks: Iterable[bytes]) -> bytes:
    return _chunk("LIST", name.encode("ascii") + b"".join(chunks))


def _text(text: str) -> bytes:
    encoded = text.encode("ascii") + b"\0"
    return encoded + b"\0" * (len(encoded) % 2)


def _name(name: str) -> bytes:
    encoded = name.encode("ascii")
    if len(encoded) > 19:
        raise ValueError(f"The name {name!r} is too long for a SoundFont: at most 19 letters.")
    return encoded.ljust(20, b"\0")


def _sample_data(samples: Sequence[Sample]) -> bytes:
    guard = np.zeros(GUARD, np.int16)
    parts = chain.from_iterable((sample.data, guard) for sample in samples)
    return np.concatenate(list(parts)).astype("<i2").tobytes()


def _sample_headers(samples: Sequence[Sample]) -> bytes:
    records, start = [], 0
    for sample in samples:
        end = start + len(sample.data)
        first, last = sample.loop or (0, len(sample.data))
        addresses = (start, end, start + first, start + last)
        records.append(
            _name(sample.name)
            + struct.pack("<5IBbHH", *addresses, sample.rate, sample.note, 0, 0, 1)
        )
        start = end + GUARD
    records.append(_name("EOS") + bytes(26))
    return b"".join(records)


def _generator(kind: Generator, value: int) -> bytes:
    return struct.pack("<Hh", kind, value)


def _preset_chunks(presets: Sequence[Preset], instruments: Sequence[str]) -> list[bytes]:
    headers = [
        _name(preset.name) + struct.pack("<HHH3I", preset.program, preset.bank, index, 0, 0, 0)
        for index, preset in enumerate(presets)
    ]
    headers.append(_name("EOP") + struct.pack("<HHH3I", 0, 0, len(presets), 0, 0, 0))
    bags = [struct.pack("<HH", index, 0) for index in range(len(presets) + 1)]
    generators = [
        _generator(Generator.INSTRUMENT, instruments.index(preset.instrument)) for preset in presets
    ]
    return [
        _chunk("phdr", b"".join(headers)),
        _chunk("pbag", b"".join(bags)),
        _chunk("pmod", bytes(10)),
        _chunk("pgen", b"".join(generators) + bytes(4)),
    ]


def _instrument_chunks(instruments: Sequence[Instrument], samples: Sequence[str]) -> list[bytes]:
    headers: list[bytes] = []
    bags: list[bytes] = []
    modulators: list[bytes] = []
    generators: list[bytes] = []
    for instrument in instruments:
        headers.append(_name(instrument.name) + struct.pack("<H", len(bags)))
        bags.append(struct.pack("<HH", len(generators), len(modulators)))
        generators += [_generator(kind, value) for kind, value in instrument.shared.items()]
        modulators += [
            struct.pack("<HHhHH", each.source, each.destination, each.amount, 0, 0)
            for each in instrument.modulators
        ]
        for zone in instrument.zones:
            bags.append(struct.pack("<HH", len(generators), len(modulators)))
            generators += _zone_generators(zone, samples.index(zone.sample))
    headers.append(_name("EOI") + struct.pack("<H", len(bags)))
    bags.append(struct.pack("<HH", len(generators), len(modulators)))
    return [
        _chunk("inst", b"".join(headers)),
        _chunk("ibag", b"".join(bags)),
        _chunk("imod", b"".join(modulators) + bytes(10)),
        _chunk("igen", b"".join(generators) + bytes(4)),
    ]


def _zone_generators(zone: Zone, sample: int) -> list[bytes]:
    """The key range must come first, and the sample last (8.1.2)."""
    keys = struct.pack("<HBB", Generator.KEY_RANGE, zone.low, zone.high)
    middle = [_generator(kind, value) for kind, value in zone.generators.items()]
    return [keys, *middle, _generator(Generator.SAMPLE, sample)]
