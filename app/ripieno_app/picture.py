"""A picture of the screen at one moment: the one in the README, or of your own session."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from ripieno.clock import VirtualClock
from ripieno.commands import Command
from ripieno.events import Telemetry
from ripieno.library.items import Looks

from ripieno_app.app import RipienoApp
from ripieno_app.messages import Library


class _Still:
    """A client that tells one moment and hears nothing."""

    def __init__(self, moment: Telemetry) -> None:
        self._moment: Telemetry | None = moment
        self._out, self._in = os.pipe()
        os.write(self._in, b".")

    def send(self, command: Command) -> None:
        """Nothing to do: the moment stays as it is."""

    def fileno(self) -> int:
        return self._out

    def latest(self) -> Telemetry | None:
        os.read(self._out, 1)
        moment, self._moment = self._moment, None
        return moment

    def close(self) -> None:
        os.close(self._out)
        os.close(self._in)


def picture(
    moment: Telemetry,
    looks: Looks,
    library: Library,
    size: tuple[int, int] = (120, 40),
    keys: tuple[str, ...] = (),
) -> str:
    """The screen as an SVG, `size` columns × rows, after pressing `keys` (Textual's names)."""

    async def take() -> str:
        client = _Still(moment)
        app = RipienoApp(client, library, looks, VirtualClock())
        try:
            async with app.run_test(size=size) as pilot:
                await pilot.pause()
                for key in keys:
                    await pilot.press(key)
                    await app.workers.wait_for_complete()
                await pilot.pause()
                return app.export_screenshot(title="Ripieno")
        finally:
            client.close()

    return asyncio.run(take())


def save_picture(
    moment: Telemetry, looks: Looks, library: Library, path: Path, keys: tuple[str, ...] = ()
) -> None:
    """Write the picture for the documentation to `path`."""
    path.write_text(picture(moment, looks, library, (120, 40), keys), encoding="utf-8")
