"""The layers, as the interpreter sees them: who really imports what, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ENGINE = Path(__file__).parents[2] / "engine" / "ripieno"
MODULES = sorted(
    ".".join(("ripieno", *path.relative_to(ENGINE).with_suffix("").parts)).removesuffix(".__init__")
    for path in ENGINE.rglob("*.py")
    if path.name != "__main__.py"
)
HEAVY = {"numpy", "onnxruntime", "textual"}
FOREIGN = {"mido", "rtmidi", "jack", "fluidsynth", "tinysoundfont", "sounddevice"}
PURE = [
    "ripieno.clock",
    "ripieno.modes.conductor",
    "ripieno.errors",
    "ripieno.events",
    "ripieno.grammar.grid",
    "ripieno.knobs",
    "ripieno.ledger",
    "ripieno.modes.accompany",
    "ripieno.modes.answer",
    "ripieno.modes.solo",
    "ripieno.preset.phrases",
    "ripieno.preset.preset",
    "ripieno.routing",
    "ripieno.schedule",
    "ripieno.score",
    "ripieno.settings",
]
OWNERS = {
    "onnxruntime": ["inference/onnx_session.py"],
    "mido": ["midi/midifile.py"],
    "rtmidi": ["midi/rtmidi_ports.py"],
    "jack": ["midi/jack.py"],
    "aalink": ["sync/link.py"],
    "fluidsynth": ["outputs/fluidsynth.py"],
    "sounddevice": ["outputs/portaudio.py"],
    "tinysoundfont": ["outputs/tinysoundfont.py"],
    "pedalboard": ["outputs/vst3_plugin.py"],
}
"""Foreign libraries, and the files of the engine that may import them (besides the doctor)."""


def imported_by(*modules: str) -> set[str]:
    """Top-level packages in `sys.modules` once `modules` are imported, in a fresh interpreter."""
    code = (
        "import importlib, json, sys\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return set(json.loads(result.stdout))


def test_the_whole_engine_knows_neither_the_screen_nor_the_trainer() -> None:
    assert imported_by(*MODULES).isdisjoint(
        {
            "textual",
            "ripieno_app",
            "torch",
            "ripieno_models",
            "lightning",
            "music21",
            "aalink",
            "pedalboard",
        }
    )


def test_the_command_line_is_light() -> None:
    """Every process of a performance imports it again."""
    assert imported_by("ripieno.cli").isdisjoint(HEAVY | FOREIGN)


def test_the_real_time_process_is_light() -> None:
    assert imported_by("ripieno.realtime").isdisjoint(HEAVY)


def test_the_guard_is_light() -> None:
    assert imported_by("ripieno.guard").isdisjoint(HEAVY)


def test_pure_modules_are_pure() -> None:
    assert imported_by(*PURE).isdisjoint(HEAVY | FOREIGN)


@pytest.mark.parametrize(("library", "owners"), OWNERS.items())
def test_a_foreign_library_has_one_home(library: str, owners: list[str]) -> None:
    homes = {
        path.relative_to(ENGINE).as_posix()
        for path in ENGINE.rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.split()[:2] in (["import", library], ["from", library])
        or line.strip().startswith(f"from {library}.")
    }
    assert homes - {"doctor/doctor.py"} <= set(owners)
