"""A model bundle: one folder that says all about itself, checked before anything is run.

`manifest.toml` names the grammar, the voices, the graphs with their tensors, the training and the
SHA-256 of each file. Whatever does not fit is refused with one sentence. Pure: no numpy, no ONNX
Runtime, and nothing is ever unpickled.
"""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ripieno.errors import BundleError, nearest_name
from ripieno.grammar.grid import FEATURES, HIGHEST, LOWEST, STEPS_PER_BEAT, VOCABULARY, VOICES
from ripieno.inference.bundle_graphs import (
    NEXT,
    PRECISIONS,
    Cache,
    Graph,
    Rewind,
    State,
    Tensor,
    graphs,
    inputs,
    memory,
    outputs,
    unreadable,
)
from ripieno.inference.manifest_table import Table

FORMAT = 1
MANIFEST = "manifest.toml"


@dataclass(frozen=True, slots=True)
class VoiceSpec:
    """A voice and the range it was trained in, as MIDI numbers."""

    name: str
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Extra:
    """A further file of the bundle."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Corpus:
    """Where training data came from: `pieces` of it, under `licence`."""

    name: str
    licence: str
    pieces: int


@dataclass(frozen=True, slots=True)
class Training:
    """How the model was made. `minutes` of wall clock on `machine`."""

    data: tuple[Corpus, ...]
    command: str
    seed: int
    minutes: float
    machine: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """All that a bundle says about itself. `order`: voices as they are decided by default.

    A model with a cache holds `context` positions and hears at most `chunk` rows in one run.
    """

    folder: Path
    name: str
    version: str
    title: str
    licence: str
    given: str
    order: tuple[int, ...]
    voices: tuple[VoiceSpec, ...]
    graphs: tuple[Graph, ...]
    features: Tensor
    logits: Tensor
    rewind: Rewind
    states: tuple[State, ...]
    caches: tuple[Cache, ...]
    context: int
    chunk: int
    hidden: Tensor | None
    training: Training
    metrics: tuple[tuple[str, float], ...]
    files: tuple[Extra, ...]

    @property
    def bytes(self) -> int:
        """Size of all graphs together."""
        return sum(graph.bytes for graph in self.graphs)

    def graph(self, precision: str, role: str = "") -> Graph:
        """The graph of `role` at `precision`; 'auto' is int8 where there is one.

        Without a role, the one that every decision goes through. Raises BundleError.
        """
        main = "frame" if self.rewind is Rewind.FRAMES else "step"
        there = {graph.precision: graph for graph in self.graphs if graph.role == (role or main)}
        wanted = precision if precision != "auto" else next(p for p in PRECISIONS if p in there)
        if wanted not in there:
            raise BundleError(
                f"there is no graph of precision {precision!r}",
                where=str(self.folder),
                allowed=", ".join(("auto", *there)),
                nearest=nearest_name(precision, ("auto", *there)),
            )
        return there[wanted]


def check(folder: Path) -> Manifest:
    """The manifest of `folder`, with the SHA-256 of every file checked. Raises BundleError."""
    manifest = load_manifest(folder)
    named = [(graph.file, graph.sha256) for graph in manifest.graphs]
    for name, sha256 in [*named, *((extra.name, extra.sha256) for extra in manifest.files)]:
        path = folder / name
        try:
            found = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            raise unreadable(path, error) from None
        if found != sha256:
            raise BundleError(
                f"the file is damaged or was changed (its SHA-256 begins {found[:8]}, "
                f"the manifest's {sha256[:8]})",
                where=str(path),
                nearest=NEXT,
            )
    return manifest


def load_manifest(folder: Path) -> Manifest:
    """Read the manifest of the bundle in `folder` and check it against this engine and the
    files' presence, not their contents. Raises BundleError."""
    path = folder / MANIFEST
    if not folder.is_dir():
        raise BundleError(
            "there is no such bundle folder", where=str(folder), nearest=_neighbour(folder)
        )
    try:
        content: dict[str, Any] = tomllib.loads(path.read_bytes().decode())
    except OSError as error:
        raise unreadable(path, error) from None
    except UnicodeDecodeError:
        raise BundleError("the manifest is not text", where=str(path), nearest=NEXT) from None
    except tomllib.TOMLDecodeError as error:
        raise BundleError(
            f"the manifest is not valid TOML ({error})", where=str(path), nearest=NEXT
        ) from None
    return _manifest(folder, Table(content, str(path)))


