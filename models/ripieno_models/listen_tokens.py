"""A sample by a model of tokens, to be listened to: it goes on from a phrase of real music."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from ripieno.errors import RipienoError
from torch import nn

from ripieno_models.corpora.midi_archive import write_midi
from ripieno_models.listen import Write
from ripieno_models.piece import Split
from ripieno_models.tokens.generate import draw, opening, tune_of
from ripieno_models.tokens.kind import TokenKind
from ripieno_models.tokens.sample import OPENING
from ripieno_models.tokens.scheme import Scheme
from ripieno_models.tokens.tune import PIANO, Tune

LONGEST = 160
"""Tokens of a sample: about eight bars of a melody."""


def token_writer(kind: TokenKind, data: Path | None, vocabulary: Path) -> Write:
    """Goes on from the first validation tune of a corpus, with the vocabulary that a run keeps."""

    @cache
    def material() -> tuple[Scheme, Sequence[Tune]]:
        return kind.written.read(vocabulary), kind.tunes(data, Split.VALID)

    def write(model: nn.Module, path: Path) -> None:
        scheme, tunes = material()
        goes_on(model.eval(), kind, scheme, tunes, path)

    return write


def goes_on(
    model: nn.Module, kind: TokenKind, scheme: Scheme, tunes: Sequence[Tune], path: Path
) -> None:
    """Write to `path` what `model` makes of the first phrase of `tunes` that is long enough.

    Raises RipienoError where there is none, or where it writes nothing.
    """
    forms = [kind.forms(tune)[-1] if kind.parts else tune for tune in tunes]
    likes = (tune for tune in forms if len(opening(tune, scheme, OPENING)) == OPENING)
    like = next(likes, None)
    if like is None:
        raise RipienoError(f"no tune is {OPENING} tokens long")
    (ids,) = draw(model, scheme, [like], OPENING, LONGEST)
    drawn = tune_of(f"goes on from {like.name}", ids, like, scheme)
    if not drawn.notes:
        raise RipienoError("the model has written no note")
    write_midi(drawn, path, (0, PIANO if kind.parts else 0))
