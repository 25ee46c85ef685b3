"""The strips of an ensemble: what they say, and whose controls the screen turns."""

from __future__ import annotations

from ripieno.commands import Front, Turn
from ripieno_app.widgets.ensemble import PartnerStrip

from tests.app.scenes import answering, ensemble
from tests.app.stage import on_stage


def said(strip: PartnerStrip) -> str:
    return "".join(text for text, _ in strip._words)


async def test_each_has_a_strip_and_the_one_in_front_is_marked() -> None:
    async with on_stage() as stage:
        await stage.tell(ensemble())
        await stage.tell(ensemble())  # as wide as it is now
        choir, fiddle, *others = stage.app.screen.query(PartnerStrip)
        assert said(choir).startswith("▸choir ")
        assert said(fiddle).startswith(" fiddle ")
        assert "accompany" in said(choir)
        assert "hold" in said(fiddle), "the ladder's rung is told where it is not full"
        assert "3 late" in said(fiddle)
        assert "late" not in said(choir)
        assert [strip.display for strip in (choir, fiddle, *others)] == [True] * 2 + [False] * 6


async def test_who_plays_alone_has_none() -> None:
    async with on_stage() as stage:
        await stage.tell(answering())
        assert not stage.app.screen.has_class("-ensemble")
        assert not any(strip.display for strip in stage.app.screen.query(PartnerStrip))


async def test_a_key_and_a_click_bring_another_to_the_front() -> None:
    async with on_stage() as stage:
        await stage.tell(ensemble())
        assert await stage.press("tab", "=") == [Front(1)]
        await stage.tell(ensemble(front=1))
        assert await stage.press("=") == [Front(0)]
        stage.client.commands.clear()
        await stage.pilot.click("#partner-1")
        await stage.settle()
        assert stage.client.commands == [Front(1)]


async def test_what_is_taken_back_is_not_another_ones() -> None:
    async with on_stage() as stage:
        await stage.tell(ensemble())
        (turned,) = await stage.press("right")
        assert isinstance(turned, Turn)
        await stage.press("tab", "=")
        assert await stage.press("Z") == [], "that was the choir's"


async def test_a_lone_player_is_told_that_there_is_nobody_else() -> None:
    async with on_stage() as stage:
        await stage.tell(answering())
        assert await stage.press("tab", "=") == []
        view = stage.app.desk.view()
        assert view is not None
        assert "Only one plays" in view.words[0].text
