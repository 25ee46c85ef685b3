"""Music as words: places, pitches and lengths the way a musician reads them. Pure."""

from __future__ import annotations

from ripieno.clock import Beats, Meter

_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_FRACTIONS = {0.0: "", 0.25: "¼", 0.5: "½", 0.75: "¾"}


def bar_and_beat(beat: Beats, meter: Meter) -> tuple[int, int]:
    """The bar and the beat in it, both counted from 1; in 6/8 the beats are eighths."""
    start = meter.bar_start(beat)
    bar = round(start / meter.bar) + 1
    return bar, int((beat - start + 1e-9) * meter.denominator / 4) + 1


def place(beat: Beats, meter: Meter) -> str:
    """'12.3' for the third beat of bar 12; the bar before the first is '-1'."""
    bar, count = bar_and_beat(beat, meter)
    return f"{bar if bar > 0 else bar - 1}.{count}"


def pitch_name(pitch: int) -> str:
    """'C4' for MIDI number 60."""
    return f"{_NAMES[pitch % 12]}{pitch // 12 - 1}"


def beats_text(beats: float) -> str:
    """'¼', '1½' or '3' for quarters of a beat, decimals for anything between."""
    whole, rest = divmod(round(beats, 6), 1)
    if rest not in _FRACTIONS:
        return f"{beats:.2f}"
    return f"{whole:.0f}" * bool(whole or not rest) + _FRACTIONS[rest]


def bars_text(beats: Beats, meter: Meter) -> str:
    """'1.2 bars' for a span of that length."""
    bars = beats / meter.bar
    return f"{bars:.1f} bar{'' if f'{bars:.1f}' == '1.0' else 's'}"
