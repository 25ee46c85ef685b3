"""A whole fake of the screen's second boundary: the shelves, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ripieno.clock import Beats
from ripieno.commands import Audition, Recall
from ripieno.errors import PhraseError
from ripieno.events import Note, PartnerState
from ripieno.library.items import ModelItem, PhraseItem, PresetItem, TakeItem
from ripieno.settings import Mode, Settings

from tests.app.scenes import SETTINGS


def tune(*pitches: int) -> tuple[Note, ...]:
    """Quarter notes for the soprano."""
    return tuple(Note(0, p, 80, Beats(float(at)), Beats(1.0)) for at, p in enumerate(pitches))


def _preset(name: str, title: str, mode: Mode, bpm: float) -> PresetItem:
    settings = replace(SETTINGS, mode=mode, bpm=bpm)
    recall = Recall(name, settings, (19, 19, 19, 19), "chorale-lstm")
    return PresetItem(name, title, f"{title}, to try.", recall)


PHRASES = (
    PhraseItem("old-hundredth", "Old Hundredth", "Loys Bourgeois", "1551", tune(67, 67, 66, 64)),
    PhraseItem("ode-to-joy", "Ode to Joy", "Beethoven", "1824", tune(66, 66, 67, 69, 69, 67, 66)),
    PhraseItem("wachet-auf", "Wachet auf", "Philipp Nicolai", "1599", tune(60, 64, 67)),
)
PRESETS = (
    replace(
        _preset("first-jam", "First jam", Mode.ANSWER, 84),
        scenes=(Recall("with you", replace(SETTINGS, mode=Mode.ACCOMPANY), (48,) * 4),),
    ),
    _preset("chorale-solo", "Chorale solo", Mode.SOLO, 72),
    PresetItem("broken", "broken", problem="broken.toml, line 3: there is no key 'tempoo'."),
)
MODELS = (
    ModelItem("chorale-lstm", "Bach chorales", "Apache-2.0", 1.3, ("int8",), "# Card\n", 0.04),
    ModelItem("slow-one", "A large one", "MIT", 120.0, ("fp32",), "", None),
)
TAKES = (
    TakeItem("2026-11-21-1", "first-jam", "chorale-lstm", "2026-11-21 15:00", 42, 1, 1),
    TakeItem("evening", "chorale-solo", "chorale-lstm", "2026-11-20 21:00", 120),
)


@dataclass
class FakeShelves:
    """What is on them can be set; what was asked of them is remembered."""

    phrase_items: list[PhraseItem] = field(default_factory=lambda: list(PHRASES))
    preset_items: list[PresetItem] = field(default_factory=lambda: list(PRESETS))
    take_items: list[TakeItem] = field(default_factory=lambda: list(TAKES))
    binned: list[TakeItem] = field(default_factory=list)
    done: list[tuple[str, ...]] = field(default_factory=list)
    seen_welcome: bool = False

    def phrases(self) -> tuple[PhraseItem, ...]:
        return tuple(self.phrase_items)

    def record_phrase(self, slot: int, notes: Sequence[Note], meter: str) -> PhraseItem:
        if not notes:
            raise PhraseError("nothing was played")
        item = PhraseItem(f"slot-{slot}", f"Slot {slot}", "played here", meter, tuple(notes), True)
        self.phrase_items.append(item)
        return item

    def import_phrase(self, path: str) -> PhraseItem:
        if not path.endswith(".mid"):
            raise PhraseError("this is not a MIDI file", where=path)
        item = PhraseItem("imported", "imported", notes=tune(60, 62), own=True)
        self.phrase_items.append(item)
        return item

    def delete_phrase(self, name: str) -> None:
        if not any(item.name == name and item.own for item in self.phrase_items):
            raise PhraseError(f"{name} ships with Ripieno")
        self.phrase_items = [item for item in self.phrase_items if item.name != name]

    def presets(self) -> tuple[PresetItem, ...]:
        return tuple(self.preset_items)

    def set_list(self) -> tuple[str, ...]:
        return ("chorale-solo", "first-jam")

    def changes(
        self,
        name: str,
        settings: Settings,
        programs: tuple[int, ...],
        players: Sequence[PartnerState] = (),
    ) -> tuple[str, ...]:
        return (f"temperature 0.95 → {settings.sampling.temperature:g}",)

    def save_preset(
        self,
        base: str,
        name: str,
        settings: Settings,
        programs: tuple[int, ...],
        players: Sequence[PartnerState] = (),
    ) -> str:
        self.done.append(("save", base, name, f"{settings.sampling.temperature:g}"))
        if all(item.name != name for item in self.preset_items):
            self.preset_items.append(PresetItem(name, name.capitalize(), own=True))
        return f"presets/{name}.toml"

    def models(self) -> tuple[ModelItem, ...]:
        return MODELS

    def measure_model(self, name: str) -> ModelItem:
        self.done.append(("measure", name))
        return replace(MODELS[0], name=name, step_ms=1.5)

    def takes(self) -> tuple[TakeItem, ...]:
        return tuple(self.take_items)

    def audition_take(self, name: str) -> Audition:
        return Audition(tune(60, 64, 67), 90.0)

    def rename_take(self, name: str, new: str) -> None:
        if any(item.name == new for item in self.take_items):
            raise PhraseError(f"there is a take called {new!r} already")
        self.take_items = [
            replace(item, name=new) if item.name == name else item for item in self.take_items
        ]

    def delete_take(self, name: str) -> None:
        self.binned += [item for item in self.take_items if item.name == name]
        self.take_items = [item for item in self.take_items if item.name != name]

    def restore_take(self) -> str:
        if not self.binned:
            raise PhraseError("no take is waiting to be brought back")
        self.take_items.append(self.binned.pop())
        return self.take_items[-1].name

    def rate_take(self, name: str, liking: int) -> int:
        (now,) = (item.opinion for item in self.take_items if item.name == name)
        now = max(-1, min(1, now + liking))
        self.take_items = [
            replace(item, opinion=now) if item.name == name else item for item in self.take_items
        ]
        return now

    def export_take(self, name: str) -> str:
        return f"takes/{name}.mid"

    def welcomed(self) -> bool:
        return self.seen_welcome

    def remember_welcome(self) -> None:
        self.seen_welcome = True
