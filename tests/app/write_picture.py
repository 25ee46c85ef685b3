"""Draws the README's picture from a real performance: `python -m tests.app.write_picture`.

The engine plays the first preset, with a guest at the keys; in its second bar of answering the
screen is drawn. An audio system (a JACK server will do) makes the picture look as it does at home.
"""

from __future__ import annotations

import select
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from ripieno import resources
from ripieno.client import Client
from ripieno.clock import Beats
from ripieno.events import Telemetry
from ripieno.inference.link import ModelSpec
from ripieno.preset import phrases
from ripieno.preset.preset import load_preset
from ripieno.settings import Horizon
from ripieno.stage import Stage
from ripieno_app.picture import save_picture

PICTURE = Path(__file__).parents[2] / "docs" / "screen.svg"
MOMENT = Beats(20.6)
HORIZON = Horizon(commit=Beats(0.75), lookahead=Beats(4.0))
"""Wider than the preset's, so that all looks of a note are in the picture."""


def main() -> int:
    preset = load_preset("first-jam")
    preset = replace(preset, settings=replace(preset.settings, horizon=HORIZON))
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(
            preset=preset,
            model=ModelSpec(resources.bundle_folder(preset.model), preset.precision),
            seed=phrases.load_phrase(preset.phrase),
            soundfont=resources.soundfont_path(),
            take=Path(folder) / "first-jam.take",
            log=Path(folder) / "log",
            guest=1,
        )
        save_picture(moment_of(stage), preset.title, PICTURE)
    print(PICTURE)
    return 0


def moment_of(stage: Stage) -> Telemetry:
    """What the engine tells at MOMENT."""
    client = Client(stage)
    try:
        while True:
            select.select([client], [], [], 1.0)
            telemetry = client.latest()
            if telemetry is not None and telemetry.beat > MOMENT:
                return telemetry
    finally:
        client.close()


if __name__ == "__main__":
    sys.exit(main())
