"""Which voice a note of the player is: by line, by channel, by keyboard split, by range. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

from ripieno.grammar.grid import VOICES
from ripieno.settings import FULL_RANGES, Assign, Settings

ALL = tuple(range(len(VOICES)))
_CHORD_VOICES = {1: (0,), 2: (0, 3), 3: (0, 1, 3), 4: ALL}
"""How so many simultaneous lines, from the top, are spread over the four voices."""
_OUTSIDE = 24
"""A semitone outside a voice's range weighs as much as so many of melodic movement."""


@dataclass(frozen=True, slots=True)
class Voicing:
    """How notes get their voices: the part of `Settings` that says so.

    `lone` is the voice of a single line, `channels` the channel of each voice, `split` the lowest
    pitch of each part of the keyboard but the lowest, from the top, `ranges` the voices' ranges.
    """

    how: Assign = Assign.LINE
    lone: int = 0
    channels: tuple[int | None, ...] = (0, 1, 2, 3)
    split: tuple[int, ...] = (60,)
    ranges: tuple[tuple[int, int], ...] = FULL_RANGES

    @classmethod
    def of(cls, settings: Settings) -> Voicing:
        return cls(
            settings.assign,
            settings.player_voice,
            settings.voice_channels,
            settings.split,
            settings.rules.ranges,
        )

    @property
    def claims(self) -> bool:
        """Whether a voice that was played stays the player's also while it rests."""
        return self.how in (Assign.CHANNEL, Assign.SPLIT)

    def voices(
        self,
        chord: tuple[tuple[int, int], ...],
        kept: Mapping[int, int],
        last: Mapping[int, int],
    ) -> tuple[int | None, ...]:
        """The voice of each (pitch, channel) of `chord`, struck together; None: only thru.

        `kept` tells the pitch of each voice in which an older key is still down, `last` what each
        voice sounded last. The chord comes from the highest note down.
        """
        match self.how:
            case Assign.CHANNEL:
                return tuple(self._of_channel(channel) for _, channel in chord)
            case Assign.SPLIT:
                return tuple(self._of_part(pitch) for pitch, _ in chord)
            case Assign.RANGE:
                return self._nearest([pitch for pitch, _ in chord], kept, last)
            case Assign.LINE:
                return self._spread([pitch for pitch, _ in chord], kept)

    def _of_channel(self, channel: int) -> int | None:
        return self.channels.index(channel) if channel in self.channels else None

    def _of_part(self, pitch: int) -> int:
        place = sum(pitch < lowest for lowest in self.split)
        return _CHORD_VOICES[len(self.split) + 1][place]

    def _spread(self, pitches: list[int], kept: Mapping[int, int]) -> tuple[int | None, ...]:
        """A line is `lone`, a chord is spread from the top, a later note goes between."""
        if not kept:
            voices = (self.lone,) if len(pitches) == 1 else _CHORD_VOICES[min(4, len(pitches))]
            return tuple(voices[i] if i < len(voices) else None for i in range(len(pitches)))
        taken = dict(kept)
        found: list[int | None] = []
        for pitch in pitches:
            voice = self._free(pitch, taken)
            found.append(voice)
            if voice is not None:
                taken[voice] = pitch
        return tuple(found)

    def _free(self, pitch: int, taken: Mapping[int, int]) -> int | None:
        """The nearest voice for `pitch` beside those `taken`, if possible in order of pitch."""
        free = [voice for voice in ALL if voice not in taken]
        ordered = [
            voice
            for voice in free
            if all((pitch <= p) if v < voice else (pitch >= p) for v, p in taken.items())
        ]
        if self.lone in ordered:
            return self.lone
        return min(ordered or free, key=lambda v: self._far(v, pitch, None), default=None)

    def _nearest(
        self, pitches: list[int], kept: Mapping[int, int], last: Mapping[int, int]
    ) -> tuple[int | None, ...]:
        """The free voices, in order of pitch, that leave their ranges and move the least."""
        free = [voice for voice in ALL if voice not in kept]
        count = min(len(free), len(pitches))

        def cost(voices: tuple[int, ...]) -> tuple[int, int]:
            crossed = sum(
                pitch > at if voice > other else pitch < at
                for voice, pitch in zip(voices, pitches, strict=False)
                for other, at in kept.items()
            )
            moved = sum(map(self._far, voices, pitches, (last.get(v) for v in voices)))
            return crossed, moved

        best = min(combinations(free, count), key=cost)
        return (*best, *(None for _ in pitches[count:]))

    def _far(self, voice: int, pitch: int, last: int | None) -> int:
        low, high = self.ranges[voice]
        outside = max(low - pitch, 0, pitch - high)
        return outside * _OUTSIDE + abs(pitch - ((low + high) // 2 if last is None else last))
