"""Whether this processor can compute what models need. Pure of numpy and ONNX Runtime: on one that
cannot, importing them ends the program without a word."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

from ripieno.errors import RipienoError

CPUINFO = Path("/proc/cpuinfo")
TRIAL = "import numpy, onnxruntime"
"""What a process of its own tries: other builds of both do without AVX."""
_X86 = ("x86_64", "AMD64", "i686")
_PATIENCE = 60.0


def lacks_avx() -> bool:
    """Whether this is an x86 processor without AVX, the instructions that most builds of numpy and
    ONNX Runtime take for granted. False where the system does not tell."""
    if platform.machine() not in _X86:
        return False
    try:
        lines = CPUINFO.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return False
    flags = next((line.split() for line in lines if line.startswith("flags")), ["avx"])
    return "avx" not in flags


def refuse_what_cannot_compute() -> None:
    """Raises RipienoError where numpy or ONNX Runtime would end the program on this processor."""
    if lacks_avx() and not _computes():
        raise RipienoError(
            "this processor has no AVX, and the installed numpy and onnxruntime do not run "
            "without it",
            nearest="Play on a newer computer, or install both from sources.",
        )


def _computes() -> bool:
    """Whether a process that imports both lives."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", TRIAL],
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_PATIENCE,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode >= 0  # below it was ended by a signal; a missing package is told later
