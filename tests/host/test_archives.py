"""Bundles as one file: packed, looked at, unpacked, and no harm done by those that mean it."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from ripieno import resources
from ripieno.cli import main
from ripieno.errors import BundleError
from ripieno.inference.bundle import check
from ripieno.library import shelf
from ripieno.library.archive import pack, unpack

from tests.engine.bundles import Recipe, write_bundle


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(tmp_path_factory.mktemp("bundles") / "test-lstm", Recipe(hidden=8))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_packed_and_unpacked_it_is_the_same(sound: Path, tmp_path: Path) -> None:
    one, other, folder = tmp_path / "a.ripieno", tmp_path / "b.ripieno", tmp_path / "out"
    pack(sound, one)
    pack(sound, other)
    assert one.read_bytes() == other.read_bytes()
    folder.mkdir()
    unpack(one, folder)
    check(folder)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == {
        p.name: p.read_bytes() for p in sound.iterdir()
    }


def zipped(path: Path, sound: Path, change: Callable[[zipfile.ZipFile], None]) -> Path:
    """A zip of the sound bundle as anybody makes it, and what `change` adds."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(sound.iterdir()):
            archive.write(file, f"{sound.name}/{file.name}")
        change(archive)
    return path


def test_a_zip_made_by_hand_with_a_folder_on_top(sound: Path, tmp_path: Path) -> None:
    path, folder = zipped(tmp_path / "x.ripieno", sound, lambda archive: None), tmp_path / "out"
    folder.mkdir()
    assert unpack(path, folder).name == "test-lstm"


def test_what_the_manifest_does_not_name_is_left_in_the_archive(
    sound: Path, tmp_path: Path
) -> None:
    def more(archive: zipfile.ZipFile) -> None:
        archive.writestr("test-lstm/install.sh", "#!/bin/sh\n")

    path, folder = zipped(tmp_path / "x.ripieno", sound, more), tmp_path / "out"
    folder.mkdir()
    unpack(path, folder)
    assert not (folder / "install.sh").exists()


def link(archive: zipfile.ZipFile) -> None:
    entry = zipfile.ZipInfo("test-lstm/passwd")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    archive.writestr(entry, "/etc/passwd")


def bomb(archive: zipfile.ZipFile) -> None:
    with archive.open("test-lstm/zeros", "w", force_zip64=True) as sink:
        for _ in range(64):
            sink.write(bytes(1 << 20))


def encrypted(archive: zipfile.ZipFile) -> None:
    archive.writestr("test-lstm/secret", "x")
    archive.infolist()[-1].flag_bits |= 1


def many(archive: zipfile.ZipFile) -> None:
    for number in range(1100):
        archive.writestr(f"test-lstm/{number}", "")


def named(name: str) -> Callable[[zipfile.ZipFile], None]:
    return lambda archive: archive.writestr(zipfile.ZipInfo(name), "x")


HOSTILE = {
    "parent": (named("test-lstm/../../escape"), "would write to"),
    "absolute": (named("/etc/escape"), "would write to"),
    "deep": (named("test-lstm/a/b"), "would write to"),
    "windows": (named("test-lstm/..\\escape"), "would write to"),
    "drive": (named("test-lstm/c:escape"), "would write to"),
    "link": (link, "a link or a device"),
    "bomb": (bomb, "would unpack to 64 MiB"),
    "encrypted": (encrypted, "unknown way"),
    "many": (many, "at most 1000"),
    "twice": (named("test-lstm/Model.ONNX"), "is in it twice"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_archive_writes_nothing(name: str, sound: Path, tmp_path: Path) -> None:
    change, told = HOSTILE[name]
    path, folder = zipped(tmp_path / "x.ripieno", sound, change), tmp_path / "deep" / "out"
    folder.mkdir(parents=True)
    with pytest.raises(BundleError, match=told) as error:
        unpack(path, folder)
    assert "\n" not in str(error.value)
    assert not list(folder.iterdir())
    assert {p.name for p in tmp_path.iterdir()} == {"x.ripieno", "deep"}


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\x05\x06" + bytes(18), b"nothing"])
def test_what_is_no_archive(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.ripieno"
    path.write_bytes(content)
    with pytest.raises(BundleError, match=r"not a whole zip|no manifest"):
        unpack(path, tmp_path)


def test_add_list_play_and_remove(
    home: Path, sound: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The way of a new user: one file comes, is tried, plays and goes again."""
    pack(sound, home / "gift.ripieno")
    assert main(["models", "check", "gift.ripieno"]) == 0
    told = capsys.readouterr().out
    for about in ("manifest", "files", "graph", "dry run", "rewind", "speed", "tempo", "licence"):
        assert f"\n{about} " in "\n" + told
    assert main(["models", "add", "gift.ripieno"]) == 0
    assert "Play it with: ripieno play --model test-lstm" in capsys.readouterr().out
    assert resources.bundles()["test-lstm"].parent == shelf.own_shelf()
    assert main(["models"]) == 0
    assert "yours" in next(
        line for line in capsys.readouterr().out.splitlines() if line.startswith("test-lstm")
    )
    assert (
        main(["render", "--model", "test-lstm", "--mode", "solo", "--bars", "8", "--out", "a.mid"])
        == 0
    )
    assert (home / "a.mid").stat().st_size > 100
    capsys.readouterr()
    assert main(["models", "add", "gift.ripieno"]) == 2
    assert "--replace" in capsys.readouterr().err
    assert main(["models", "add", "gift.ripieno", "--replace"]) == 0
    assert main(["models", "remove", "test-lstm"]) == 0
    assert not list(shelf.own_shelf().iterdir())


def test_a_model_that_ships_stays(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "remove", "chorale-lstm"]) == 2
    assert "came with Ripieno and stays" in capsys.readouterr().err
    assert main(["models", "remove", "../chorale-lstm"]) == 2
    assert resources.bundle_folder("chorale-lstm").is_dir()


def test_a_damaged_one_is_not_added(
    home: Path, sound: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pack(sound, home / "gift.ripieno")
    whole = bytearray((home / "gift.ripieno").read_bytes())
    whole[len(whole) // 2] ^= 0xFF
    (home / "gift.ripieno").write_bytes(whole)
    assert main(["models", "add", "gift.ripieno"]) == 2
    assert capsys.readouterr().err
    assert not shelf.own_shelf().exists() or not list(shelf.own_shelf().iterdir())
