"""The families of songs on POP909, whose songs have owners: to be measured, not to be shipped.

`pop-piano` is `song-transformer` with the loudness of each note, `pop-melody` is `folk-transformer`
on the melodies, `pop-lead-sheet` is `lead-sheet` on the melodies and chords.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ripieno_models.corpora import pop909
from ripieno_models.families import folk_transformer, song_transformer
from ripieno_models.tokens.kind import Source
from ripieno_models.tokens.tune import MELODY, Tune

LOUDNESSES = 16
"""Levels of a note's velocity."""


def songs(data: Path) -> list[Tune]:
    """The songs below the folder `data`, where there is something to sing."""
    return [tune for tune in pop909.pieces(data) if tune.of(MELODY)]


def melodies(data: Path) -> list[Tune]:
    """Their melodies."""
    return list(pop909.melodies(data))


PIANO = replace(
    song_transformer.KIND,
    name="pop-piano",
    title="A piano for pop songs",
    source=Source(pop909.NAME, pop909.LICENCE, songs),
    velocities=LOUDNESSES,
)
MELODIES = replace(
    folk_transformer.KIND,
    name="pop-melody",
    title="Melodies of pop songs",
    source=Source(pop909.NAME, pop909.LICENCE, melodies),
    low=36,
)
