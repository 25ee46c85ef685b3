"""What the proofs look for in a recording, besides what `score_reader` knows."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Sequence

from tests.engine.jackd import Heard, JackServer
from tests.live import score_reader
from tests.live.score_reader import is_off, is_on

MARK = 119
"""A controller that nothing else uses: a mark in a recording."""
NOTES = (0x80, 0x90)


def disconnect(server: JackServer, source: str, destination: str) -> None:
    """Take the wire out."""
    subprocess.run(
        ["jack_disconnect", source, destination],
        env={**os.environ, **server.environment},
        check=True,
        capture_output=True,
    )


def reconnect(server: JackServer, source: str, destination: str) -> None:
    """Put the wire in, where it is not there already."""
    words = ["jack_connect", source, destination]
    environment = {**os.environ, **server.environment}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0 or "already connected" in done.stdout + done.stderr


def notes_only(heard: Iterable[Heard]) -> list[Heard]:
    return [message for message in heard if message.data[0] & 0xF0 in NOTES]


def mark(heard: Sequence[Heard], value: int) -> int:
    """The place of the mark with this value in the recording."""
    (place,) = (
        place
        for place, m in enumerate(heard)
        if m.data == (0xB0, MARK, value)  # what goes through us has another channel
    )
    return place


def owed(heard: Sequence[Heard], place: int) -> list[tuple[int, int]]:
    """The notes that sounded at `place` and were not released before the first new note."""
    sounding = set(score_reader.hanging(notes_only(heard[:place])))
    for message in notes_only(heard[place:]):
        if is_on(message):
            break
        if is_off(message):
            sounding.discard((score_reader.channel(message), message.data[1]))
    return sorted(sounding)


def ons(heard: Sequence[Heard]) -> list[Heard]:
    return [message for message in notes_only(heard) if is_on(message)]


def most_ons_together(heard: Sequence[Heard], frames: int) -> int:
    """The most note-ons that came within `frames` of each other."""
    begins = [message.frame for message in ons(heard)]
    most = first = 0
    for place, frame in enumerate(begins):
        while frame - begins[first] > frames:
            first += 1
        most = max(most, place - first + 1)
    return most
