"""The tables [ensemble.NAME] of a preset: what is read, and what is refused with which words."""

from __future__ import annotations

from pathlib import Path

import pytest
from ripieno.cli.arguments import parser_of
from ripieno.cli.options import asked
from ripieno.errors import PresetError
from ripieno.library.presets import item
from ripieno.preset.keys import KEYS
from ripieno.preset.preset import Preset, load_preset, parse_preset
from ripieno.routing import OutputKind, OutputSpec
from ripieno.settings import Key, Mode

TWO = """\
[play]
bpm = 90
[sampling]
temperature = 0.8
[rules]
key = "G major"
[ensemble.choir]
mode = "accompany"
player_voice = "bass"
voices = ["soprano", "alto", "tenor"]
[ensemble.fiddle]
mode = "answer"
hears = ["choir.soprano", "you"]
channel = 6
"""
EVERY_KEY = """\
[ensemble.fiddle]
model = "folk-transformer"
fallback = "chorale-lstm"
precision = "fp32"
mode = "answer"
hears = []
voices = ["soprano"]
player_voice = "alto"
channels = [6, 7, 8, 9]
programs = [40, 41, 42, 43]
volumes = [100, 90, 80, "none"]
pans = [30, 50, 70, 90]
instrument = "lv2:urn:fiddle"
"""


def parsed(text: str) -> Preset:
    return parse_preset(text, Path("mine.toml"))


def test_each_has_what_the_preset_says_and_what_its_own_table_says_instead() -> None:
    choir, fiddle = (seat.member for seat in parsed(TWO).ensemble)
    assert (choir.name, fiddle.name) == ("choir", "fiddle")
    assert (choir.settings.mode, fiddle.settings.mode) == (Mode.ACCOMPANY, Mode.ANSWER)
    assert choir.settings.bpm == fiddle.settings.bpm == 90
    assert choir.settings.sampling == fiddle.settings.sampling
    assert choir.settings.rules.key == Key.parse("G major")
    assert (choir.hears, fiddle.hears) == (("you",), ("choir.soprano", "you"))
    assert choir.settings.muted == {3}
    assert (choir.settings.player_voice, fiddle.settings.player_voice) == (3, 0)


def test_what_a_preset_says_of_one_is_said_of_the_first() -> None:
    preset = parsed(TWO)
    assert preset.settings == preset.ensemble[0].member.settings
    assert preset.routing.channels == (0, 1, 2, 3)
    assert preset.ensemble[1].routing.channels == (5, 5, 5, 5)


def test_sections_of_its_own() -> None:
    own = "[ensemble.fiddle.turns]\nevery_bars = 4\n[ensemble.fiddle.horizon]\nbudget_ms = 12\n"
    choir, fiddle = (seat.member.settings for seat in parsed(TWO + own).ensemble)
    assert (choir.turns.every_bars, fiddle.turns.every_bars) == (0, 4)
    assert (choir.horizon.budget_ms, fiddle.horizon.budget_ms) == (40, 12)


def test_every_key_is_read() -> None:
    (one,) = parsed(EVERY_KEY + "").ensemble
    assert (one.model, one.fallback, one.precision) == ("folk-transformer", "chorale-lstm", "fp32")
    assert one.member.hears == ()
    assert one.member.settings.muted == {1, 2, 3}
    assert one.member.settings.player_voice == 1
    assert one.routing.channels == (5, 6, 7, 8)
    assert one.routing.programs == (40, 41, 42, 43)
    assert (one.routing.volumes, one.routing.pans) == ((100, 90, 80, None), (30, 50, 70, 90))
    assert one.instrument == OutputSpec(OutputKind.LV2, "urn:fiddle")
    named = {line.partition(" =")[0] for line in EVERY_KEY.splitlines()[1:]} | {"channel"}
    assert named == {key.name for key in KEYS if key.section == "ensemble"}


def test_an_instrument_of_its_own_is_left_out_by_our_synthesiser() -> None:
    text = TWO + 'instrument = "lv2:urn:fiddle"\n'
    synth, fiddle = parsed(text).routing.outputs
    assert synth.kind is OutputKind.SYNTH
    assert 5 not in synth.channels
    assert len(synth.channels) == 15
    assert fiddle == OutputSpec(OutputKind.LV2, "urn:fiddle", channels=(5,))


