"""The terminal screen: `run` shows it until the player leaves or the engine ends."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

# A lone Escape can only be told from an arrow key by waiting; panic should not wait long.
os.environ.setdefault("ESCDELAY", "40")

from ripieno.clock import Clock, SystemClock
from ripieno.commands import Seed
from textual.app import App

from ripieno_app.desk import Desk
from ripieno_app.messages import Client
from ripieno_app.screens.performance import Performance
from ripieno_app.theme import RIPIENO, RIPIENO_16

LAST_WORD = 2.0
"""Seconds that the engine has to end in order before the screen closes anyway."""
_log = logging.getLogger("ripieno.screen")


class RipienoApp(App[int]):
    """A screen for `client`. Its return value is the exit code."""

    CSS_PATH: ClassVar[str | Path | None] = Path(__file__).with_name("ripieno.tcss")
    TITLE = "Ripieno"
    ENABLE_COMMAND_PALETTE = False
    ALLOW_SELECT = False

    def __init__(
        self, client: Client, phrases: Sequence[Seed], preset: str, clock: Clock | None = None
    ) -> None:
        super().__init__()
        self._client = client
        self.desk = Desk(client, phrases, preset, clock or SystemClock())
        self.performance = Performance(self.desk)
        self.failure: Exception | None = None
        self._leaving = False

    def on_mount(self) -> None:
        few = self.console.color_system == "standard" and not self.is_headless
        theme = RIPIENO_16 if few else RIPIENO
        self.register_theme(theme)
        self.theme = theme.name
        self.push_screen(self.performance)
        asyncio.get_running_loop().add_reader(self._client.fileno(), self._readable)

    def on_unmount(self) -> None:
        self._stop_listening()

    def _readable(self) -> None:
        try:
            self._read()
        except Exception as error:  # the event loop would print it over the screen
            self._handle_exception(error)

    def _read(self) -> None:
        if not self.desk.read():
            return
        if not self.desk.alive:
            self._stop_listening()
            if self._leaving:
                self.exit(0)
        if self.desk.ended:
            self.exit(0)
        elif self.performance.is_mounted:
            self.performance.show()

    def _stop_listening(self) -> None:
        asyncio.get_running_loop().remove_reader(self._client.fileno())

    def on_performance_leave(self) -> None:
        """Let the engine end in order; leave at once when it is gone or asked twice."""
        if not self.desk.alive or self._leaving:
            self.exit(0 if self.desk.alive else 1)
            return
        self._leaving = True
        self.desk.quit()
        self.set_timer(LAST_WORD, lambda: self.exit(0))

    async def action_quit(self) -> None:
        self.on_performance_leave()

    def _handle_exception(self, error: Exception) -> None:
        """Textual would print a traceback; `run` says a sentence instead."""
        if self.is_headless:
            super()._handle_exception(error)
            return
        self.failure = self.failure or error
        self.exit(1, return_code=1)


def run(client: Client, *, phrases: Sequence[Seed], preset: str) -> int:
    """Show the screen until the player leaves. Returns the exit code: 0, or 1 when it failed."""
    app = RipienoApp(client, phrases, preset)
    failure: Exception | None = None
    try:
        code = app.run()
        failure = app.failure
    except Exception as error:
        code, failure = 1, error
    finally:
        client.close()
    if failure is not None:
        _log.debug("the screen failed", exc_info=failure)
        print(
            f"The screen had to close: {failure or type(failure).__name__}. "
            "Nothing sounds any more, and the take is kept.",
            file=sys.stderr,
        )
    return 1 if failure is not None or code is None else code
