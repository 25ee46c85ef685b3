"""Music as text: notes as `C4_q`, and `+q` for the time from one to the next.

A letter is a length: w, h, q, e, s from a whole note to a sixteenth, a dot after it half as much
again; other lengths are so many sixteenths. Each event token is a part of a word, so that the text
of a tune is that of its tokens, one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence

from ripieno_models.families.pitch_strings import note
from ripieno_models.tokens.scheme import END, POSITIONS_PER_BEAT, START

LETTERS = {1: "s", 2: "e", 3: "e.", 4: "q", 6: "q.", 8: "h", 12: "h.", 16: "w", 24: "w."}


def word_of(name: str) -> str:
    """The text of an event token called TYPE_VALUE; empty where it is no music."""
    kind, _, value = name.partition("_")
    if kind == "Pitch":
        return f" {note(int(value)).text}"
    if kind in ("Duration", "TimeShift"):
        beats, places, _ = map(int, value.split("."))
        length = beats * POSITIONS_PER_BEAT + places
        told = LETTERS.get(length, f"{length}s")
        return f"_{told}" if kind == "Duration" else f" +{told}"
    return ""


def text_of(names: Sequence[str]) -> str:
    """The text of event tokens by their names; the start and the end are told by the tokenizer."""
    return "".join(word_of(name) for name in names if name not in (START, END))
