"""A family that writes lead sheets: its options, its model, and its music."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from torch import nn

from ripieno_models.corpora import SHARED_DATA, openewld, pop909
from ripieno_models.families.lead_sheet import LeadSheet, Options
from ripieno_models.lead.sheet import Sheet
from ripieno_models.piece import Split

CONFIGS = Path(__file__).parent.parent / "configs"


@dataclass(frozen=True, slots=True)
class SheetKind:
    """A family called `name`, built by `build` from its `options`; its `sheets` are read from a
    folder of data, and come from the corpus `data` under `licence`."""

    name: str
    title: str
    options: type[Options]
    build: Callable[[Options], nn.Module]
    data: str
    licence: str
    read: Callable[[Path], Sequence[Sheet]]

    @property
    def config(self) -> Path:
        """The TOML file with the options of the model that ships."""
        return CONFIGS / f"{self.name}.toml"

    def sheets(self, data: Path | None, split: Split | None = None) -> list[Sheet]:
        """The sheets below `data` (by default beside the checkout). Raises RipienoError."""
        found = self.read(data or SHARED_DATA)
        return [sheet for sheet in found if split is None or sheet.split is split]


def songs(data: Path) -> list[Sheet]:
    """The public-domain lead sheets below the folder `data`."""
    return list(openewld.pieces(data))


def pop_songs(data: Path) -> list[Sheet]:
    """POP909's songs below the folder `data`: to be measured, their weights are not shipped."""
    return list(pop909.sheets(data))


LEAD_SHEET = SheetKind(
    name="lead-sheet",
    title="Chords for a song, as on a lead sheet",
    options=Options,
    build=LeadSheet,
    data=openewld.NAME,
    licence=openewld.LICENCE,
    read=songs,
)
POP_LEAD_SHEET = replace(
    LEAD_SHEET,
    name="pop-lead-sheet",
    title="Chords for a pop song",
    data=pop909.NAME,
    licence=pop909.LICENCE,
    read=pop_songs,
)
SHEET_FAMILIES = {kind.name: kind for kind in (LEAD_SHEET, POP_LEAD_SHEET)}
