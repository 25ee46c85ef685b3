from __future__ import annotations

import numpy as np
import pytest
from ripieno.grammar.grid import FIRST_PITCH, HOLD, REST
from ripieno.inference.scoring import (
    OBJECTIONS,
    SURPRISE,
    Motion,
    Objection,
    augmented_seconds,
    awkward_leaps,
    doubled_leading_tones,
    empty_chords,
    hidden_parallels,
    objections,
    overlaps,
    parallels,
    restless_endings,
    score,
    strange_chords,
    surprise,
    wide_leaps,
    wide_spacing,
)
from ripieno.settings import Key

Pitches = list[int | None]
ALL = frozenset(range(4))
A_MINOR = Key.parse("A minor")


def motion(
    before: Pitches, now: Pitches, ours: frozenset[int] = ALL, key: Key | None = None
) -> Motion:
    return Motion(before, now, ours, key)


# C major going to G major with no fault that any teacher has named.
FINE: tuple[Pitches, Pitches] = ([72, 67, 64, 48], [71, 67, 62, 43])

CASES: dict[str, tuple[Objection, Pitches, Pitches, int]] = {
    "fifths between tenor and bass": (parallels, [72, 67, 55, 48], [72, 67, 57, 50], 1),
    "octaves between soprano and bass": (parallels, [72, 67, 64, 48], [74, 67, 65, 50], 1),
    "unisons": (parallels, [72, 60, 60, 48], [72, 62, 62, 48], 1),
    "fifth held": (parallels, [72, 67, 55, 48], [74, 69, 55, 48], 0),
    "octave apart in contrary motion": (parallels, [72, 67, 64, 48], [74, 67, 64, 50], 1),
    "fifth to octave": (parallels, [72, 67, 55, 48], [72, 67, 53, 41], 0),
    "a rest between": (parallels, [None, 67, 55, 48], [74, 67, 57, 51], 0),
    "hidden octave with a leap": (hidden_parallels, [67, 64, 60, 45], [74, 65, 60, 50], 1),
    "hidden octave by step": (hidden_parallels, [72, 64, 60, 45], [74, 65, 60, 50], 0),
    "octave from both sides": (hidden_parallels, [67, 64, 60, 53], [74, 65, 60, 50], 0),
    "alto above where soprano was": (overlaps, [67, 64, 60, 48], [72, 69, 60, 48], 1),
    "soprano below where alto was": (overlaps, [72, 69, 60, 48], [67, 64, 60, 48], 1),
    "soprano and alto close": (overlaps, [72, 67, 60, 48], [71, 65, 60, 48], 0),
    "alto far below soprano": (wide_spacing, FINE[0], [79, 65, 62, 43], 1),
    "tenor far above bass": (wide_spacing, FINE[0], [79, 69, 65, 40], 1),
    "everything wide": (wide_spacing, FINE[0], [81, 68, 55, 30], 3),
    "alto leaps a sixth": (wide_leaps, [72, 60, 55, 48], [72, 69, 55, 48], 1),
    "bass leaps an octave": (wide_leaps, [72, 67, 60, 48], [72, 67, 60, 36], 0),
    "bass leaps a tenth": (wide_leaps, [72, 67, 64, 60], [72, 67, 64, 44], 1),
    "a tritone": (awkward_leaps, [71, 67, 62, 43], [77, 67, 62, 43], 1),
    "a seventh down": (awkward_leaps, [71, 67, 62, 55], [71, 67, 62, 45], 1),
    "a fifth and nothing else": (empty_chords, FINE[0], [72, 67, 60, 48], 1),
    "octaves only": (empty_chords, FINE[0], [72, 60, 60, 48], 1),
    "a third fills it": (empty_chords, FINE[0], [72, 64, 60, 48], 0),
    "three voices are not full": (empty_chords, FINE[0], [72, 67, None, 48], 0),
    "a seventh chord with its third in the bass": (strange_chords, FINE[0], [79, 74, 65, 47], 0),
    "a chord with its fifth in the bass": (strange_chords, FINE[0], [72, 64, 60, 43], 0),
    "a second rubs": (strange_chords, FINE[0], [72, 67, 62, 48], 1),
    "an empty one is not strange": (strange_chords, FINE[0], [72, 67, 60, 48], 0),
    "a fourth": (awkward_leaps, [71, 67, 62, 43], [71, 67, 67, 43], 0),
}


