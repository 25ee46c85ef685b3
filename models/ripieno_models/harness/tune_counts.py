"""What is counted in a tune: repetition, loops, silence, unisons, lengths, ranges, spreads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from itertools import groupby, pairwise

from ripieno_models.harness.spread import Count
from ripieno_models.tokens.tune import Tune

LOWEST, HIGHEST = 21, 108
"""MIDI numbers of a piano: what lies outside is out of range, whatever the instrument."""
LINE = 52, 96
"""The same for a single line: a little more than the fiddle tunes have."""
Event = tuple[int, tuple[tuple[int, int], ...]]
"""When something begins, in sixteenths after what began before, and its pitches and durations."""


def events(tune: Tune) -> list[Event]:
    """What begins in a tune, in order."""
    told: list[Event] = []
    before = None
    for onset, notes in groupby(sorted(tune.notes), key=lambda note: note.onset):
        begun = tuple((note.pitch, note.duration) for note in notes)
        told.append((0 if before is None else onset - before, begun))
        before = onset
    return told


def grams(tune: Tune, size: int) -> list[tuple[Event, ...]]:
    """Every run of `size` successive events of a tune."""
    every = events(tune)
    return [tuple(every[at : at + size]) for at in range(len(every) - size + 1)]


def repetition(tune: Tune, size: int) -> float:
    """The share of runs that occurred before in the tune; 0 without any."""
    every = grams(tune, size)
    return 1 - len(set(every)) / len(every) if every else 0.0


def unique(tune: Tune, size: int) -> float:
    """The share of runs that occur only once in the tune; 1 without any."""
    every = Counter(grams(tune, size))
    return sum(count == 1 for count in every.values()) / every.total() if every else 1.0


def loops(tune: Tune) -> tuple[int, int]:
    """(how often in a row the passage came that came most often, sixteenths that took)."""
    every = events(tune)
    best = (1, 0)
    for period in range(1, len(every) // 2 + 1):
        same = [one == other for one, other in pairwise_by(every, period)]
        begin = 0
        for told, run in groupby(same):
            count = len(list(run))
            times = 1 + count // period
            if told and times > best[0]:
                took = sum(event[0] for event in every[begin : begin + count + period])
                best = (times, took)
            begin += count
    return best


def pairwise_by(every: list[Event], period: int) -> list[tuple[Event, Event]]:
    return list(zip(every, every[period:], strict=False))


def silence(tune: Tune) -> float:
    """The share of sixteenths in which nothing sounds, of all bars, or of their second half if that
    is more; 1 for a tune without notes."""
    length = max(1, tune.bars * tune.bar)
    sounds = [False] * length
    for note in tune.notes:
        for at in range(note.onset, min(length, note.onset + note.duration)):
            sounds[at] = True
    half = sounds[length // 2 :]
    return max(1 - sum(sounds) / length, 1 - sum(half) / len(half))


def unisons(tune: Tune) -> float:
    """The share of notes whose pitch another one has already that still sounds."""
    notes = sorted(tune.notes)
    doubled = 0
    ends: dict[int, int] = {}
    for note in notes:
        doubled += ends.get(note.pitch, 0) > note.onset
        ends[note.pitch] = max(ends.get(note.pitch, 0), note.onset + note.duration)
    return doubled / max(1, len(notes))


def short_notes(tune: Tune) -> float:
    """The share of notes that last one sixteenth; 0 without notes."""
    return sum(note.duration == 1 for note in tune.notes) / max(1, len(tune.notes))


def notes_per_quarter(tune: Tune) -> float:
    return 4 * len(tune.notes) / max(1, tune.bars * tune.bar)


def outside_range(tune: Tune) -> float:
    """The share of notes outside the range of a piano; of a single line, of `LINE`."""
    chords = len(events(tune)) < len(tune.notes)
    low, high = (LOWEST, HIGHEST) if chords else LINE
    out = sum(not low <= note.pitch <= high for note in tune.notes)
    return out / max(1, len(tune.notes))


def alike(one: Tune, other: Tune) -> float:
    """The share of notes that two tunes have in common, over the one with fewer."""
    these, those = (Counter((n.onset, n.pitch) for n in tune.notes) for tune in (one, other))
    fewer = min(these.total(), those.total())
    return (these & those).total() / fewer if fewer else float(these == those)


def pitches(tune: Tune) -> Count:
    return Counter(note.pitch for note in tune.notes)


def intervals(tune: Tune) -> Count:
    """Semitones from the highest note of an event to that of the next."""
    tops = [max(pitch for pitch, _ in begun) for _, begun in events(tune)]
    return Counter(after - before for before, after in pairwise(tops))


def durations(tune: Tune) -> Count:
    return Counter(note.duration for note in tune.notes)


def chords(tune: Tune) -> Count:
    """What begins together: semitones above the lowest, octaves forgotten."""
    told: Count = Counter()
    for _, begun in events(tune):
        lowest = min(pitch for pitch, _ in begun)
        told[frozenset((pitch - lowest) % 12 for pitch, _ in begun)] += 1
    return told


KINDS: Mapping[str, Callable[[Tune], Count]] = {
    "pitches": pitches,
    "intervals": intervals,
    "durations": durations,
    "chords": chords,
}
