"""Seed phrases on the shelf: listed, written in four columns, recorded into slots, imported."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from ripieno import resources
from ripieno.clock import Beats
from ripieno.errors import PhraseError
from ripieno.events import Note
from ripieno.grammar.grid import STEPS_PER_BEAT, VOICES
from ripieno.library.items import PhraseItem
from ripieno.preset.phrases import describe_phrase, phrase_names

SLOTS = 9
_NO_NAME = re.compile(r"[^\w\-. ]+")


def phrases() -> tuple[PhraseItem, ...]:
    """All phrases, by name; those that cannot be read say why."""
    return tuple(_item(name) for name in phrase_names())


def _item(name: str) -> PhraseItem:
    own = resources.phrases()[name].is_relative_to(_home())
    try:
        phrase = describe_phrase(name)
    except PhraseError as error:
        return PhraseItem(name, name, own=own, problem=str(error))
    return PhraseItem(name, phrase.title or name, phrase.source, phrase.year, phrase.notes, own)


def slot_name(slot: int) -> str:
    """The phrase that lies in `slot`, 1…9."""
    return f"slot-{slot}"


def record(slot: int, notes: Sequence[Note], meter: str, day: str) -> PhraseItem:
    """Keep `notes`, whose first onset is wherever it was, in `slot` (1…9), over what lay there.

    Raises PhraseError when there is nothing to keep, or nowhere to keep it.
    """
    if not notes:
        raise PhraseError("nothing was played", nearest="Play a phrase, and record it then.")
    name = slot_name(slot)
    marks = {"title": f"Slot {slot}", "source": "played here", "year": day, "meter": meter}
    _write(_home() / f"{name}.txt", from_start(notes), marks)
    return _item(name)


def take_in(path: Path) -> PhraseItem:
    """Import a .mid file as a phrase of the player's. Raises PhraseError."""
    phrase = describe_phrase(str(path))
    name = _NO_NAME.sub("", path.stem).strip() or "imported"
    marks = {"title": phrase.title, "source": f"imported from {path.name}"}
    if phrase.meter is not None:
        marks["meter"] = str(phrase.meter)
    _write(_home() / f"{name}.txt", phrase.notes, marks)
    return _item(name)


def remove(name: str) -> None:
    """Delete a phrase of the player's. Raises PhraseError for one that ships."""
    path = resources.phrase_path(name)
    if not path.is_relative_to(_home()):
        raise PhraseError(f"{name} ships with Ripieno", nearest="Only your own can be deleted.")
    path.unlink(missing_ok=True)


def from_start(notes: Sequence[Note]) -> tuple[Note, ...]:
    """The notes on the grid, the first one at its place in a beat, within the first beat."""
    first = min(note.onset for note in notes)
    begin = Beats(first // 1)
    return tuple(
        Note(note.voice, note.pitch, note.velocity, Beats(note.onset - begin), note.duration)
        for note in notes
    )


def columns(notes: Sequence[Note]) -> list[list[str]]:
    """Four columns of MIDI numbers, a line for each sixteenth; a voice is one line of notes."""
    ends = [_step(n.onset) + max(1, _step(n.duration or 0.25)) for n in notes]
    rows = [["0"] * len(VOICES) for _ in range(max(ends, default=0))]
    for note, end in sorted(zip(notes, ends, strict=True), key=lambda pair: pair[0].onset):
        begin = _step(note.onset)
        before = rows[begin - 1][note.voice] if begin else "0"
        again = "!" if before.rstrip("!") == str(note.pitch) else ""
        for step in range(begin, len(rows)):
            inside = step < end
            rows[step][note.voice] = str(note.pitch) if inside else "0"
        rows[begin][note.voice] = f"{note.pitch}{again}"
    return rows


def _step(beats: float) -> int:
    return round(beats * STEPS_PER_BEAT)


def _write(path: Path, notes: Sequence[Note], marks: dict[str, str]) -> None:
    lines = [f"# {name}: {value}" for name, value in marks.items() if value]
    lines.append("# soprano alto tenor bass, MIDI numbers; one line is a sixteenth")
    lines += ["".join(f"{cell:<4}" for cell in row).rstrip() for row in columns(notes)]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    except OSError as error:
        raise PhraseError(f"it cannot be kept ({error.strerror})", where=str(path)) from None


def _home() -> Path:
    return resources.data_home() / "phrases"
