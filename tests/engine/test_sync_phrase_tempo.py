"""The tempo of a played phrase: found where a listener would find it, refused where not."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Sequence

import pytest
from ripieno.clock import Beats, Seconds
from ripieno.preset.phrases import load_phrase, phrase_names
from ripieno.sync.phrase_tempo import estimate

TEMPOS = (60, 76, 92, 108, 120, 138)


def played(
    bpm: float, onsets: Sequence[float], *, slip: float = 0.0, breath: float = 0.0, seed: int = 1
) -> list[Seconds]:
    """Onsets in beats as a player would play them: with slips, and a tempo that breathes."""
    chance, at, drift, last = random.Random(seed), 100.0, 0.0, onsets[0]
    moments = []
    for onset in onsets:
        drift = 0.8 * drift + chance.gauss(0, breath)
        at += (onset - last) * 60 / bpm * math.exp(drift)
        last = onset
        moments.append(Seconds(at + chance.gauss(0, slip)))
    return moments


def melody(name: str) -> list[float]:
    """Where the notes of its highest voice begin."""
    notes = load_phrase(name).notes
    highest = min(note.voice for note in notes)
    return sorted({note.onset for note in notes if note.voice == highest})


PHRASES = {
    "quarters": (0, 1, 2, 3, 4),
    "quarters and eighths": (0, 1, 1.5, 2, 3, 3.5, 4),
    "dotted": (0, 1.5, 2, 3, 4.5, 5, 6, 8),
    "a pickup": (0.5, 1, 2, 2.5, 3, 4, 5, 6),
    "with half notes": (0, 2, 3, 4, 5, 6, 8),
}


@pytest.mark.parametrize("bpm", [60, 76, 92, 108])
@pytest.mark.parametrize("name", PHRASES)
def test_a_plain_phrase_is_exact(name: str, bpm: float) -> None:
    onsets = PHRASES[name]
    moments = played(bpm, onsets)
    found = estimate(moments, near=bpm)
    assert found is not None
    assert found.bpm == pytest.approx(bpm, rel=1e-6)
    assert found.last == moments[-1]
    assert found.origin + found.beats * 60 / bpm == pytest.approx(found.last)
    assert (found.origin - moments[0]) * bpm / 60 == pytest.approx(-(onsets[0] % 1))
    assert found.beats == pytest.approx(onsets[-1] - onsets[0] // 1)


def test_a_doubtful_octave_goes_to_the_tempo_that_is_set() -> None:
    even = played(140, range(8))
    assert estimate(even, near=150) == estimate(even, near=140)
    assert [round(found.bpm) for near in (60, 140) if (found := estimate(even, near))] == [70, 140]


def test_and_to_usual_tempos() -> None:
    found = estimate(played(200, range(8)), near=141)
    assert found is not None and found.bpm == pytest.approx(100)


def test_chords_are_one_onset() -> None:
    moments = [Seconds(at + spread) for at in played(92, range(6)) for spread in (0, 0.012, 0.02)]
    found = estimate(moments, near=90)
    assert found is not None and found.bpm == pytest.approx(92)
    assert found.beats == Beats(5.0)


def test_three_onsets_are_too_few() -> None:
    assert estimate(played(90, range(3)), 90) is None
    assert estimate([], 90) is None


def test_played_hymns_are_understood() -> None:
    """Slips of 15 ms, a tempo that breathes by 3 %: every phrase that ships, in parts."""
    told: Counter[str] = Counter()
    for name in phrase_names():
        onsets = melody(name)
        for number, bpm in enumerate(TEMPOS):
            part = onsets[: (6, 8, 12, 20)[number % 4]]
            found = estimate(played(bpm, part, slip=0.015, breath=0.018, seed=number), near=84)
            if found is None:
                told["none"] += 1
                continue
            octaves = math.log2(found.bpm / bpm)
            near = abs(octaves - round(octaves)) < math.log2(1.08)
            told["wrong" if not near else "octave" if round(octaves) else "right"] += 1
    share = {what: count / told.total() for what, count in told.items()}
    assert share["right"] > 0.85, share
    assert share.get("wrong", 0.0) < 0.03, share


def test_no_tempo_is_made_up_for_notes_without_one() -> None:
    told = []
    for seed in range(60):
        chance = random.Random(seed)
        onsets = [0.0]
        for _ in range(15):
            onsets.append(onsets[-1] + 0.15 + chance.expovariate(2.5))
        told.append(estimate([Seconds(onset) for onset in onsets], near=90))
    assert told.count(None) > 0.8 * len(told)
