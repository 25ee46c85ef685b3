"""All shelves behind one door: what a screen is given to list and look after them.

The screen itself opens no file and knows no library for MIDI or models. Every call may raise
RipienoError, whose sentence is for the player; none touches the music.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from ripieno import resources
from ripieno.commands import Audition
from ripieno.events import Note, PartnerState
from ripieno.library import models, phrases, presets, takes
from ripieno.library.items import ModelItem, PhraseItem, PresetItem, TakeItem
from ripieno.preset.preset import load_preset
from ripieno.settings import Settings

WELCOMED = "welcomed"
"""A file of the player's that says that the first minute is over."""


class Shelves:
    """Phrases, presets, models and takes; `folder` is that of the takes."""

    def __init__(self, folder: Path) -> None:
        self._takes = folder

    def phrases(self) -> tuple[PhraseItem, ...]:
        return phrases.phrases()

    def record_phrase(self, slot: int, notes: Sequence[Note], meter: str) -> PhraseItem:
        return phrases.record(slot, notes, meter, time.strftime("%Y-%m-%d"))

    def import_phrase(self, path: str) -> PhraseItem:
        return phrases.take_in(Path(path).expanduser())

    def delete_phrase(self, name: str) -> None:
        phrases.remove(name)

    def presets(self) -> tuple[PresetItem, ...]:
        return presets.presets()

    def set_list(self) -> tuple[str, ...]:
        return presets.set_list()

    def changes(
        self,
        name: str,
        settings: Settings,
        programs: tuple[int, ...],
        players: Sequence[PartnerState] = (),
    ) -> tuple[str, ...]:
        """What differs from the saved preset `name`, such as 'temperature 0.9 → 1.1'; of an
        ensemble, for each of the `players`."""
        return tuple(presets.differences(load_preset(name), settings, programs, players))

    def save_preset(
        self,
        base: str,
        name: str,
        settings: Settings,
        programs: tuple[int, ...],
        players: Sequence[PartnerState] = (),
    ) -> str:
        """Save what is played as the player's preset `name`; returns the file's path."""
        title = "" if base == name else name.replace("-", " ").capitalize()
        return str(presets.save(base, name, settings, programs, title, players))

    def models(self) -> tuple[ModelItem, ...]:
        return models.models()

    def measure_model(self, name: str) -> ModelItem:
        return models.measure(name)

    def takes(self) -> tuple[TakeItem, ...]:
        return takes.takes(self._takes)

    def audition_take(self, name: str) -> Audition:
        return takes.audition(self._takes, name)

    def rename_take(self, name: str, new: str) -> None:
        takes.rename(self._takes, name, new)

    def delete_take(self, name: str) -> None:
        takes.delete(self._takes, name)

    def restore_take(self) -> str:
        return takes.restore(self._takes)

    def rate_take(self, name: str, liking: int) -> int:
        return takes.rate(self._takes, name, liking)

    def export_take(self, name: str) -> str:
        return str(takes.export(self._takes, name))

    def welcomed(self) -> bool:
        """Whether the player has seen the first minute."""
        return (resources.data_home() / WELCOMED).exists()

    def remember_welcome(self) -> None:
        """The first minute is over; where that cannot be kept, it comes again."""
        try:
            resources.data_home().mkdir(parents=True, exist_ok=True)
            (resources.data_home() / WELCOMED).touch()
        except OSError:
            return
