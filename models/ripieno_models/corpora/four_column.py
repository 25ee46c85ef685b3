"""Text in four columns: one line per sixteenth, the MIDI numbers of soprano, alto, tenor, bass.

0 is silence; what follows `#` is a comment. A number that is the same as the one above is a held
note; `!` after it strikes it anew. Corpora of plain numbers have no `!`, and cannot tell a note
struck twice from a long one. It is also how seed phrases of the engine are written.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from ripieno.errors import PhraseError
from ripieno.grammar.grid import FIRST_PITCH, HIGHEST, LOWEST, VOICES, pitch_of

from ripieno_models.corpora.skipping import Skipped, readable
from ripieno_models.corpora.splits import split_by_name
from ripieno_models.piece import Piece, tokens_from

BAR_STEPS = 16
SILENCE = 0
STRUCK = "!"


def files(folder: Path) -> list[Path]:
    """The text files in `folder`, by name."""
    return sorted(folder.glob("*.txt"))


def pieces(folder: Path, skipped: Skipped | None = None) -> Iterator[Piece]:
    """A piece for each .txt file of `folder`, by name.

    A broken one goes to `skipped`. Raises PhraseError without such a list.
    """
    yield from readable(files(folder), file_of, skipped)


def file_of(path: Path) -> Piece:
    """The piece in the text file at `path`. Raises PhraseError with the line."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise PhraseError((error.strerror or "").lower(), where=str(path)) from None
    return piece_of(text, path.stem, str(path))


def piece_of(text: str, name: str, where: str = "") -> Piece:
    """The piece that `text` tells, in 4/4 from a bar line on. Raises PhraseError with the line."""
    rows = [
        row_of(line, f"{where or name}, line {number}")
        for number, line in enumerate(text.splitlines(), 1)
        if line.partition("#")[0].strip()
    ]
    if not rows:
        raise PhraseError("there is no note in it", where=where or name)
    cells = np.array(rows, dtype=np.int64)
    pitch, onset = cells[..., 0], cells[..., 1].astype(bool)
    steps = len(pitch)
    return Piece(
        name=name,
        tokens=tokens_from(np.where(pitch == SILENCE, -1, pitch), onset),
        place=np.arange(steps) % BAR_STEPS,
        bar_steps=np.full(steps, BAR_STEPS),
        fifths=None,
        fermata=np.zeros(steps, bool),
        split=split_by_name(name),
    )


def row_of(line: str, where: str) -> list[tuple[int, bool]]:
    """The four numbers of a line, and whether each is struck anew. Raises PhraseError."""
    words = line.partition("#")[0].replace(",", " ").split()
    allowed = f"four numbers, each 0 (silence) or a MIDI number {LOWEST}…{HIGHEST}"
    if len(words) != len(VOICES):
        raise PhraseError(f"{len(words)} columns", where=where, allowed=allowed)
    row = []
    for word in words:
        number = word.removesuffix(STRUCK)
        if not (number.isascii() and number.isdecimal()):
            raise PhraseError(f"{word!r} is no MIDI number", where=where, allowed=allowed)
        pitch = int(number)
        if pitch != SILENCE and not LOWEST <= pitch <= HIGHEST:
            nearest = f"The nearest is {min(HIGHEST, max(LOWEST, pitch))}."
            raise PhraseError(
                f"{pitch} is out of range", where=where, allowed=allowed, nearest=nearest
            )
        row.append((pitch, number != word))
    return row


def text_of(piece: Piece) -> str:
    """A piece as four columns."""
    sounding = piece.sounding()
    lines = []
    for step, row in enumerate(sounding):
        again = (
            (row == sounding[max(step - 1, 0)]) & (piece.tokens[step] >= FIRST_PITCH) & (step > 0)
        )
        cells = [
            f"{pitch_of(int(token))}{STRUCK if struck else ''}" if token >= FIRST_PITCH else "0"
            for token, struck in zip(row, again, strict=True)
        ]
        lines.append(" ".join(cells) + "\n")
    return "".join(lines)
