"""The sound that ships: a whole file, in tune, even, without clicks, and made by its script."""

from __future__ import annotations

import struct
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import fluidsynth
import numpy as np
import numpy.typing as npt
import pytest
import tinysoundfont

FOLDER = Path(__file__).parents[2] / "soundfonts"
FONT = FOLDER / "ripieno.sf2"
RATE = 44100
PRESETS = {
    "Piano": 0,
    "Electric piano": 4,
    "Harpsichord": 6,
    "Organ": 19,
    "Strings": 48,
    "Choir": 52,
}
LASTING = ("Organ", "Strings", "Choir")
DYING = ("Piano", "Electric piano", "Harpsichord")

Audio = npt.NDArray[np.float64]
Render = Callable[..., Audio]


# The file, read by a reader that shares nothing with the writer.


def chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(name, body) of each chunk, which must fill `data` to the last byte."""
    at = 0
    while at < len(data):
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        assert at + 8 + size <= len(data), f"{name!r} runs over its end"
        yield name, data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    assert at == len(data)


@dataclass(frozen=True)
class Header:
    """A sample's header, addresses in samples from the start of the sample chunk."""

    name: str
    start: int
    end: int
    loop_start: int
    loop_end: int
    rate: int
    pitch: int


@dataclass(frozen=True)
class Font:
    """What the tests need of the file."""

    info: dict[bytes, bytes]
    points: npt.NDArray[np.int16]
    samples: tuple[Header, ...]
    tables: dict[bytes, list[tuple[int, ...]]]
    presets: dict[tuple[int, int], str]


LAYOUTS = {b"pbag": "<HH", b"pgen": "<Hh", b"ibag": "<HH", b"igen": "<Hh"}


@pytest.fixture(scope="module")
def font() -> Font:
    (riff,) = chunks(FONT.read_bytes())
    assert riff[0] == b"RIFF" and riff[1][:4] == b"sfbk"
    lists = [(body[:4], dict(chunks(body[4:]))) for name, body in chunks(riff[1][4:])]
    assert [name for name, _ in lists] == [b"INFO", b"sdta", b"pdta"]
    info, data, articulation = (content for _, content in lists)
    order = [b"phdr", b"pbag", b"pmod", b"pgen", b"inst", b"ibag", b"imod", b"igen", b"shdr"]
    assert list(articulation) == order
    headers = [
        Header(row[0].split(b"\0")[0].decode(), *row[1:7])
        for row in struct.iter_unpack("<20s5IBb2H", articulation[b"shdr"])
    ]
    presets = list(struct.iter_unpack("<20s3H3I", articulation[b"phdr"]))
    assert headers[-1].name == "EOS" and presets[-1][0].startswith(b"EOP")
    return Font(
        info,
        np.frombuffer(data[b"smpl"], "<i2"),
        tuple(headers[:-1]),
        {name: list(struct.iter_unpack(form, articulation[name])) for name, form in LAYOUTS.items()}
        | {
            b"inst": [(row[1],) for row in struct.iter_unpack("<20sH", articulation[b"inst"])],
            b"phdr": [(row[3],) for row in presets],
        },
        {(row[2], row[1]): row[0].split(b"\0")[0].decode() for row in presets[:-1]},
    )


def test_the_file_is_small_and_says_what_it_is(font: Font) -> None:
    assert FONT.stat().st_size < 4 * 2**20
    assert struct.unpack("<HH", font.info[b"ifil"]) == (2, 4)
    assert b"CC0" in font.info[b"ICOP"]
    assert font.info[b"INAM"].rstrip(b"\0") == b"Ripieno"


@pytest.mark.parametrize(
    ("headers", "bags", "generators"), [(b"phdr", b"pbag", b"pgen"), (b"inst", b"ibag", b"igen")]
)
def test_the_indices_lead_from_headers_to_bags_to_generators(
    font: Font, headers: bytes, bags: bytes, generators: bytes
) -> None:
    for table, aim in ((headers, bags), (bags, generators)):
        indices = [row[0] for row in font.tables[table]]
        assert indices[0] == 0 and indices == sorted(indices)
        assert indices[-1] == len(font.tables[aim]) - 1  # the terminal record


def test_every_program_has_a_preset_and_each_instrument_its_own_place(font: Font) -> None:
    assert set(font.presets) == {(0, program) for program in range(128)} | {(128, 0)}
    for name, program in PRESETS.items():
        assert font.presets[0, program] == name
    assert font.presets[128, 0] == "Kit"


