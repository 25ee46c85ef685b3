"""A family that writes tokens: its architecture, its music, and how that is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from ripieno_models.corpora import SHARED_DATA
from ripieno_models.families.decoder import TokenOptions
from ripieno_models.piece import Split
from ripieno_models.tokens.scheme import Scheme
from ripieno_models.tokens.tune import Tune

CONFIGS = Path(__file__).parent.parent / "configs"


@dataclass(frozen=True, slots=True)
class Source:
    """A corpus: its `name`, its `licence`, and its `tunes`, read from a folder of data."""

    name: str
    licence: str
    tunes: Callable[[Path], Sequence[Tune]]


@dataclass(frozen=True, slots=True)
class TokenKind:
    """A family called `name`, built by `build` from its `options` and the vocabulary's size.

    `source` is what it learns from; `low`…`high` its pitches; `forms` are the shapes in which a
    tune is learned, of which the first is the one that is measured; `use` is melody or
    accompaniment, and `polyphony` how many notes the machine may have at once.
    """

    name: str
    title: str
    options: type[TokenOptions]
    build: Callable[[Any, int], nn.Module]
    source: Source
    low: int
    high: int
    use: str
    polyphony: int
    forms: Callable[[Tune], tuple[Tune, ...]]
    form_names: tuple[str, ...] = ("",)
    """What the forms are called in figures; the first one is plainly the figure."""
    velocities: int = 0
    """Levels of loudness that notes tell; 0 is none."""
    written: type[Scheme] = Scheme
    numbered: bool = False
    """Whether bars are told by their places in parts of eight, whatever a run's options say."""

    @property
    def config(self) -> Path:
        """The TOML file with the options of the model that ships."""
        return CONFIGS / f"{self.name}.toml"

    @property
    def parts(self) -> bool:
        """Whether each note tells its part."""
        return self.use == "accompaniment"

    def scheme(self) -> Scheme:
        """The vocabulary without merges."""
        return self.written.of(self.low, self.high, self.parts, self.velocities, self.numbered)

    def measured(self, data: Path | None) -> list[Tune]:
        """The tunes below `data` in the form that is measured."""
        return [self.forms(tune)[0] for tune in self.tunes(data)]

    def tunes(self, data: Path | None, split: Split | None = None) -> list[Tune]:
        """The tunes below `data` (by default beside the checkout). Raises RipienoError."""
        found = self.source.tunes(data or SHARED_DATA)
        return [tune for tune in found if split is None or tune.split is split]
