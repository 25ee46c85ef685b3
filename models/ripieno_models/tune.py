"""Your own style: a shipped bundle goes on learning from a player's files and takes.

What is told afterwards was measured on pieces that were neither learned nor chosen by.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from ripieno.errors import RipienoError
from torch import nn

from ripieno_models import corpora
from ripieno_models.corpora import SHARED_DATA, music21_chorales, prepared
from ripieno_models.listen import STEPS, piece_from, rendered
from ripieno_models.listen_tokens import goes_on
from ripieno_models.piece import Piece, Split
from ripieno_models.sample import write_midi
from ripieno_models.tokens.dataset import Written, written
from ripieno_models.tokens.kind import TokenKind
from ripieno_models.tokens.tune import Tune
from ripieno_models.train_keeping import write_whole
from ripieno_models.tune_bundle import Shipped, opened
from ripieno_models.tune_learning import Effort, Tuned, best, own_nll, tune
from ripieno_models.tune_material import Material, pieces_of, tunes_of
from ripieno_models.tune_write import Told, write

FIGURES = "tune.json"
CHECKED = 24
"""Pieces, at most, on which the graphs of a tuned model are held against torch. What 8 bits cost
can be seen on pieces that were learned as well, and a few alone would tell it by chance."""
STYLE_PIECES = 24
"""Pieces of what the model had learned from before, on which it is seen what it still knows."""
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The new `bundle`, None where none is better than what shipped, and what is `told` of it."""

    bundle: Path | None
    told: Told


def run(
    bundle: Path,
    data: Path,
    name: str,
    folder: Path,
    *,
    ways: Sequence[str],
    effort: Effort,
    progress: bool = True,
    say: Say = print,
    style_pieces: int = STYLE_PIECES,
) -> Outcome | None:
    """Tune the bundle in the folder `bundle` on the music below `data`; None if interrupted.

    Leaves in `folder` the new bundle, called `name`, before and after as MIDI files and as sound,
    and tune.json. `style_pieces`: of the old style, to see what is still known of it.
    Raises RipienoError where the bundle cannot be tuned, or there is too little.
    """
    shipped = opened(bundle)
    music, train, valid, test = learned(shipped, data)
    say(summary(music))
    style = style_of(shipped, style_pieces) if style_pieces else []
    begun = replace(shipped, model=opened(bundle, np.random.default_rng(effort.seed)).model)
    tuned: list[Tuned] = []
    for way in ways:
        say(f"Tuning ({way}) for at most {effort.minutes:g} minutes")
        found = tune(begun, way, train, valid, effort, folder / way, progress)
        if found is None:
            return None
        tuned.append(found)
    chosen = best(tuned)
    told = figures(shipped, tuned, chosen, music.learned, valid, test, style)
    write_whole(folder / FIGURES, (json.dumps(asdict(told), indent=2) + "\n").encode())
    for when, model in (("before", shipped.model), ("after", chosen.model)):
        say(f"{when}: {heard(shipped, model, music, folder / f'{when}.mid')}")
    if told.chosen_by_after >= told.chosen_by_before:
        return Outcome(None, told)
    checked = list({id(piece): piece for piece in (*valid, *test, *train)}.values())[:CHECKED]
    made = write(shipped, chosen, told, name, data.name, checked, folder)
    return Outcome(made, told)


def learned(
    shipped: Shipped, data: Path
) -> tuple[Material[Any], Sequence[Any], Sequence[Any], Sequence[Any]]:
    """The player's music, and what of it trains, chooses and judges, as the model learns it."""
    if shipped.scheme is None:
        pieces = pieces_of(data)
        return pieces, pieces.train, pieces.valid, pieces.test
    assert isinstance(shipped.kind, TokenKind)
    tunes = tunes_of(data, shipped.kind)
    train, valid, test = (as_written(shipped, part)
                          for part in (tunes.train, tunes.valid, tunes.test))  # fmt: skip
    return tunes, train, valid, test


