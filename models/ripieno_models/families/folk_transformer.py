"""`folk-transformer`: a fiddle tune, token by token, by a small decoder-only Transformer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ripieno_models.corpora import folk
from ripieno_models.families.decoder import Decoder, TransformerOptions
from ripieno_models.options import default
from ripieno_models.tokens.kind import Source, TokenKind
from ripieno_models.tokens.tune import Tune


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(TransformerOptions):
    """Options of the family; the defaults are those of the model that ships."""

    steps: int = default("steps", 4000)
    batch: int = default("batch", 16)
    crop: int = default("crop", 512)
    learning_rate: float = default("learning_rate", 2e-3)


def tunes(data: Path) -> list[Tune]:
    """The fiddle tunes below the folder `data`."""
    return list(folk.pieces(data))


def alone(tune: Tune) -> tuple[Tune, ...]:
    """A tune is learned in one form, as it is."""
    return (tune,)


SOURCE = Source(folk.NAME, folk.LICENCE, tunes)
LOW, HIGH = 48, 99
"""The pitches of the tunes, 55…93, and some more for players and for transposition."""
KIND = TokenKind(
    name="folk-transformer",
    title="Jigs, reels and other fiddle tunes",
    options=Options,
    build=Decoder,
    source=SOURCE,
    low=LOW,
    high=HIGH,
    use="melody",
    polyphony=1,
    forms=alone,
)
