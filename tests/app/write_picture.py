"""Draws the documentation's pictures from a real performance: `python -m tests.app.write_picture`.

The engine plays the first preset, with a guest at the keys; in its second bar of answering the
screen is drawn. An audio system (a JACK server will do) makes the picture look as it does at home.
"""

from __future__ import annotations

import select
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from ripieno import resources
from ripieno.client import Client
from ripieno.clock import Beats
from ripieno.events import Telemetry
from ripieno.inference.link import ModelSpec
from ripieno.library.items import Looks
from ripieno.library.shelves import Shelves
from ripieno.preset import phrases
from ripieno.preset.preset import load_preset
from ripieno.settings import Horizon
from ripieno.stage import Stage
from ripieno_app.picture import save_picture

DOCS = Path(__file__).parents[2] / "docs"
PICTURES: tuple[tuple[Path, tuple[str, ...], dict[str, Any]], ...] = (
    (DOCS / "screen.svg", (), {}),
    (DOCS / "screen" / "command.svg", ("tab", "right"), {}),
    (DOCS / "screen" / "help.svg", ("?",), {}),
    (DOCS / "screen" / "phrases.svg", ("f2", "down", "down"), {}),
    (DOCS / "screen" / "presets.svg", ("right", "f3"), {}),
    (DOCS / "screen" / "models.svg", ("f4",), {}),
    (DOCS / "screen" / "takes.svg", ("f5",), {}),
    (DOCS / "screen" / "controls.svg", ("f6",), {}),
    (DOCS / "screen" / "first-minute.svg", (), {"guide": True}),
    (DOCS / "screen" / "light.svg", (), {"theme": "light"}),
    (DOCS / "screen" / "high-contrast.svg", (), {"theme": "high-contrast"}),
    (DOCS / "screen" / "stage-red.svg", (), {"theme": "stage-red"}),
    (DOCS / "screen" / "compact.svg", (), {"compact": True}),
)
"""Each picture of the documentation: its file, the keys that are pressed, and how it looks."""
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
        looks = Looks(preset.name, preset.title)
        moment = moment_of(stage)
        moment = replace(moment, take=f"takes/{stage.take.name}")
        for file, keys, dress in PICTURES:
            file.parent.mkdir(exist_ok=True)
            dressed = replace(looks, **dress)
            save_picture(moment, dressed, Shelves(Path(folder)), file, keys)
            print(file)
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
