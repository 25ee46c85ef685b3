"""A model bundle: one folder that says all about itself, checked before anything is run.

`manifest.toml` names the grammar, the voices, the graphs with their tensors, the training and the
SHA-256 of each file. Whatever does not fit is refused with one sentence. Pure: no numpy, no ONNX
Runtime, and nothing is ever unpickled.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ripieno import plugins
from ripieno.errors import BundleError, nearest_name
from ripieno.inference.blocks.manifest import BLOCKS, blocks_music
from ripieno.inference.bundle_graphs import (
    PRECISIONS,
    ROLES,
    Cache,
    Graph,
    Rewind,
    State,
    Tensor,
    graphs,
    memory,
)
from ripieno.inference.bundle_music import GRID, Music, VoiceSpec, foreign_music, grid_music
from ripieno.inference.graph_file import check_graph
from ripieno.inference.lead.manifest import LEAD_SHEET, lead_music
from ripieno.inference.manifest_table import Table
from ripieno.inference.plain_file import LARGEST, NEXT, plain_file, unreadable
from ripieno.inference.tokens.manifest import TOKENS, tokens_music

FORMAT = 1
MANIFEST = "manifest.toml"
LONGEST = 1 << 16
"""Bytes of a manifest."""


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
    `own` is what only the `grammar` understands, where a plug-in brings it.
    """

    folder: Path
    name: str
    version: str
    title: str
    licence: str
    grammar: str
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
    own: Mapping[str, Any] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """Size of all graphs together."""
        return sum(graph.bytes for graph in self.graphs)

    def graph(self, precision: str, role: str = "") -> Graph:
        """The graph of `role` at `precision`; 'auto' is int8 where there is one.

        Without a role, the one that every decision goes through. Raises BundleError.
        """
        main = ROLES[self.rewind][0]
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
    """The manifest of `folder`, with the SHA-256 of every file checked, and what its graphs are
    made of. Raises BundleError."""
    manifest = load_manifest(folder)
    named = [(graph.file, graph.sha256) for graph in manifest.graphs]
    for name, sha256 in [*named, *((extra.name, extra.sha256) for extra in manifest.files)]:
        path = folder / name
        try:
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise unreadable(path, error) from None
        if found != sha256:
            raise BundleError(
                f"the file is damaged or was changed (its SHA-256 begins {found[:8]}, "
                f"the manifest's {sha256[:8]})",
                where=str(path),
                nearest=NEXT,
            )
    beside = {extra.name: (folder / extra.name).stat().st_size for extra in manifest.files}
    for graph in manifest.graphs:
        check_graph(folder / graph.file, graph.opset, beside)
    return manifest


def load_manifest(folder: Path) -> Manifest:
    """Read the manifest of the bundle in `folder` and check it against this engine and the
    files' presence, not their contents. Raises BundleError."""
    path = folder / MANIFEST
    if not folder.is_dir():
        raise BundleError(
            "there is no such bundle folder", where=str(folder), nearest=_neighbour(folder)
        )
    plain_file(path, LONGEST)
    try:
        text = path.read_bytes().decode()
    except OSError as error:
        raise unreadable(path, error) from None
    except UnicodeDecodeError:
        raise BundleError("the manifest is not text", where=str(path), nearest=NEXT) from None
    return parse_manifest(folder, text)


def parse_manifest(folder: Path, text: str) -> Manifest:
    """The manifest whose `text` was found in `folder`. Raises BundleError."""
    path = folder / MANIFEST
    try:
        content: dict[str, Any] = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits is a ValueError
        reason = str(error).partition("\n")[0][:200]
        raise BundleError(
            f"the manifest is not valid TOML ({reason})", where=str(path), nearest=NEXT
        ) from None
    return _manifest(folder, Table(content, str(path)))


def _neighbour(folder: Path) -> str:
    """A bundle beside the `folder` that is not there."""
    beside = folder.parent
    names = [p.parent.name for p in beside.glob(f"*/{MANIFEST}")] if beside.is_dir() else []
    return nearest_name(folder.name, names) or "ripieno models lists what is installed."


def _manifest(folder: Path, table: Table) -> Manifest:
    table.same("format", FORMAT, "the bundle format that this engine reads")
    grammar = table.name("grammar")
    kept = memory(table)
    music = _music(grammar, table, kept.rewind)
    manifest = Manifest(
        folder=folder,
        name=table.name("name"),
        version=table.text("version"),
        title=table.text("title"),
        licence=table.text("licence"),
        grammar=grammar,
        given=table.one_of("given", ("any", "none")),
        order=music.order,
        voices=music.voices,
        graphs=graphs(folder, table, kept.rewind),
        features=music.features,
        logits=music.logits,
        rewind=kept.rewind,
        states=kept.states,
        caches=kept.caches,
        context=kept.context,
        chunk=kept.chunk,
        hidden=kept.hidden,
        training=_training(table.table("training")),
        metrics=table.table("metrics").numbers(),
        files=tuple(_extra(folder, part) for part in table.tables("file")),
        own=music.own,
    )
    table.end()
    return manifest


def _music(grammar: str, table: Table, rewind: Rewind) -> Music:
    if grammar == GRID:
        return grid_music(table, rewind)
    if grammar == TOKENS:
        return tokens_music(table, rewind)
    if grammar == BLOCKS:
        return blocks_music(table, rewind)
    if grammar == LEAD_SHEET:
        return lead_music(table, rewind)
    known = plugins.names(plugins.GRAMMARS)
    if grammar not in known:
        raise BundleError(
            f"the grammar is {grammar!r}, which nobody here can play",
            where=table.where,
            allowed=", ".join(known),
            nearest=nearest_name(grammar, known) or "A plug-in of ripieno.grammars may bring it.",
        )
    return foreign_music(grammar, table, rewind)


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
    plain_file(folder / extra.name, LARGEST)
    return extra
