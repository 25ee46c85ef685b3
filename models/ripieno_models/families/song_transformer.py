"""`song-transformer`: a piano that goes on by itself, or with a melody that a player gives."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from ripieno_models.corpora import lieder
from ripieno_models.families.decoder import Decoder, TransformerOptions
from ripieno_models.options import default
from ripieno_models.tokens.kind import Source, TokenKind
from ripieno_models.tokens.tune import MELODY, PIANO, Tune


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(TransformerOptions):
    """Options of the family; the defaults are those of the model that ships."""

    bpe: int = default("bpe", 500, TransformerOptions)
    steps: int = default("steps", 4000)
    batch: int = default("batch", 8)
    crop: int = default("crop", 512)
    start_inside: float = default("start_inside", 0.8, TransformerOptions)
    learning_rate: float = default("learning_rate", 2e-3)


def tunes(data: Path) -> list[Tune]:
    """The songs below the folder `data`, where there is something to sing."""
    return [tune for tune in lieder.pieces(data) if tune.of(MELODY)]


def forms(tune: Tune) -> tuple[Tune, ...]:
    """What is learned of a song: all of it as written, first; the piano with a melody whose notes'
    lengths are not known yet, as live; and the piano alone."""
    beat = 16 // tune.meter[1]
    unknown = tuple(replace(note, duration=beat) for note in tune.of(MELODY))
    live = replace(tune, notes=tuple(sorted(unknown + tune.of(PIANO))))
    alone = replace(tune, notes=tune.of(PIANO))
    return tune, live, alone


KIND = TokenKind(
    name="song-transformer",
    title="A piano for songs of the nineteenth century",
    options=Options,
    build=Decoder,
    source=Source(lieder.NAME, lieder.LICENCE, tunes),
    low=21,
    high=108,
    use="accompaniment",
    polyphony=8,
    forms=forms,
    form_names=("", "live", "alone"),
)
