"""OpenScore Lieder: songs for voice and piano, cut where the metre changes."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ripieno_models.corpora.json_lines import split_table
from ripieno_models.corpora.midi_archive import File, files
from ripieno_models.piece import Split
from ripieno_models.tokens.tune import MELODY, PIANO, Note, Tune, bar_steps, meter_of, one_line

FOLDER = Path("lieder")
FILE, SPLITS = FOLDER / "lieder_midi.tar.xz", FOLDER / "splits.json"
NAME = "OpenScore Lieder"
LICENCE = "CC0-1.0"
RawNote = tuple[int, int, int, int, int]
"""Onset, duration (ticks), pitch, velocity, and the part."""
FEWEST_BARS = 8
"""A stretch in one metre that is shorter is left out."""
LARGEST_OFF_GRID = 0.1
"""Share of onsets between the sixteenths: songs with more (in triplets) are left out."""
PREFERENCE = 1.2
"""How much stronger another place must be than the file's first tick, to be the bar line."""


def pieces(data: Path) -> Iterator[Tune]:
    """The songs below the folder `data`, cut into stretches of one metre. Raises RipienoError."""
    splits = split_table(data / SPLITS)
    for file in files(data / FILE):
        yield from stretches(file, splits[file.name])


def stretches(file: File, split: Split) -> Iterator[Tune]:
    """The parts of a song that are in one metre each and on the grid."""
    notes = sorted(
        (*note, MELODY if track.name.startswith("VOICE") else PIANO)
        for track in file.tracks
        for note in track.notes
    )
    ends = [begin for begin, *_ in file.meters[1:]] + [file.end]
    for number, ((begin, *told), end) in enumerate(zip(file.meters, ends, strict=True)):
        meter = meter_of(*told)
        if meter is None or end - begin < FEWEST_BARS * bar_steps(meter) * file.quarter // 4:
            continue
        part = notes[bisect_left(notes, (begin,)) : bisect_left(notes, (end,))]
        sixteenths = [((n[0] - begin) * 4 / file.quarter, n) for n in part]
        if off_grid([place for place, _ in sixteenths]) > LARGEST_OFF_GRID:
            continue
        length = None
        if number or len(file.meters) > 1:
            length = 0 if number else round((end - begin) * 4 / file.quarter)
        tune = stretch(sixteenths, 4 / file.quarter, meter, length)
        if tune.bars >= FEWEST_BARS and tune.of(PIANO):
            name = f"{file.name}-{number}"
            yield replace(tune, name=name, fifths=key_at(file, begin), split=split)


def stretch(
    told: list[tuple[float, RawNote]], per_tick: float, meter: tuple[int, int], length: int | None
) -> Tune:
    """Notes from a bar line on; `told` are their places in sixteenths with what the file tells.

    The first stretch of a song can begin with a pickup: if another one follows (`length` is told),
    what is more than whole bars; else where the low notes and the long ones say.
    """
    bar = bar_steps(meter)
    notes = [
        Note(round(place), part, pitch, max(1, round(duration * per_tick)), velocity)
        for place, (_, duration, pitch, velocity, part) in told
    ]
    melody = one_line([note for note in notes if note.part == MELODY])
    placed = melody + without_twins([note for note in notes if note.part == PIANO])
    first = first_line(placed, bar) if length is None else length % bar
    moved = (replace(note, onset=note.onset + (-first) % bar) for note in placed)
    return Tune("", tuple(sorted(moved)), meter, None)


def key_at(file: File, tick: int) -> int | None:
    """The key signature that holds at `tick`, if one is told."""
    told = [fifths for begin, fifths in file.keys if begin <= tick]
    return told[-1] if told and abs(told[-1]) <= 7 else None


def without_twins(notes: list[Note]) -> list[Note]:
    """`notes` in order, without a second one of the same onset and pitch (the longer one stays)."""
    kept: dict[tuple[int, int], Note] = {}
    for note in notes:
        there = kept.get((note.onset, note.pitch))
        if there is None or there.duration < note.duration:
            kept[(note.onset, note.pitch)] = note
    return sorted(kept.values())


def first_line(notes: list[Note], bar: int) -> int:
    """Where in the first `bar` steps the first bar line lies: the place of the longest low notes.

    Each onset weighs as much as its note lasts (at most a bar), the lowest of a chord double.
    """
    weight: Counter[int] = Counter()
    lowest: dict[int, int] = {}
    for note in notes:
        lowest[note.onset] = min(note.pitch, lowest.get(note.onset, note.pitch))
    for note in notes:
        double = 2 if note.pitch == lowest[note.onset] else 1
        weight[note.onset % bar] += double * min(note.duration, bar)
    best = max(weight, key=lambda place: (weight[place], -place), default=0)
    return best if weight[best] > PREFERENCE * weight[0] else 0


def off_grid(places: list[float]) -> float:
    """The share of places (in sixteenths) that lie more than a 64th from a sixteenth."""
    distinct = set(places)
    off = sum(abs(place - round(place)) > 0.25 for place in distinct)
    return off / max(1, len(distinct))
