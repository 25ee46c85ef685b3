"""The metronome: where a meter is clicked, and the bars that are counted before the music."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

from ripieno.clock import GRID_TOLERANCE, Beats, Meter

CHANNEL, ACCENT_PITCH, PITCH = 9, 76, 77
"""High and low wood block of General MIDI's percussion."""
ACCENT_VELOCITY, VELOCITY = 110, 80


@dataclass(frozen=True, slots=True)
class Click:
    """A click of the metronome on the score's `beat`; on a bar line it has an `accent`."""

    beat: Beats
    accent: bool


def pulses(meter: Meter) -> tuple[Beats, ...]:
    """Where a bar is clicked, from its start, as a conductor would beat it.

    Compound meters in dotted notes (6/8 in two, 12/8 in four), odd ones in twos with the three at
    the end (5/8 as 2+3, 7/8 as 2+2+3), all others in their own notes.
    """
    unit = 4 / meter.denominator
    lengths = [1] * meter.numerator
    if meter.denominator >= 8 and meter.numerator > 4:
        if meter.numerator % 3 == 0:
            lengths = [3] * (meter.numerator // 3)
        else:
            lengths = [2] * (meter.numerator // 2)
            lengths[-1] += meter.numerator % 2
    return tuple(Beats(start * unit) for start in accumulate(lengths[:-1], initial=0))


def clicks(begin: Beats, end: Beats, meter: Meter) -> Iterator[Click]:
    """The clicks in [begin, end). Bars count from beat 0, backwards too."""
    bar = meter.bar_start(begin)
    while bar < end - GRID_TOLERANCE:
        for pulse in pulses(meter):
            beat = Beats(bar + pulse)
            if begin - GRID_TOLERANCE <= beat < end - GRID_TOLERANCE:
                yield Click(beat, accent=pulse < GRID_TOLERANCE)
        bar = Beats(bar + meter.bar)


def count_in(bars: int, start: Beats, meter: Meter) -> tuple[Click, ...]:
    """The clicks of `bars` (0…4) bars before the bar line at or after `start`."""
    line = meter.next_bar(start)
    return tuple(clicks(Beats(line - bars * meter.bar), line, meter))
