"""Who plays in an ensemble, and who hears whom. A single model is an ensemble of one. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ripieno.errors import SettingError, nearest_name
from ripieno.grammar.grid import VOICES
from ripieno.routing import OutputSpec, Routing
from ripieno.settings import Mode, Settings, Strength

YOU = "you"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One of those who play with you: how, and whom it hears."""

    settings: Settings
    name: str = ""
    """'' for one that plays alone."""
    hears: tuple[str, ...] = (YOU,)
    """`you`, the name of another member, or one voice of it, such as `choir.soprano`."""

    @property
    def hears_you(self) -> bool:
        return YOU in self.hears

    def hears_voice(self, name: str, voice: int) -> bool:
        """Whether it hears the voice 0…3 of the member called `name`."""
        return name in self.hears or f"{name}.{VOICES[voice]}" in self.hears


@dataclass(frozen=True, slots=True, kw_only=True)
class Seated:
    """One who plays, as a preset describes it."""

    member: Member
    model: str
    fallback: str
    precision: str
    routing: Routing
    instrument: OutputSpec | None = None


def alone(settings: Settings) -> tuple[Member, ...]:
    """An ensemble of one."""
    return (Member(settings=settings),)


def in_common(settings: Settings, source: Settings) -> Settings:
    """`settings` with what all of an ensemble share as `source` has it: tempo, meter, clock, the
    key, and how your keys are transposed."""
    rules = replace(settings.rules, key=None, key_lock=Strength.OFF)
    lock = settings.rules.key_lock if source.rules.key is not None else Strength.OFF
    return replace(
        settings,
        bpm=source.bpm,
        meter=source.meter,
        sync=source.sync,
        transpose=source.transpose,
        rules=replace(rules, key=source.rules.key, key_lock=lock),
    )


def check_members(members: Sequence[Member]) -> None:
    """Refuse an ensemble whose members cannot hear each other so. Raises SettingError."""
    names = [member.name for member in members]
    for member in members:
        for told in member.hears:
            _check_heard(member, told, names)
        if member.settings.mode is Mode.ACCOMPANY and not member.hears:
            raise SettingError(
                f"{member.name} accompanies, and hears nobody",
                allowed="hears = a list of `you` and of others of the ensemble",
            )


def _check_heard(member: Member, told: str, names: Sequence[str]) -> None:
    name, _, voice = told.partition(".")
    if name == member.name:
        raise SettingError(f"{member.name} cannot hear itself", nearest=f"Leave {told!r} out.")
    if name != YOU and name not in names:
        others = [YOU, *(each for each in names if each != member.name)]
        raise SettingError(
            f"{member.name} hears {told!r}, and nobody is called so",
            allowed=", ".join(others),
            nearest=nearest_name(name, others),
        )
    if voice and (name == YOU or voice not in VOICES):
        raise SettingError(
            f"{member.name} hears {told!r}, and there is no such voice",
            allowed=f"a member's name, alone or with {', '.join(f'.{each}' for each in VOICES)}",
            nearest="" if name == YOU else nearest_name(voice, VOICES),
        )
