"""A rule: a voice does not leap by a tritone."""

from __future__ import annotations

from ripieno.grammar.grid import FIRST_PITCH, VOCABULARY, pitch_of
from ripieno.inference.constraints import ANY, Situation, Tokens

TRITONE = 6


def no_tritones(here: Situation) -> Tokens:
    """The tokens that `here.voice` may take: all, but the pitches a tritone from its last one."""
    if here.last is None:
        return ANY
    forbidden = 0
    for token in range(FIRST_PITCH, VOCABULARY):
        if abs(pitch_of(token) - here.last) == TRITONE:
            forbidden |= 1 << token
    return ANY & ~forbidden
