"""Every screen in three sizes and four themes, as text that loses nothing: `tests/app/pictures`.

A file for each screen. For each size it has the characters, row by row; then, row by row, runs of
cells in one style, such as `12a 3b`; and at its end what each style is in each theme: text colour,
ground, and b(old) i(talic) u(nderlined) r(eversed) s(truck) d(im).

After a change that is meant: `python -m tests.app.pictures --write`, and look at what
`python -m tests.app.pictures --svg FOLDER` draws.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from itertools import count, groupby, product
from pathlib import Path
from string import ascii_lowercase
from typing import Any

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from ripieno.clock import Seconds
from ripieno.events import Notice, Rung, Telemetry
from ripieno_app.app import RipienoApp
from ripieno_app.theme import THEMES
from textual.pilot import Pilot

from tests.app.fakes import FakeClient
from tests.app.scenes import answering, counting_in, ensemble, following, stopped
from tests.app.stage import LARGE, LOOKS, MIDDLE, SMALL, new_app

FOLDER = Path(__file__).with_name("pictures")
SIZES = (SMALL, MIDDLE, LARGE)
_SIGNS = (
    ("bold", "b"), ("italic", "i"), ("underline", "u"), ("reverse", "r"), ("strike", "s"),
    ("dim", "d"),
)  # fmt: skip


def trouble() -> Telemetry:
    """The clock is lost, steps come late, a port has gone."""
    lost = following(locked=False)
    text = "The port ‘Digital Piano’ has gone. Plug it in again to go on."
    return replace(
        lost,
        at=Seconds(following().at + 1.0),
        missed=3,
        rung=Rung.SHORTER,
        notices=(Notice(2, text, True),),
        outputs=(),
    )


@dataclass(frozen=True, slots=True)
class Screen:
    """What is shown: a moment (after those before it), the keys pressed, and how it begins."""

    moments: tuple[Telemetry, ...] = (answering(),)
    keys: tuple[str, ...] = ()
    dress: dict[str, Any] = field(default_factory=dict)


SCREENS = {
    "answering": Screen(),
    "stopped": Screen((stopped(),)),
    "following": Screen((following(),)),
    "counting-in": Screen((counting_in(),)),
    "trouble": Screen((following(), trouble())),
    "ensemble": Screen((ensemble(),)),
    "notes-down": Screen(keys=("z", "c", "b", "2")),
    "commands": Screen(keys=("tab", "right", "k", "3")),
    "help": Screen(keys=("?",)),
    "phrases": Screen(keys=("f2", "down")),
    "presets": Screen(keys=("right", "f3")),
    "models": Screen(keys=("f4",)),
    "takes": Screen(keys=("f5",)),
    "controls": Screen(keys=("f6",)),
    "first-minute-sound": Screen(dress={"guide": True}),
    "first-minute-ports": Screen(keys=("n", "enter"), dress={"guide": True}),
    "first-minute-scale": Screen(keys=("enter", "enter", "z", "x"), dress={"guide": True}),
    "compact": Screen(dress={"compact": True}),
}

Cell = tuple[str, tuple[str, ...]]
"""A character, and its style in each theme."""


async def _ready(screen: Screen, client: FakeClient, pilot: Pilot[int]) -> None:
    for moment in screen.moments:
        client.tell(moment)
        await pilot.pause()
        await pilot.pause()
    for key in screen.keys:
        await pilot.press(key)
        if pilot.app.workers:
            await pilot.app.workers.wait_for_complete()
    await pilot.pause()


Shot = list[list[tuple[str, str]]]
"""Rows of characters with their styles, in one theme."""


async def _shots(screen: Screen) -> dict[tuple[int, int], list[Shot]]:
    """For each size the screen in all themes. One app is dressed and resized, as a player does."""
    found: dict[tuple[int, int], list[Shot]] = {size: [] for size in SIZES}
    async for size, app in _sessions(screen):
        found[size].append([_row(line) for line in _lines(app)])
    return found


async def _sessions(screen: Screen) -> AsyncIterator[tuple[tuple[int, int], RipienoApp]]:
    """The app in each theme and size, themes in order."""
    client = FakeClient()
    app = new_app(client, looks=replace(LOOKS, **screen.dress))
    async with app.run_test(size=SIZES[0]) as pilot:
        await _ready(screen, client, pilot)
        await pilot.resize_terminal(*SIZES[-1])  # a list has its bar as resizing leaves it
        for look in THEMES:
            app.wear(look)
            for size in SIZES:
                await pilot.resize_terminal(*size)
                client.tell(screen.moments[-1])  # thirty times a second it is told anyway
                await pilot.pause()
                await pilot.pause()
                yield size, app


def _lines(app: RipienoApp) -> Iterator[list[Segment]]:
    update: Any = app.screen._compositor.render_update(
        full=True, screen_stack=app._background_screens, simplify=False
    )
    for strips in update.strips:
        yield [segment for strip in strips for segment in strip]


def _row(segments: list[Segment]) -> list[tuple[str, str]]:
    """Each character with its style."""
    return [(char, _told(style or Style())) for text, style, _ in segments for char in text if char]


def _told(style: Style) -> str:
    signs = "".join(sign for name, sign in _SIGNS if getattr(style, name))
    return f"{_colour(style.color)} {_colour(style.bgcolor)} {signs}".rstrip()


def _colour(colour: Color | None) -> str:
    return "-" if colour is None or colour.triplet is None else colour.triplet.hex


async def take(name: str) -> str:
    """The picture of a screen, in all sizes and themes."""
    screen = SCREENS[name]
    names: dict[tuple[str, ...], str] = {}
    letters = _letters()
    parts: list[str] = []
    for size, themes in (await _shots(screen)).items():
        rows = [_joined(themes, number) for number in range(size[1])]
        parts.append(f"{size[0]} x {size[1]}")
        parts += ["".join(char for char, _ in row).rstrip() for row in rows]
        for row in rows:
            runs = [(style, len(list(cells))) for style, cells in groupby(row, lambda c: c[1])]
            for style, _ in runs:
                if style not in names:
                    names[style] = next(letters)
            parts.append(" ".join(f"{length}{names[style]}" for style, length in runs))
    parts.append(" | ".join(THEMES))
    parts += [f"{letter}: {' | '.join(style)}" for style, letter in names.items()]
    return "\n".join(parts) + "\n"


def _joined(themes: list[Shot], number: int) -> list[Cell]:
    """A row with its styles in all themes; they differ in nothing else."""
    rows = [theme[number] for theme in themes]
    texts = {"".join(char for char, _ in row) for row in rows}
    assert len(texts) == 1, f"a theme changes what is said: {texts}"
    return [(cells[0][0], tuple(style for _, style in cells)) for cells in zip(*rows, strict=True)]


def _letters() -> Iterator[str]:
    for length in count(1):
        yield from map("".join, product(ascii_lowercase, repeat=length))


def path(name: str) -> Path:
    """Where the picture of this screen is kept."""
    return FOLDER / f"{name}.txt"


async def draw(name: str, folder: Path) -> None:
    """SVGs of a screen, for eyes."""
    async for size, app in _sessions(SCREENS[name]):
        file = folder / f"{name}-{size[0]}x{size[1]}-{app.look}.svg"
        file.write_text(app.export_screenshot(title=name), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="these screens only")
    parser.add_argument("--write", action="store_true", help="keep them as they are now")
    parser.add_argument("--svg", type=Path, help="draw them into this folder, to be looked at")
    options = parser.parse_args()
    for name in options.names or SCREENS:
        if options.write:
            FOLDER.mkdir(exist_ok=True)
            path(name).write_text(asyncio.run(take(name)), encoding="utf-8")
        if options.svg:
            options.svg.mkdir(parents=True, exist_ok=True)
            asyncio.run(draw(name, options.svg))
        print(name)


if __name__ == "__main__":
    main()
