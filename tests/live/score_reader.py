"""An independent reader of what a port sent: a ledger, notes and chords, from bare MIDI bytes.

It knows nothing of the engine but the numbers of the four channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from tests.engine.jackd import PERIOD, RATE, Dump, Heard, until

VOICES = (0, 1, 2, 3)
"""The channels of soprano, alto, tenor and bass."""
THRU = 4
RANGES = {0: (57, 81), 1: (53, 74), 2: (48, 69), 3: (36, 64)}
MAX_LEAP = 12
ON, OFF, CONTROL = 0x90, 0x80, 0xB0
TOGETHER = 3 * PERIOD
"""Frames: what was sent at one moment may be heard a period or two apart."""
REMINDED = RATE // 4
"""Frames: JACK may lose a cycle on a busy machine, and so ends are told again for so long …"""
REPEATED = PERIOD
"""… and a listener may hear a cycle twice."""
FEW = 0.1
"""The share of ends whose beginning a busy machine may lose."""


@dataclass(frozen=True)
class Sounded:
    """A note as it was heard: frames of its note-on and its note-off."""

    channel: int
    pitch: int
    velocity: int
    begin: int
    end: int


def music(dump: Dump, notes: int = 9) -> None:
    """Wait until so many notes have been heard, however long a busy machine takes for them."""
    until(lambda: sum(map(is_on, dump.so_far())) >= notes, f"{notes} notes", 60.0)


def kind(heard: Heard) -> int:
    return heard.data[0] & 0xF0


def channel(heard: Heard) -> int:
    return heard.data[0] & 0x0F


def is_on(heard: Heard) -> bool:
    return kind(heard) == ON and heard.data[2] > 0


def is_off(heard: Heard) -> bool:
    return kind(heard) == OFF or (kind(heard) == ON and heard.data[2] == 0)


def silences(heard: Heard) -> bool:
    """Whether it is All Sound Off or All Notes Off."""
    return kind(heard) == CONTROL and heard.data[1] in (120, 123)


def hanging(heard: Sequence[Heard]) -> list[tuple[int, int]]:
    """The (channel, pitch) that still sound at the end, by note-offs alone."""
    sounding: set[tuple[int, int]] = set()
    for message in heard:
        cell = (channel(message), message.data[1])
        if is_on(message):
            sounding.add(cell)
        elif is_off(message):
            sounding.discard(cell)
    return sorted(sounding)


def unpaired(heard: Sequence[Heard]) -> list[str]:
    """Every note-on of a note that sounds already, and every note-off of one that does not.

    The first release of a note that was never struck is left out: it began before we listened.
    So is what JACK itself repeats, and an end that is told again after a cycle was lost. With a
    cycle a note-on is lost, too, and its end seems to be one too many: a few of those are no fault.
    """
    struck: dict[tuple[int, int], int] = {}
    released: dict[tuple[int, int], int] = {}
    found: list[str] = []
    orphans: list[str] = []
    for message in heard:
        cell = (channel(message), message.data[1])
        if is_on(message):
            again = cell in struck and message.frame - struck[cell] > REPEATED
            found += [f"{cell} struck twice, at {message.frame}"] if again else []
            released.pop(cell, None)
            struck[cell] = message.frame
        elif is_off(message):
            last = released.get(cell, message.frame)
            again = cell not in struck and message.frame - last > REMINDED
            orphans += [f"{cell} released twice, at {message.frame}"] if again else []
            released[cell] = message.frame
            struck.pop(cell, None)
    return found + (orphans if len(orphans) > FEW * sum(map(is_off, heard)) else [])


def notes(heard: Sequence[Heard]) -> list[Sounded]:
    """The notes, by their beginnings; one that hangs is left out."""
    open_notes: dict[tuple[int, int], Heard] = {}
    found: list[Sounded] = []
    for message in heard:
        cell = (channel(message), message.data[1])
        if is_on(message):
            open_notes[cell] = message
        elif is_off(message) and cell in open_notes:
            on = open_notes.pop(cell)
            found.append(Sounded(*cell, on.data[2], on.frame, message.frame))
    return sorted(found, key=lambda note: note.begin)


def of_machine(sounded: Sequence[Sounded]) -> list[Sounded]:
    return [note for note in sounded if note.channel in VOICES]


def of_player(sounded: Sequence[Sounded]) -> list[Sounded]:
    return [note for note in sounded if note.channel == THRU]


def broken_rules(machine: Sequence[Sounded]) -> list[str]:
    """Breaks of range, leap and crossing in one stretch of the machine's playing."""
    found: list[str] = []
    for voice in VOICES:
        line = [note for note in machine if note.channel == voice]
        low, high = RANGES[voice]
        found += [f"voice {voice} at {n.pitch}" for n in line if not low <= n.pitch <= high]
        found += [
            f"voice {voice} leaps from {before.pitch} to {after.pitch}"
            for before, after in pairwise(line)
            if abs(after.pitch - before.pitch) > MAX_LEAP
        ]
    for moment in _moments(machine):
        chord = sorted(
            (n.channel, n.pitch) for n in machine if n.begin <= moment < n.end - TOGETHER
        )
        found += [
            f"at {moment} voice {upper} at {high} lies below voice {lower} at {low}"
            for (upper, high), (lower, low) in pairwise(chord)
            if high < low
        ]
    return found


def _moments(played: Sequence[Sounded]) -> list[int]:
    """Frames at which all that begins together has begun."""
    begins = sorted({note.begin for note in played})
    followers = [*begins[1:], None]
    return [
        begin
        for begin, after in zip(begins, followers, strict=True)
        if after is None or after - begin > TOGETHER
    ]
