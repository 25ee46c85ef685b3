"""VST3 instruments before anything sounds: how they are found, named, refused and asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from ripieno.errors import PresetError, SoundError
from ripieno.midi.listing import describe_ports
from ripieno.outputs import vst3, vst3_plugin
from ripieno.outputs.vst3_folders import find
from ripieno.preset.preset import load_preset, parse_preset
from ripieno.routing import OutputKind, OutputSpec


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of plug-ins, and an empty home."""
    folder = tmp_path / "plug-ins"
    for name in ("Kars", "Maker/Nekobi"):
        (folder / f"{name}.vst3" / "Contents").mkdir(parents=True)
    monkeypatch.setenv("VST3_PATH", str(folder))
    monkeypatch.setenv("HOME", str(tmp_path))
    return folder


@pytest.mark.parametrize("wanted", ["Kars", "kars", "Kars.vst3"])
def test_a_plug_in_is_found_by_its_name(wanted: str, shelf: Path) -> None:
    assert find(wanted) == shelf / "Kars.vst3"


def test_also_in_the_folder_of_its_maker_and_by_its_path(shelf: Path) -> None:
    nekobi = shelf / "Maker" / "Nekobi.vst3"
    assert find("nekobi") == nekobi == find(str(nekobi))


def test_the_folder_in_your_home_is_searched(tmp_path: Path, shelf: Path) -> None:
    usual = "Library/Audio/Plug-Ins/VST3" if sys.platform == "darwin" else ".vst3"
    own = tmp_path / usual / "Mine.vst3"
    own.mkdir(parents=True)
    assert find("mine") == own == find(f"~/{usual}/Mine.vst3")


def test_ports_lists_what_is_found(
    shelf: Path, monkeypatch: pytest.MonkeyPatch, no_jack: None
) -> None:
    assert [path.stem for path in describe_ports().instruments] == ["Kars", "Nekobi"]
    monkeypatch.setattr(vst3_plugin, "installed", lambda: False)
    assert any("ripieno[vst3]" in sentence for sentence in describe_ports().missing)


@pytest.mark.parametrize("wanted", ["Karz", "/nowhere/Karz.vst3"])
def test_what_is_not_there_is_told_with_what_is(wanted: str, shelf: Path) -> None:
    with pytest.raises(SoundError, match=r"no VST3 plug-in.*Did you mean 'Kars'\?"):
        find(wanted)


def test_a_file_of_another_kind_is_no_plug_in(tmp_path: Path, shelf: Path) -> None:
    (tmp_path / "kars.txt").touch()
    with pytest.raises(SoundError, match=r"ends in \.vst3"):
        find(str(tmp_path / "kars.txt"))


PRESET = """\
[voices.bass]
instrument = "vst3:Kars"
[voices.bass.parameters]
Release = 0.5
Volume = 80
sustain = true
wave = "saw"
"""


def test_a_preset_names_it_with_its_parameters(tmp_path: Path) -> None:
    (tmp_path / "bass.toml").write_text(PRESET)
    synth, own = load_preset(str(tmp_path / "bass.toml")).routing.outputs
    parameters = (("Release", 0.5), ("Volume", 80.0), ("sustain", True), ("wave", "saw"))
    assert own == OutputSpec(OutputKind.VST3, "Kars", channels=(3,), parameters=parameters)
    assert synth.kind is OutputKind.SYNTH and 3 not in synth.channels


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[voices.bass]\ninstrument = "lv2:urn:x"\nparameters = { a = 1 }', "`vst3:` instrument"),
        ('[voices.bass]\ninstrument = "vst3:Kars"\nparameters = 3', "a table of names and values"),
        (
            '[voices.bass]\ninstrument = "vst3:Kars"\nparameters = { a = [1] }',
            "bass.parameters.a cannot be",
        ),
        ('[voices.bass]\ninstrument = "vst3:Kars"\nprogram = 3', "`parameters`"),
        ("[voices.bass]\nparameters = { a = 1 }", "the key `instrument`"),
    ],
)
def test_a_table_that_says_something_else_is_refused(text: str, told: str) -> None:
    with pytest.raises(PresetError, match=told):
        parse_preset(text, Path("bass.toml"))


def test_without_pedalboard_it_is_told_what_to_install(
    shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vst3, "installed", lambda: False)
    with pytest.raises(SoundError, match=r"pip install 'ripieno\[vst3\]'"):
        vst3.Vst3Output("Kars")


def test_nothing_imports_pedalboard_unasked() -> None:
    """Also not what starts its process, which is all that realtime ever sees of it."""
    code = (
        "import sys, ripieno.realtime, ripieno.outputs.vst3, ripieno.outputs.vst3_process\n"
        "assert not {'pedalboard', 'pedalboard_native', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.real_part
def test_without_loudspeakers_it_waits_for_some(
    shelf: Path, no_jack: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real process; it looks for loudspeakers before it touches the plug-in."""
    monkeypatch.setattr(vst3, "AT_ONCE", 60.0)
    output = vst3.Vst3Output("Kars")
    try:
        assert not output.ready
        assert "audio device" in output.problem or "PortAudio" in output.problem
        assert [output.check() for _ in range(vst3.AGAIN - 1)] == [False] * (vst3.AGAIN - 1)
        first = output.process
        assert not output.check()
        assert output.process != first, "it does not try again"
    finally:
        output.close()
