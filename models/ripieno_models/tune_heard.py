"""What a player's folder holds: MIDI files, takes, and what was thought of their answers.

Each becomes parts with notes in beats, whatever it was written in. A take whose answers were rated
weighs by that: what was liked is learned more often, what was disliked is not learned at all.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from ripieno.clock import Beats, Meter
from ripieno.errors import PhraseError, RipienoError
from ripieno.grammar.grid import VOICES
from ripieno.midi.midifile import read_score
from ripieno.modes.tonality import estimate
from ripieno.score import DRUMS, MeterMark, Part, PartNote, Score
from ripieno.takes import ratings
from ripieno.takes.take import SUFFIX, read
from ripieno.takes.take_score import PLAYER, SEED, score_of

from ripieno_models.corpora import midi_folder
from ripieno_models.corpora.skipping import Skipped, readable

LIKED = 3
"""How many times as often a liked answer is learned as what nobody rated."""
LONGEST = Beats(3600.0)
"""Half an hour at 120 quarters a minute; more is a recording that was never stopped."""
OF_TAKE = {PLAYER, *VOICES, *(f"{SEED} {voice}" for voice in VOICES)}


@dataclass(frozen=True, slots=True)
class Heard:
    """Music by its `parts`, in `meters`, the key signature `fifths` where it is known.

    Music of one `group` is about the same, and is never both learned and held out. It is learned
    `weight` times as often as other music. `played`: it comes from a take.
    """

    name: str
    group: str
    parts: tuple[Part, ...]
    meters: tuple[MeterMark, ...]
    fifths: int | None
    weight: int = 1
    played: bool = False

    @property
    def end(self) -> float:
        """The last note's end, in beats."""
        return max(note.onset + note.duration for part in self.parts for note in part.notes)


def folder_of(folder: Path, skipped: Skipped) -> list[Heard]:
    """All music in `folder` and below it; what cannot be read goes to `skipped`.

    Raises RipienoError where there is no such folder.
    """
    if not folder.is_dir():
        raise RipienoError("there is no such folder", where=str(folder))
    every = sorted(path for path in folder.rglob("*") if path.is_file())
    takes = [path for path in every if path.suffix == SUFFIX]
    # A take's own export lies beside it, and tells the same.
    there = {path.with_suffix("") for path in takes}
    scores = [
        path
        for path in every
        if path.suffix.lower() in (".mid", ".midi") and path.with_suffix("") not in there
    ]
    rated = [path for path in every if path.name == ratings.FILE]
    opinions = list(chain.from_iterable(readable(rated, rated_of, skipped)))
    disliked = {heard.group for heard in opinions if heard.weight == 0}
    found = [*readable(scores, score_at, skipped), *readable(takes, take_at, skipped)]
    kept = [heard for heard in found if not heard.played or heard.group not in disliked]
    return kept + [heard for heard in opinions if heard.weight]


def score_at(path: Path) -> Heard:
    """The MIDI file at `path`. Raises PhraseError."""
    file = midi_folder.load(path)
    score = read_score(path)
    played = any(part.name == PLAYER for part in score.parts) and named_as_take(score)
    return heard_of(score, path, path.stem, midi_folder.key_of(file), played)


def named_as_take(score: Score) -> bool:
    """Whether the parts are called as a take's are."""
    return all(part.name in OF_TAKE for part in score.parts)


def take_at(path: Path) -> Heard:
    """The take at `path`. Raises PhraseError."""
    take = read(path, on_score=True)
    return heard_of(score_of(take), path, take.name, None, played=True)


def heard_of(score: Score, path: Path, name: str, fifths: int | None, played: bool) -> Heard:
    """A score without its drums. Raises PhraseError where nothing is left, or it is too long."""
    parts = tuple(part for part in score.parts if part.channel != DRUMS and part.notes)
    if not parts:
        raise PhraseError("there is no note in it but drums", where=str(path))
    heard = Heard(name, name, parts, score.meters, fifths, played=played)
    if heard.end > LONGEST:
        raise PhraseError(
            f"it lasts {heard.end:,.0f} quarter notes",
            where=str(path),
            allowed=f"at most {LONGEST:,.0f}",
        )
    return heard if fifths is not None else in_key(heard)


def in_key(heard: Heard) -> Heard:
    """With the key that the engine would guess while it is played."""
    notes = ((note.pitch, note.duration) for part in heard.parts for note in part.notes)
    key = estimate(notes)
    told = None if key is None else key.fifths
    return Heard(
        heard.name, heard.group, heard.parts, heard.meters, told, heard.weight, heard.played
    )


def rated_of(path: Path) -> list[Heard]:
    """Each opinion in the ratings at `path`: what was answered after the phrase before it.

    Raises PhraseError with the line where it is broken.
    """
    found = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise PhraseError("cannot be read", where=str(path)) from None
    for number, line in enumerate(lines, 1):
        try:
            found += list(opinion(json.loads(line), number))
        except (ValueError, KeyError, TypeError, IndexError, AttributeError, RipienoError) as error:
            raise PhraseError(
                f"line {number} is no rating ({error})",
                where=str(path),
                allowed="JSON as docs/takes.md tells",
            ) from None
    return found


def opinion(told: Mapping[str, Any], number: int) -> Iterator[Heard]:
    """One line of the ratings, where anything was played."""
    meter = meter_of(told.get("settings", {}).get("meter"))
    notes: dict[str, list[PartNote]] = {}
    for voice, pitch, velocity, onset, duration in (*told["phrase"], *told["answer"]):
        name = PLAYER if voice is None else VOICES[min(int(voice), len(VOICES) - 1)]
        length = Beats(max(1 / 64, float(duration)))
        notes.setdefault(name, []).append(
            PartNote(Beats(float(onset)), length, int(pitch), int(velocity))
        )
    if not notes:
        return
    first = min(note.onset for line in notes.values() for note in line)
    moved = meter.bar_start(first)
    parts = tuple(Part(name, 0, None, back(line, moved)) for name, line in notes.items())
    weight = LIKED if int(told["liking"]) > 0 else 0
    name = f"{told['take']}, rated {number}"
    marks = (MeterMark(Beats(0.0), meter),)
    yield in_key(Heard(name, str(told["take"]), parts, marks, None, weight, played=True))


def back(notes: list[PartNote], by: Beats) -> tuple[PartNote, ...]:
    """The notes so many beats earlier, in order."""
    moved = (PartNote(Beats(n.onset - by), n.duration, n.pitch, n.velocity) for n in notes)
    return tuple(sorted(moved, key=lambda note: note.onset))


def meter_of(told: Any) -> Meter:
    """The metre that a take's settings tell; 4/4 where they do not."""
    if isinstance(told, Mapping):
        return Meter(int(told["numerator"]), int(told["denominator"]))
    return Meter()
