"""All that one who plays goes by."""

from __future__ import annotations

from dataclasses import dataclass, field

from ripieno.clock import FASTEST, SLOWEST, Beats, Meter
from ripieno.errors import SettingError
from ripieno.grammar.grid import VOICES
from ripieno.settings.choices import Assign, Mode, check
from ripieno.settings.tables import Blocks, Horizon, Rules, Sampling, Sync, Turns


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything about how a performance goes; nothing about where it sounds (see `preset.py`)."""

    mode: Mode = Mode.ANSWER
    own_mode: str = ""
    """A plug-in's mode, by name, that plays in place of `mode`; that one takes over if it fails."""
    bpm: float = 84.0
    """20…300 quarter notes a minute."""
    meter: Meter = field(default_factory=Meter)
    sampling: Sampling = field(default_factory=Sampling)
    rules: Rules = field(default_factory=Rules)
    turns: Turns = field(default_factory=Turns)
    horizon: Horizon = field(default_factory=Horizon)
    player_voice: int = 0
    """The voice that you play, 0 (soprano) … 3 (bass)."""
    sync: Sync = field(default_factory=Sync)
    assign: Assign = Assign.LINE
    voice_channels: tuple[int | None, ...] = (0, 1, 2, 3)
    """For `assign = channel`: the channel 0…15 on which you play each voice; None: never yours."""
    split: tuple[int, ...] = (60,)
    """For `assign = split`: the lowest pitch of each part of your keyboard but the lowest, from
    the top; one split is soprano above and bass below, three give all four voices."""
    follow: bool = False
    """Accompany: a note of yours that contradicts the plan also moves what already sounds."""
    onset_tolerance: Beats = Beats(0.125)
    """Accompany: how far from a step your note may lie for the others to join it, 0…0.125 beats."""
    muted: frozenset[int] = frozenset()
    """Voices that are generated but not heard."""
    velocity: int = 80
    """How hard the machine plays before it has heard you, 1…127."""
    transpose: int = 0
    """Semitones between your keyboard and the music, -24…24."""
    blocks: Blocks = field(default_factory=Blocks)

    def __post_init__(self) -> None:
        check("bpm", self.bpm, SLOWEST, FASTEST, "quarter notes a minute")
        check("player_voice", self.player_voice, 0, len(VOICES) - 1)
        if not 1 <= len(self.split) <= 3 or list(self.split) != sorted(self.split, reverse=True):
            raise SettingError(
                f"split {self.split} cannot be used", allowed="1…3 pitches, the highest first"
            )
        if len(self.voice_channels) != len(VOICES):
            raise SettingError("voice_channels needs one entry for each of four voices")
        check("onset_tolerance", self.onset_tolerance, 0, 0.125, "beats")
        check("velocity", self.velocity, 1, 127)
        check("transpose", self.transpose, -24, 24, "semitones")
