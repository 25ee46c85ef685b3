"""Presets and scenes: one comes at the next bar; what plays now can be saved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from ripieno.commands import Recall
from ripieno.events import PartnerState
from ripieno.library.items import PresetItem
from textual.content import Content

from ripieno_app.desk import Desk
from ripieno_app.keys import Deed
from ripieno_app.messages import View
from ripieno_app.screens.browser import Browser
from ripieno_app.screens.shelf import Row, facts
from ripieno_app.widgets.line import Words


@dataclass(frozen=True, slots=True)
class _Entry:
    """A preset, or one of its scenes; `place` is its number in the set list, 0 for none."""

    preset: PresetItem
    scene: Recall | None = None
    place: int = 0

    @property
    def recall(self) -> Recall | None:
        return self.scene or self.preset.recall


class PresetsScreen(Browser[_Entry]):
    """The shelf of presets, each followed by its scenes."""

    TITLE: ClassVar[str | None] = "Presets"
    OWN_KEY = "f3"
    KEYS = (
        ("Enter", "at the next bar"),
        ("1-9", "of the set list"),
        ("s", "save"),
        ("S", "save as"),
        ("u", "take back"),
    )

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._differs: tuple[str, ...] = ()

    def load(self) -> Sequence[_Entry]:
        order = self.desk.library.set_list()
        entries: list[_Entry] = []
        for item in self.desk.library.presets():
            place = order.index(item.name) + 1 if item.name in order else 0
            entries.append(_Entry(item, place=place))
            entries += [_Entry(item, scene) for scene in item.scenes]
        self._differs = self._changes()
        return entries

    def _changes(self) -> tuple[str, ...]:
        view = self.desk.view()
        if view is None or not view.changed:
            return ()
        settings, programs = view.controls.settings, view.telemetry.programs
        players = _players(view)
        return self.desk.library.changes(self.desk.preset, settings, programs, players)

    def row(self, item: _Entry) -> Row[_Entry]:
        view = self.desk.view()
        playing = item.scene is None and item.preset.name == self.desk.preset
        is_coming = (
            view is not None
            and item.recall is not None
            and view.telemetry.coming == item.recall.name
        )
        sign = "→" if is_coming else "●" if playing else " "
        number = f"{item.place} " if item.place else "  "
        if item.scene is not None:
            words: Words = ((f"{sign}   ", "$flag"), (f"  scene: {item.scene.name}", ""))
        else:
            style = "$urgent" if item.preset.problem else "bold" if playing else ""
            mark = "*" if playing and self._differs else ""
            words = (
                (f"{sign} ", "$flag"), (number, "$label"), (item.preset.title, style),
                (mark, "bold $flag"), (" (yours)" if item.preset.own else "", "$label"),
            )  # fmt: skip
        found_by = f"{item.preset.name} {item.preset.title} {item.preset.about}"
        return Row(item, words, found_by)

    def detail(self, item: _Entry) -> Content:
        if item.preset.problem:
            return Content.assemble((item.preset.problem, "$urgent"))
        recall = item.recall
        assert recall is not None
        settings = recall.settings
        playing = item.scene is None and item.preset.name == self.desk.preset
        differs = "Differs from what is saved:\n" + "\n".join(f"  {d}" for d in self._differs)
        return facts(
            (
                ("name", item.scene.name if item.scene else item.preset.name),
                ("mode", settings.mode.value),
                ("tempo", f"{settings.bpm:g}, {settings.meter}"),
                ("key", str(settings.rules.key or "")),
                ("model", recall.model),
                ("temperature", f"{settings.sampling.temperature:g}"),
            ),
            f"{item.preset.about}\n\n{differs if playing and self._differs else ''}",
        )

    def choose(self, item: _Entry) -> None:
        recall = item.recall
        if recall is None:
            self.say(item.preset.problem, urgent=True)
            return
        view = self.desk.view()
        same = view is not None and view.telemetry.model.startswith(f"{recall.model} ")
        plain = replace(recall, model="" if same else recall.model)
        self.desk.recall(plain, recall.name if item.scene else item.preset.title)
        self.refresh_view()
        self.fill()

    def press(self, key: str, item: _Entry | None) -> bool:
        if key.isdigit():
            wanted = [entry for entry in self._items if entry.place == int(key)]
            if key == "0" or not wanted:
                self.say(f"The set list has no place {key}.", urgent=True)
            else:
                self.choose(wanted[0])
        elif key == "s":
            self._save(self.desk.preset)
        elif key == "S":
            self.prompt("name of the new preset", "", self._save)
        elif key == "u":
            self.desk.act(Deed.UNDO)
            self.refresh_view()
        else:
            return False
        return True

    def _save(self, name: str) -> None:
        view = self.desk.view()
        plain = name.strip().replace(" ", "-")
        if view is None or not plain or "/" in plain:
            self.say("A preset needs a name, without a slash.", urgent=True)
            return
        base, settings, programs = self.desk.preset, view.controls.settings, view.telemetry.programs
        players = _players(view)
        self.ask(
            lambda: self.desk.library.save_preset(base, plain, settings, programs, players),
            lambda path: self._saved(plain, path),
        )

    def _saved(self, name: str, path: str) -> None:
        self.desk.saved_as(name)
        self.say(f"Saved: {path}")
        self.reload()


def _players(view: View) -> tuple[PartnerState, ...]:
    """All who play, the one in front with what the controls show."""
    told = view.telemetry
    return tuple(
        replace(each, settings=view.controls.settings) if place == told.front else each
        for place, each in enumerate(told.partners)
    )
