"""What the player liked: each opinion with what was played, and what it answered. Pure but `keep`.

`ratings.jsonl` lies beside the takes, a line of JSON for each opinion; docs/takes.md describes it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ripieno.clock import Beats
from ripieno.errors import PhraseError
from ripieno.takes.facts import Mark, Marked, ModelReady, NoteEnded, NoteStarted, Source
from ripieno.takes.plain import to_plain
from ripieno.takes.take import Take

FILE = "ratings.jsonl"
CONTEXT = Beats(16.0)
"""Beats before the opinion that count as the answer where no turn was marked, and before that as
what it came from."""
_OPINIONS = {Mark.LIKED: 1, Mark.DISLIKED: -1}


@dataclass(frozen=True, slots=True)
class RatedNote:
    """A note by who played it: `voice` 0…3, None for the player's; beats on the take's score."""

    voice: int | None
    pitch: int
    velocity: int
    onset: Beats
    duration: Beats


@dataclass(frozen=True, slots=True)
class Rating:
    """An opinion (1 liked, -1 disliked) at `beat`, on `answer`, which came after `phrase`."""

    beat: Beats
    liking: int
    model: str
    phrase: tuple[RatedNote, ...]
    answer: tuple[RatedNote, ...]


def ratings(take: Take) -> Iterator[Rating]:
    """All opinions of `take`, in order. An answer that is played again counts where it began."""
    notes: list[RatedNote] = []
    sounding: dict[tuple[Source, int | None, int, int], tuple[int, NoteStarted]] = {}
    model, begun, ended = take.header.model, Beats(0.0), Beats(0.0)
    marked = False
    for fact in take.facts:
        match fact:
            case NoteStarted() if fact.source is not Source.CLICK:
                sounding[_cell(fact)] = (len(notes), fact)
                notes.append(_note(fact, Beats(0.25)))
            case NoteEnded() if (found := sounding.pop(_cell(fact), None)) is not None:
                place, started = found
                notes[place] = _note(started, Beats(max(0.0, fact.beat - started.beat)))
            case ModelReady():
                model = fact.model
            case Marked(Mark.ANSWER_BEGINS, _, beat):
                begun, ended, marked = beat, Beats(beat + CONTEXT), True
            case Marked(Mark.ANSWER_ENDS, _, beat):
                ended = beat
            case Marked(Mark.LIKED | Mark.DISLIKED as mark, _, beat):
                first = begun if marked else Beats(beat - CONTEXT)
                last = min(ended, beat) if marked else beat
                yield _rating(mark, beat, model, notes, Beats(first), Beats(last))


def keep(take: Take, folder: Path) -> int:
    """Write the opinions of `take` into the ratings of `folder`, in place of what it had there.

    Returns how many there are. Raises PhraseError when the file cannot be written.
    """
    path = folder / FILE
    lines = [line for line in _lines(path) if _name(line) != take.name]
    found = [_line(rating, take) for rating in ratings(take)]
    if not found and not path.exists():
        return 0
    try:
        fresh = path.with_suffix(".new")
        fresh.write_text("".join(f"{line}\n" for line in (*lines, *found)), encoding="utf-8")
        fresh.replace(path)
    except OSError as error:
        raise PhraseError(f"ratings cannot be kept ({error.strerror})", where=str(path)) from None
    return len(found)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []


def _name(line: str) -> str:
    try:
        return str(json.loads(line).get("take", ""))
    except (ValueError, AttributeError):
        return ""


def _line(rating: Rating, take: Take) -> str:
    told: dict[str, Any] = {
        "take": take.name,
        "preset": take.header.preset,
        **to_plain(rating, leave_out="phrase"),
        "phrase": _rows(rating.phrase),
        "answer": _rows(rating.answer),
        "settings": to_plain(take.header.settings),
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def _rows(notes: Sequence[RatedNote]) -> list[list[float | None]]:
    return [[n.voice, n.pitch, n.velocity, n.onset, n.duration] for n in notes]


def _rating(
    mark: Mark, beat: Beats, model: str, notes: Sequence[RatedNote], first: Beats, last: Beats
) -> Rating:
    answer = tuple(n for n in notes if n.voice is not None and first <= n.onset < last)
    phrase = tuple(n for n in notes if first - CONTEXT <= n.onset < first)
    return Rating(beat, _OPINIONS[mark], model, phrase, answer)


def _note(started: NoteStarted, length: Beats) -> RatedNote:
    voice = None if started.source is Source.PLAYER else started.voice
    return RatedNote(voice, started.pitch, started.velocity, started.beat, length)


def _cell(fact: NoteStarted | NoteEnded) -> tuple[Source, int | None, int, int]:
    return fact.source, fact.voice, fact.channel, fact.pitch
