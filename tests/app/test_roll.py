"""The roll: the axis keeps calm, notes lie where they should, and looks differ without colour."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ripieno.clock import Beats
from ripieno.commands import Turn
from ripieno.events import Look, RollNote, Telemetry
from ripieno_app.keys import Layer
from ripieno_app.messages import Hands, View
from ripieno_app.roll.axis import Scale, fit
from ripieno_app.roll.page import GUTTER, Mark, Page, lay_out
from ripieno_app.roll.paint import paint
from ripieno_app.wishes import Controls, State, Wish, Wishes

from tests.app.scenes import answering, counting_in

LOW, HIGH = 36, 81
HANDS = Hands(Layer.PLAY, 4, 1.0, False, frozenset())


def view_of(telemetry: Telemetry, wishes: tuple[Wish, ...] = ()) -> View:
    return View(telemetry, Controls.of(telemetry), wishes, {}, HANDS, (), "first-jam")


def page_of(*notes: RollNote, beat: float = 8.0, width: int = 80, rows: int = 14) -> Page:
    return lay_out(view_of(replace(answering(beat), roll=notes)), width, rows)


def note(look: Look, onset: float, duration: float, pitch: int = 67, voice: int = 0) -> RollNote:
    return RollNote(voice, pitch, Beats(onset), Beats(duration), look)


def text_of(page: Page, *, colour: bool = False) -> list[str]:
    return ["".join(run.text for run in row) for row in paint(page, colour=colour)]


@pytest.mark.parametrize(
    ("rows", "scale"), [(14, Scale.STAFF), (23, Scale.HALF), (45, Scale.HALF), (46, Scale.FULL)]
)
def test_the_whole_range_is_in_sight_from_80_by_24_up(rows: int, scale: Scale) -> None:
    axis = fit(rows, LOW, HIGH, (), None)
    assert axis.scale is scale
    halves = [axis.half_row(pitch) for pitch in range(LOW, HIGH + 1)]
    assert None not in halves
    assert halves == sorted(halves, key=lambda half: -(half or 0))
    if scale is not Scale.STAFF:
        assert len(set(halves)) == len(halves)


def test_the_axis_stays_at_home_while_every_note_is_in_sight() -> None:
    home = fit(14, LOW, HIGH, (), None)
    assert fit(14, LOW, HIGH, (40, 60, 81), None) == home
    moved = fit(14, LOW, HIGH, (60, 96), None)
    assert moved.half_row(96) == 0
    deep = fit(14, LOW, HIGH, (24, 60), None)
    assert deep.half_row(24) == deep.size - 1


def test_flats_and_sharps_stand_on_their_own_staff_positions() -> None:
    flat, sharp = fit(14, LOW, HIGH, (), -3), fit(14, LOW, HIGH, (), 4)
    assert flat.half_row(70) == flat.half_row(71)  # B flat, B
    assert sharp.half_row(70) == sharp.half_row(69)  # A sharp, A


def test_middle_c_is_named() -> None:
    page = page_of(note(Look.MODEL, 7.0, 0.5, pitch=60))
    (mark,) = page.marks
    assert page.axis.names()[mark.half_row // 2] == "C4"
    assert text_of(page)[1 + mark.half_row // 2].startswith(" C4 ")


def test_the_playhead_stands_at_a_third_and_bars_are_numbered() -> None:
    page = page_of(beat=8.0)
    assert page.now == (80 - GUTTER) // 3 == 25
    assert page.bars == ((9, 2), (25, 3), (41, 4), (57, 5), (73, 6))
    ruler = text_of(page)[0]
    assert ruler[GUTTER + 25] == "▼"
    assert ruler[GUTTER + 41] == "4"


def test_no_bar_lies_before_the_first() -> None:
    assert page_of(beat=0.0).bars[0] == (25, 1)


def test_notes_lie_in_the_columns_of_their_beats() -> None:
    page = page_of(
        note(Look.MODEL, 6.0, 1.0), note(Look.PLAYER, 7.0, 0.25), note(Look.PLANNED, 9.0, 0.5)
    )
    spans = {mark.look: (mark.left, mark.right) for mark in page.marks}
    assert spans == {Look.MODEL: (17, 21), Look.PLAYER: (21, 22), Look.PLANNED: (29, 31)}


def test_a_note_out_of_sight_is_left_out_and_one_half_in_sight_is_cut() -> None:
    page = page_of(
        note(Look.MODEL, 0.0, 1.0), note(Look.MODEL, 1.0, 2.0), note(Look.PLANNED, 30, 1)
    )
    assert page.marks == (Mark(0, 5, page.marks[0].half_row, 0, Look.MODEL, True),)


def test_a_held_note_told_in_pieces_is_one_line() -> None:
    page = page_of(
        note(Look.MODEL, 6.0, 2.1),
        note(Look.COMMITTED, 8.25, 0.5),
        note(Look.PLANNED, 8.75, 1.0),
        beat=8.1,
        width=160,
    )
    planned, committed, model = page.marks
    assert [model.cut, committed.cut, planned.cut] == [False, True, True]
    assert model.right == committed.left
    assert committed.right == planned.left


def test_a_note_struck_again_begins_anew() -> None:
    page = page_of(note(Look.PLANNED, 9.0, 1.0), note(Look.PLANNED, 10.0, 1.0))
    assert [mark.cut for mark in page.marks] == [False, False]
    assert any("⢠⣤⣤⣤⢠⣤⣤⣤" in row or "⠘⠛⠛⠛⠘⠛⠛⠛" in row for row in text_of(page))


@pytest.mark.parametrize("rows", [14, 26, 50])
@pytest.mark.parametrize("pitch", [64, 65, 67])
def test_looks_differ_without_colour(rows: int, pitch: int) -> None:
    drawn = set()
    for look in Look:
        page = page_of(note(look, 9.0, 1.0, pitch=pitch), rows=rows)
        (mark,) = page.marks
        row = text_of(page)[1 + mark.half_row // 2]
        drawn.add(row[GUTTER + mark.left : GUTTER + mark.right])
    assert len(drawn) == len(Look)


def test_two_solid_notes_in_a_cell_take_two_colours_where_there_are_any() -> None:
    axis = page_of().axis
    pitches = {axis.half_row(pitch): pitch for pitch in range(LOW, HIGH + 1)}
    upper = next(half for half in sorted(p for p in pitches if p is not None) if half % 2 == 0)
    page = page_of(
        note(Look.MODEL, 6.0, 1.0, pitches[upper]),
        note(Look.MODEL, 6.0, 1.0, pitches[upper + 1], voice=1),
    )
    row = paint(page)[1 + upper // 2]
    (pair,) = [run for run in row if "▀" in run.text]
    assert (pair.ink.front, pair.ink.back) == ("model-0", "model-1")
    assert "████" in text_of(page)[1 + upper // 2]


def test_every_row_fills_the_width() -> None:
    for width, rows in ((80, 14), (120, 26), (200, 50)):
        page = lay_out(view_of(answering()), width, rows)
        assert [len(row) for row in text_of(page)] == [width] * (rows + 1)


def test_the_horizon_is_a_line_and_a_change_hangs_on_it() -> None:
    now = answering(20.0)
    wishes = Wishes()
    wishes.want(Turn("temperature", 1.0), now)
    wishes.want(Turn("top_p", 0.9), now)
    page = lay_out(view_of(now, wishes.coming), 80, 14)
    assert page.horizon == page.now + 3  # 0.75 beats in four columns a beat
    ruler = text_of(page)[0]
    assert [flag.state for flag in page.flags] == [State.ASKED, State.ASKED]
    assert ruler[GUTTER + page.horizon :].startswith("○ temperature 1 ○ top-p 0.9 ")
    below = [row[GUTTER + page.horizon] for row in text_of(page)[1:]]
    assert below.count("┊") == 14 - 4  # four voices cross it


def test_a_frame_that_moves_by_less_than_a_cell_is_the_same_page() -> None:
    assert lay_out(view_of(answering(20.05)), 80, 14) == lay_out(view_of(answering(20.1)), 80, 14)
    assert lay_out(view_of(answering(20.05)), 80, 14) != lay_out(view_of(answering(20.26)), 80, 14)


def test_a_count_in_shows_the_first_bar_line_coming_and_none_before_it() -> None:
    for beat in (-8.0, -5.5, -0.25):
        page = lay_out(view_of(counting_in(beat)), 120, 20)
        assert [number for _, number in page.bars] == list(range(1, 1 + len(page.bars)))
        first, _ = page.bars[0]
        assert page.now < first == page.now - 8 * beat
        assert min(page.beats) > first
        assert page.marks
        assert all(mark.left >= first for mark in page.marks)