def _neighbour(folder: Path) -> str:
    """A bundle beside the `folder` that is not there."""
    beside = folder.parent
    names = [p.parent.name for p in beside.glob(f"*/{MANIFEST}")] if beside.is_dir() else []
    return nearest_name(folder.name, names) or "ripieno models lists what is installed."


def _manifest(folder: Path, table: Table) -> Manifest:
    table.same("format", FORMAT, "the bundle format that this engine reads")
    table.same("grammar", "grid", "the grammar that this engine plays")
    order = _grid(table.table("grid"))
    kept = memory(table)
    manifest = Manifest(
        folder=folder,
        name=table.text("name"),
        version=table.text("version"),
        title=table.text("title"),
        licence=table.text("licence"),
        given=table.one_of("given", ("any", "none")),
        order=order,
        voices=_voices(table),
        graphs=graphs(folder, table, kept.rewind),
        features=inputs(table, kept.rewind),
        logits=outputs(table, kept.rewind),
        rewind=kept.rewind,
        states=kept.states,
        caches=kept.caches,
        context=kept.context,
        chunk=kept.chunk,
        hidden=kept.hidden,
        training=_training(table.table("training")),
        metrics=table.table("metrics").numbers(),
        files=tuple(_extra(folder, part) for part in table.tables("file")),
    )
    table.end()
    return manifest


def _grid(table: Table) -> tuple[int, ...]:
    table.same("steps_per_beat", STEPS_PER_BEAT, "the grid of this engine")
    table.same("lowest", LOWEST, "the grid of this engine")
    table.same("highest", HIGHEST, "the grid of this engine")
    table.same("vocabulary", VOCABULARY, "the grid of this engine")
    order = table.texts("order")
    if sorted(order) != sorted(VOICES):
        raise table.error("order", f"is {', '.join(order)}", f"each once of {', '.join(VOICES)}")
    names, known = table.texts("features"), [feature.name for feature in FEATURES]
    for place, (name, right) in enumerate(zip(names, known, strict=False)):
        if name != right:
            raise table.error("features", f"has {name!r} at place {place}", f"{right!r} there")
    if len(names) != len(known):
        raise table.error("features", f"has {len(names)} names", f"the {len(known)} of the grid")
    table.end()
    return tuple(VOICES.index(name) for name in order)


def _voices(table: Table) -> tuple[VoiceSpec, ...]:
    voices: list[VoiceSpec] = []
    for part in table.tables("voice"):
        low, high = part.whole("low", 0, 127), part.whole("high", 0, 127)
        voices.append(VoiceSpec(part.one_of("name", VOICES), low, high))
        if low > high:
            raise part.error("low", f"is {low}, above high = {high}", "low ≤ high")
        part.end()
    if tuple(voice.name for voice in voices) != VOICES:
        named = ", ".join(voice.name for voice in voices) or "none"
        raise table.error("voice", f"names {named}", f"{', '.join(VOICES)}, in this order")
    return tuple(voices)


def _training(table: Table) -> Training:
    data = table.tables("data")
    corpora = tuple(
        Corpus(part.text("name"), part.text("licence"), part.whole("pieces", 0, 10**9))
        for part in data
    )
    for part in data:
        part.end()
    training = Training(
        data=corpora,
        command=table.text("command"),
        seed=table.whole("seed", 0, 2**63),
        minutes=table.number("minutes"),
        machine=table.text("machine"),
    )
    table.end()
    return training


def _extra(folder: Path, part: Table) -> Extra:
    extra = Extra(part.file("name"), part.sha256("sha256"))
    part.end()
    if not (folder / extra.name).is_file():
        raise unreadable(folder / extra.name, FileNotFoundError())
    return extra
