"""A player's music as a model learns it, and which of it is held out to judge by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from typing import Generic, TypeVar
from zlib import crc32

import numpy as np
from ripieno.clock import Meter
from ripieno.errors import PhraseError, RipienoError
from ripieno.grammar.grid import HIGHEST, LOWEST, STEPS_PER_BEAT, VOICES, GridNote, encode
from ripieno.score import Part, PartNote
from ripieno.takes.take_score import PLAYER

from ripieno_models.corpora import lieder
from ripieno_models.corpora.skipping import Skipped, refuse_none
from ripieno_models.piece import RANGES, Piece, Split
from ripieno_models.tokens.kind import TokenKind
from ripieno_models.tokens.tune import MELODY, PIANO, Tune, bar_steps, meter_of
from ripieno_models.tune_heard import Heard, folder_of

Music = TypeVar("Music", Piece, Tune)
FEWEST_PIECES = 4
"""Two to learn from, one to stop by, one to judge by."""
SECTION = 16
"""Bars of a section, into which pieces are cut where there are too few of them."""
SHORTEST = 2
"""Bars of a piece."""
LARGEST_OFF_GRID = 0.35
"""Share of a file's onsets between the sixteenths; with more there is no grid to learn."""
LEADING = ("melody", "voice", "vocal", "lead", "solo", "soprano", "flute", "violin", "fiddle")


@dataclass(frozen=True, slots=True)
class Material(Generic[Music]):
    """`train` as often as each weighs; `valid` to stop and to choose by; `test` to judge by.

    `found` is how many pieces there are, `liked` how many of them weigh more than others.
    """

    train: tuple[Music, ...]
    valid: tuple[Music, ...]
    test: tuple[Music, ...]
    found: int
    liked: int
    skipped: tuple[str, ...]

    @property
    def learned(self) -> int:
        """How many pieces there are to learn from, each counted once."""
        return len({id(music) for music in self.train})


def pieces_of(folder: Path) -> Material[Piece]:
    """The music below `folder` in four voices. Raises RipienoError where there is too little."""
    return material(folder, lambda heard: [piece_of(heard)], piece_sections)


def tunes_of(folder: Path, kind: TokenKind) -> Material[Tune]:
    """The music below `folder` as `kind` hears it. Raises RipienoError if too little."""
    return material(folder, lambda heard: stretches(heard, kind), tune_sections)


def material(
    folder: Path, read: Callable[[Heard], list[Music]], cut: Callable[[Music], list[Music]]
) -> Material[Music]:
    """All music below `folder` as `read` makes it, shared out by groups; pieces are `cut` where
    there are too few of them."""
    skipped: Skipped = []
    heard = folder_of(folder, skipped)
    found: list[tuple[Heard, Music]] = []
    for each in heard:
        try:
            found += [(each, music) for music in read(each)]
        except PhraseError as error:
            skipped.append(str(error))
    refuse_none(len(found), skipped, folder)
    rows = [(each.group, each.weight, music) for each, music in found]
    if len({group for group, _, _ in rows}) < FEWEST_PIECES:
        rows = [
            (f"{group} {number}", weight, part)
            for group, weight, music in rows
            for number, part in enumerate(cut(music))
        ]
    split = shared_out([group for group, _, _ in rows], folder)
    parts: dict[Split, list[Music]] = {each: [] for each in Split}
    for group, weight, music in rows:
        own = split[group]
        parts[own] += [replace(music, split=own)] * (weight if own is Split.TRAIN else 1)
    return Material(
        tuple(parts[Split.TRAIN]),
        tuple(parts[Split.VALID]),
        tuple(parts[Split.TEST]),
        len(found),
        sum(weight > 1 for _, weight, _ in rows),
        tuple(skipped),
    )


