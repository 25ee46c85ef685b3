"""The app on a stage of its own: a fake client, a clock that stands still, Textual's pilot."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from ripieno.clock import Seconds, VirtualClock
from ripieno.commands import Command, Seed
from ripieno.events import Telemetry
from ripieno.library.items import Looks
from ripieno_app.app import RipienoApp
from ripieno_app.widgets.line import Line
from textual.pilot import Pilot

from tests.app.fakes import FakeClient
from tests.app.scenes import answering
from tests.app.shelves import PHRASES as SHELVED
from tests.app.shelves import FakeShelves

PHRASES = tuple(Seed(item.name, item.notes) for item in SHELVED)
LOOKS = Looks("first-jam", "First jam")
SMALL, MIDDLE, LARGE = (80, 24), (100, 30), (120, 40)


@dataclass(frozen=True, slots=True)
class Stage:
    """All that a test of the screen needs."""

    app: RipienoApp
    client: FakeClient
    pilot: Pilot[int]
    clock: VirtualClock
    shelves: FakeShelves

    async def tell(self, telemetry: Telemetry) -> None:
        """Telemetry comes and is shown."""
        self.client.tell(telemetry)
        await self.settle()

    async def forget(self) -> None:
        """Two seconds later the engine has done nothing of what was asked for."""
        view = self.app.desk.view()
        assert view is not None
        await self.tell(replace(view.telemetry, at=Seconds(view.telemetry.at + 2.0)))
        view = self.app.desk.view()
        assert view is not None
        assert not view.wishes

    async def settle(self) -> None:
        """Let the event loop look at its pipes, and the app work off its messages."""
        await asyncio.sleep(0)
        await self.pilot.pause()
        if self.app.workers:
            await self.app.workers.wait_for_complete()
            await self.pilot.pause()

    async def press(self, *keys: str) -> list[Command]:
        """Press keys; the commands that they sent."""
        before = len(self.client.commands)
        await self.pilot.press(*keys)
        await self.settle()
        return self.client.commands[before:]

    async def click(self, selector: str, offset: tuple[int, int] = (0, 0)) -> list[Command]:
        """Click a widget; the commands that this sent."""
        before = len(self.client.commands)
        assert await self.pilot.click(selector, offset=offset)
        await self.settle()
        return self.client.commands[before:]

    def words(self, selector: str) -> str:
        """What a line says."""
        return self.app.performance.query_one(selector, Line).render().plain

    async def wait(self, seconds: float) -> list[Command]:
        """Time passes, and the letters whose time is over are released."""
        before = len(self.client.commands)
        self.clock.sleep_until(Seconds(self.clock.now() + seconds))
        self.app.performance.release_due()
        await self.settle()
        return self.client.commands[before:]


def new_app(
    client: FakeClient,
    clock: VirtualClock | None = None,
    shelves: FakeShelves | None = None,
    looks: Looks = LOOKS,
) -> RipienoApp:
    """The app before it runs."""
    return RipienoApp(client, shelves or FakeShelves(), looks, clock or VirtualClock())


@asynccontextmanager
async def on_stage(
    size: tuple[int, int] = SMALL, telemetry: Telemetry | None = None, looks: Looks = LOOKS
) -> AsyncIterator[Stage]:
    """The app, running, with `telemetry` (an answer in full swing) shown."""
    client, clock, shelves = FakeClient(), VirtualClock(), FakeShelves()
    app = new_app(client, clock, shelves, looks)
    async with app.run_test(size=size) as pilot:
        stage = Stage(app, client, pilot, clock, shelves)
        await stage.tell(telemetry or answering())
        yield stage
