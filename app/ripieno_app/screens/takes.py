"""Takes: hear one, rename, export or delete it, and take the deletion back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import ClassVar

from ripieno.commands import Audition
from ripieno.library.items import TakeItem
from textual.content import Content

from ripieno_app.keys import DISLIKE, LIKE
from ripieno_app.screens.browser import Browser
from ripieno_app.screens.shelf import Row, facts


class TakesScreen(Browser[TakeItem]):
    """The shelf of takes, the newest first."""

    TITLE: ClassVar[str | None] = "Takes"
    OWN_KEY = "f5"
    KEYS = (
        ("Enter", "hear its end"),
        ("r", "rename"),
        ("e", "export .mid"),
        ("d", "delete"),
        ("u", "undelete"),
        ("+", "like"),
        ("-", "dislike"),
    )
    EMPTY = "There are no takes yet: whatever you play makes one."

    def load(self) -> Sequence[TakeItem]:
        return self.desk.library.takes()

    @property
    def _current(self) -> str:
        """The name of the take that is being made."""
        view = self.desk.view()
        return PurePath(view.telemetry.take).stem if view is not None else ""

    def row(self, item: TakeItem) -> Row[TakeItem]:
        running = item.name == self._current
        said = item.rated or item.opinion
        liking = f" {item.rating + item.opinion:+d}" if said else ""
        style = "$urgent" if item.problem else "bold" if running else ""
        words = (("● " if running else "  ", "$flag"), (item.name, style), (liking, "$flag"))
        return Row(item, words, f"{item.name} {item.preset} {item.model}")

    def detail(self, item: TakeItem) -> Content:
        if item.problem:
            return Content.assemble((item.problem, "$urgent"))
        places = "1 place" if item.rated == 1 else f"{item.rated} places"
        opinions = f"{places}, {item.rating:+d} in all" if item.rated else "none yet"
        whole = {1: "liked", -1: "disliked"}.get(item.opinion, "")
        return facts(
            (
                ("last written", item.begun),
                ("preset", item.preset),
                ("model", item.model),
                ("size", f"{item.kilobytes} kB"),
                ("opinions", opinions),
                ("the whole take", whole),
            ),
            "This take is being made now." if item.name == self._current else "",
        )

    def choose(self, item: TakeItem) -> None:
        self.ask(lambda: self.desk.library.audition_take(item.name), self._hear)

    def _hear(self, what: Audition) -> None:
        self.desk.send(what)
        self.say("You hear the last bars; Shift-a stops them.")

    def press(self, key: str, item: TakeItem | None) -> bool:
        if key in ("+", "-") and (item is None or item.name == self._current):
            self.desk.act(LIKE if key == "+" else DISLIKE)
        elif key in ("+", "-") and item is not None:
            self._rate(item.name, 1 if key == "+" else -1)
        elif key == "A":
            self.desk.send(Audition((), 90.0))
        elif key == "u":
            self.ask(self.desk.library.restore_take, self._back)
        elif item is None:
            return False
        elif key == "e":
            self.ask(lambda: self.desk.library.export_take(item.name), lambda p: self.say(str(p)))
        elif key in ("r", "d") and item.name == self._current:
            self.say("This take is being made now: leave first, or wait.", urgent=True)
        elif key == "r":
            self.prompt("new name", item.name, lambda new: self._rename(item.name, new))
        elif key == "d":
            self.ask(lambda: self.desk.library.delete_take(item.name), lambda _: self._gone(item))
        else:
            return False
        return True

    def _rename(self, name: str, new: str) -> None:
        self.ask(lambda: self.desk.library.rename_take(name, new), lambda _: self.reload())

    def _gone(self, item: TakeItem) -> None:
        self.say(f"{item.name} is deleted; u brings it back.")
        self.reload()

    def _rate(self, name: str, liking: int) -> None:
        def told(now: int) -> None:
            words = {1: "you like it", -1: "you do not like it"}.get(now, "no opinion any more")
            self.say(f"{name}: {words}.")
            self.reload()

        self.ask(lambda: self.desk.library.rate_take(name, liking), told)

    def _back(self, name: str) -> None:
        self.say(f"{name} is back.")
        self.reload()
