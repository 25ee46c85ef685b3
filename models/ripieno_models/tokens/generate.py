"""Draws tunes from a model of tokens, many at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ripieno_models import waiting
from ripieno_models.families.decoder import State
from ripieno_models.families.stepped import States, Stepped
from ripieno_models.tokens.dataset import framed
from ripieno_models.tokens.scheme import BAR, END, PAD, START, Scheme
from ripieno_models.tokens.tune import MELODY, Note, Tune

TOP_P = 0.98
"""Of what is likely, the share that is drawn from (nucleus sampling; Holtzman et al., 2020)."""


def opening(tune: Tune, scheme: Scheme, count: int) -> list[int]:
    """The first `count` tokens of a tune, the start and the key among them."""
    return framed(scheme.merged(scheme.encode(tune)), tune.fifths, scheme)[:count]


def undrawn(meter: tuple[int, int], scheme: Scheme) -> list[int]:
    """The ids that are not drawn in `meter`: start, padding, keys, and all that tells another one.

    Where a merge tells a bar line with its metre, neither is drawn alone: the model has not learned
    what follows then.
    """
    base = scheme.base
    own = base.get(f"TimeSig_{meter[0]}/{meter[1]}")
    foreign = {n for name, n in base.items() if name.startswith("TimeSig_") and n != own}
    foreign |= {n for name, n in base.items() if name in (PAD, START) or name.startswith("Key_")}
    never = [n for n, spelled in enumerate(scheme.spelled) if foreign.intersection(spelled)]
    if own is None:  # no metre is told at all
        return never
    told = [bar for bar in scheme.bars if (bar, own) in scheme.spelled]
    unnumbered = [base[BAR]] if scheme.numbered else []
    return [*never, *unnumbered, *told, *([own] if len(told) == len(scheme.bars) else [])]


@torch.inference_mode()
def draw(
    model: nn.Module,
    scheme: Scheme,
    likes: Sequence[Tune],
    told: int,
    longest: int,
    temperature: float = 1.0,
    seed: int = 1,
) -> list[list[int]]:
    """Goes on from the first `told` tokens of each tune, in its metre, to the model's own end or
    `longest` tokens. All tunes must have as many tokens."""
    source = torch.Generator().manual_seed(seed)
    pad, end = scheme.base[PAD], scheme.base[END]
    barred = torch.zeros(len(likes), len(scheme), dtype=torch.bool)
    for row, tune in enumerate(likes):
        barred[row, undrawn(tune.meter, scheme)] = True
    line = torch.tensor([opening(tune, scheme, told) for tune in likes])
    # A memory of fixed shape goes on token by token; keys and values grow in one pass.
    read: Callable[..., Any] = model.go_on if isinstance(model, Stepped) else model
    state: State | list[States] | None = None
    fed: Tensor = line
    ended = torch.zeros(len(line), dtype=torch.bool)
    for _ in waiting.each(range(line.shape[1], longest), "Drawing", "token"):
        if bool(ended.all()):
            break
        logits, state = read(fed, state)
        likely = (logits[:, -1].float() / temperature).masked_fill(barred, -torch.inf)
        fed = nucleus(likely, source)
        fed[ended] = pad
        ended |= fed[:, 0] == end
        line = torch.cat((line, fed), 1)
    return [[number for number in row if number != pad] for row in line.tolist()]


def nucleus(logits: Tensor, source: torch.Generator) -> Tensor:
    """One token [B, 1] for each row of `logits` [B, V], out of the most likely TOP_P."""
    shares, order = logits.softmax(-1).sort(descending=True)
    shares[shares.cumsum(-1) - shares > TOP_P] = 0
    drawn = torch.multinomial(shares, 1, generator=source)
    return order.gather(1, drawn)


def tune_of(name: str, ids: Sequence[int], like: Tune, scheme: Scheme) -> Tune:
    """What drawn ids tell, in the metre and key of the tune that they went on from."""
    notes = scheme.decode(ids)
    kept = [note if scheme.parts else Note(*spot(note)) for note in notes]
    return Tune(name, tuple(sorted(kept)), like.meter, like.fifths)


def spot(note: Note) -> tuple[int, int, int, int]:
    return note.onset, MELODY, note.pitch, note.duration
