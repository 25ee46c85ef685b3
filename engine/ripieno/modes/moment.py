"""What every mode knows of the moment."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ripieno.clock import Beats, ceil_to
from ripieno.commands import Seed
from ripieno.events import Note, Request
from ripieno.modes.ear import STEP, Ear
from ripieno.modes.space import WINDOW, Space
from ripieno.modes.tonality import estimate
from ripieno.modes.voicing import Voicing
from ripieno.settings import ClockSource, Key, Settings

KEY_NOTES = 48
"""How many of the player's last notes tell the key."""
REACTION = 0.03
"""Seconds between a wish and the earliest step that can still follow it."""


@dataclass(slots=True)
class Moment:
    """The stage as a mode sees it: one for all modes, kept up to date by the conductor.

    `machine` is what the machine's voices sound now, as notes with an open end.
    """

    settings: Settings
    ear: Ear = field(default_factory=Ear)
    epoch: int = 0
    seed: Seed | None = None
    machine: tuple[Note, ...] = ()
    alone: bool = True
    space: Space = field(default_factory=Space)
    _key: Key | None = None
    _key_of: tuple[int, Beats] | None = None
    _shown: Key | None = None
    _shown_of: tuple[int, Beats] | None = (0, Beats(0.0))

    def complete(self, request: Request, beat: Beats) -> Request:
        """`request` as the model gets it: our settings, and how much room the player wants."""
        self.listen(beat)
        density = self.space.density(self.settings.turns.density)
        return replace(request, settings=self.for_model(), density=density)

    def listen(self, beat: Beats) -> bool:
        """Follow how busy the player is; whether that changes what the machine should do."""
        share = self.settings.turns.space
        activity = self.ear.activity(beat, WINDOW) if share else 0.0
        return self.space.listen(share, activity)

    def for_model(self) -> Settings:
        """The settings as the model gets them: as loud as the player, in the player's key.

        A key that was set stands; else it is guessed from what was played, or from the seed.
        """
        settings = replace(self.settings, velocity=self.ear.velocity or self.settings.velocity)
        if settings.rules.key is not None:
            return settings
        return replace(settings, rules=replace(settings.rules, key=self._heard_key()))

    @property
    def heard_key(self) -> Key | None:
        """The key in which the player plays, as far as the notes tell. To look at it changes
        nothing: a screen looks whenever it likes, and a take is computed again without one."""
        newest = self._newest()
        if newest != self._shown_of:
            self._shown_of, self._shown = newest, self._estimated()
        return self._shown or self._key

    def _heard_key(self) -> Key | None:
        newest = self._newest()
        if newest is None:
            return self._key or self._estimated()
        if newest != self._key_of:
            self._key_of = newest
            self._key = self._estimated() or self._key
        return self._key

    def _newest(self) -> tuple[int, Beats] | None:
        """How many notes tell the key, and when the last of them began; None before the first."""
        notes = self.ear.notes
        return (min(len(notes), KEY_NOTES), notes[-1].onset) if notes else None

    def _estimated(self) -> Key | None:
        """The key of the player's last notes, or of the seed."""
        notes = self.ear.notes
        if not notes:
            seed = self.seed.notes if self.seed else ()
            return estimate((n.pitch, n.duration or STEP) for n in seed)
        recent = notes[-KEY_NOTES:]
        ends = [n.onset + STEP if n.grid_end is None else n.grid_end for n in recent]
        lengths = [end - note.onset for note, end in zip(recent, ends, strict=True)]
        return estimate(zip((n.pitch for n in recent), lengths, strict=True))

    @property
    def voicing(self) -> Voicing:
        return Voicing.of(self.settings)

    @property
    def ours(self) -> bool:
        """Whether the score's beats are ours to move: nobody else keeps its time or plays on it."""
        return self.alone and self.settings.sync.source is ClockSource.INTERNAL

    def next_epoch(self) -> int:
        self.epoch += 1
        return self.epoch

    @property
    def reaction(self) -> Beats:
        """How long after a wish the machine can follow it."""
        return Beats(REACTION * self.settings.bpm / 60.0)

    def soonest(self, beat: Beats) -> Beats:
        """The first step that a wish at `beat` can still reach."""
        return ceil_to(Beats(beat + self.reaction), STEP)