def test_samples_lie_one_after_the_other_with_silence_between(font: Font) -> None:
    ends = [0, *(sample.end + 46 for sample in font.samples)]
    assert [sample.start for sample in font.samples] == ends[:-1]
    assert ends[-1] == len(font.points)
    for sample in font.samples:
        assert not font.points[sample.end : sample.end + 46].any(), sample.name
        assert 8000 <= sample.rate <= 48000
        assert sample.start <= sample.loop_start < sample.loop_end <= sample.end


def test_loops_have_no_seam(font: Font) -> None:
    looped = [sample for sample in font.samples if sample.loop_end + 8 <= sample.end]
    assert len(looped) > 50
    for sample in looped:
        points = font.points.astype(np.int64)
        first, last = sample.loop_start, sample.loop_end
        np.testing.assert_array_equal(points[last : last + 8], points[first : first + 8])
        # The onset runs into the loop as the loop's end does: not one step of 65,536 between them.
        apart = np.abs(points[first - 8 : first] - points[last - 8 : last])
        assert apart.max() <= 1, sample.name


# What it sounds like, in both players.


def through_fluidsynth(
    program: int,
    notes: Sequence[int],
    *,
    velocity: int = 100,
    held: float = 1.0,
    after: float = 0.0,
    bank: int = 0,
) -> Audio:
    """[samples, 2] at gain 0.5 without effects: `held` seconds, and `after` seconds more."""
    synth = fluidsynth.Synth(gain=0.5, samplerate=RATE)
    synth.setting("synth.reverb.active", 0)
    synth.setting("synth.chorus.active", 0)
    loaded = synth.sfload(str(FONT))
    assert loaded >= 0
    assert synth.program_select(0, loaded, bank, program) == 0
    for note in notes:
        synth.noteon(0, note, velocity)
    parts = [synth.get_samples(int(held * RATE))]
    for note in notes:
        synth.noteoff(0, note)
    parts.append(synth.get_samples(int(after * RATE)) if after else np.zeros(0, np.int16))
    synth.delete()
    return np.concatenate(parts).astype(np.float64).reshape(-1, 2) / 32768


def through_tinysoundfont(
    program: int,
    notes: Sequence[int],
    *,
    velocity: int = 100,
    held: float = 1.0,
    after: float = 0.0,
    bank: int = 0,
) -> Audio:
    """The same, at -6 dB."""
    synth = tinysoundfont.Synth(gain=-6, samplerate=RATE)
    synth.program_select(0, synth.sfload(str(FONT)), bank, program)
    for note in notes:
        synth.noteon(0, note, velocity)
    parts = [np.frombuffer(synth.generate(int(held * RATE)), np.float32).copy()]
    for note in notes:
        synth.noteoff(0, note)
    if after:
        parts.append(np.frombuffer(synth.generate(int(after * RATE)), np.float32).copy())
    return np.concatenate(parts).astype(np.float64).reshape(-1, 2)


PLAYERS = (through_fluidsynth, through_tinysoundfont)


def level(audio: Audio) -> float:
    """RMS in dB of full scale."""
    return float(10 * np.log10(np.mean(audio**2) + 1e-20))


def a_weighted(audio: Audio) -> float:
    """dB(A) of full scale, after the poles that IEC 61672-1 gives."""
    total = 0.0
    for side in audio.T:
        power = np.abs(np.fft.rfft(side)) ** 2 / len(side) ** 2
        f2 = np.fft.rfftfreq(len(side), 1 / RATE) ** 2
        poles = (f2 + 20.6**2) * np.sqrt((f2 + 107.7**2) * (f2 + 737.9**2)) * (f2 + 12194**2)
        total += float(np.sum(power * (1.2589 * 12194**2 * f2**2 / poles) ** 2))
    return float(10 * np.log10(total))


def cents_off(audio: Audio, note: int) -> float:
    """How far the lowest three harmonics lie from equal temperament, in the mean, by power."""
    mono = audio.mean(axis=1)
    size = 1 << 18
    power = np.abs(np.fft.rfft(mono * np.hanning(len(mono)), size)) ** 2
    tonic = 440 * 2 ** ((note - 69) / 12)
    cents = 1200 * np.log2(np.maximum(np.arange(len(power)), 1) * RATE / size / tonic)
    off = []
    for harmonic in (1, 2, 3):
        apart = cents - 1200 * np.log2(harmonic)
        near = np.abs(apart) < 100
        off.append(np.average(apart[near], weights=power[near]))
    return float(np.mean(off))


