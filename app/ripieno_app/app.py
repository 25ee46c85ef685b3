"""The terminal screen: `run` shows it until the player leaves or the engine ends."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sys
from pathlib import Path
from typing import ClassVar

# Telemetry comes thirty times a second, and more than that no eye needs.
os.environ.setdefault("TEXTUAL_FPS", "30")
# A lone Escape can only be told from an arrow key by waiting; panic should not wait long.
os.environ.setdefault("ESCDELAY", "40")

from ripieno.clock import Clock, SystemClock
from ripieno.library.items import Looks
from textual.app import App
from textual.dom import NoScreen

from ripieno_app.desk import Desk
from ripieno_app.messages import Client, Library
from ripieno_app.screens.browser import Browser
from ripieno_app.screens.guide import Guide
from ripieno_app.screens.performance import Performance
from ripieno_app.theme import DARK, SIXTEEN, THEMES

SETTLED = 1.0
"""Seconds after which everything that the screen is made of is there."""
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
        self, client: Client, library: Library, looks: Looks, clock: Clock | None = None
    ) -> None:
        super().__init__()
        self._client, self._looks = client, looks
        self.desk = Desk(client, library, looks, clock or SystemClock())
        self.performance = Performance(self.desk, compact=looks.compact)
        self.look = looks.theme or DARK
        self.failure: Exception | None = None
        self._leaving = False

    def on_mount(self) -> None:
        for theme in (*THEMES.values(), SIXTEEN):
            self.register_theme(theme)
        self.wear(self.look)
        self.push_screen(self.performance)
        if self._looks.guide:
            self.push_screen(Guide(self.desk, self.performance.press), self.performance.act)
        asyncio.get_running_loop().add_reader(self._client.fileno(), self._readable)
        if not self.is_headless:
            self.set_timer(SETTLED, self.settle)
        if self.is_web:
            self.set_interval(SETTLED, self._look_for_browser)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Our own colours, for the style sheet, before a theme is put on."""
        return THEMES[DARK].variables

    def _look_for_browser(self) -> None:
        """Textual does not say that the server behind a browser's tab has gone: nobody would hear
        us, and nobody could stop us."""
        keys = getattr(self._driver, "_key_thread", None)
        if keys is not None and not keys.is_alive():
            self.exit(0)

    def wear(self, look: str) -> None:
        """Put on the theme called `look`, one of THEMES."""
        few = self.console.color_system == "standard" and not self.is_headless
        self.look = look
        self.theme = (SIXTEEN if few and look == DARK else THEMES[look]).name

    def change_look(self) -> None:
        """The next theme."""
        names = list(THEMES)
        self.wear(names[(names.index(self.look) + 1) % len(names)])
        self.desk.say(f"Theme: {self.look.replace('-', ' ')}.")

    def settle(self) -> None:
        """All that is there by now stays: to look through it for garbage would cost frames."""
        gc.collect()
        gc.freeze()

    def on_unmount(self) -> None:
        self._stop_listening()

    def _readable(self) -> None:
        try:
            self._read()
        except NoScreen:
            return  # the screen is being taken down
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
            if isinstance(self.screen, Browser | Guide):
                self.screen.refresh_view()

    def _stop_listening(self) -> None:
        asyncio.get_running_loop().remove_reader(self._client.fileno())

    def on_performance_change(self) -> None:
        self.change_look()

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


def run(client: Client, *, shelves: Library, looks: Looks) -> int:
    """Show the screen until the player leaves. Returns the exit code: 0, or 1 when it failed."""
    app = RipienoApp(client, shelves, looks)
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
    return 1 if failure is not None else code or 0  # None: a browser's tab was closed
