"""What every mode answers to, and what it knows of the moment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from ripieno.clock import GRID_TOLERANCE, Beats, Meter, ceil_to, snap
from ripieno.ear import STEP, Ear
from ripieno.events import Note, Phase, Planned, Seed
from ripieno.modes.effects import NOTHING, Effects
from ripieno.plan import Plan
from ripieno.settings import Key, Settings
from ripieno.tonality import estimate

KEY_NOTES = 48
"""How many of the player's last notes tell the key."""
FORGET_AFTER = Beats(16.0)
"""After so long a pause the player's next note starts a new piece."""
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
    _key: Key | None = None
    _key_of: tuple[int, Beats] | None = None

    def for_model(self) -> Settings:
        """The settings as the model gets them: as loud as the player, in the player's key.

        A key that was set stands; else it is guessed from what was played, or from the seed.
        """
        settings = replace(self.settings, velocity=self.ear.velocity or self.settings.velocity)
        if settings.rules.key is not None:
            return settings
        return replace(settings, rules=replace(settings.rules, key=self._heard_key()))

    def _heard_key(self) -> Key | None:
        notes = self.ear.notes
        if not notes:
            seed = self.seed.notes if self.seed else ()
            return estimate((n.pitch, n.duration or STEP) for n in seed)
        newest = (len(notes), notes[-1].at)
        if newest != self._key_of:
            self._key_of = newest
            recent = notes[-KEY_NOTES:]
            ends = [n.onset + STEP if n.grid_end is None else n.grid_end for n in recent]
            lengths = [end - note.onset for note, end in zip(recent, ends, strict=True)]
            self._key = estimate(zip((n.pitch for n in recent), lengths, strict=True))
        return self._key

    def next_epoch(self) -> int:
        self.epoch += 1
        return self.epoch

    def soonest(self, beat: Beats) -> Beats:
        """The first step that a wish at `beat` can still reach."""
        return ceil_to(Beats(beat + REACTION * self.settings.bpm / 60.0), STEP)


class Mode:
    """One way of making music together. Beats are the score's, calls come in order of time.

    A mode that does not care for an event inherits the answer given here: nothing happens.
    """

    def __init__(self, moment: Moment) -> None:
        self.moment = moment
        self.phase = Phase.STOPPED
        self.plan: Plan | None = None

    def start(self, beat: Beats) -> Effects:
        """The transport starts, or this mode is chosen while it runs."""
        self.phase = Phase.IDLE
        return NOTHING

    def stop(self) -> None:
        """The transport stops, or another mode is chosen; the conductor silences the machine."""
        self.phase = Phase.STOPPED
        self.plan = None

    def anchor(self, beat: Beats) -> Beats:
        """Where a key struck at `beat` wants to stand: elsewhere, if it sets the bar line."""
        return beat

    def moved(self, by: Beats) -> None:
        """The score's beats were moved: whatever is remembered in beats moves too."""

    def note_on(self, pitch: int, velocity: int, beat: Beats) -> Effects:
        """The player strikes a key."""
        self.moment.ear.note_on(
            pitch, velocity, beat, nearest_step(beat), self.moment.settings.player_voice
        )
        return NOTHING

    def note_off(self, pitch: int, beat: Beats) -> Effects:
        """The player releases a key."""
        self.moment.ear.note_off(pitch, beat)
        return NOTHING

    def advance(self, beat: Beats) -> Effects:
        """Time has come to `beat`."""
        if self.plan is None:
            return NOTHING
        return self.plan.top_up(beat, self.moment.settings)

    def wake(self) -> Beats | None:
        """When `advance` has something to do next, None if only an event can tell."""
        return None if self.plan is None else self.plan.next_top_up(self.moment.settings)

    def planned(self, planned: Planned) -> bool:
        """A step has come from inference. False when it is no longer wanted."""
        return self.plan is not None and self.plan.take(planned)

    def expects(self, step: Beats) -> bool:
        """Whether the machine should sound something planned at `step`."""
        return self.plan is not None and self.plan.covers(step)

    def missed(self, step: Beats) -> Effects:
        """A step that was due has not come in time."""
        if self.plan is None:
            return NOTHING
        moment = self.moment
        return self.plan.missed(moment.next_epoch(), step, moment.machine, moment.settings)

    def changed(self, beat: Beats) -> Effects:
        """A setting that the model obeys has changed."""
        if self.plan is None:
            return NOTHING
        return self.plan.replan(self.moment.next_epoch(), beat, self.moment.settings)

    def answer_now(self, beat: Beats) -> Effects:
        """The player asks for an answer, or for its end."""
        return NOTHING

    def cadence(self, beat: Beats) -> Effects:
        """The player asks for a close."""
        if self.plan is None:
            return NOTHING
        half_bar = Beats(self.moment.settings.meter.bar / 2)
        self.plan.cadence = ceil_to(Beats(beat + 1.0), half_bar)
        return self.changed(beat)

    def reseed(self, beat: Beats) -> Effects:
        """There is a new seed phrase."""
        return NOTHING

    def horizon(self, beat: Beats) -> tuple[Beats, Beats]:
        """Where the commit and the lookahead horizons lie."""
        horizon = self.moment.settings.horizon
        if self.plan is None:
            return Beats(beat + horizon.commit), Beats(beat + horizon.lookahead)
        return self.plan.committed(beat, self.moment.settings), self.plan.received

    def phase_beats(self, beat: Beats) -> Beats:
        """How long this phase has lasted, or, for an answer, how much of it is left."""
        return Beats(0.0)


def nearest_step(beat: Beats) -> Beats:
    """The step whose thirty-seconds around it hold `beat`."""
    return snap(beat, STEP)


def opening_beat(beat: Beats, meter: Meter) -> Beats:
    """Where a first note at `beat` stands: on the next bar line, or as it is when near one."""
    line = meter.bar_start(Beats(beat + STEP / 2))
    return beat if abs(beat - line) <= STEP / 2 + GRID_TOLERANCE else meter.next_bar(beat)


def earliest(beats: Iterable[Beats | None]) -> Beats | None:
    """The earliest of those that are set."""
    return min((beat for beat in beats if beat is not None), default=None)
