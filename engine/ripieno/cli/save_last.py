"""The last bars of a take, as MIDI, while it goes on or after."""

from __future__ import annotations

from pathlib import Path

from ripieno.errors import PhraseError
from ripieno.takes.take import SUFFIX, read


def save_last(take: Path, bars: int) -> Path:
    """Write the last `bars` bars of the journal `take`, which may still be growing, beside it.

    Returns the new file's path, NAME-last16.mid or, where that exists, NAME-last16-2.mid.
    Raises PhraseError or SettingError.
    """
    from ripieno.midi.midifile import write_score  # imported late: mido
    from ripieno.takes.excerpt import last_bars
    from ripieno.takes.take_score import score_of

    excerpt = last_bars(score_of(read(take, on_score=True)), bars)
    if not excerpt.parts:
        raise PhraseError("nothing has sounded yet", where=str(take))
    path = _free(take, f"{take.stem}-last{bars}")
    write_score(excerpt, path)
    return path


def newest(folder: Path) -> Path:
    """The take that was begun last, in `folder`. Raises PhraseError when there is none."""
    takes = list(folder.glob(f"*{SUFFIX}")) if folder.is_dir() else []
    if not takes:
        raise PhraseError(
            "there are no takes here",
            where=str(folder),
            nearest="`ripieno play` makes one.",
        )
    return max(takes, key=lambda take: (take.stat().st_mtime, take.name))


def _free(take: Path, stem: str) -> Path:
    number = 1
    while True:
        path = take.with_name(f"{stem}.mid" if number == 1 else f"{stem}-{number}.mid")
        if not path.exists():
            return path
        number += 1
