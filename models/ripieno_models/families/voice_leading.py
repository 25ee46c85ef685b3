"""What each token would do to the other voices: the rules of part-writing as a model sees them.

Nothing here forbids anything. Each is a mark on a token, and the model learns what a mark weighs.
Shapes: M decisions, K = 4 voices, soprano first; pitches are the grid's tokens, below FIRST_PITCH
where a voice does not sound.
"""

from __future__ import annotations

import torch
from ripieno.grammar.grid import FIRST_PITCH, HOLD, VOCABULARY, VOICES
from torch import Tensor

K = len(VOICES)
WIDEST = (12, 12, 24)
"""Semitones between neighbours beyond which they are far apart."""
STEPWISE = 2
"""Semitones of the largest step; more is a leap."""
FIFTH = 7
MARKS = 6
"""Parallel octave, parallel fifth, hidden octave or fifth, above or below a voice that is decided,
the same for one that waits, and far from a neighbour."""


def marks(voice: Tensor, before: Tensor, now: Tensor, decided: Tensor) -> Tensor:
    """[M, 48, MARKS]: true where a token of `voice` [M, 1] would do that.

    `before` [M, 4] are the pitches of the last sixteenth, `now` [M, 4] those of this one as far as
    they are `decided` [M, 4], else as before.
    """
    tokens = torch.arange(VOCABULARY, device=now.device)
    own = before.gather(1, voice)
    mine = torch.where(tokens == HOLD, own, tokens)[:, None, :]  # [M, 1, 48]
    others, rank = now[:, :, None], torch.arange(K, device=now.device)
    there = (others >= FIRST_PITCH) & (mine >= FIRST_PITCH)
    there = there & (rank != voice)[:, :, None]  # [M, 4, 48]
    done = decided[:, :, None]

    gap = mine - others
    was = (own - before)[:, :, None]
    moved = (now - before)[:, :, None]
    going = mine - own[:, :, None]
    along = there & done & (moved * going > 0) & (before >= FIRST_PITCH)[:, :, None]
    along = along & (own >= FIRST_PITCH)[:, :, None]
    octave, fifth = gap % 12 == 0, gap.abs() % 12 == FIFTH
    octaves = along & octave & (was % 12 == 0)
    fifths = along & fifth & (was.abs() % 12 == FIFTH)
    outer = ((voice == 0) | (voice == K - 1)) & ((rank == 0) | (rank == K - 1))
    leap = torch.where(voice[:, :, None] == 0, going, moved).abs() > STEPWISE
    hidden = along & (octave | fifth) & ~octaves & ~fifths & leap & outer[:, :, None]

    upper = (rank < voice)[:, :, None]
    # ONNX Runtime has no choice between truths.
    crossed = there & ((upper & (gap > 0)) | (~upper & (gap < 0)))
    widest = torch.tensor(WIDEST, device=now.device)
    limit = torch.where(rank < voice, widest[(voice - 1).clamp(min=0)], widest[voice.clamp(max=2)])
    far = there & ((rank - voice).abs() == 1)[:, :, None] & (gap.abs() > limit[:, :, None])
    each = (octaves, fifths, hidden, crossed & done, crossed & ~done, far)
    return torch.stack([mark.any(1) for mark in each], -1)
