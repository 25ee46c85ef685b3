"""What a performance is started with, and the players that need no hands: guests and files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ripieno import resources
from ripieno.clock import Beats, Seconds
from ripieno.commands import Recall, Seed
from ripieno.ensemble import Member, Seated, alone
from ripieno.events import NoteOff, Stamped
from ripieno.guest import Guest
from ripieno.inference.computer import manifest_hash, this_computer
from ripieno.inference.link import ModelSpec
from ripieno.midi.midifile import FileInput
from ripieno.osc.address import OscSpec
from ripieno.performance import Performance
from ripieno.preset.preset import Preset
from ripieno.routing import InputKind, Routing
from ripieno.settings import Settings
from ripieno.takes.header import Chair, Header


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """Where one who plays with you sits: how it plays, by which model, on which channels."""

    member: Member
    model: ModelSpec
    routing: Routing

    @property
    def name(self) -> str:
        """'' for one that plays alone."""
        return self.member.name

    @property
    def chair(self) -> Chair:
        """As a take tells of it; the precision is the one that was asked for."""
        return _chair(self, self.model.precision)


def model_spec(
    folder: Path, precision: str, fallback: Path | None, settings: Settings
) -> ModelSpec:
    """The bundle in `folder`, with the rules of plug-ins that `settings` name."""
    rules = (*settings.rules.more_hard, *settings.rules.more_soft)
    return ModelSpec(folder, precision, fallback, rules)


def seat_of(seated: Seated) -> Seat:
    """The seat of one whom a preset describes. Raises BundleError where there is no such model."""
    smaller = resources.bundle_folder(seated.fallback) if seated.fallback else None
    folder, settings = resources.bundle_folder(seated.model), seated.member.settings
    model = model_spec(folder, seated.precision, smaller, settings)
    return Seat(member=seated.member, model=model, routing=seated.routing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Everything that is known before the first note. Crosses into the realtime process."""

    preset: Preset
    model: ModelSpec
    seed: Seed | None
    soundfont: Path
    take: Path
    """Where the journal is to be written."""
    log: Path
    """Where C libraries may talk."""
    guest: int | None = 0
    """How often the seed phrase is played in as if by a player; None: whenever nobody plays."""
    bars: int | None = None
    """The performance ends at this bar line; None: when the player ends it."""
    set_list: tuple[Recall, ...] = ()
    """The presets that 'next' goes through, in order."""
    osc: OscSpec | None = None
    """Where OSC is heard; None: nowhere."""
    instruments_stay: bool = False
    """What it sounds through was chosen by hand: no scene brings other instruments."""
    ensemble: tuple[Seat, ...] = ()
    """All who play, where they are several; the first plays by `preset` and `model` as well."""

    @property
    def seats(self) -> tuple[Seat, ...]:
        """All who play, also where there is one alone."""
        (member,) = alone(self.preset.settings)
        routing = self.preset.routing
        return self.ensemble or (Seat(member=member, model=self.model, routing=routing),)

    def header(self, precisions: Sequence[str], started: Seconds) -> Header:
        """The take's header; `precisions` are those of the models, as far as they are known."""
        routing, smaller = self.preset.routing, self.model.fallback
        return Header(
            model=self.model.folder.name,
            precision=precisions[0],
            preset=self.preset.name,
            phrase=self.seed.name if self.seed else "",
            settings=self.preset.settings,
            channels=routing.channels,
            programs=routing.programs,
            thru_channel=routing.thru_channel,
            thru_program=routing.thru_program,
            started=started,
            bundle=manifest_hash(self.model.folder),
            seed=self.seed,
            thru=routing.thru,
            computer=this_computer(),
            smaller=smaller.name if smaller else "",
            smaller_bundle=manifest_hash(smaller) if smaller else "",
            ensemble=tuple(map(_chair, self.ensemble, precisions)),
        )


def _chair(seat: Seat, precision: str) -> Chair:
    smaller = seat.model.fallback
    return Chair(
        name=seat.member.name,
        hears=seat.member.hears,
        settings=seat.member.settings,
        channels=seat.routing.channels,
        programs=seat.routing.programs,
        model=seat.model.folder.name,
        precision=precision,
        bundle=manifest_hash(seat.model.folder),
        smaller=smaller.name if smaller else "",
        smaller_bundle=manifest_hash(smaller) if smaller else "",
    )


class Script:
    """Guests and MIDI files: players whose notes are known by the beat."""

    def __init__(self, guest: Guest | None, files: Sequence[FileInput]) -> None:
        self._guest = guest
        self._files = list(files)

    @classmethod
    def of(cls, stage: Stage) -> Script:
        """Raises PhraseError for a MIDI file that cannot be read."""
        notes = stage.seed.notes if stage.seed else ()
        guest = Guest(notes, stage.guest) if notes and stage.guest != 0 else None
        files = [
            FileInput(spec.name)
            for spec in stage.preset.routing.inputs
            if spec.kind is InputKind.FILE
        ]
        return cls(guest, files)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(file.name for file in self._files)

    def wake(self, performance: Performance) -> Seconds | None:
        """When the next key moves, as far as is known."""
        if not performance.playing:
            return None
        beats = [
            Beats(beat + performance.shift)
            for beat in (file.next_beat() for file in self._files)
            if beat is not None
        ]
        if self._guest is not None and (wake := self._guest.wake()) is not None:
            beats.append(wake)
        return performance.tempo.seconds(min(beats)) if beats else None

    def feed(self, performance: Performance, at: Seconds) -> None:
        """Play what is due at `at`."""
        if not performance.playing:
            return
        beat = performance.beat(at)
        for file in self._files:
            for _, message in file.pop(Beats(beat - performance.shift)):
                performance.hear(Stamped(at, message), keeps_time=True)
        if self._guest is not None:
            meter = performance.settings.meter
            if performance.pulse.counting_in(beat):
                return
            for message in self._guest.advance(beat, performance.partners[0].phase, meter):
                performance.hear(Stamped(at, message), keeps_time=True)

    def interrupted(self, performance: Performance, at: Seconds) -> None:
        """A person plays: the guest takes the hands off the keys."""
        if self._guest is not None:
            for message in self._guest.leave():
                assert isinstance(message, NoteOff)
                performance.hear(Stamped(at, message))
            self._guest = None
