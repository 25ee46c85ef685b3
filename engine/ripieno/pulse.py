"""What keeps others in time: the metronome's clicks, and the MIDI clock that goes out."""

from __future__ import annotations

from ripieno.clock import GRID_TOLERANCE, Beats, Seconds, TempoMap
from ripieno.settings import Settings
from ripieno.sound import Sound, When
from ripieno.sync.metronome import (
    ACCENT_PITCH,
    ACCENT_VELOCITY,
    PITCH,
    VELOCITY,
    clicks,
)
from ripieno.sync.sender import ClockSender

HORIZON = Beats(4.0)
"""How far ahead the next click is looked for."""
LENGTH = Seconds(0.05)
"""Of a click, for instruments that wait for its end."""


class Pulse:
    """Clicks and ticks, handed to `sound` before their time. Beats are the score's."""

    def __init__(self, sound: Sound, at: Seconds) -> None:
        self._sound = sound
        self._clock = ClockSender(at)
        self._rolls = False
        self._music = Beats(0.0)  # where the music begins; clicks before it count in
        self._clicked = Beats(0.0)  # clicks before this have been given

    def begin(self, tempo: TempoMap, at: Seconds, first: Beats) -> None:
        """The transport rolls, by `tempo`; the music begins at `first`."""
        self._rolls, self._music, self._clicked = True, first, tempo.beats(at)
        leads_in = self.until_music(self._clicked) > GRID_TOLERANCE
        handed = self._sound.lead if leads_in else 0.0  # ticks up to there have been handed over
        self._clock.start(tempo, Seconds(at + handed))

    def stop(self, at: Seconds) -> None:
        """The transport stands still."""
        self._rolls = False
        self._clock.stop(at)

    def jumped(self, tempo: TempoMap, at: Seconds) -> None:
        """While it rolls, the transport is at another place of the score."""
        self._clicked = self._music = tempo.beats(at)
        self._clock.start(tempo, at)

    def stands(self, tempo: TempoMap, at: Seconds, beat: Beats) -> None:
        """The transport stands still, and will begin at the score's `beat`."""
        self._clock.locate(beat, at)

    def until_music(self, beat: Beats) -> Beats:
        """How long the music has not begun yet, from `beat` on; 0 once it has."""
        return Beats(max(0.0, self._music - beat)) if self._rolls else Beats(0.0)

    def counting_in(self, beat: Beats) -> bool:
        """Whether the music has not begun yet."""
        return self.until_music(beat) > GRID_TOLERANCE

    def wake(self, tempo: TempoMap, settings: Settings) -> Seconds | None:
        """When the next click or tick should sound; None when there is none."""
        moments: list[Seconds] = []
        if settings.sync.send:
            moments.append(self._clock.next(tempo))
        if self._rolls and (settings.sync.metronome or self.counting_in(self._clicked)):
            end = Beats(self._clicked + HORIZON)
            beats = (click.beat for click in clicks(self._clicked, end, settings.meter))
            moments.append(tempo.seconds(next(beats, end)))
        return min(moments, default=None)

    def play(self, ahead: Seconds, tempo: TempoMap, settings: Settings) -> None:
        """Hand over all that should sound by `ahead`."""
        if settings.sync.send:
            for data, at in self._clock.due(tempo, ahead):
                self._sound.clock(data, at)
        if not self._rolls:
            return
        until = Beats(tempo.beats(ahead) + 2 * GRID_TOLERANCE)
        for click in clicks(self._clicked, until, settings.meter):
            if settings.sync.metronome or self.counting_in(click.beat):
                self._click(click.accent, click.beat, tempo)
        self._clicked = max(self._clicked, until)

    def _click(self, accent: bool, beat: Beats, tempo: TempoMap) -> None:
        at = tempo.seconds(beat)
        pitch, velocity = (ACCENT_PITCH, ACCENT_VELOCITY) if accent else (PITCH, VELOCITY)
        channel = self._sound.click_channel
        self._sound.click(channel, pitch, velocity, When(beat, at, at), LENGTH)
