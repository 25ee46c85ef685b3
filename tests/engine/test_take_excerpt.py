"""The last bars: cut at a bar line, and everything as it stood there."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ripieno.cli.save_last import newest, save_last
from ripieno.clock import Beats, Meter
from ripieno.errors import PhraseError, SettingError
from ripieno.midi.midifile import read_score
from ripieno.score import BendMark, ControlMark, MeterMark, Part, PartNote, Score, TempoMark
from ripieno.takes.excerpt import last_bars
from ripieno.takes.take import Journal

from tests.engine.test_take import FACTS, HEADER


def note(onset: float, length: float, pitch: int = 60) -> PartNote:
    return PartNote(Beats(onset), Beats(length), pitch, 80)


def part(*notes: PartNote, name: str = "soprano") -> Part:
    return Part(name, 0, 19, notes)


def test_the_last_bars_begin_and_end_on_bar_lines() -> None:
    score = Score(
        (part(note(0, 1), note(3.5, 1), note(4, 4), note(9, 1.5)), part(note(1, 2), name="you")),
        (TempoMark(Beats(0), 90), TempoMark(Beats(2), 100), TempoMark(Beats(6), 110)),
        (MeterMark(Beats(0), Meter()),),
    )
    last = last_bars(score, 2)
    assert [p.name for p in last.parts] == ["soprano"], "who did not play has no part"
    assert last.parts[0].notes == (note(0, 0.5), note(0, 4), note(5, 1.5))
    assert last.tempos == (TempoMark(Beats(0), 100), TempoMark(Beats(2), 110))
    assert last.meters == (MeterMark(Beats(0), Meter()),)


def test_bars_are_those_of_the_last_meter_counted_from_where_it_began() -> None:
    meters = (MeterMark(Beats(0), Meter()), MeterMark(Beats(4), Meter(3, 4)))
    score = Score((part(note(0, 4), note(4, 3), note(7, 3), note(10, 2.5)),), (), meters)
    last = last_bars(score, 2)
    assert last.parts[0].notes == (note(0, 3), note(3, 2.5))
    assert last.meters == (MeterMark(Beats(0), Meter(3, 4)),)


def test_pedals_and_wheels_stand_as_they_stood() -> None:
    score = Score(
        (part(note(0, 12)),),
        controls=(
            ControlMark(Beats(0), 0, 64, 127),
            ControlMark(Beats(1), 0, 7, 90),
            ControlMark(Beats(2), 0, 7, 100),
            ControlMark(Beats(9), 0, 64, 0),
        ),
        bends=(BendMark(Beats(1), 0, 500), BendMark(Beats(10), 0, 0)),
    )
    last = last_bars(score, 1)
    assert last.controls == (
        ControlMark(Beats(0), 0, 64, 127),
        ControlMark(Beats(0), 0, 7, 100),
        ControlMark(Beats(1), 0, 64, 0),
    )
    assert last.bends == (BendMark(Beats(0), 0, 500), BendMark(Beats(2), 0, 0))


def test_more_bars_than_there_are_is_all_of_it_and_nonsense_is_refused() -> None:
    score = Score((part(note(1, 2)),))
    assert last_bars(score, 16).parts == score.parts
    assert last_bars(Score(()), 1).parts == ()
    for bars in (0, -1, 10_001):
        with pytest.raises(SettingError, match="allowed: 1…10000"):
            last_bars(score, bars)


notes = st.lists(
    st.tuples(st.integers(0, 160), st.integers(1, 40), st.integers(40, 80)), min_size=1, max_size=30
)


@given(notes, st.integers(1, 12))
def test_every_note_that_sounds_in_the_last_bars_is_there_and_no_other(
    made: list[tuple[int, int, int]], bars: int
) -> None:
    all_notes = tuple(note(onset / 4, length / 4, pitch) for onset, length, pitch in made)
    score = Score((part(*all_notes),))
    end = -(-score.end // 4) * 4
    begin = max(0.0, end - 4 * bars)
    kept = last_bars(score, bars).parts[0].notes
    expected = [
        (max(n.onset, begin) - begin, n.onset + n.duration - begin, n.pitch)
        for n in all_notes
        if n.onset + n.duration > begin
    ]
    assert [(n.onset, n.onset + n.duration, n.pitch) for n in kept] == expected


def test_it_can_be_saved_while_the_take_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "jam.take"
    journal = Journal(path, HEADER)
    try:
        with pytest.raises(PhraseError, match="nothing has sounded yet"):
            save_last(path, 16)
        for fact in FACTS:
            journal.record(fact)
        journal._drain()
        with path.open("ab") as torn:
            torn.write(b'{"fact":"Note')  # a line that is just being written
        first, second = save_last(path, 1), save_last(path, 1)
    finally:
        journal.close()
    assert (first.name, second.name) == ("jam-last1.mid", "jam-last1-2.mid")
    assert first.read_bytes() == second.read_bytes()
    saved = read_score(first)
    assert saved.meters[0].meter == Meter(3, 4)
    assert {p.name for p in saved.parts} == {"soprano", "bass"}
    assert newest(tmp_path) == path
    with pytest.raises(PhraseError, match="no takes here"):
        newest(tmp_path / "none")
