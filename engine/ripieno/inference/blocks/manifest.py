"""What a manifest tells of a model that makes blocks of bars. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ripieno.errors import BundleError
from ripieno.grammar.grid import FEATURES, STEPS_PER_BEAT, VOCABULARY, VOICES
from ripieno.inference.bundle_graphs import Rewind, Tensor, tensors
from ripieno.inference.bundle_music import Music, voices_of
from ripieno.inference.manifest_table import Table, shown

BLOCKS = "blocks"
SPEC = "spec"
"""Under this key of `Manifest.own` lies the `Spec`."""
KEYS = 88
"""Keys of a piano roll, from the A of MIDI number 21."""
LONGEST, MOST_NUMBERS, MOST_CODES, MOST_ENTRIES = 256, 4096, 1024, 4096
MOST_DIRECTIONS, MOST_MEMORY = 4, 1 << 16
_INTEGERS, _FLOATS = "int64", "float32"


class Kind(StrEnum):
    """What a block is made from."""

    LATENT = "latent"
    """A point of a space in which one can go from one phrase to another."""
    CODES = "codes"
    """Entries of a codebook, which a prior tells one after the other."""


class Output(StrEnum):
    """What the decoder tells of each sixteenth."""

    VOICES = "voices"
    """Of each voice how likely each token of the grid is."""
    ROLL = "roll"
    """Of each key of a piano how likely it is to be down, as log-odds."""


@dataclass(frozen=True, slots=True)
class Spec:
    """The table `[blocks]`: see docs/bundles.md. `size`: numbers of the latent, or how many codes.

    `entries`, `together` and `memory` are of codes, `directions` of a latent; else they are 0.
    """

    kind: Kind
    output: Output
    steps: int
    size: int
    directions: int = 0
    entries: int = 0
    together: int = 0
    memory: int = 0

    @property
    def tokens(self) -> Tensor:
        """What an encoder hears: [1, steps, 4], with `UNKNOWN` where nothing is known."""
        return Tensor("tokens", _INTEGERS, (1, self.steps, len(VOICES)))

    @property
    def drawn(self) -> Tensor:
        """What an encoder tells and a decoder is told."""
        dtype = _FLOATS if self.kind is Kind.LATENT else _INTEGERS
        return Tensor(self.kind.value, dtype, (1, self.size))

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """All that a decoder is told."""
        turns = Tensor("turns", _FLOATS, (1, self.directions))
        return (self.drawn, turns) if self.directions else (self.drawn,)

    @property
    def told(self) -> Tensor:
        """What a decoder tells of a block."""
        if self.output is Output.ROLL:
            return Tensor("roll", _FLOATS, (1, self.steps, KEYS))
        return Tensor("logits", _FLOATS, (1, self.steps, len(VOICES), VOCABULARY))

    @property
    def prior(self) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Inputs and outputs of a prior: the code before (`entries` before the first), and what it
        remembers."""
        memory = (1, self.memory)
        return (
            (Tensor("code", _INTEGERS, (1,)), Tensor("memory", _FLOATS, memory)),
            (Tensor("logits", _FLOATS, (1, self.entries)), Tensor("memory_out", _FLOATS, memory)),
        )

    @property
    def roles(self) -> tuple[str, ...]:
        """The graphs that there must be."""
        return ("decoder",) if self.kind is Kind.LATENT else ("decoder", "encoder", "prior")


def blocks_music(table: Table, rewind: Rewind) -> Music:
    """What goes in and comes out of a model of blocks. Raises BundleError."""
    if rewind is not Rewind.BLOCKS:
        raise table.error("rewind.kind", f"is of {rewind.value!r}", f"'{Rewind.BLOCKS.value}'")
    told = table.table(BLOCKS)
    spec = _spec(told)
    order = told.texts("order")
    if sorted(order) != sorted(VOICES):
        raise told.error("order", f"is {shown(list(order))}", f"each once of {', '.join(VOICES)}")
    told.end()
    voices = voices_of(table)
    if tuple(voice.name for voice in voices) != VOICES:
        named = ", ".join(voice.name for voice in voices)
        raise table.error("voice", f"names {named}", f"{', '.join(VOICES)}, in this order")
    tensors(table, "input", *spec.inputs)
    tensors(table, "output", spec.told)
    # What the model is asked, and answers, sixteenth by sixteenth: as every model of the grid.
    asked = Tensor("features", _INTEGERS, (1, len(FEATURES)))
    answer = Tensor("logits", _FLOATS, (1, VOCABULARY))
    return Music(tuple(VOICES.index(name) for name in order), voices, asked, answer, {SPEC: spec})


def _spec(told: Table) -> Spec:
    kind = Kind(told.one_of("kind", tuple(Kind)))
    output = Output(told.one_of("output", tuple(Output)))
    steps = told.whole("steps", 4 * STEPS_PER_BEAT, LONGEST)
    if kind is Kind.LATENT:
        size = told.whole("size", 1, MOST_NUMBERS)
        return Spec(kind, output, steps, size, told.whole("directions", 0, MOST_DIRECTIONS))
    spec = Spec(
        kind,
        output,
        steps,
        told.whole("size", 1, MOST_CODES),
        entries=told.whole("entries", 2, MOST_ENTRIES),
        together=told.whole("together", 1, MOST_CODES),
        memory=told.whole("memory", 1, MOST_MEMORY),
    )
    if spec.size % spec.together or spec.steps * spec.together % spec.size:
        raise told.error("together", f"is {spec.together}", "a share of size that divides steps")
    return spec


def refuse_roles(spec: Spec, there: set[str], where: str) -> None:
    """Raises BundleError where a graph is missing, or one is there that nobody would ask."""
    known = {*spec.roles, "encoder"}
    for role in sorted(set(spec.roles) - there):
        raise BundleError(
            f"there is no graph of role {role!r}", where=where, allowed=", ".join(spec.roles)
        )
    for role in sorted(there - known):
        raise BundleError(
            f"a graph has the role {role!r}, which a model of {spec.kind.value} has no use for",
            where=where,
            allowed=", ".join(sorted(known)),
        )
