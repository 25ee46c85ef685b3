"""Where presets, models and soundfonts are looked for, and what is said when they are not there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from ripieno import resources
from ripieno.errors import BundleError, PhraseError, PresetError, SoundError
from ripieno.resources import Kind

from tests.engine.bundles import write_bundle

ROOT = Path(__file__).parents[2]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The player's own folder, still empty."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    return tmp_path / "ripieno"


@pytest.mark.parametrize("kind", list(Kind))
def test_what_ships_is_found_in_the_checkout(kind: Kind) -> None:
    assert resources.shipped(kind).is_dir()
    assert resources.shipped(kind).is_relative_to(ROOT)


def test_a_model_is_found_by_name_and_by_path(home: Path) -> None:
    mine = write_bundle(home / "zoo" / "mine")
    assert resources.bundle_folder("mine") == mine
    assert resources.bundle_folder(str(mine)) == mine
    assert "mine" in resources.bundles()


def test_the_players_own_model_replaces_ours(home: Path) -> None:
    mine = write_bundle(home / "zoo" / "chorale-lstm")
    assert resources.bundle_folder("chorale-lstm") == mine


def test_a_missing_model_is_told_with_the_nearest(home: Path, tmp_path: Path) -> None:
    write_bundle(home / "zoo" / "mine")
    with pytest.raises(BundleError, match=r"no model called 'nine'\. Did you mean 'mine'"):
        resources.bundle_folder("nine")
    with pytest.raises(BundleError, match="there is no such file"):
        resources.bundle_folder(str(tmp_path / "absent" / "model"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(BundleError, match=r"not a model; allowed: a folder with a manifest\.toml"):
        resources.bundle_folder(str(tmp_path / "empty"))
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(BundleError, match="this is not a folder"):
        resources.bundle_folder(str(file))


def test_a_folder_is_no_preset_and_no_phrase(tmp_path: Path) -> None:
    folder = tmp_path / "folder.toml"
    folder.mkdir()
    with pytest.raises(PresetError, match="this is not a file"):
        resources.preset_path(str(folder))
    with pytest.raises(PhraseError, match="this is not a file"):
        resources.phrase_path(str(tmp_path) + "/")


def test_our_own_soundfont_is_the_one_that_plays(home: Path) -> None:
    assert resources.soundfont_path() == ROOT / "soundfonts" / "ripieno.sf2"
    assert resources.soundfont_path("ripieno") == resources.soundfont_path()


def test_a_soundfont_of_the_players_own(home: Path) -> None:
    fonts = home / "soundfonts"
    fonts.mkdir(parents=True)
    shutil.copy(ROOT / "soundfonts" / "ripieno.sf2", fonts / "harmonium.sf2")
    assert resources.soundfont_path("harmonium") == fonts / "harmonium.sf2"
    with pytest.raises(SoundError, match="Did you mean 'harmonium'"):
        resources.soundfont_path("harmonum")


def test_an_installed_general_midi_font(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "SYSTEM_SOUNDFONTS", (tmp_path,))
    with pytest.raises(SoundError, match="no General MIDI soundfont is installed"):
        resources.soundfont_path("gm")
    shutil.copy(ROOT / "soundfonts" / "ripieno.sf2", tmp_path / "Everything.sf2")
    (tmp_path / "default.sf2").symlink_to("Everything.sf2")
    assert resources.soundfont_path("gm") == tmp_path / "Everything.sf2"
    assert resources.soundfont_path("Everything") == tmp_path / "Everything.sf2"


@pytest.mark.parametrize("content", [b"", b"RIFF", b"RIFF\0\0\0\0WAVEfmt ", b"not at all a font"])
def test_what_is_no_soundfont_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "fake.sf2"
    path.write_bytes(content)
    with pytest.raises(SoundError, match=r"fake\.sf2: this is not a soundfont"):
        resources.soundfont_path(str(path))