def lowest_strong_peak(audio: Audio) -> float:
    """The frequency in Hz of the strongest partial."""
    mono = audio.mean(axis=1)
    power = np.abs(np.fft.rfft(mono * np.hanning(len(mono))))
    return float(np.argmax(power) * RATE / len(mono))


@pytest.mark.parametrize("render", PLAYERS)
@pytest.mark.parametrize("name", PRESETS)
def test_each_preset_is_in_tune(render: Render, name: str) -> None:
    for note in (38, 45, 52, 60, 69, 77, 84):
        audio = render(PRESETS[name], [note], held=3.4)
        assert abs(cents_off(audio[RATE // 5 :], note)) < 5, note


@pytest.mark.parametrize("render", PLAYERS)
@pytest.mark.parametrize("name", LASTING)
def test_what_lasts_lasts_and_ends_when_let_go(render: Render, name: str) -> None:
    for note in (40, 60, 79):
        audio = render(PRESETS[name], [note], held=5.0, after=2.0)
        early, late = level(audio[RATE // 2 : RATE]), level(audio[4 * RATE : 5 * RATE])
        assert abs(early - late) < 3
        assert level(audio[-RATE // 2 :]) < early - 60


@pytest.mark.parametrize("render", PLAYERS)
@pytest.mark.parametrize("name", DYING)
def test_what_is_struck_dies_away_and_sooner_when_let_go(render: Render, name: str) -> None:
    for note in (40, 60, 79):
        held = render(PRESETS[name], [note], held=4.0)
        let_go = render(PRESETS[name], [note], held=0.5, after=3.5)
        seconds = [level(held[second * RATE :][:RATE]) for second in range(4)]
        assert seconds == sorted(seconds, reverse=True)
        assert seconds[0] - seconds[3] > 12
        assert level(let_go[2 * RATE : 3 * RATE]) < seconds[2] - 20


@pytest.mark.parametrize("name", PRESETS)
def test_neighbouring_keys_are_equally_loud(name: str) -> None:
    keys = [through_fluidsynth(PRESETS[name], [key]) for key in range(36, 85)]
    loud = [(a_weighted(audio) + level(audio)) / 2 for audio in keys]
    assert np.abs(np.diff(loud)).max() < 2


def test_presets_are_equally_loud() -> None:
    loud = {
        name: np.mean([a_weighted(through_fluidsynth(program, [key])) for key in (48, 60, 72)])
        for name, program in PRESETS.items()
    }
    assert max(loud.values()) - min(loud.values()) < 6, loud


@pytest.mark.parametrize("render", PLAYERS)
@pytest.mark.parametrize("name", PRESETS)
def test_four_voices_and_a_player_do_not_clip(render: Render, name: str) -> None:
    audio = render(PRESETS[name], [48, 55, 64, 72, 76], velocity=100, held=2.0)
    assert 0.05 < np.abs(audio).max() < 0.9


def test_touch_matters_much_to_a_piano_and_little_to_an_organ() -> None:
    def span(name: str) -> float:
        loud, soft = (through_fluidsynth(PRESETS[name], [60], velocity=v) for v in (127, 40))
        return level(loud) - level(soft)

    assert span("Piano") > 15
    assert 2 < span("Organ") < 10
    assert 2 < span("Harpsichord") < 10


def test_the_two_sides_of_a_section_differ_and_a_pipe_is_in_the_middle() -> None:
    def likeness(name: str) -> float:
        audio = through_fluidsynth(PRESETS[name], [60], held=3.0)
        return float(np.asarray(np.corrcoef(audio.T))[0, 1])

    assert likeness("Strings") < 0.9
    assert likeness("Choir") < 0.9
    assert likeness("Organ") > 0.99


@pytest.mark.parametrize("render", PLAYERS)
def test_the_kit_counts_in(render: Render) -> None:
    for key in (36, 37, 38, 42, 75, 76, 77):
        audio = render(0, [key], held=1.0, bank=128)
        assert level(audio[: RATE // 10]) > -45, key
        assert level(audio[-RATE // 10 :]) < -80, key
    high, low = (lowest_strong_peak(render(0, [key], bank=128)) for key in (76, 77))
    assert high == pytest.approx(1245, rel=0.02)
    assert low == pytest.approx(830, rel=0.02)


def test_the_script_makes_the_same_bytes(tmp_path: Path) -> None:
    built = tmp_path / "again.sf2"
    command = [sys.executable, str(FOLDER / "build.py"), "--output", str(built)]
    subprocess.run(command, check=True, capture_output=True)
    assert built.read_bytes() == FONT.read_bytes()
