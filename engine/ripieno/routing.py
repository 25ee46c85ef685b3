"""Where a performance comes from and goes to: instruments in, sounds out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from ripieno.errors import SettingError
from ripieno.grammar.grid import VOICES


class OutputKind(StrEnum):
    SYNTH = "synth"
    """FluidSynth with its own audio driver, or tinysoundfont where it is missing."""
    PORT = "port"
    """A MIDI port of this machine, by name."""
    VIRTUAL = "virtual"
    """A MIDI port of our own, that other programs connect to."""
    NONE = "none"
    LV2 = "lv2"
    """An LV2 instrument, by its URI, in jalv over JACK."""
    VST3 = "vst3"
    """A VST3 instrument, by its name or path, through pedalboard."""
    PLUGIN = "plugin"
    """An output that another package brings: its name, and after a colon what it makes of it."""


class InputKind(StrEnum):
    PORT = "port"
    VIRTUAL = "virtual"
    FILE = "file"
    """A MIDI file, played in as if live."""


@dataclass(frozen=True, slots=True)
class OutputSpec:
    """An output to open. `name` is the port's, or the audio driver's for a synth ('' picks)."""

    kind: OutputKind
    name: str = ""
    latency_ms: float = 0.0
    """How long the instrument behind it takes to sound, 0…500 ms: it is told so much earlier."""
    channels: tuple[int, ...] = ()
    """It is told only of these channels, 0…15; () is all."""
    velocity: tuple[tuple[int, int], ...] = ()
    """Points (played, sent) of its velocity table, 1…127, rising in the first; () changes none."""
    parameters: tuple[tuple[str, float | str | bool], ...] = ()
    """Names and values of a VST3 instrument's parameters, each in its own unit."""

    def __post_init__(self) -> None:
        if not 0 <= self.latency_ms <= 500:
            raise SettingError(
                f"latency_ms = {self.latency_ms:g} is out of range", allowed="0…500 ms"
            )
        played = [point[0] for point in self.velocity]
        within = all(1 <= number <= 127 for point in self.velocity for number in point)
        if not within or any(a >= b for a, b in pairwise(played)):
            raise SettingError(
                f"the velocity table {list(map(list, self.velocity))} cannot be used",
                allowed="points [played, sent] of 1…127, the played ones rising",
            )


@dataclass(frozen=True, slots=True)
class InputSpec:
    """An input to open. `name` is the port's name or the file's path."""

    kind: InputKind
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """All ends of a performance."""

    outputs: tuple[OutputSpec, ...] = (OutputSpec(OutputKind.SYNTH),)
    inputs: tuple[InputSpec, ...] = (InputSpec(InputKind.VIRTUAL),)
    soundfont: str = ""
    """Path of a .sf2 or .sf3 file; '' takes the built-in one."""
    channels: tuple[int, ...] = (0, 1, 2, 3)
    """MIDI channel 0…15 of soprano, alto, tenor and bass."""
    programs: tuple[int, ...] = (19, 19, 19, 19)
    """General MIDI program 0…127 of each voice."""
    banks: tuple[int | None, ...] = (None, None, None, None)
    """Bank 0…16383 (controllers 0 and 32) of each voice; None sends none."""
    volumes: tuple[int | None, ...] = (None, None, None, None)
    """Volume 0…127 (controller 7) of each voice; None leaves it to the instrument."""
    pans: tuple[int | None, ...] = (None, None, None, None)
    """Place 0…127 (controller 10, 64 in the middle) of each voice; None leaves it."""
    thru: bool = True
    """Whether your own notes sound through the outputs too."""
    thru_channel: int = 4
    """The channel of your own notes."""
    thru_program: int = 19
    click_channel: int = 9
    """The channel of the metronome, where General MIDI has its drums."""
    client: str = "ripieno"
    """The name under which other programs see the ports."""

    def __post_init__(self) -> None:
        for name, values, highest in (
            ("channels", self.channels, 15),
            ("programs", self.programs, 127),
            ("thru_channel", (self.thru_channel,), 15),
            ("thru_program", (self.thru_program,), 127),
            ("click_channel", (self.click_channel,), 15),
            ("banks", self.banks, 16383),
            ("volumes", self.volumes, 127),
            ("pans", self.pans, 127),
        ):
            if not all(value is None or 0 <= value <= highest for value in values):
                raise SettingError(f"{name} {values} is out of range", allowed=f"0…{highest}")
        for name in ("channels", "programs", "banks", "volumes", "pans"):
            if len(getattr(self, name)) != len(VOICES):
                raise SettingError(f"{name} needs one number for each of four voices")


def own_instruments(routing: Routing) -> tuple[str, ...]:
    """The instruments beside our own sounds and the MIDI ports, and another soundfont, by name."""
    usual = (OutputKind.SYNTH, OutputKind.PORT, OutputKind.VIRTUAL, OutputKind.NONE)
    others = (f"{spec.kind}:{spec.name}" for spec in routing.outputs if spec.kind not in usual)
    return (*others, *([routing.soundfont] if routing.soundfont else []))
