"""The click: both players find the kit on the channel of percussion, and it is heard."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from ripieno.outputs.fluidsynth import FluidSynthRenderer
from ripieno.outputs.opening import open_lanes
from ripieno.outputs.soundfont import RATE, has_percussion
from ripieno.outputs.tinysoundfont import TinyRenderer
from ripieno.routing import OutputKind, OutputSpec, Routing

from tests.engine.fonts import BUILT_IN
from tests.engine.jackd import JackServer

BUILDER = Path(__file__).parents[2] / "soundfonts" / "build.py"
PERCUSSION = 9
ACCENT, BEAT = (76, 110), (77, 80)  # key and velocity, as the metronome strikes them
WOOD = {37: 1720, 75: 2090, 76: 1245, 77: 830}  # each key's strongest partial in Hz
TOMS = (41, 43, 45, 47, 48, 50)
CHORDS = ((48, 55, 64, 72), (43, 59, 67, 74), (51, 58, 67, 75), (56, 63, 72, 80))
ORGAN, PRESETS = 19, (0, 4, 6, 19, 48, 52)

Audio = npt.NDArray[np.float64]
Renderer = FluidSynthRenderer | TinyRenderer
PLAYERS = (FluidSynthRenderer, TinyRenderer)


def heard(player: Renderer, seconds: float) -> Audio:
    """[samples]: what `player` sounds next, both sides together."""
    frames = np.frombuffer(player.render(int(seconds * RATE)), np.float32).astype(np.float64)
    return np.asarray(frames.reshape(-1, 2).mean(axis=1))


def struck(kind: type[Renderer], key: int, velocity: int = 100, font: Path = BUILT_IN) -> Audio:
    """Half a second of one stroke on the channel of percussion, which nobody told anything."""
    player = kind(font)
    player.note_on(PERCUSSION, key, velocity)
    audio = heard(player, 0.5)
    player.close()
    return audio


def chord(kind: type[Renderer], program: int, pitches: tuple[int, ...]) -> Audio:
    """Half a second of four voices at the usual velocity, from their onset."""
    player = kind(BUILT_IN)
    for channel, pitch in enumerate(pitches):
        player.program(channel, program)
        player.note_on(channel, pitch, 80)
    audio = heard(player, 0.5)
    player.close()
    return audio


def spectrum(audio: Audio) -> tuple[Audio, Audio]:
    """Frequencies in Hz, and the power at each."""
    window = np.hanning(2 * len(audio))[len(audio) :]  # an onset must not be faded in
    power = np.abs(np.fft.rfft(audio * window, 1 << 15)) ** 2
    frequencies = np.asarray(np.fft.rfftfreq(1 << 15, 1 / RATE), np.float64)
    return frequencies, np.asarray(power, np.float64)


def strongest(audio: Audio) -> float:
    """The frequency in Hz of the strongest partial."""
    frequencies, power = spectrum(audio)
    return float(frequencies[np.argmax(power)])


def a_weighted(audio: Audio) -> float:
    """The exposure in dB(A), after the poles that IEC 61672-1 gives."""
    frequencies, power = spectrum(audio)
    f2 = frequencies**2
    poles = (f2 + 20.6**2) * np.sqrt((f2 + 107.7**2) * (f2 + 737.9**2)) * (f2 + 12194**2)
    return float(10 * np.log10(np.sum(power * (1.2589 * 12194**2 * f2**2 / poles) ** 2)))


def excitation(audio: Audio, centre: float) -> float:
    """The level in dB behind the ear's filter at `centre` Hz.

    A rounded exponential as wide as Glasberg and Moore (Hearing Research 47, 1990) measured it.
    """
    frequencies, power = spectrum(audio)
    steep = 4 * centre / (24.7 * (4.37 * centre / 1000 + 1))
    apart = steep * np.abs(frequencies - centre) / centre
    return float(10 * np.log10(np.sum(power * (1 + apart) * np.exp(-apart)) + 1e-20))


@pytest.mark.parametrize("kind", PLAYERS)
@pytest.mark.parametrize("key", WOOD)
def test_wood_sounds_on_the_channel_of_percussion(kind: type[Renderer], key: int) -> None:
    audio = struck(kind, key)
    assert strongest(audio) == pytest.approx(WOOD[key], rel=0.02)
    assert np.argmax(np.abs(audio)) < 0.005 * RATE
    early, late = (np.sum(part**2) for part in np.split(audio, [RATE // 20]))
    assert 10 * np.log10(late / early) < -15


@pytest.mark.parametrize("kind", PLAYERS)
@pytest.mark.parametrize("program", [0, 19, 127])
def test_it_stays_percussion_whatever_the_channel_is_told(
    kind: type[Renderer], program: int
) -> None:
    player = kind(BUILT_IN)
    player.program(PERCUSSION, program)
    for controller in (120, 121, 123):
        player.control(PERCUSSION, controller, 0)
    player.note_on(PERCUSSION, 76, 100)
    assert strongest(heard(player, 0.5)) == pytest.approx(WOOD[76], rel=0.02)
    player.note_on(0, 76, 100)
    assert strongest(heard(player, 0.5)) != pytest.approx(WOOD[76], rel=0.02)
    player.close()


@pytest.mark.parametrize("kind", PLAYERS)
def test_a_click_may_be_let_go_at_once(kind: type[Renderer]) -> None:
    player = kind(BUILT_IN)
    player.note_on(PERCUSSION, 76, 100)
    let_go = [heard(player, 0.01)]
    player.note_off(PERCUSSION, 76)
    let_go.append(heard(player, 0.49))
    player.close()
    lost = a_weighted(struck(kind, 76)) - a_weighted(np.concatenate(let_go))
    assert abs(lost) < 1


def test_wood_is_equally_loud_in_both_players() -> None:
    loud = {(kind.__name__, key): a_weighted(struck(kind, key)) for kind in PLAYERS for key in WOOD}
    assert max(loud.values()) - min(loud.values()) < 3, loud


@pytest.mark.parametrize("kind", PLAYERS)
@pytest.mark.parametrize("key", [76, 77])
def test_half_the_touch_is_half_as_loud(kind: type[Renderer], key: int) -> None:
    loud, soft = (a_weighted(struck(kind, key, velocity)) for velocity in (120, 60))
    assert loud - soft == pytest.approx(6, abs=0.5)


@pytest.mark.parametrize("kind", PLAYERS)
@pytest.mark.parametrize(("key", "velocity"), [ACCENT, BEAT])
def test_the_click_is_heard_through_four_voices_of_the_organ(
    kind: type[Renderer], key: int, velocity: int
) -> None:
    onset = slice(0, int(0.03 * RATE))
    click = excitation(struck(kind, key, velocity)[onset], WOOD[key])
    for pitches in CHORDS:
        lasting = chord(kind, ORGAN, pitches)[RATE // 4 :]
        assert click - excitation(lasting[onset], WOOD[key]) > 6, pitches


@pytest.mark.parametrize("kind", PLAYERS)
@pytest.mark.parametrize("program", PRESETS)
def test_an_accent_over_five_voices_struck_hardest_does_not_clip(
    kind: type[Renderer], program: int
) -> None:
    player = kind(BUILT_IN)
    for channel, pitch in enumerate((76, 72, 64, 55, 48)):
        player.program(channel, program)
        player.note_on(channel, pitch, 127)
    player.note_on(PERCUSSION, *ACCENT)
    assert np.abs(heard(player, 0.5)).max() < 0.9
    player.close()


@pytest.mark.parametrize("kind", PLAYERS)
def test_keys_that_share_a_sample_are_tuned_apart(kind: type[Renderer]) -> None:
    dull = [strongest(struck(kind, key)) for key in TOMS]
    assert dull == sorted(set(dull))


@pytest.fixture(scope="module")
def choir_alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A font without a kit, and without most programs."""
    font = tmp_path_factory.mktemp("fonts") / "choir.sf2"
    command = [sys.executable, str(BUILDER), "--only", "Choir", "--output", str(font)]
    subprocess.run(command, check=True, capture_output=True)
    return font


