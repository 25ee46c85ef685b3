"""What the player liked: each opinion with what was played, and what it answered.

`ratings.jsonl` lies beside the takes, a line of JSON for each opinion; docs/takes.md describes it.
An opinion is on an answer, given while it was played, or on a whole take, given afterwards.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
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
_Cell = tuple[Source, int | None, int, int]
_Sounding = dict[_Cell, tuple[int, NoteStarted]]


class Of(StrEnum):
    """What an opinion is on."""

    ANSWER = "answer"
    TAKE = "take"


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
    of: Of = Of.ANSWER


def ratings(take: Take) -> Iterator[Rating]:
    """All opinions of `take`, in order. An answer that is played again counts where it began."""
    notes: list[RatedNote] = []
    sounding: _Sounding = {}
    model, begun, ended = take.header.model, Beats(0.0), Beats(0.0)
    marked = False
    for fact in take.facts:
        match fact:
            case NoteStarted() | NoteEnded():
                _gather(fact, notes, sounding)
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


def of_all(take: Take, liking: int) -> Rating:
    """An opinion (1 liked, -1 disliked) on a whole take: on all that the machine played in it."""
    notes: list[RatedNote] = []
    sounding: _Sounding = {}
    model = take.header.model
    for fact in take.facts:
        if isinstance(fact, NoteStarted | NoteEnded):
            _gather(fact, notes, sounding)
        elif isinstance(fact, ModelReady):
            model = fact.model
    theirs = tuple(note for note in notes if note.voice is None)
    ours = tuple(note for note in notes if note.voice is not None)
    end = max((note.onset + note.duration for note in notes), default=0.0)
    return Rating(Beats(end), liking, model, theirs, ours, Of.TAKE)


def keep(take: Take, folder: Path) -> int:
    """Write the opinions of `take` into the ratings of `folder`, in place of what it had there.

    Returns how many there are. Raises PhraseError when the file cannot be written.
    """
    lines = [each for each in _lines(folder / FILE) if _told(each) != (take.name, Of.ANSWER)]
    found = [_line(rating, take) for rating in ratings(take)]
    if found or (folder / FILE).exists():
        _write(folder / FILE, [*lines, *found])
    return len(found)


def rate(take: Take, folder: Path, liking: int) -> None:
    """Keep an opinion on the whole of `take`: 1, -1, or 0 for none any more. Raises PhraseError."""
    lines = [each for each in _lines(folder / FILE) if _told(each) != (take.name, Of.TAKE)]
    found = [_line(of_all(take, liking), take)] if liking else []
    _write(folder / FILE, [*lines, *found])


def opinions(folder: Path) -> dict[str, int]:
    """What the player thinks of whole takes: 1 or -1 by the take's name."""
    found = {}
    for line in _lines(folder / FILE):
        name, of = _told(line)
        if of == Of.TAKE:
            found[name] = int(json.loads(line).get("liking", 0))
    return found


def move(folder: Path, name: str, there: Path, new: str) -> None:
    """The ratings of the take `name` go with it, to the folder `there`. Raises PhraseError."""
    lines = _lines(folder / FILE)
    gone = [line for line in lines if _told(line)[0] == name]
    if not gone:
        return
    renamed = [_dumped({**json.loads(line), "take": new}) for line in gone]
    if folder == there:
        _write(folder / FILE, [*(line for line in lines if line not in gone), *renamed])
        return
    others = [line for line in _lines(there / FILE) if _told(line)[0] != new]
    _write(there / FILE, [*others, *renamed])
    _write(folder / FILE, [line for line in lines if line not in gone])


def _write(path: Path, lines: Sequence[str]) -> None:
    try:
        fresh = path.with_suffix(".new")
        fresh.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        fresh.replace(path)
    except OSError as error:
        raise PhraseError(f"ratings cannot be kept ({error.strerror})", where=str(path)) from None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []


def _told(line: str) -> tuple[str, str]:
    """The take of a line, and what its opinion is on; nothing for a line that is none of ours."""
    try:
        data = json.loads(line)
        return str(data.get("take", "")), str(data.get("of", Of.ANSWER))
    except (ValueError, AttributeError):
        return "", ""


def _line(rating: Rating, take: Take) -> str:
    told: dict[str, Any] = {
        "take": take.name,
        "preset": take.header.preset,
        **to_plain(rating, leave_out="phrase"),
        "phrase": _rows(rating.phrase),
        "answer": _rows(rating.answer),
        "settings": to_plain(take.header.settings),
    }
    return _dumped(told)


def _dumped(told: dict[str, Any]) -> str:
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def _rows(notes: Sequence[RatedNote]) -> list[list[float | None]]:
    return [[n.voice, n.pitch, n.velocity, n.onset, n.duration] for n in notes]


def _rating(
    mark: Mark, beat: Beats, model: str, notes: Sequence[RatedNote], first: Beats, last: Beats
) -> Rating:
    answer = tuple(n for n in notes if n.voice is not None and first <= n.onset < last)
    phrase = tuple(n for n in notes if first - CONTEXT <= n.onset < first)
    return Rating(beat, _OPINIONS[mark], model, phrase, answer)


def _gather(fact: NoteStarted | NoteEnded, notes: list[RatedNote], sounding: _Sounding) -> None:
    """Take in that a note began or ended; the metronome plays none."""
    if isinstance(fact, NoteStarted):
        if fact.source is not Source.CLICK:
            sounding[_cell(fact)] = (len(notes), fact)
            notes.append(_note(fact, Beats(0.25)))
    elif (found := sounding.pop(_cell(fact), None)) is not None:
        place, started = found
        notes[place] = _note(started, Beats(max(0.0, fact.beat - started.beat)))


def _note(started: NoteStarted, length: Beats) -> RatedNote:
    voice = None if started.source is Source.PLAYER else started.voice
    return RatedNote(voice, started.pitch, started.velocity, started.beat, length)


def _cell(fact: NoteStarted | NoteEnded) -> _Cell:
    return fact.source, fact.voice, fact.channel, fact.pitch
