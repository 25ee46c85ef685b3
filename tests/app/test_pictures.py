"""Pictures of the screen as tests: a frozen moment at two sizes, in both layers, help and trouble.

After a change that is meant: `pytest tests/app/test_pictures.py --snapshot-update`, and look.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from ripieno.clock import Seconds
from ripieno.events import Notice, Rung
from ripieno.library.items import Looks
from ripieno_app.picture import picture
from textual.app import App
from textual.pilot import Pilot

from tests.app.fakes import FakeClient
from tests.app.scenes import answering, counting_in, following, stopped
from tests.app.shelves import FakeShelves
from tests.app.stage import LARGE, LOOKS, MIDDLE, SMALL, new_app

Compare = Callable[..., bool]
SIZES = pytest.mark.parametrize("size", [SMALL, MIDDLE, LARGE], ids=["80x24", "100x30", "120x40"])

MOMENTS = ("answering", "stopped", "following", "counting-in", "trouble")


def ready(
    *keys: str, moment: str = "answering", looks: Looks = LOOKS
) -> tuple[App[int], Callable[[Pilot[int]], Awaitable[None]]]:
    """An app, and what is to be done before its picture is taken."""
    client = FakeClient()
    urgent = Notice(2, "The port ‘Digital Piano’ has gone. Plug it in again to go on.", True)
    told = {
        "answering": answering(),
        "stopped": stopped(),
        "following": following(),
        "counting-in": counting_in(),
        "trouble": replace(
            following(locked=False),
            at=Seconds(following().at + 1.0),
            missed=3,
            rung=Rung.SHORTER,
            notices=(urgent,),
            outputs=(),
        ),
    }[moment]

    async def run_before(pilot: Pilot[int]) -> None:
        if moment == "trouble":  # the clock was there before
            client.tell(following())
            await pilot.pause()
            await pilot.pause()
        client.tell(told)
        await pilot.pause()
        await pilot.pause()
        for key in keys:
            await pilot.press(key)
            if pilot.app.workers:
                await pilot.app.workers.wait_for_complete()
        await pilot.pause()

    return new_app(client, looks=looks), run_before


@SIZES
@pytest.mark.parametrize("moment", MOMENTS)
def test_the_play_layer(snap_compare: Compare, size: tuple[int, int], moment: str) -> None:
    app, run_before = ready(moment=moment)
    assert snap_compare(app, terminal_size=size, run_before=run_before)


@SIZES
def test_notes_that_are_down(snap_compare: Compare, size: tuple[int, int]) -> None:
    app, run_before = ready("z", "c", "b", "2")
    assert snap_compare(app, terminal_size=size, run_before=run_before)


@SIZES
def test_the_command_layer_with_changes_under_way(
    snap_compare: Compare, size: tuple[int, int]
) -> None:
    app, run_before = ready("tab", "right", "k", "3")
    assert snap_compare(app, terminal_size=size, run_before=run_before)


@SIZES
def test_the_help(snap_compare: Compare, size: tuple[int, int]) -> None:
    app, run_before = ready("?")
    assert snap_compare(app, terminal_size=size, run_before=run_before)


SHELVES = {
    "phrases": ("f2", "down"),
    "presets": ("right", "f3"),
    "models": ("f4",),
    "takes": ("f5",),
    "controls": ("f6",),
}
DRESSED = pytest.mark.parametrize(
    ("size", "theme"),
    [(SMALL, "light"), (MIDDLE, "high-contrast"), (LARGE, "stage-red")],
    ids=["80x24-light", "100x30-high-contrast", "120x40-stage-red"],
)


@DRESSED
@pytest.mark.parametrize("shelf", SHELVES)
def test_a_shelf(snap_compare: Compare, size: tuple[int, int], theme: str, shelf: str) -> None:
    app, run_before = ready(*SHELVES[shelf], looks=replace(LOOKS, theme=theme))
    assert snap_compare(app, terminal_size=size, run_before=run_before)


@DRESSED
def test_the_live_screen_in_every_theme(
    snap_compare: Compare, size: tuple[int, int], theme: str
) -> None:
    app, run_before = ready("tab", looks=replace(LOOKS, theme=theme))
    assert snap_compare(app, terminal_size=size, run_before=run_before)


@DRESSED
def test_the_first_minute(snap_compare: Compare, size: tuple[int, int], theme: str) -> None:
    app, run_before = ready("enter", looks=replace(LOOKS, theme=theme, guide=True))
    assert snap_compare(app, terminal_size=size, run_before=run_before)


@pytest.mark.parametrize("size", [(80, 14), (60, 10)], ids=["80x14", "60x10"])
def test_a_split_pane(snap_compare: Compare, size: tuple[int, int]) -> None:
    app, run_before = ready(looks=replace(LOOKS, compact=True))
    assert snap_compare(app, terminal_size=size, run_before=run_before)


def test_the_pictures_differ() -> None:
    folder = Path(__file__).with_name("__snapshots__") / "test_pictures"
    pictures = [path.read_text(encoding="utf-8") for path in folder.glob("*.svg")]
    assert len(pictures) == len(set(pictures)) == 47


def test_a_picture_for_the_readme_shows_the_moment() -> None:
    svg = picture(answering(), LOOKS, FakeShelves()).replace("&#160;", " ")
    for text in ("First jam", "84", "answer", "old-hundredth", "Soprano", "PLAY", "▼"):
        assert text in svg
