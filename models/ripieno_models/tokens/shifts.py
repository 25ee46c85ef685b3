"""How MidiTok writes a tune as shifts of time, pitches and durations (TSD), and back.

Without bars and metres: what the families write that know of neither. Times count in quarters of a
quarter note.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from miditok import TSD, TokenizerConfig
from ripieno.errors import RipienoError

from ripieno_models.tokens.scheme import KEYS, LONGEST_BEATS, POSITIONS_PER_BEAT, Scheme, key_name


class Shifts(Scheme):
    """The scheme of the families whose tokens tell no bars."""

    telling = "tsd"

    @classmethod
    def of(
        cls,
        low: int,
        high: int,
        parts: bool = False,
        velocities: int = 0,
        numbered: bool = False,
    ) -> Shifts:
        """The scheme for pitches `low`…`high`, which it tells and no more."""
        return cls(TSD(config(low, high)), parts)

    @classmethod
    def read(cls, path: Path) -> Shifts:
        """The scheme that `write` left at `path`. Raises RipienoError."""
        try:
            return cls(TSD(params=path), False)
        except (OSError, ValueError, KeyError) as error:
            raise RipienoError("there is no vocabulary here", where=str(path)) from error

    @cached_property
    def bars(self) -> tuple[int, ...]:
        """The ids at which a line may be cut: there are no bar lines, so all shifts of time."""
        return tuple(n for name, n in self.base.items() if name.startswith("TimeShift_"))


def config(low: int, high: int) -> TokenizerConfig:
    """MidiTok's settings: pitches and durations, nothing else but the start, the end, the key."""
    return TokenizerConfig(
        pitch_range=(low, high),
        beat_res={(0, LONGEST_BEATS): POSITIONS_PER_BEAT},
        special_tokens=["PAD", "BOS", "EOS", *map(key_name, KEYS)],
        use_velocities=False,
        use_pitchdrum_tokens=False,
        use_time_signatures=False,
        encode_ids_split="no",
    )
