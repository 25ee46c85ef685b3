"""Reading a folder of somebody's files: what cannot be learned from is counted, and said why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from ripieno.errors import PhraseError, RipienoError

from ripieno_models import waiting

Read = TypeVar("Read")
Skipped = list[str]
"""A sentence for each file that was left out."""
SHOWN = 3


def readable(
    paths: Iterable[Path], read: Callable[[Path], Read], skipped: Skipped | None
) -> Iterator[Read]:
    """What `read` finds at each of `paths`. What it cannot read is told to `skipped`; without such
    a list it raises PhraseError."""
    for path in waiting.each(list(paths), "Reading", "file"):
        try:
            found = read(path)
        except PhraseError as error:
            if skipped is None:
                raise
            skipped.append(str(error))
            continue
        yield found


def refuse_none(count: int, skipped: Skipped, where: Path) -> None:
    """Raises RipienoError where nothing is left."""
    if not count:
        told = f"none of its {len(skipped)} files can be learned from" if skipped else "it is empty"
        first = f"The first: {skipped[0]}" if skipped else ""
        raise RipienoError(told, where=str(where), nearest=first)


def summary(skipped: Skipped, count: int) -> str:
    """How many of all files were skipped, and why the first of them; '' where none was."""
    if not skipped:
        return ""
    lines = [f"Skipped {len(skipped)} of {len(skipped) + count} files:"]
    lines += [f"  {sentence}" for sentence in skipped[:SHOWN]]
    if len(skipped) > SHOWN:
        lines.append(f"  and {len(skipped) - SHOWN} more")
    return "\n".join(lines)
