"""Draws tunes from a model of tokens, many at once."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ripieno_models.families.decoder import State
from ripieno_models.tokens.dataset import framed
from ripieno_models.tokens.scheme import END, PAD, START, Scheme
from ripieno_models.tokens.tune import MELODY, Note, Tune

TOP_P = 0.98
"""Of what is likely, the share that is drawn from (nucleus sampling; Holtzman et al., 2020)."""


def opening(tune: Tune, scheme: Scheme, bars: int) -> list[int]:
    """Start, key and the first `bars` bars of a tune; with none, a bar line and the metre."""
    line = framed(scheme.merged(scheme.encode(tune)), tune.fifths, scheme)[:-1]
    if bars == 0:
        meter = scheme.base[f"TimeSig_{tune.meter[0]}/{tune.meter[1]}"]
        return [*line[:2], scheme.bar, meter]
    seen = 0
    for place, number in enumerate(line):
        seen += scheme.spelled[number].count(scheme.bar)
        if seen > bars:
            return line[:place]
    return line


@torch.inference_mode()
def draw(
    model: nn.Module,
    scheme: Scheme,
    openings: Sequence[Sequence[int]],
    longest: int,
    temperature: float = 1.0,
    seed: int = 1,
) -> list[list[int]]:
    """Each of the `openings` gone on with, to the model's own end or `longest` tokens.

    All openings must be of one length. Start, padding and keys are not drawn.
    """
    source = torch.Generator().manual_seed(seed)
    base = scheme.base
    never = [n for name, n in base.items() if name in (PAD, START) or name.startswith("Key_")]
    line = torch.tensor([list(each) for each in openings])
    state: State | None = None
    fed: Tensor = line
    ended = torch.zeros(len(line), dtype=torch.bool)
    while line.shape[1] < longest and not bool(ended.all()):
        logits, state = model(fed, state)
        likely = logits[:, -1].float() / temperature
        likely[:, never] = -torch.inf
        fed = nucleus(likely, source)
        fed[ended] = base[PAD]
        ended |= fed[:, 0] == base[END]
        line = torch.cat((line, fed), 1)
    return [[n for n in row if n != base[PAD]] for row in line.tolist()]


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