@pytest.mark.parametrize(
    ("changed", "to", "line", "words"),
    [
        ("channel = 6", "channel = 2", 11, ["choir and fiddle both play on channel 2", "Free"]),
        ("channel = 6", "channel = 5", 11, ["you and fiddle both play on channel 5"]),
        ("channel = 6", "channel = 10", 11, ["the metronome and fiddle"]),
        ("channel = 6", "chanel = 6", 14, ["'chanel' in [ensemble.fiddle]", "'channel'"]),
        ("channel = 6", "channel = 17", 14, ["1…16"]),
        ('"tenor"]', '"tenor", "bass"]', 7, ["the bass is the voice that you play for choir"]),
        ("choir.soprano", "quire", 11, ["nobody is called so", "choir"]),
        ("choir.soprano", "choir.sopran", 11, ["no such voice", "'soprano'"]),
        ("choir.soprano", "fiddle", 11, ["fiddle cannot hear itself"]),
        ("channel = 6", "channel = 6\n[ensemble.fiddle.sync]\nswing = 0.6", 15, ["[sync]"]),
        ("channel = 6", "channel = 6\n[ensemble.fiddle.play]\nbpm = 6", 15, ["bpm", "[play]"]),
        ("channel = 6", "channel = 6\n[ensemble.fiddle.turn]\nbars = 6", 15, ["'turns'"]),
        ("channel = 6", "channel = 6\n[ensemble.fiddle.turns]\nbar = 6", 16, ["'bars'"]),
        ("channel = 6", "channel = 6\n[ensemble.fiddle.turns]\nbars = 99", 16, ["0…64"]),
        ("[ensemble.fiddle]", "[ensemble.you]", 11, ["cannot be called 'you'"]),
        ('mode = "accompany"', 'mode = "accompany"\nhears = []', 7, ["hears nobody"]),
    ],
)
def test_what_is_wrong_is_told_with_its_line(
    changed: str, to: str, line: int, words: list[str]
) -> None:
    text = TWO.replace(changed, to)
    assert text != TWO
    with pytest.raises(PresetError) as refused:
        parsed(text)
    told = str(refused.value)
    assert f"line {line}" in told, told
    assert all(word in told for word in words), told


def test_no_scenes_and_no_value_in_the_place_of_a_table() -> None:
    with pytest.raises(PresetError, match="no scenes"):
        parsed(TWO + '[[scene]]\nname = "x"\n')
    with pytest.raises(PresetError, match="a table of its own"):
        parsed("ensemble = 3\n")


def test_more_than_eight_are_too_many() -> None:
    text = "".join(f"[ensemble.m{i}]\nchannel = {i + 1 + (i > 3)}\n" for i in range(9))
    with pytest.raises(PresetError, match="1…8"):
        parsed(text)


def test_options_reach_all_that_they_are_for() -> None:
    words = ["play", "--preset", "choir-and-fiddle", "--bpm", "66", "--temperature", "0.5"]
    what = asked(parser_of().parse_args([*words, "--model", "chorale-lstm"]))
    choir, fiddle = what.seats
    assert choir.member.settings.bpm == fiddle.member.settings.bpm == 66
    assert choir.member.settings.sampling.temperature == 0.5
    assert fiddle.member.settings.sampling.temperature == 1.0
    assert choir.model.folder.name == "chorale-lstm"
    assert fiddle.model.folder.name == "folk-transformer"


def test_a_single_model_is_an_ensemble_of_one() -> None:
    what = asked(parser_of().parse_args(["play", "--preset", "first-jam"]))
    assert what.seats == ()
    assert load_preset("first-jam").ensemble == ()


def test_an_ensemble_is_named_where_presets_are_recalled() -> None:
    recall = item("choir-and-fiddle").recall
    assert recall is not None
    assert recall.ensemble
    assert tuple(player.member.name for player in recall.players) == ("choir", "fiddle")
