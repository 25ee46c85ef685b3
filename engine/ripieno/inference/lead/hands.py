"""The machine's voices under a melody: who sounds, who moves, who only holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ripieno.events import Sounding
from ripieno.grammar.grid import VOICES
from ripieno.grammar.lead_sheet import Chord
from ripieno.inference.lead.voicing import Move, legal, voiced
from ripieno.settings import Settings

ALL = tuple(range(len(VOICES)))


@dataclass(frozen=True, slots=True)
class Hands:
    """The voices in a step: the voice `lead` has the `melody` (pitch, struck); what the machine
    strikes is as loud as `velocity`."""

    settings: Settings
    lead: int
    melody: tuple[int | None, bool]
    velocity: int

    def play(
        self,
        before: Sequence[Sounding],
        told: Mapping[int, Sounding],
        chord: Chord | None,
        *,
        follows: bool,
    ) -> tuple[Sounding, ...]:
        """What the voices that are not `told` do under the melody, when those `before` sounded.

        Where it `follows`, all is told, and what was told is what the machine sounds.
        """
        if follows:
            return tuple(told[voice] for voice in ALL if voice != self.lead)
        mine = tuple(voice for voice in ALL if voice not in told)
        below = tuple(voice for voice in mine if voice > self.lead)
        last = {s.voice: s.pitch for s in before if s.pitch is not None}
        fixed = {voice: sounding.pitch for voice, sounding in told.items()}
        fixed[self.lead] = self.melody[0]
        pitches: dict[int, int | None] = dict.fromkeys(below)
        if chord is not None:
            pitches = self._pitches(chord, below, fixed, last)
        states = {voice: self._state(voice, pitches.get(voice), last) for voice in mine}
        if self.lead in mine:
            pitch, struck = self.melody
            states[self.lead] = Sounding(self.lead, pitch, struck, self.velocity if pitch else 0)
        return tuple(states[voice] for voice in mine)

    def _pitches(
        self,
        chord: Chord,
        below: tuple[int, ...],
        fixed: Mapping[int, int | None],
        last: Mapping[int, int],
    ) -> dict[int, int | None]:
        """The voicing: what it was, if it is of this chord, whole, and keeps the rules still."""
        kept: dict[int, int | None] = {voice: last.get(voice) for voice in below}
        same = all(pitch is not None and pitch % 12 in chord.classes for pitch in kept.values())
        root = kept.get(ALL[-1])
        same = same and (root is None or root % 12 == chord.root)
        rules = self.settings.rules
        if same and legal({**fixed, **kept}, below, rules):
            return kept
        held = {voice: last[voice] for voice in below if voice in rules.held and voice in last}
        told = tuple(sorted(fixed.items()))
        return voiced(Move(chord, told, tuple(sorted(last.items()))), below, rules, held)

    def _state(self, voice: int, pitch: int | None, last: Mapping[int, int]) -> Sounding:
        if pitch is None:
            return Sounding(voice, None, False, 0)
        return Sounding(voice, pitch, last.get(voice) != pitch, self.velocity)
