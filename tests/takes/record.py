"""Records the take of the regression test anew: `python -m tests.takes.record`.

To be done when the way in which Ripieno plays was changed on purpose, or its model: a real
performance of some seconds, without a screen and without sound, by the shipped model in fp32.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

TAKE = Path(__file__).parent / "answer.take"
LARGEST = 60_000
"""Bytes."""
WORDS = (
    "play", "--headless", "--preset", "first-jam", "--model", "chorale-lstm", "--precision", "fp32",
    "--bpm", "200", "--set", "after_beats=0.5", "--bars", "5", "--out", "none", "--in", "virtual",
    "--no-wav",
)  # fmt: skip


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "ripieno", *WORDS, "--takes", folder]
        subprocess.run(command, check=True)
        (played,) = Path(folder).glob("*.take")
        data = played.read_bytes()
    if len(data) > LARGEST:
        print(f"{len(data)} bytes are more than {LARGEST}", file=sys.stderr)
        return 1
    TAKE.write_bytes(data)
    print(f"{TAKE}: {len(data)} bytes")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
