"""Models: what each one is, how fast it is here, and another one while the music goes on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ripieno.commands import Choose
from ripieno.grammar.grid import STEPS_PER_BEAT
from ripieno.library.items import ModelItem
from textual.content import Content

from ripieno_app.card import words_of
from ripieno_app.screens.browser import Browser
from ripieno_app.screens.shelf import Row, facts


def fit(step_ms: float | None, bpm: float) -> str:
    """How a step's cost lies to the sixteenth of the tempo, in words."""
    if step_ms is None:
        return "not measured on this machine yet: b measures it"
    sixteenth = 60_000.0 / bpm / STEPS_PER_BEAT
    share = step_ms / sixteenth
    room = "fits easily" if share < 0.25 else "fits" if share < 0.7 else "too slow"
    return f"{step_ms:.2g} ms (p99) of the {sixteenth:.0f} ms of a sixteenth at {bpm:.0f}: {room}"


class ModelsScreen(Browser[ModelItem]):
    """The shelf of models."""

    TITLE: ClassVar[str | None] = "Models"
    OWN_KEY = "f4"
    KEYS = (("Enter", "play it"), ("b", "measure"))
    EMPTY = "No model is installed."

    def load(self) -> Sequence[ModelItem]:
        return self.desk.library.models()

    def row(self, item: ModelItem) -> Row[ModelItem]:
        view = self.desk.view()
        playing = view is not None and view.telemetry.model.startswith(f"{item.name} ")
        style = "$urgent" if item.problem else "bold" if playing else ""
        size = f"  {item.megabytes:.1f} MB" if item.megabytes else ""
        words = (("● " if playing else "  ", "$flag"), (item.name, style), (size, "$label"))
        return Row(item, words, f"{item.name} {item.title} {item.licence}")

    def detail(self, item: ModelItem) -> Content:
        if item.problem:
            return Content.assemble((item.problem, "$urgent"))
        view = self.desk.view()
        bpm = view.controls.settings.bpm if view is not None else 120.0
        told = facts(
            (
                ("title", item.title),
                ("licence", item.licence),
                ("size", f"{item.megabytes:.1f} MB ({', '.join(item.precisions)})"),
                ("speed", fit(item.step_ms, bpm)),
            )
        )
        return told + Content.assemble("\n", *words_of(item.card))

    def choose(self, item: ModelItem) -> None:
        if item.problem:
            self.say(item.problem, urgent=True)
            return
        self.desk.send(Choose("model", item.name))
        self.say(f"{item.name} is being loaded; the music goes on.")

    def press(self, key: str, item: ModelItem | None) -> bool:
        if key != "b" or item is None:
            return False
        self.say(f"Measuring {item.name} …")
        self.ask(lambda: self.desk.library.measure_model(item.name), self._measured)
        return True

    def _measured(self, item: ModelItem) -> None:
        self.say(f"{item.name}: {item.step_ms or 0:.2g} ms for a step (p99).")
        self.reload()
