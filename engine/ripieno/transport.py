"""Where the music is: standing at a beat, or rolling along a tempo map."""

from __future__ import annotations

from dataclasses import replace

from ripieno.clock import Beats, Meter, Seconds, TempoMap
from ripieno.settings import Settings

LEAD_IN = Beats(-0.5)
"""Before which beat of a bar the transport starts: inference gets the first steps ready."""


class Transport:
    """The tempo map in force while it rolls, and the place where it stands while it does not."""

    def __init__(self, settings: Settings, at: Seconds) -> None:
        self.playing = False
        self.shift = Beats(0.0)  # by how much the player has moved the score's beats in all
        self._stands = LEAD_IN
        self.tempo = TempoMap(at, LEAD_IN, settings.bpm, settings.sync.swing)

    def beat(self, at: Seconds) -> Beats:
        """The score's beat at `at`."""
        return self.tempo.beats(at) if self.playing else self._stands

    def entry(self, meter: Meter) -> Beats:
        """The bar line from which the music would go on: the next one, if it can be reached."""
        line = meter.next_bar(self._stands)
        return line if line + LEAD_IN >= self._stands else Beats(line + meter.bar)

    def roll(self, at: Seconds, beat: Beats, bpm: float) -> None:
        """Start to roll, with the score's `beat` at `at`."""
        self.tempo = replace(self.tempo, bpm=bpm).moved(at, beat)
        self.playing = True

    def stand(self, beat: Beats) -> None:
        """Stop, at `beat`."""
        self._stands = beat
        self.playing = False

    def follow(self, tempo: TempoMap) -> None:
        """Go by the map that another clock gives; the swing is ours."""
        self.tempo = replace(tempo, swing=self.tempo.swing)

    def retime(self, at: Seconds, bpm: float) -> None:
        """Another tempo from `at` on."""
        self.tempo = self.tempo.retimed(at, bpm)

    def swing(self, at: Seconds, swing: float) -> None:
        """Another swing from `at` on."""
        self.tempo = self.tempo.swinging(at, swing)

    def pull(self, at: Seconds, beat: Beats) -> None:
        """Let the score's `beat` fall on `at`; what lies ahead of it on the score moves along."""
        self.tempo = self.tempo.moved(at, beat)

    def shifted(self, at: Seconds, by: Beats) -> None:
        """Count the same moment as `by` beats later on the score: the player set the bar line."""
        self.shift = Beats(self.shift + by)
        self.pull(at, Beats(self.beat(at) + by))
