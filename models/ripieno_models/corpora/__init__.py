"""Where pieces come from: one file for each kind of source."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ripieno.errors import RipienoError

from ripieno_models.corpora import four_column, midi_folder, music21_chorales, openhymnal, prepared
from ripieno_models.corpora.skipping import Skipped, refuse_none
from ripieno_models.piece import Piece, Split

SHARED_DATA = Path(__file__).parents[3].parent / "shared" / "data"
OWNER = "as the owner of the files says"


@dataclass(frozen=True, slots=True)
class Corpus:
    """Pieces under one `name`, with the `licence` of their source; `skipped` tells of each file
    that could not be learned from."""

    name: str
    licence: str
    pieces: tuple[Piece, ...]
    skipped: tuple[str, ...] = ()

    def of(self, split: Split) -> list[Piece]:
        return [piece for piece in self.pieces if piece.split is split]


def find(path: Path | None = None) -> Corpus:
    """The corpus at `path`: a prepared .jsonl.gz, a folder of .txt or of MIDI files.

    Without a path: the prepared chorales if they lie beside the checkout, else music21's own.
    Raises RipienoError where there is nothing readable.
    """
    if path is None:
        ready = SHARED_DATA / prepared.FILE
        if not ready.exists():
            return Corpus(
                music21_chorales.NAME, music21_chorales.LICENCE, tuple(music21_chorales.pieces())
            )
        path = ready
    if path.is_dir() and (path / prepared.FILE).exists():
        path = path / prepared.FILE
    if path.name.endswith(".jsonl.gz"):
        return Corpus(prepared.NAME, prepared.LICENCE, tuple(prepared.pieces(path)))
    for name, source in (("four-column text", four_column), ("MIDI files", midi_folder)):
        if source.files(path):
            skipped: Skipped = []
            found = tuple(source.pieces(path, skipped))
            refuse_none(len(found), skipped, path)
            return Corpus(f"{name} ({path.name})", OWNER, found, tuple(skipped))
    raise RipienoError(
        "there is nothing to read",
        where=str(path),
        allowed="a prepared .jsonl.gz, or a folder of .txt or .mid files",
    )


def hymns() -> tuple[Piece, ...]:
    """The Open Hymnal's hymns, beside the checkout. Raises RipienoError where they are missing."""
    return tuple(openhymnal.pieces(SHARED_DATA / openhymnal.FILE))
