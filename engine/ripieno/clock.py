"""Musical time. Two kinds, never mixed: `Beats` on the score, `Seconds` on the monotonic clock."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import NewType, Protocol

from ripieno.errors import SettingError

Seconds = NewType("Seconds", float)
"""A point or a span on the monotonic clock (`time.perf_counter`)."""
Beats = NewType("Beats", float)
"""A point or a span on the score, in quarter notes."""

SLOWEST, FASTEST = 20.0, 300.0
"""The tempo's bounds, in quarter notes a minute."""
GRID_TOLERANCE = 1e-9
"""Beats closer than this are the same place: sixteenths are exact in floats, seconds are not."""


@dataclass(frozen=True, slots=True)
class Meter:
    """A time signature: `numerator` 1…24 notes of 1/`denominator` (1, 2, 4, 8, 16) to the bar."""

    numerator: int = 4
    denominator: int = 4

    def __post_init__(self) -> None:
        if not 1 <= self.numerator <= 24 or self.denominator not in (1, 2, 4, 8, 16):
            raise SettingError(
                f"{self.numerator}/{self.denominator} is not a meter",
                allowed="1…24 over 1, 2, 4, 8 or 16, such as 4/4, 3/4 or 6/8",
            )

    @property
    def bar(self) -> Beats:
        """The length of a bar."""
        return Beats(self.numerator * 4 / self.denominator)

    def bar_start(self, beat: Beats) -> Beats:
        """The bar line at or before `beat`, counted from beat 0."""
        return Beats(((beat + GRID_TOLERANCE) // self.bar) * self.bar)

    def next_bar(self, beat: Beats) -> Beats:
        """The first bar line at or after `beat`."""
        start = self.bar_start(beat)
        return start if beat - start <= GRID_TOLERANCE else Beats(start + self.bar)

    @classmethod
    def parse(cls, text: str) -> Meter:
        """A meter from a text such as '3/4'. Raises SettingError."""
        try:
            numerator, denominator = (int(part) for part in text.split("/"))
        except ValueError:
            raise SettingError(f"{text!r} is not a meter", allowed="such as 4/4 or 3/4") from None
        return cls(numerator, denominator)

    def __str__(self) -> str:
        return f"{self.numerator}/{self.denominator}"


@dataclass(frozen=True, slots=True)
class TempoMap:
    """Where the beat is now: at `at` seconds it is `beat`, and it goes on at `bpm` (20…300).

    Only the present is kept. A change of tempo makes a new map that meets the old one at the
    moment of the change, so what is planned in beats moves and what has sounded does not.
    """

    at: Seconds
    beat: Beats = Beats(0.0)
    """In straight time: what a clock counts. Swing moves the score's beats against it."""
    bpm: float = 90.0
    swing: float = 0.5
    """Where the second eighth of a beat falls, 0.5 (straight) … 0.75 of the beat."""

    def __post_init__(self) -> None:
        if not SLOWEST <= self.bpm <= FASTEST:
            raise SettingError(
                f"a tempo of {self.bpm:g} cannot be played",
                allowed=f"{SLOWEST:g}…{FASTEST:g} quarter notes a minute",
                nearest=f"The nearest is {min(FASTEST, max(SLOWEST, self.bpm)):g}.",
            )

    def straight(self, at: Seconds) -> Beats:
        """The beat at the moment `at` as a clock counts it, without swing."""
        return Beats(self.beat + (at - self.at) * self.bpm / 60.0)

    def beats(self, at: Seconds) -> Beats:
        """The score's beat at the moment `at`."""
        return unswung(self.straight(at), self.swing)

    def seconds(self, beat: Beats) -> Seconds:
        """The moment of the score's `beat`."""
        return self.of_straight(swung(beat, self.swing))

    def of_straight(self, beat: Beats) -> Seconds:
        """The moment of `beat` as a clock counts it."""
        return Seconds(self.at + (beat - self.beat) * 60.0 / self.bpm)

    def span(self, length: Beats) -> Seconds:
        """How long `length` lasts."""
        return Seconds(length * 60.0 / self.bpm)

    def retimed(self, at: Seconds, bpm: float) -> TempoMap:
        """The same place at `at`, another tempo from there on. Raises SettingError."""
        return TempoMap(at, self.straight(at), bpm, self.swing)

    def moved(self, at: Seconds, beat: Beats) -> TempoMap:
        """The same tempo, with the score's `beat` falling on `at`."""
        return TempoMap(at, swung(beat, self.swing), self.bpm, self.swing)

    def swinging(self, at: Seconds, swing: float) -> TempoMap:
        """The same clock with another swing."""
        return TempoMap(at, self.straight(at), self.bpm, swing)


def swung(beat: Beats, swing: float) -> Beats:
    """Where the score's `beat` falls on a straight clock: the off-beat eighth at `swing`.

    Piecewise linear within each beat, so sixteenths lean with their eighth, and whole beats stay.
    """
    if swing == 0.5:
        return beat
    whole = beat // 1.0
    part = beat - whole
    bent = part * 2 * swing if part < 0.5 else swing + (part - 0.5) * 2 * (1 - swing)
    return Beats(whole + bent)


def unswung(beat: Beats, swing: float) -> Beats:
    """The inverse of `swung`: what stands on the score at this beat of a straight clock."""
    if swing == 0.5:
        return beat
    whole = beat // 1.0
    part = beat - whole
    straight = part / (2 * swing) if part < swing else 0.5 + (part - swing) / (2 * (1 - swing))
    return Beats(whole + straight)


class Clock(Protocol):
    """Something that tells the time and lets it pass."""

    def now(self) -> Seconds: ...

    def sleep_until(self, at: Seconds) -> None:
        """Come back at `at`, or at once when that is past."""


class SystemClock:
    """The monotonic clock of this machine, the same one in every process."""

    def now(self) -> Seconds:
        return Seconds(time.perf_counter())

    def sleep_until(self, at: Seconds) -> None:
        while (left := at - time.perf_counter()) > 0:
            time.sleep(left)


class VirtualClock:
    """Time that passes only when somebody waits for it: performances as fast as they compute."""

    def __init__(self, start: Seconds = Seconds(0.0)) -> None:
        self._now = start

    def now(self) -> Seconds:
        return self._now

    def sleep_until(self, at: Seconds) -> None:
        self._now = max(self._now, at)


def snap(beat: Beats, step: Beats) -> Beats:
    """The grid point nearest to `beat` on a grid of `step`; a tie goes to the later one."""
    return Beats(((beat / step + 0.5 + GRID_TOLERANCE) // 1) * step)


def ceil_to(beat: Beats, step: Beats) -> Beats:
    """The first grid point at or after `beat` on a grid of `step`."""
    return Beats(-((-(beat - GRID_TOLERANCE)) // step) * step)