@pytest.mark.parametrize("case", CASES)
def test_each_objection_finds_its_fault_and_no_other(case: str) -> None:
    rule, before, now, count = CASES[case]
    assert rule(motion(before, now)) == count


@pytest.mark.parametrize("case", CASES)
def test_the_players_own_faults_are_not_counted(case: str) -> None:
    rule, before, now, _ = CASES[case]
    assert rule(motion(before, now, ours=frozenset())) == 0


def test_nothing_is_objected_to_good_writing() -> None:
    assert objections(motion(*FINE, key=Key.parse("C major"))) == 0
    assert objections(motion(FINE[0], FINE[0])) == 0


def test_augmented_seconds_need_a_minor_key() -> None:
    step: tuple[Pitches, Pitches] = ([72, 65, 60, 53], [72, 68, 60, 53])
    assert augmented_seconds(motion(*step, key=A_MINOR)) == 1
    assert augmented_seconds(motion(*step, key=Key.parse("A major"))) == 0
    assert augmented_seconds(motion(*step)) == 0


def test_doubled_leading_tones_need_a_key_and_a_new_one() -> None:
    doubled: Pitches = [71, 67, 62, 47]
    key = Key.parse("C major")
    assert doubled_leading_tones(motion([72, 67, 62, 47], doubled, key=key)) == 1
    assert doubled_leading_tones(motion(doubled, doubled, key=key)) == 0
    assert doubled_leading_tones(motion([72, 67, 62, 47], doubled)) == 0
    assert doubled_leading_tones(motion([72, 67, 62, 47], [71, 67, 62, 43], key=key)) == 0


@pytest.mark.parametrize(
    ("now", "count"),
    [
        ([72, 67, 64, 48], 0),
        ([72, 67, 63, 48], 0),
        ([72, 64, 60, 48], 0),
        ([72, 67, 64, 52], 1),
        ([72, 67, 60, 48], 1),
        ([70, 67, 64, 48], 1),
        ([72, 67, None, 48], 1),
    ],
)
def test_a_phrase_ends_on_a_triad_above_its_root(now: Pitches, count: int) -> None:
    before = FINE[1]
    assert restless_endings(Motion(before, now, ALL, None, rests=True)) == count
    assert restless_endings(Motion(before, now, ALL, None)) == 0
    assert restless_endings(Motion(before, now, frozenset(), None, rests=True)) == 0


def test_every_objection_weighs_something_and_says_a_sentence() -> None:
    for rule, weight in OBJECTIONS:
        assert weight > 0
        assert rule.__doc__ is not None
        assert rule.__doc__.endswith(".")
        assert "\n" not in rule.__doc__


def test_surprise_is_nats_beyond_the_entropy() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        logits = rng.normal(0, 3, 48).astype(np.float32)
        p = np.exp(logits[FIRST_PITCH:].astype(np.float64))
        p /= p.sum()
        entropy = -(p * np.log(p)).sum()
        for token in (2, 7, 47):
            nats = -np.log(p[token - FIRST_PITCH]) - entropy
            assert surprise(logits, token) == pytest.approx(nats, abs=1e-4)
        mean = sum(p[t - FIRST_PITCH] * surprise(logits, t) for t in range(FIRST_PITCH, 48))
        assert mean == pytest.approx(0.0, abs=1e-4)
        assert surprise(logits, HOLD) == surprise(logits, REST) == 0, "rhythm is no matter of taste"
    assert surprise(np.full(48, np.nan, np.float32), 3) == float("inf")


def test_only_what_is_not_typical_costs_likelihood() -> None:
    quiet = motion(FINE[0], FINE[0])
    assert score(-5.0, quiet) == score(0.0, quiet) == score(SURPRISE, quiet) == 0
    assert score(SURPRISE + 1.5, quiet) == -1.5
    bad = motion([72, 67, 64, 48], [74, 67, 65, 50])
    assert score(0.0, bad) < score(SURPRISE + 1.5, quiet)
