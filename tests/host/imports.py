"""Folders as optimum and MidiTok leave them, for tests that import them."""

from __future__ import annotations

import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import miditok
from ripieno.inference.bundle import check
from ripieno.inference.model import Model
from ripieno.inference.opening import open_model
from ripieno.library.importing import take_in
from ripieno.library.importing_items import Wish

from tests.engine.miditok_schemes import tunes

EXPORTS = Path(__file__).parent / "exports"
FAMILIES = ("gpt2", "llama", "mistral")
FORMS = ("plain", "past", "merged")
CLASSES = ("REMI", "TSD", "MIDILike", "Structured")
TOKENS = 512
"""Of every exported model."""


@cache
def tokenizer(name: str, *, merges: bool = False, programs: bool = False) -> Any:
    """A tokenizer that fits the exported models; they know some tokens more than it has."""
    config = miditok.TokenizerConfig(
        use_time_signatures=name == "REMI",
        num_velocities=4,
        use_programs=programs,
        programs=[0, 1] if programs else [0],
        use_pitchdrum_tokens=False,
    )
    made = getattr(miditok, name)(config)
    if merges:
        with tempfile.TemporaryDirectory() as folder:
            made.train(vocab_size=TOKENS - 12, files_paths=tunes(Path(folder)))
    return made


def exported(export: str, made: Any, place: Path) -> Path:
    """The folder of an export with a tokenizer in it."""
    folder = place / export
    shutil.copytree(EXPORTS / export, folder)
    made.save(folder / "tokenizer.json")
    return folder


def imported(source: Path, wish: Wish | None = None) -> Model:
    """The model of the bundle that `source` becomes, opened."""
    target = source.parent / f"{source.name}-bundle"
    take_in(source, target, wish or Wish())
    return open_model(check(target))
