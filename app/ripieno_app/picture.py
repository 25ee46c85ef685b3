"""A picture of the screen at one moment: the one in the README, or of your own session."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from ripieno.clock import VirtualClock
from ripieno.commands import Command
from ripieno.events import Telemetry

from ripieno_app.app import RipienoApp


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
    moment: Telemetry, preset: str, size: tuple[int, int] = (120, 40), keys: tuple[str, ...] = ()
) -> str:
    """The screen as an SVG, `size` columns × rows, after pressing `keys` (Textual's names)."""

    async def take() -> str:
        client = _Still(moment)
        app = RipienoApp(client, (), preset, VirtualClock())
        try:
            async with app.run_test(size=size) as pilot:
                await pilot.pause()
                await pilot.press(*keys)
                await pilot.pause()
                return app.export_screenshot(title="Ripieno")
        finally:
            client.close()

    return asyncio.run(take())


def save_picture(moment: Telemetry, preset: str, path: Path, keys: tuple[str, ...] = ()) -> None:
    """Write the picture for the README to `path`."""
    path.write_text(picture(moment, preset, (120, 36), keys), encoding="utf-8")
