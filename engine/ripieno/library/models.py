"""Models on the shelf: what is installed, its card, and how fast it is on this machine."""

from __future__ import annotations

from pathlib import Path

from ripieno import resources
from ripieno.errors import RipienoError
from ripieno.library.items import ModelItem

CARD = "CARD.md"


def models() -> tuple[ModelItem, ...]:
    """All models, by name; those that cannot be read say why."""
    return tuple(_item(name, folder) for name, folder in resources.bundles().items())


def measure(name: str) -> ModelItem:
    """Measure what a step of the model costs here, and remember it. Takes some seconds.

    Raises RipienoError.
    """
    from ripieno.inference.calibration import calibrate, remember

    folder = resources.bundle_folder(name)
    remember(folder, calibrate(folder)[0])
    return _item(name, folder)


def _item(name: str, folder: Path) -> ModelItem:
    from ripieno.inference.bundle import load_manifest
    from ripieno.inference.calibration import chosen

    try:
        manifest = load_manifest(folder)
    except RipienoError as error:
        return ModelItem(name, name, problem=str(error))
    choice = chosen(folder)
    return ModelItem(
        name,
        manifest.title,
        manifest.licence,
        manifest.bytes / 1e6,
        tuple(dict.fromkeys(graph.precision for graph in manifest.graphs)),
        _card(folder),
        None if choice is None else choice.p99_ms,
    )


def _card(folder: Path) -> str:
    try:
        return (folder / CARD).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
