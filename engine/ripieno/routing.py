"""Where a performance comes from and goes to: instruments in, sounds out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

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
    thru: bool = True
    """Whether your own notes sound through the outputs too."""
    thru_channel: int = 4
    """The channel of your own notes."""
    thru_program: int = 19
    client: str = "ripieno"
    """The name under which other programs see the ports."""

    def __post_init__(self) -> None:
        for name, values, highest in (
            ("channels", self.channels, 15),
            ("programs", self.programs, 127),
            ("thru_channel", (self.thru_channel,), 15),
            ("thru_program", (self.thru_program,), 127),
        ):
            if not all(0 <= value <= highest for value in values):
                raise SettingError(f"{name} {values} is out of range", allowed=f"0…{highest}")
        if len(self.channels) != len(VOICES) or len(self.programs) != len(VOICES):
            raise SettingError("channels and programs need one number for each of four voices")
