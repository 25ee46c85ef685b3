"""The tables `[ensemble.NAME]` of a preset: who plays, and who hears whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ripieno.ensemble import YOU, Member, Seated, check_members, in_common
from ripieno.errors import SettingError
from ripieno.grammar.grid import VOICES
from ripieno.preset.values import instrument_from
from ripieno.routing import OutputKind, OutputSpec, Routing
from ripieno.settings import Mode, Settings

TABLE = "ensemble"
MOST = 8
"""Members: more than a computer can serve, and no more than there are channels for."""
SECTIONS = ("play", "sampling", "rules", "ranges", "turns", "blocks", "horizon")
"""The sections that a member may have for itself, as `[ensemble.choir.turns]`."""
COMMON = {("play", "bpm"), ("play", "meter"), ("play", "transpose"), ("rules", "key")}
"""Their keys that all share."""
_PLACES = {
    "model": ("model", "model"),
    "fallback": ("model", "fallback"),
    "precision": ("model", "precision"),
    "mode": ("play", "mode"),
    "player_voice": ("play", "player_voice"),
    "channels": ("routing", "channels"),
    "programs": ("routing", "programs"),
    "volumes": ("routing", "volumes"),
    "pans": ("routing", "pans"),
}
"""Short keys, and the section and field that they stand for."""


@dataclass(frozen=True, slots=True)
class Described:
    """The values of one table: of the short keys, and by section."""

    name: str
    own: dict[str, Any]
    values: dict[str, dict[str, Any]]

    def merged(self) -> dict[str, dict[str, Any]]:
        """The values by section, with those of the short keys put where they belong."""
        values = {section: dict(known) for section, known in self.values.items()}
        for key, value in self.own.items():
            if key in _PLACES:
                section, field_name = _PLACES[key]
                values[section][field_name] = value
        if "channel" in self.own:
            values["routing"]["channels"] = (self.own["channel"],) * len(VOICES)
        if "voices" in self.own:
            _check_voices(self.name, self.own["voices"], values["play"])
            left = frozenset(range(len(VOICES))) - self.own["voices"]
            values["play"]["muted"] = left | values["play"].get("muted", frozenset())
        return values


def seated(
    told: Described, settings: Settings, routing: Routing, model: Mapping[str, str]
) -> Seated:
    """The member that `told` describes, who plays by `settings`."""
    return Seated(
        member=Member(name=told.name, settings=settings, hears=told.own.get("hears", (YOU,))),
        routing=routing,
        instrument=told.own.get("instrument"),
        model=model["model"],
        fallback=model["fallback"],
        precision=model["precision"],
    )


def together(members: Sequence[Seated]) -> tuple[Seated, ...]:
    """`members` with what they have in common as the first has it. Raises SettingError."""
    if len(members) > MOST:
        raise SettingError(f"an ensemble of {len(members)} is too large", allowed=f"1…{MOST}")
    for each in members:
        if each.member.name == YOU or "." in each.member.name:
            raise SettingError(
                f"a member of an ensemble cannot be called {each.member.name!r}",
                allowed=f"a name without a dot, and not {YOU!r}",
            )
    first = members[0].member.settings
    found = tuple(
        replace(each, member=replace(each.member, settings=in_common(each.member.settings, first)))
        for each in members
    )
    check_members([each.member for each in found])
    _check_channels(found)
    return found


def outputs_of(routing: Routing, members: Sequence[Seated]) -> tuple[OutputSpec, ...]:
    """The outputs of `routing` and the members' own instruments, which our synthesiser leaves out;
    MIDI ports are told all."""
    own = {
        channel
        for each in members
        if each.instrument is not None
        for channel in each.routing.channels
    }
    found: list[OutputSpec] = []
    for spec in routing.outputs:
        left = tuple(c for c in (spec.channels or range(16)) if c not in own)
        found.append(
            replace(spec, channels=left) if own and spec.kind is OutputKind.SYNTH else spec
        )
    for each in members:
        if each.instrument is not None:
            channels = tuple(sorted(set(each.routing.channels)))
            found.append(replace(each.instrument, channels=channels))
    return tuple(found)


def _check_voices(name: str, voices: frozenset[int], play: Mapping[str, Any]) -> None:
    """A voice is yours or the machine's."""
    yours = play.get("player_voice", 0)
    if play.get("mode") is Mode.ACCOMPANY and yours in voices:
        raise SettingError(
            f"the {VOICES[yours]} is the voice that you play for {name}, so {name} cannot have it",
            nearest=f"Leave it out of voices, or choose another player_voice for {name}.",
        )


def _check_channels(members: Sequence[Seated]) -> None:
    """A channel, and so a voice, belongs to one alone."""
    taken: dict[int, str] = {}
    first = members[0].routing
    taken[first.thru_channel], taken[first.click_channel] = YOU, "the metronome"
    for each in members:
        name = each.member.name
        for channel in sorted(set(each.routing.channels)):
            if channel in taken:
                free = [c + 1 for c in range(16) if c not in taken]
                raise SettingError(
                    f"{taken[channel]} and {name} both play on channel {channel + 1}",
                    allowed="each voice belongs to one alone",
                    nearest=f"Free so far: {', '.join(map(str, free))}.",
                )
        taken |= dict.fromkeys(each.routing.channels, name)


def own_instrument_from(name: str, value: Any) -> OutputSpec:
    """An instrument as in `[voices]`, or its name alone."""
    return instrument_from(name, {"instrument": value} if isinstance(value, str) else value)


def hears_from(name: str, value: Any) -> tuple[str, ...]:
    """Whom a member hears; [] is nobody."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise SettingError(
            f"{name} = {value!r} is no list of names",
            allowed=f"a list of {YOU!r} and of others of the ensemble",
        )
    return tuple(dict.fromkeys(value))
