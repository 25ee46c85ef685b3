"""The parts of what a player can set, as the tables of a preset have them."""

from __future__ import annotations

from dataclasses import dataclass

from ripieno.clock import Beats
from ripieno.errors import SettingError
from ripieno.grammar.grid import VOICES
from ripieno.settings.choices import ClockSource, HandOver, Late, OnLoss, Strength, check

DIRECTIONS, FARTHEST = 4, 3.0
"""Ways to go in a model's space, and how far each leads to either side."""
FULL_RANGES = ((57, 81), (53, 74), (48, 69), (36, 64))
"""Lowest and highest pitch of soprano, alto, tenor and bass, as MIDI numbers."""

_TONICS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 9, 10, 11)}


@dataclass(frozen=True, slots=True)
class Key:
    """A key: `tonic` 0 (C) … 11 (B), `scale` 'major' or 'minor' (with both sixths and sevenths)."""

    tonic: int
    scale: str

    @property
    def pitch_classes(self) -> frozenset[int]:
        return frozenset((self.tonic + degree) % 12 for degree in _SCALES[self.scale])

    @property
    def fifths(self) -> int:
        """The key signature: sharps, or flats as a negative number, -6…5."""
        major = self.tonic if self.scale == "major" else self.tonic + 3
        return (major * 7 + 6) % 12 - 6

    @classmethod
    def parse(cls, text: str) -> Key:
        """A key from a text such as 'G major', 'Bb minor' or 'F# minor'. Raises SettingError."""
        name, _, scale = text.strip().partition(" ")
        letter, sign = name[:1].upper(), name[1:]
        scale = scale.strip().lower() or "major"
        if letter not in _TONICS or sign not in ("", "#", "b") or scale not in _SCALES:
            raise SettingError(
                f"{text!r} is not a key",
                allowed="a note and 'major' or 'minor', such as 'Bb major'",
            )
        return cls((_TONICS[letter] + {"": 0, "#": 1, "b": -1}[sign]) % 12, scale)

    def __str__(self) -> str:
        names = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
        return f"{names[self.tonic]} {self.scale}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How a token is drawn from the model's distribution."""

    temperature: float = 1.0
    """0.1…2: below 1 plays safer, above 1 bolder."""
    top_k: int = 0
    """Only the k likeliest tokens, 1…500; 0 is off."""
    top_p: float = 1.0
    """Only the likeliest tokens that share this much probability, 0.01…1; 1 is off."""
    min_p: float = 0.0
    """Only tokens at least this share as likely as the likeliest, 0…1; 0 is off."""
    candidates: int = 1
    """The most whole steps that are drawn, 1…64, to keep the one that scores best; the budget
    decides how many there is time for."""
    seed: int = 1
    """0…2³²-1. The same seed, preset and input give the same performance in virtual time."""

    def __post_init__(self) -> None:
        check("temperature", self.temperature, 0.1, 2.0)
        check("top_k", self.top_k, 0, 500, "tokens")
        check("top_p", self.top_p, 0.01, 1.0)
        check("min_p", self.min_p, 0.0, 1.0)
        check("candidates", self.candidates, 1, 64, "steps")
        check("seed", self.seed, 0, 2**32 - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The musical bounds of generated notes. The player's own notes are never touched."""

    ranges: tuple[tuple[int, int], ...] = FULL_RANGES
    """Lowest and highest pitch per voice, MIDI numbers. Always hard."""
    max_leap: int = 12
    """Largest melodic step, 1…24 semitones. Always hard."""
    crossing: Strength = Strength.HARD
    """No voice goes above its upper or below its lower neighbour."""
    parallels: Strength = Strength.SOFT
    """No two voices go in parallel fifths, octaves or unisons."""
    spacing: Strength = Strength.SOFT
    """At most an octave from soprano to alto and from alto to tenor, two from tenor to bass."""
    key: Key | None = None
    """The key, for the model and for the lock; None when it is not told."""
    key_lock: Strength = Strength.OFF
    """Only notes of `key`."""
    longest_rest: Beats = Beats(2.0)
    """After this long a rest (0.25…16 beats) a voice must sound again, where a rule allows it."""
    longest_loop: int = 3
    """How often the same beat of four voices may come in a row, 2…16 times."""
    held: frozenset[int] = frozenset()
    """Voices that stay on the note that they sound, as long as a hard rule lets them."""
    more_hard: tuple[str, ...] = ()
    """Rules of plug-ins, by name, that are never broken."""
    more_soft: tuple[str, ...] = ()
    """Rules of plug-ins, by name, that are kept as long as something is left to play."""

    def __post_init__(self) -> None:
        if len(self.ranges) != len(VOICES):
            raise SettingError("ranges need one pair for each of four voices")
        for voice, (low, high) in zip(VOICES, self.ranges, strict=True):
            if not 0 <= low <= high <= 127:
                raise SettingError(
                    f"the {voice}'s range {low}…{high} is empty or out of bounds",
                    allowed="0 ≤ lowest ≤ highest ≤ 127",
                )
        check("max_leap", self.max_leap, 1, 24, "semitones")
        check("longest_rest", self.longest_rest, 0.25, 16, "beats")
        check("longest_loop", self.longest_loop, 2, 16, "times")
        if self.key is None and self.key_lock is not Strength.OFF:
            raise SettingError(
                "key_lock needs a key", nearest="Set key = 'C major', or key_lock = 'off'."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Turns:
    """When the machine answers, and for how long."""

    after_beats: Beats = Beats(1.0)
    """Answer after this much silence, 0.25…16 beats."""
    every_bars: int = 0
    """Answer after this many bars whatever you play, 1…16; 0: when you stop."""
    bars: int = 0
    """Length of an answer in bars, 1…64; 0: as long as your phrase, whole bars, at most 8."""
    legato_beats: Beats = Beats(1.0)
    """A gap shorter than this (0…4 beats) between your notes is heard as one held line."""
    hand_over: HandOver = HandOver.CATCH_UP
    speculate: bool = True
    """Plan an answer before it is certain that you are done, so that it needs no prompt."""
    yields: bool = True
    """Whether a note that it hears ends its turn; else it plays its turn to the end."""
    space: float = 0.0
    """How much the machine leaves for you, 0…1: the busier you are, the less it plays."""
    density: float = 1.0
    """How busy the machine is, 0.25…2 times what the model would play by itself."""

    def __post_init__(self) -> None:
        check("after_beats", self.after_beats, 0.25, 16, "beats")
        check("every_bars", self.every_bars, 0, 16, "bars")
        check("bars", self.bars, 0, 64, "bars")
        check("legato_beats", self.legato_beats, 0, 4, "beats")
        check("space", self.space, 0, 1)
        check("density", self.density, 0.25, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Horizon:
    """How far ahead the machine plans: now ≤ committed ≤ lookahead."""

    commit: Beats = Beats(0.25)
    """What lies nearer than this can no longer change, 0…16 beats."""
    lookahead: Beats = Beats(2.0)
    """How far the plan reaches, 0.25…32 beats."""
    budget_ms: float = 40.0
    """Time that the model may take for one step, 1…1000 ms; past it the chord is held."""
    late: Late = Late.HOLD

    def __post_init__(self) -> None:
        check("commit", self.commit, 0, 16, "beats")
        check("lookahead", self.lookahead, 0.25, 32, "beats")
        check("budget_ms", self.budget_ms, 1, 1000, "ms")
        if self.commit > self.lookahead:
            raise SettingError(
                f"commit ({self.commit:g}) lies beyond lookahead ({self.lookahead:g})",
                allowed="commit ≤ lookahead",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocks:
    """Where a model that makes whole blocks of bars goes, in the space that it has learned."""

    morph: float = 0.0
    """0…1: from the phrase heard last to the one before it; one that nobody played is imagined."""
    variation: float = 0.35
    """0…1: how far each block steps aside from there; at 1 it has nothing of the phrases."""
    directions: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)
    """-3…3: four further ways to go, those in which the model's music changes most."""

    def __post_init__(self) -> None:
        check("morph", self.morph, 0, 1)
        check("variation", self.variation, 0, 1)
        if len(self.directions) != DIRECTIONS:
            raise SettingError(f"directions need {DIRECTIONS} numbers")
        for number, value in enumerate(self.directions, 1):
            check(f"direction_{number}", value, -FARTHEST, FARTHEST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sync:
    """Who keeps the time, and who is told."""

    source: ClockSource = ClockSource.INTERNAL
    on_loss: OnLoss = OnLoss.GO_ON
    send: bool = False
    """Send MIDI clock with song position to every MIDI port."""
    from_phrase: bool = False
    """Take the tempo from your first phrase, when nobody else gives one."""
    swing: float = 0.5
    """Where the second eighth of a beat falls, 0.5 (straight) … 0.75 of the beat."""
    metronome: bool = False
    count_in: int = 0
    """Bars that the metronome counts before the music starts, 0…4."""

    def __post_init__(self) -> None:
        check("swing", self.swing, 0.5, 0.75, "of a beat")
        check("count_in", self.count_in, 0, 4, "bars")