def shared_out(groups: Sequence[str], where: Path) -> dict[str, Split]:
    """A fifth of the groups to stop by, a fifth to judge by, the rest to learn from; always the
    same ones. Raises RipienoError where there are too few."""
    every = sorted(set(groups), key=lambda group: (crc32(group.encode()), group))
    if len(every) < FEWEST_PIECES:
        raise RipienoError(
            f"{len(every)} sections of {SECTION} bars are too little to learn from",
            where=str(where),
            allowed=f"at least {FEWEST_PIECES} pieces, or {FEWEST_PIECES * SECTION} bars",
            nearest="Play some more, or add files.",
        )
    held = max(1, len(every) // 5)
    valid, test = every[:held], every[held : 2 * held]
    return {
        group: Split.VALID if group in valid else Split.TEST if group in test else Split.TRAIN
        for group in every
    }


def piece_of(heard: Heard) -> Piece:
    """Music in four voices on the grid. Raises PhraseError where there are not four."""
    lines = taken(heard) if heard.played else voices(heard)
    notes = [
        GridNote(voice, folded(n.pitch, LOWEST, HIGHEST), step(n.onset), max(1, step(n.duration)))
        for voice, line in enumerate(lines)
        for n in line
    ]
    bar = bar_of(heard.meters[0].meter if heard.meters else Meter())
    first = min(note.onset for note in notes) // bar * bar
    end = max(note.onset + note.steps for note in notes)
    if end - first < SHORTEST * bar:
        raise PhraseError(f"it is shorter than {SHORTEST} bars", where=heard.name)
    lengths = bars_of(heard, first, end)
    return Piece(
        name=heard.name,
        tokens=np.array(encode(notes, first, end), dtype=np.int64),
        place=lengths[0],
        bar_steps=lengths[1],
        fifths=heard.fifths,
        fermata=np.zeros(end - first, bool),
    )


def voices(heard: Heard) -> list[tuple[PartNote, ...]]:
    """The four lines of a file, from the highest. Raises PhraseError where it has not four."""
    if len(heard.parts) != len(VOICES):
        raise PhraseError(
            f"{len(heard.parts)} tracks or channels with notes",
            where=heard.name,
            allowed="four, one a voice",
        )
    return [part.notes for part in sorted(heard.parts, key=lambda part: -part.mean_pitch)]


def taken(heard: Heard) -> list[tuple[PartNote, ...]]:
    """The four voices of a take: the machine's, and the player's notes where one is free."""
    lines: list[list[PartNote]] = [[] for _ in VOICES]
    for part in heard.parts:
        for voice, name in enumerate(VOICES):
            if part.name.endswith(name):
                lines[voice] += part.notes
    own = [note for part in heard.parts if part.name == PLAYER for note in part.notes]
    for note in sorted(own, key=lambda note: (note.onset, -note.pitch)):
        free = [v for v, line in enumerate(lines) if not any(overlap(note, n) for n in line)]
        if free:
            lines[min(free, key=lambda voice: off_centre(note.pitch, voice))].append(note)
    return [tuple(sorted(line, key=lambda note: note.onset)) for line in lines]


def overlap(one: PartNote, other: PartNote) -> bool:
    """Whether two notes sound on the same sixteenth."""
    first, second = step(one.onset), step(other.onset)
    return first < second + max(1, step(other.duration)) and second < first + max(
        1, step(one.duration)
    )


def off_centre(pitch: int, voice: int) -> float:
    """How far a pitch lies from the middle of a voice's range."""
    low, high = RANGES[voice]
    return abs(pitch - (low + high) / 2)


def step(beats: float) -> int:
    """A time in beats as the nearest sixteenth."""
    return round(float(beats) * STEPS_PER_BEAT)


def folded(pitch: int, low: int, high: int) -> int:
    """A pitch brought between `low` and `high` by octaves."""
    while pitch < low:
        pitch += 12
    while pitch > high:
        pitch -= 12
    return pitch


def bar_of(meter: Meter) -> int:
    """The sixteenths of a bar, at least one."""
    return max(1, step(meter.bar))


def bars_of(heard: Heard, first: int, end: int) -> tuple[np.ndarray, np.ndarray]:
    """Place in the bar and the bar's length of each step from `first` to `end`."""
    marks = {0: 16} | {step(mark.beat): bar_of(mark.meter) for mark in heard.meters}
    begins = np.array(sorted(marks))
    steps = np.arange(first, end)
    section = np.searchsorted(begins, steps, side="right") - 1
    lengths = np.array([marks[int(begin)] for begin in begins])[section]
    return (steps - begins[section]) % lengths, lengths


def piece_sections(piece: Piece) -> list[Piece]:
    """A piece in sections of `SECTION` bars; what is left over belongs to the last one."""
    length = SECTION * int(np.median(piece.bar_steps))
    count = max(1, len(piece) // length)
    found = []
    for number in range(count):
        part = slice(number * length, None if number == count - 1 else (number + 1) * length)
        tokens = piece.tokens[part].copy()
        tokens[0] = piece.sounding()[part][0]
        cut = replace(piece, name=f"{piece.name} {number}", tokens=tokens)
        found.append(
            replace(
                cut,
                place=piece.place[part],
                bar_steps=piece.bar_steps[part],
                fermata=piece.fermata[part],
            )
        )
    return found


def stretches(heard: Heard, kind: TokenKind) -> list[Tune]:
    """The parts of some music that are in one metre each, as `kind` hears it.

    Raises PhraseError where there is none, or where it needs parts that are not there.
    """
    notes = sorted(
        (note.onset * STEPS_PER_BEAT, (0, max(1, step(note.duration)), pitch, note.velocity, part))
        for part, line in parts_for(heard, kind)
        for note in line
        for pitch in (folded(note.pitch, kind.low, kind.high),)
    )
    marks = [(step(mark.beat), mark.meter) for mark in heard.meters] or [(0, Meter())]
    ends = [begin for begin, _ in marks[1:]] + [ceil(heard.end * STEPS_PER_BEAT) + 1]
    found = []
    for number, ((begin, told), end) in enumerate(zip(marks, ends, strict=True)):
        meter = meter_of(told.numerator, told.denominator)
        own = [(place - begin, raw) for place, raw in notes if begin <= place < end]
        if meter is None or not own or end - begin < SHORTEST * bar_steps(meter):
            continue
        if not heard.played and lieder.off_grid([place for place, _ in own]) > LARGEST_OFF_GRID:
            continue
        whole_bars = 0 if heard.played or number else None
        tune = lieder.stretch(own, 1.0, meter, whole_bars)
        if tune.bars >= SHORTEST and (not kind.parts or (tune.of(MELODY) and tune.of(PIANO))):
            found.append(replace(tune, name=f"{heard.name} {number}", fifths=heard.fifths))
    if not found:
        raise PhraseError(
            f"no {SHORTEST} bars of it are on a grid of sixteenths in a metre that is known",
            where=heard.name,
        )
    return found


def parts_for(heard: Heard, kind: TokenKind) -> list[tuple[int, tuple[PartNote, ...]]]:
    """Which notes are the melody's and which the piano's. Raises PhraseError."""
    if heard.played:
        own = [part for part in heard.parts if part.name == PLAYER]
        others = [part for part in heard.parts if part.name != PLAYER]
        if not kind.parts:
            return [(MELODY, part.notes) for part in heard.parts]
    else:
        own = [leading(heard.parts)]
        others = [part for part in heard.parts if part is not own[0]]
        if not kind.parts:
            return [(MELODY, own[0].notes)]
    if not own or not others:
        raise PhraseError(
            "there is one part in it", where=heard.name, allowed="a melody and what goes with it"
        )
    return [(MELODY, p.notes) for p in own] + [(PIANO, p.notes) for p in others]


def leading(parts: Sequence[Part]) -> Part:
    """The part with the melody: by its name, else the highest."""
    named = [part for part in parts if any(word in part.name.lower() for word in LEADING)]
    return max(named or parts, key=lambda part: part.mean_pitch)


def tune_sections(tune: Tune) -> list[Tune]:
    """A tune in sections of `SECTION` bars; what is left over belongs to the last one."""
    length = SECTION * tune.bar
    count = max(1, tune.bars // SECTION)
    found = []
    for number in range(count):
        end = None if number == count - 1 else (number + 1) * length
        own = [
            replace(note, onset=note.onset - number * length)
            for note in tune.notes
            if number * length <= note.onset and (end is None or note.onset < end)
        ]
        if own:
            found.append(replace(tune, name=f"{tune.name} {number}", notes=tuple(own)))
    return found
