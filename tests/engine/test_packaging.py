"""The wheel: installed into an empty environment away from the checkout it finds all, and plays."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIMIT = 120


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Standard output of a command that must succeed."""
    result = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    run(
        *(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, ROOT),
        cwd=out,
    )
    (built,) = out.glob("*.whl")
    return built


class Installed:
    """An environment with nothing in it but the wheel; libraries are borrowed from us."""

    def __init__(self, folder: Path, wheel: Path) -> None:
        self.home = folder / "home"
        self.home.mkdir()
        self.python = folder / "venv" / "bin" / "python"
        venv.create(folder / "venv", with_pip=False)
        run(
            *(sys.executable, "-m", "pip", "--python", self.python, "--quiet", "install"),
            *("--no-deps", "--no-index", "--disable-pip-version-check", wheel),
            cwd=folder,
        )

    def ripieno(self, *arguments: str) -> str:
        """Output of the installed program. Our own editable install is not visible to it."""
        return run(
            self.python.with_name("ripieno"),
            *arguments,
            cwd=self.home,
            HOME=str(self.home),
            XDG_DATA_HOME=str(self.home / "data"),
            XDG_CACHE_HOME=str(self.home / "cache"),
            PYTHONPATH=sysconfig.get_paths()["purelib"],
        )


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed(tmp_path_factory.mktemp("elsewhere"), wheel)


def test_the_wheel_has_what_plays_and_nothing_that_trains(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for wanted in (
        "ripieno/cli/__init__.py",
        "ripieno/py.typed",
        "ripieno_app/app.py",
        "ripieno/presets/first-jam.toml",
        "ripieno/presets/phrases/ode-to-joy.txt",
        "ripieno/soundfonts/ripieno.sf2",
        "ripieno/zoo/chorale-lstm/manifest.toml",
        "ripieno/zoo/chorale-lstm/CARD.md",
    ):
        assert wanted in names
    assert any(re.fullmatch(r"ripieno_app/.*\.tcss", name) for name in names)
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"ripieno", "ripieno_app"}
    assert not [name for name in names if name.endswith(".pyc") or "build.py" in name]
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_package_itself_comes_from_the_wheel(installed: Installed) -> None:
    place = run(
        *(installed.python, "-c", "import ripieno; print(ripieno.__file__)"),
        cwd=installed.home,
        PYTHONPATH=sysconfig.get_paths()["purelib"],
    )
    assert Path(place.strip()).is_relative_to(installed.python.parents[1])


def test_it_finds_presets_models_and_the_soundfont(installed: Installed) -> None:
    presets = installed.ripieno("presets")
    assert {"first-jam", "daw"} <= {line.split()[0] for line in presets.splitlines()}
    assert "Ode to Joy" in installed.ripieno("presets", "--phrases")
    assert "All files are whole." in installed.ripieno("models", "chorale-lstm")
    assert "ripieno/soundfonts/ripieno.sf2" in installed.ripieno("ports")


def test_it_renders_with_the_model_that_ships(installed: Installed) -> None:
    installed.ripieno("render", "--preset", "chorale-solo", "--bars", "3", "--out", "song.wav")
    song = installed.home / "song.wav"
    assert song.stat().st_size > 44100 * 4  # more than a second of stereo


@pytest.mark.real_part
def test_it_plays_in_all_its_processes(installed: Installed) -> None:
    said = installed.ripieno(
        *("play", "--preset", "chorale-solo", "--bpm", "200", "--bars", "3"),
        *("--out", "none", "--no-wav"),
    )
    assert "bar 3 of 3" in said
    assert len(list((installed.home / "takes").glob("*.mid"))) == 1


def test_the_declared_libraries_are_the_ones_that_are_imported() -> None:
    """No dependency without a use: each one is imported somewhere in the engine or the screen."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = text.partition("dependencies = [")[2].partition("\n]")[0]
    declared = re.findall(r'"([A-Za-z0-9-]+)[><=]', block)
    modules = {
        "python-rtmidi": "rtmidi",
        "pyfluidsynth": "fluidsynth",
        "JACK-Client": "jack",
        "python-osc": "pythonosc",
    }
    sources = "\n".join(
        path.read_text(encoding="utf-8")
        for folder in ("engine", "app")
        for path in (ROOT / folder).rglob("*.py")
    )
    assert len(declared) >= 7
    for name in declared:
        module = modules.get(name, name)
        assert re.search(rf"^\s*(import|from) {module}\b", sources, re.MULTILINE), name
