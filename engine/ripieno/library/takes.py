"""Takes on the shelf: listed, listened to, renamed, rated, exported, thrown away and taken back."""

from __future__ import annotations

import time
from pathlib import Path

from ripieno.commands import Audition
from ripieno.errors import PhraseError
from ripieno.events import Note
from ripieno.library.items import TakeItem
from ripieno.takes import ratings
from ripieno.takes.facts import Mark
from ripieno.takes.take import SUFFIX, parse, read

BIN = ".deleted"
"""The folder, inside that of the takes, in which deleted ones wait to be taken back."""
LISTENED = 8
"""Bars at the end of a take that are let be heard."""
_HEAD = 1 << 16
_OPINIONS = {mark: f'"mark":"{mark.value}"'.encode() for mark in (Mark.LIKED, Mark.DISLIKED)}


def takes(folder: Path) -> tuple[TakeItem, ...]:
    """All takes of `folder`, the newest first."""
    files = list(folder.glob(f"*{SUFFIX}")) if folder.is_dir() else []
    files.sort(key=lambda file: (file.stat().st_mtime, file.name), reverse=True)
    opinions = ratings.opinions(folder)
    return tuple(_item(file, opinions.get(file.name.removesuffix(SUFFIX), 0)) for file in files)


def _item(path: Path, opinion: int) -> TakeItem:
    stat = path.stat()
    begun = time.strftime("%Y-%m-%d %H:%M", time.localtime(stat.st_mtime))
    name, size = path.name.removesuffix(SUFFIX), -(-stat.st_size // 1024)
    try:
        data = path.read_bytes()
        head = b"\n".join(data[:_HEAD].split(b"\n")[:2]) + b"\n"
        header = parse(head, path).header
    except (OSError, PhraseError) as error:
        return TakeItem(name, begun=begun, kilobytes=size, problem=str(error))
    liked, disliked = (data.count(opinion) for opinion in _OPINIONS.values())
    return TakeItem(
        name, header.preset, header.model, begun, size, liked - disliked, liked + disliked, opinion
    )


def audition(folder: Path, name: str) -> Audition:
    """The last bars of a take, to be heard. Raises PhraseError."""
    from ripieno.takes.excerpt import last_bars
    from ripieno.takes.take_score import score_of

    score = last_bars(score_of(read(_path(folder, name), on_score=True)), LISTENED)
    notes = [
        Note(0, note.pitch, note.velocity, note.onset, note.duration)
        for part in score.parts
        for note in part.notes
    ]
    if not notes:
        raise PhraseError("nothing sounds in this take", where=name)
    bpm = score.tempos[0].bpm if score.tempos else 120.0
    return Audition(tuple(sorted(notes, key=lambda note: note.onset)), bpm)


def rate(folder: Path, name: str, liking: int) -> int:
    """Think so much better (worse, if negative) of a whole take: what is thought of it now.

    -1 is disliked, 0 no opinion, 1 liked. Raises PhraseError.
    """
    opinion = max(-1, min(1, ratings.opinions(folder).get(name, 0) + liking))
    ratings.rate(read(_path(folder, name), on_score=True), folder, opinion)
    return opinion


def rename(folder: Path, name: str, new: str) -> None:
    """Call a take `new`, and the files that were made of it. Raises PhraseError."""
    wanted = new.strip()
    if not wanted or "/" in wanted or wanted.startswith("."):
        raise PhraseError(f"{new!r} is no name for a take", allowed="any name without a slash")
    if (folder / f"{wanted}{SUFFIX}").exists():
        raise PhraseError(f"there is a take called {wanted!r} already", where=str(folder))
    _move(folder, name, folder, wanted)


def delete(folder: Path, name: str) -> None:
    """Throw a take away, with the files that were made of it; `restore` brings it back."""
    bin_ = folder / BIN
    bin_.mkdir(exist_ok=True)
    _move(folder, name, bin_, name)


def restore(folder: Path) -> str:
    """Bring back the take that was thrown away last; returns its name. Raises PhraseError."""
    binned = list((folder / BIN).glob(f"*{SUFFIX}"))
    if not binned:
        raise PhraseError("no take is waiting to be brought back")
    last = max(binned, key=lambda file: file.stat().st_ctime_ns)  # moved there last
    name = last.name.removesuffix(SUFFIX)
    if _path(folder, name).exists():
        raise PhraseError(f"there is a take called {name!r} already", where=str(folder))
    _move(folder / BIN, name, folder, name)
    return name


def export(folder: Path, name: str) -> Path:
    """Write NAME.mid of a take beside it. Raises PhraseError."""
    from ripieno.midi.midifile import write_score  # imported late: mido
    from ripieno.takes.take_score import score_of

    path = folder / f"{name}.mid"
    write_score(score_of(read(_path(folder, name), on_score=True)), path)
    return path


def keep_ratings(path: Path) -> int:
    """Put the opinions of the take at `path` into the ratings beside it. Raises PhraseError."""
    return ratings.keep(read(path), path.parent)


def _path(folder: Path, name: str) -> Path:
    return folder / f"{name}{SUFFIX}"


def _move(here: Path, name: str, there: Path, new: str) -> None:
    try:
        _path(here, name).rename(there / f"{new}{SUFFIX}")
        for suffix in (".mid", ".wav"):
            made = here / f"{name}{suffix}"
            if made.exists():
                made.rename(there / f"{new}{suffix}")
        ratings.move(here, name, there, new)
    except OSError as error:
        raise PhraseError((error.strerror or "it cannot be moved").lower(), where=name) from None
