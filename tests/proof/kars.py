"""Kars, a VST3 instrument that is built once from Debian's sources, by `.ci/vst3.sh`."""

from __future__ import annotations

import importlib.util
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILT = ROOT / "build" / "vst3" / "Kars.vst3"


def missing() -> str:
    """Build it where it is not there yet; why it cannot be played here, or ''."""
    if importlib.util.find_spec("pedalboard") is None:
        return "pedalboard, which plays VST3 instruments, is not installed"
    words = ["bash", str(ROOT / ".ci" / "vst3.sh")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return "" if BUILT.is_dir() else done.stderr.strip() or "it cannot be built"


def kars() -> Path:
    """Where it lies. A test without it is skipped; in continuous integration it has failed."""
    why = missing()
    if why and os.environ.get("CI") == "true":
        pytest.fail(why)
    if why:
        pytest.skip(why)
    return BUILT
