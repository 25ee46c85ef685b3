"""Seed phrases: hear one, take one, record one into a slot, import one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ripieno.commands import Audition
from ripieno.library.items import PhraseItem
from textual.content import Content

from ripieno_app.drawing import draw
from ripieno_app.notation import beats_text, pitch_name
from ripieno_app.screens.browser import Browser
from ripieno_app.screens.shelf import Row, facts

ROWS, WIDTH = 8, 64
"""Of the drawing."""


class PhrasesScreen(Browser[PhraseItem]):
    """The shelf of seed phrases."""

    TITLE: ClassVar[str | None] = "Seed phrases"
    OWN_KEY = "f2"
    KEYS = (
        ("Enter", "take it"),
        ("a", "hear"),
        ("1-9", "record into a slot"),
        ("i", "import"),
        ("d", "delete"),
    )

    def load(self) -> Sequence[PhraseItem]:
        return self.desk.library.phrases()

    def row(self, item: PhraseItem) -> Row[PhraseItem]:
        view = self.desk.view()
        sign = "●" if view is not None and view.controls.phrase == item.name else " "
        own = " (yours)" if item.own else ""
        style = "$urgent" if item.problem else ""
        words = ((f"{sign} ", "$flag"), (item.title, style), (own, "$label"))
        return Row(item, words, f"{item.name} {item.title} {item.source} {item.year}")

    def detail(self, item: PhraseItem) -> Content:
        if item.problem:
            return Content.assemble((item.problem, "$urgent"))
        pitches = [note.pitch for note in item.notes]
        end = max((note.onset + (note.duration or 0.25) for note in item.notes), default=0.0)
        span = f"{pitch_name(min(pitches))}–{pitch_name(max(pitches))}" if pitches else ""
        picture = "\n".join(draw(item.notes, WIDTH, ROWS)).replace(" ", "\N{NO-BREAK SPACE}")
        return facts(
            (
                ("name", item.name),
                ("from", item.source),
                ("year", item.year),
                ("notes", f"{len(item.notes)}, {beats_text(end)} beats, {span}"),
            ),
            picture,
        )

    def choose(self, item: PhraseItem) -> None:
        if item.problem:
            self.say(item.problem, urgent=True)
            return
        self.desk.choose_phrase(item)
        self.say(f"{item.title} is the seed phrase.")
        self.fill()

    def press(self, key: str, item: PhraseItem | None) -> bool:
        if key.isdigit() and key != "0":
            self.desk.record(int(key))
            self.leave(None)
        elif key == "i":
            self.prompt("path of a .mid or .txt file", "", self._import)
        elif key == "a" and item is not None:
            view = self.desk.view()
            bpm = view.controls.settings.bpm if view else 90.0
            self.desk.send(Audition(item.notes, bpm))
            self.say(f"You hear {item.title}; Shift-a stops it.")
        elif key == "A":
            self.desk.send(Audition((), 90.0))
        elif key == "d" and item is not None:
            self.ask(lambda: self.desk.library.delete_phrase(item.name), lambda _: self._gone(item))
        else:
            return False
        return True

    def _import(self, path: str) -> None:
        self.ask(lambda: self.desk.library.import_phrase(path), self._imported)

    def _imported(self, item: PhraseItem) -> None:
        self.desk.repertoire.refresh_phrases()
        self.say(f"{item.title} is on the shelf.")
        self.reload()

    def _gone(self, item: PhraseItem) -> None:
        self.desk.repertoire.refresh_phrases()
        self.say(f"{item.title} is deleted.")
        self.reload()
