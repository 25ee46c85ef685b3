"""Presets: the ones that ship load, every key is read, and every mistake is named with its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from ripieno import resources
from ripieno.clock import Meter
from ripieno.errors import PresetError
from ripieno.preset.keys import KEYS, SECTIONS
from ripieno.preset.page import page
from ripieno.preset.phrases import load_phrase
from ripieno.preset.preset import Preset, load_preset, parse_preset
from ripieno.preset.values import pitch_from, pitch_name
from ripieno.routing import InputKind, InputSpec, OutputKind, OutputSpec
from ripieno.settings import (
    FULL_RANGES,
    Assign,
    Blocks,
    ClockSource,
    HandOver,
    Key,
    Late,
    Mode,
    OnLoss,
    Strength,
    Sync,
)

ROOT = Path(__file__).parents[2]
SHIPPED = sorted(path.stem for path in (ROOT / "presets").glob("*.toml"))
EVERYTHING = """
title = "All"
about = "Every key once."
[play]
mode = "accompany"
bpm = 61.5
meter = "6/8"
player_voice = "tenor"
muted = ["alto", "bass"]
velocity = 101
transpose = -12
onset_tolerance = 0.1
own_mode = "canon"
assign = "split"
voice_channels = [1, 0, 3, 16]
split = ["G4", 48]
follow = true
[model]
name = "another"
fallback = "smaller"
precision = "fp32"
[phrase]
name = "ode-to-joy"
opening = true
[sampling]
temperature = 1.25
top_k = 12
top_p = 0.5
min_p = 0.05
candidates = 6
seed = 77
[rules]
max_leap = 7
crossing = "off"
parallels = "hard"
spacing = "hard"
key = "Bb minor"
key_lock = "soft"
longest_rest = 4
longest_loop = 5
more_hard = ["no_tritones"]
more_soft = ["no_sixths"]
[ranges]
soprano = ["C4", "A5"]
alto = [53, 74]
tenor = ["C3", "F#4"]
bass = ["Eb2", "C4"]
[sync]
source = "midi"
on_loss = "stop"
send = true
from_phrase = true
swing = 0.6
metronome = true
count_in = 2
[turns]
after_beats = 2
every_bars = 2
bars = 4
legato_beats = 0.5
hand_over = "next-bar"
speculate = false
yields = false
space = 0.25
density = 0.5
[horizon]
commit = 1
lookahead = 4
budget_ms = 20
late = "stretch"
[blocks]
morph = 0.5
variation = 0.1
directions = [0.5, -3, 0, 1.25]
[routing]
outputs = ["synth:jack", "virtual", "none", "My Synth"]
inputs = ["virtual", "Keys", "tune.MID"]
soundfont = "gm"
channels = [1, 2, 3, 16]
programs = ["organ", 48, "choir", 0]
banks = [0, 128, "none", 1]
volumes = [100, 90, 80, "none"]
pans = [30, 50, 70, 90]
latency_ms = [0, 12.5]
velocity = [[], [[1, 20], [127, 110]]]
click_channel = 16
thru = false
thru_channel = 10
thru_program = "harpsichord"
client = "me"
[voices]
soprano = { instrument = "lv2:urn:flute" }
alto = { instrument = "virtual" }
tenor = { instrument = "none" }
bass = { instrument = "synth:jack" }
"""


def parsed(text: str) -> Preset:
    return parse_preset(text, Path("mine.toml"))


def sentence(text: str) -> str:
    with pytest.raises(PresetError) as caught:
        parsed(text)
    return str(caught.value)


def test_the_five_presets_of_the_plan_ship() -> None:
    wanted = {"first-jam", "trading-fours", "soprano-in-your-hands", "chorale-solo", "daw"}
    assert wanted <= set(SHIPPED)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_preset_loads_and_is_introduced(name: str) -> None:
    preset = load_preset(name)
    assert preset.name == name
    assert preset.title and preset.about
    text = (ROOT / "presets" / f"{name}.toml").read_text(encoding="utf-8")
    assert text.startswith("# "), "a preset opens with a comment that a musician would write"
    if preset.phrase:
        assert load_phrase(preset.phrase).notes


def test_an_opening_sounds_at_once() -> None:
    """A phrase that is played in at the start must not begin with rests."""
    openings = [preset for preset in map(load_preset, SHIPPED) if preset.opening]
    assert openings
    for preset in openings:
        assert load_phrase(preset.phrase).notes[0].onset == 0


def test_the_shipped_modes() -> None:
    assert load_preset("first-jam").settings.mode is Mode.ANSWER
    assert load_preset("first-jam").settings.bpm == 84
    assert load_preset("trading-fours").settings.turns.every_bars == 4
    assert load_preset("soprano-in-your-hands").settings.mode is Mode.ACCOMPANY
    assert load_preset("chorale-solo").settings.mode is Mode.SOLO
    assert load_preset("daw").routing.outputs == (OutputSpec(OutputKind.VIRTUAL),)
    assert load_preset("daw").routing.channels == (0, 1, 2, 3)


def test_every_key_is_read() -> None:
    preset = parsed(EVERYTHING)
    settings, rules, routing = preset.settings, preset.settings.rules, preset.routing
    assert (preset.name, preset.title, preset.model, preset.precision) == (
        "mine", "All", "another", "fp32",
    )  # fmt: skip
    assert preset.fallback == "smaller"
    assert (preset.phrase, preset.opening) == ("ode-to-joy", True)
    assert (settings.mode, settings.bpm, settings.meter) == (Mode.ACCOMPANY, 61.5, Meter(6, 8))
    assert (settings.player_voice, settings.muted) == (2, {1, 3})
    assert (settings.velocity, settings.transpose, settings.onset_tolerance) == (101, -12, 0.1)
    assert (settings.sampling.top_k, settings.sampling.seed) == (12, 77)
    assert (rules.max_leap, rules.crossing, rules.spacing) == (7, Strength.OFF, Strength.HARD)
    assert rules.parallels is Strength.HARD
    assert (rules.key, rules.key_lock) == (Key(10, "minor"), Strength.SOFT)
    assert rules.ranges == ((60, 81), (53, 74), (48, 66), (39, 60))
    assert (settings.turns.every_bars, settings.turns.bars) == (2, 4)
    assert (settings.horizon.commit, settings.horizon.lookahead) == (1, 4)
    assert (settings.assign, settings.split, settings.follow) == (Assign.SPLIT, (67, 48), True)
    assert settings.voice_channels == (0, None, 2, 15)
    assert settings.sampling.candidates == 6
    assert settings.sync == Sync(
        source=ClockSource.MIDI, on_loss=OnLoss.STOP, send=True, from_phrase=True, swing=0.6,
        metronome=True, count_in=2,
    )  # fmt: skip
    assert settings.turns.hand_over is HandOver.NEXT_BAR
    assert (settings.turns.speculate, settings.turns.space) == (False, 0.25)
    assert settings.turns.density == 0.5
    assert not settings.turns.yields
    assert settings.horizon.late is Late.STRETCH
    assert settings.blocks == Blocks(morph=0.5, variation=0.1, directions=(0.5, -3.0, 0.0, 1.25))
    assert routing.outputs == (
        OutputSpec(OutputKind.SYNTH, "jack", channels=tuple(range(3, 15))),
        OutputSpec(OutputKind.VIRTUAL, latency_ms=12.5, velocity=((1, 20), (127, 110))),
        OutputSpec(OutputKind.NONE),
        OutputSpec(OutputKind.PORT, "My Synth"),
        OutputSpec(OutputKind.LV2, "urn:flute", channels=(0,)),
        OutputSpec(OutputKind.VIRTUAL, channels=(1,)),
        OutputSpec(OutputKind.NONE, channels=(2,)),
        OutputSpec(OutputKind.SYNTH, "jack", channels=(15,)),
    )
    assert routing.inputs == (
        InputSpec(InputKind.VIRTUAL),
        InputSpec(InputKind.PORT, "Keys"),
        InputSpec(InputKind.FILE, "tune.MID"),
    )
    assert (routing.channels, routing.programs) == ((0, 1, 2, 15), (19, 48, 52, 0))
    assert routing.banks == (0, 128, None, 1)
    assert (routing.volumes, routing.pans) == ((100, 90, 80, None), (30, 50, 70, 90))
    assert routing.click_channel == 15
    assert (routing.thru, routing.thru_channel, routing.thru_program) == (False, 9, 6)


def test_everything_above_names_every_key_there_is() -> None:
    lines = EVERYTHING.splitlines()
    section, named = "", set()
    for line in lines:
        if line.startswith("["):
            section = line.strip("[]")
        elif "=" in line:
            named.add((section, line.partition(" =")[0]))
    assert named == {(key.section, key.name) for key in KEYS if key.section != "ensemble"}
    assert {key.section for key in KEYS} == set(SECTIONS)


def test_an_empty_preset_has_the_defaults() -> None:
    preset = parsed("")
    assert preset == Preset(name="mine")
    assert preset.settings.rules.ranges == FULL_RANGES


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[sampling]\ntemprature = 1", ("line 2", "'temprature' in [sampling]", "'temperature'")),
        ("[play]\n\nkey = 'C major'", ("line 3", "'key' in [play]", "It belongs in [rules].")),
        ("tempo = 90", ("line 1", "'tempo' at the top of the file")),
        ("[samplin]\ntop_k = 1", ("line 1", "no section [samplin]", "Did you mean 'sampling'?")),
        ("[zzz]", ("line 1", "no section [zzz]", "There are: play,")),
        ("[play]\nbpm = 0", ("line 2", "bpm = 0 is out of range", "The nearest is 20.")),
        ("[play]\nbpm = 'fast'", ("line 2", "bpm cannot be 'fast'", "a number")),
        ("[play]\nbpm = true", ("line 2", "bpm cannot be True", "a number")),
        ("[play]\nvelocity = 1.5", ("line 2", "velocity cannot be 1.5", "a whole number")),
        ("[play]\nmode = 'anser'", ("line 2", "mode cannot be 'anser'", "Did you mean 'answer'?")),
        ("[play]\nmeter = '4'", ("line 2", "'4' is not a meter")),
        ("[play]\nplayer_voice = 'sopran'", ("line 2", "Did you mean 'soprano'?")),
        ("[play]\nmuted = 'bass'", ("line 2", "muted cannot be 'bass'", "square brackets")),
        ("[phrase]\nopening = 'yes'", ("line 2", "opening cannot be 'yes'", "true or false")),
        ("[model]\nprecision = 'int4'", ("line 2", "auto, int8, q8, fp32", "Did you mean 'int8'?")),
        ("[rules]\nkey = 'H'", ("line 2", "'H' is not a key")),
        ("[rules]\nkey_lock = 'hard'", ("line 2", "key_lock needs a key")),
        (
            "[rules]\ncrossing = 'strict'",
            ("line 2", "cannot be 'strict'", "off, soft, hard"),
        ),
        ("[ranges]\nbass = ['C5', 'C2']", ("line 2", "the bass's range 72…36 is empty")),
        ("[ranges]\nbass = ['C2']", ("line 2", "bass cannot be ['C2']", "two pitches")),
        ("[ranges]\nbass = ['H2', 'C3']", ("line 2", "'H2', which is no pitch")),
        ("[horizon]\ncommit = 4", ("line 2", "commit (4) lies beyond lookahead (2)")),
        ("[horizon]\nlookahead = 1\n\ncommit = 2", ("line 2", "commit ≤ lookahead")),
        ("[routing]\nchannels = [0, 1, 2, 3]", ("line 2", "channels cannot be 0", "1…16")),
        ("[routing]\nchannels = [1, 2]", ("line 2", "one number for each of four voices")),
        ("[routing]\nprograms = 'orgel'", ("line 2", "'orgel'", "organ")),
        ("[routing]\noutputs = 'synth'", ("line 2", "outputs cannot be 'synth'")),
        ("[play\nbpm = 1", ("this is not valid TOML", "line 1")),
        ("title = 3", ("line 1", "title cannot be 3", "a text in quotes")),
    ],
)
def test_a_mistake_is_told_with_its_line_and_the_right_thing(
    text: str, expected: tuple[str, ...]
) -> None:
    told = sentence(text)
    assert told.startswith("mine.toml")
    assert "\n" not in told
    for part in expected:
        assert part in told


def test_a_key_in_a_comment_or_another_section_is_not_blamed() -> None:
    told = sentence("# bpm = 3\n[sampling]\ntop_k = 3\n[play]\nbpm = 3\n")
    assert "line 5" in told


def test_files_that_are_no_presets(tmp_path: Path) -> None:
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(PresetError, match="not a text file"):
        load_preset(str(binary))
    with pytest.raises(PresetError, match="no such file"):
        load_preset(str(tmp_path / "absent.toml"))
    with pytest.raises(PresetError, match="Did you mean 'first-jam'"):
        load_preset("frist-jam")


def test_a_preset_of_the_players_own_is_found_by_name_and_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    own = tmp_path / "ripieno" / "presets"
    own.mkdir(parents=True)
    (own / "first-jam.toml").write_text("[play]\nbpm = 47\n", encoding="utf-8")
    assert load_preset("first-jam").settings.bpm == 47
    assert set(resources.presets()) == set(SHIPPED)


def test_pitch_names_go_there_and_back() -> None:
    for pitch in range(128):
        assert pitch_from("x", pitch_name(pitch)) == pitch
    assert pitch_from("x", "Cb4") == 59
    assert pitch_from("x", "c4") == 60


def test_the_page_about_presets_is_not_stale() -> None:
    written = (ROOT / "docs" / "presets.md").read_text(encoding="utf-8")
    assert written == page(), "run: make docs"


def test_the_page_tells_defaults_that_are_the_defaults() -> None:
    """Each default on the page, put into a preset, changes nothing."""
    section, lines = "", []
    for line in page().splitlines():
        if line.startswith("## `["):
            section = line[line.index("[") : line.index("]") + 1]
            lines.append(section)
        elif line.startswith("| `"):
            name, _, default, _ = (cell.strip() for cell in line.strip("|").split(" | ", 3))
            if default != "—":
                lines.append(f"{name.strip('`')} = {default.strip('`')}")
    assert len(lines) > 40
    assert parsed("\n".join(lines)) == parsed("")