def as_written(shipped: Shipped, tunes: Sequence[Tune]) -> list[Written]:
    """Tunes in the tokens of the bundle."""
    assert shipped.scheme is not None
    assert isinstance(shipped.kind, TokenKind)
    kind, scheme = shipped.kind, shipped.scheme
    return [written(tune, kind.forms(tune), scheme) for tune in tunes]


def summary(music: Material[Any]) -> str:
    """What there is to learn from."""
    lines = [
        f"{music.found} pieces: {music.learned} to learn from,"
        f" {len(music.valid)} to stop by, {len(music.test)} to judge by"
    ]
    if music.liked:
        lines.append(f"{music.liked} answers that you liked weigh more")
    if music.skipped:
        lines.append(f"{len(music.skipped)} files or parts were skipped:")
        lines += [f"  {sentence}" for sentence in music.skipped[:3]]
    return "\n".join(lines)


def figures(
    shipped: Shipped,
    tuned: Sequence[Tuned],
    chosen: Tuned,
    count: int,
    valid: Sequence[Any],
    test: Sequence[Any],
    style: Sequence[Any],
) -> Told:
    """Before and after `count` pieces were learned, on all three kinds of pieces."""

    def both(pieces: Sequence[Any]) -> tuple[float | None, float | None]:
        if not pieces:
            return None, None
        models = (shipped.model, chosen.model)
        before, after = (own_nll(shipped, model, pieces) for model in models)
        return before, after

    (chosen_before, _), own, kept = both(valid), both(test), both(style)
    assert chosen_before is not None
    assert own[0] is not None
    assert own[1] is not None
    return Told(
        way=chosen.way,
        unit="nats per decision" if shipped.scheme is None else "nats per note",
        ways={each.way: each.nll for each in tuned},
        minutes=sum(each.minutes for each in tuned),
        chosen_by_before=chosen_before,
        chosen_by_after=chosen.nll,
        learned=count,
        own_before=own[0],
        own_after=own[1],
        own_pieces=len(test),
        style_before=kept[0],
        style_after=kept[1],
        style_pieces=len(style),
    )


def style_of(shipped: Shipped, count: int) -> Sequence[Any]:
    """Validation pieces of what the model had learned from; none where they are not at hand."""
    if shipped.scheme is None:
        return style_chorales(count)
    assert isinstance(shipped.kind, TokenKind)
    try:
        tunes = shipped.kind.tunes(None, Split.VALID)
    except RipienoError:
        return []
    return as_written(shipped, spread(tunes, 2 * count))


def spread(some: Sequence[Any], count: int) -> list[Any]:
    """About so many of them, from everywhere."""
    return list(some[:: max(1, len(some) // count)])


def style_chorales(count: int) -> list[Piece]:
    """Validation chorales: the prepared ones, else some of music21's own."""
    if (SHARED_DATA / prepared.FILE).exists():
        return spread(corpora.find(None).of(Split.VALID), count)
    splits = music21_chorales.splits()
    names = [name for name, split in splits.items() if split is Split.VALID]
    return list(music21_chorales.pieces(names[:count]))


def heard(shipped: Shipped, model: nn.Module, music: Material[Any], score: Path) -> str:
    """Have `model` write in the metre and key of a held-out piece. Returns what came of it."""
    score.parent.mkdir(parents=True, exist_ok=True)
    held = [*music.test, *music.valid, *music.train]
    try:
        if shipped.scheme is None:
            form = next((piece for piece in held if len(piece) >= STEPS), held[0])
            write_midi(piece_from(model, form, steps=2 * STEPS), score)
        else:
            assert isinstance(shipped.kind, TokenKind)
            goes_on(model, shipped.kind, shipped.scheme, held, score)
        return str(rendered(score))
    except RipienoError as error:
        return f"no sample ({error})"
