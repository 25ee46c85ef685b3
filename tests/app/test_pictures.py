"""Pictures of the screen as tests: each screen in three sizes and four themes, cell by cell."""

from __future__ import annotations

from difflib import unified_diff

import pytest
from ripieno_app.picture import picture

from tests.app import pictures
from tests.app.scenes import answering
from tests.app.shelves import FakeShelves
from tests.app.stage import LOOKS

SHOWN = 40
"""Lines of a difference that are told."""


@pytest.mark.parametrize("name", pictures.SCREENS)
async def test_a_screen_looks_as_it_did(name: str) -> None:
    kept = pictures.path(name).read_text(encoding="utf-8")
    now = await pictures.take(name)
    if now != kept:
        lines = unified_diff(kept.splitlines(), now.splitlines(), "kept", "now", lineterm="", n=0)
        told = "\n".join(list(lines)[:SHOWN])
        pytest.fail(f"{name} looks different; if that is meant, see pictures.py:\n{told}")


def test_every_picture_is_of_a_screen_and_no_two_are_the_same() -> None:
    kept = {file.stem: file.read_text(encoding="utf-8") for file in pictures.FOLDER.glob("*.txt")}
    assert set(kept) == set(pictures.SCREENS)
    assert len(set(kept.values())) == len(kept)


def test_a_picture_tells_themes_apart_and_loses_no_cell() -> None:
    text = pictures.path("answering").read_text(encoding="utf-8")
    runs = [line for line in text.splitlines() if line[:1].isdigit() and line[-1:].isalpha()]
    widths = [sum(int(run.rstrip("abcdefghijklmnopqrstuvwxyz")) for run in r.split()) for r in runs]
    assert widths == [width for width, height in pictures.SIZES for _ in range(height)]
    grounds = text.splitlines()[-1].partition(": ")[2].split(" | ")
    assert len(set(grounds)) == len(grounds) == 4


def test_a_picture_for_the_readme_shows_the_moment() -> None:
    svg = picture(answering(), LOOKS, FakeShelves()).replace("&#160;", " ")
    for text in ("First jam", "84", "answer", "old-hundredth", "Soprano", "PLAY", "▼"):
        assert text in svg
