"""A soundfont for tests that listen: the built-in one."""

from __future__ import annotations

from pathlib import Path

BUILT_IN = Path(__file__).parents[2] / "soundfonts" / "ripieno.sf2"
ORGAN, HARPSICHORD = 19, 6