@pytest.mark.parametrize("kind", PLAYERS)
def test_a_font_without_percussion_does_not_click_with_a_choir(
    kind: type[Renderer], choir_alone: Path
) -> None:
    assert np.abs(struck(kind, 76, font=choir_alone)).max() < 1e-4


def test_a_font_without_percussion_is_told_and_others_are_not(choir_alone: Path) -> None:
    assert has_percussion(BUILT_IN)
    assert not has_percussion(choir_alone)


@pytest.mark.real_part
def test_who_plays_a_font_without_percussion_is_told_that_nothing_clicks(
    choir_alone: Path, jackd: JackServer
) -> None:
    routing = Routing(outputs=(OutputSpec(OutputKind.SYNTH, "jack"),), client="clickless")
    lanes, missing = open_lanes(routing, choir_alone)
    (sentence,) = missing
    assert sentence.startswith("No metronome on FluidSynth (jack), choir.sf2: ")
    lanes[0].output.close()
    lanes, missing = open_lanes(routing, BUILT_IN)
    assert missing == []
    lanes[0].output.close()


def test_a_program_that_the_font_lacks_leaves_the_channel_as_it_is(choir_alone: Path) -> None:
    player = TinyRenderer(choir_alone)
    player.program(0, 52)
    player.program(0, 19)
    player.note_on(0, 60, 100)
    assert np.abs(heard(player, 0.5)).max() > 0.02
    player.close()
