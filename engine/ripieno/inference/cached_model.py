"""Transformers with a cache of keys and values: going back moves a length, no more.

`CachedModel` hears a row for every decision; `FramedModel` hears one for every sixteenth, and a
small graph decides the voices from it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ripieno.grammar.grid import FEATURES, VOCABULARY, VOICES
from ripieno.inference.backbone import CHUNKS, Backbone, PortableBackbone, further
from ripieno.inference.bundle import Manifest, check
from ripieno.inference.bundle_graphs import COUNTS, PORTABLE, Graph, Tensor
from ripieno.inference.model import Logits, Mark, ModelFault, Row
from ripieno.inference.onnx_session import (
    MissingOperator,
    Session,
    finite,
    not_finite,
    reason_of,
)

__all__ = ["CHUNKS", "CachedModel", "FramedModel"]


_DECIDED = next(place for place, feature in enumerate(FEATURES) if feature.name == "decided")


def _opened(
    manifest: Manifest, precision: str, threads: int, step: str, output: Tensor
) -> tuple[Backbone, str]:
    """The graphs that hear rows, checked and run dry, and their precision. Raises BundleError."""
    graph = manifest.graph(precision, step)
    check(manifest.folder)
    try:
        sessions = [_session(manifest, graph, threads, output)]
    except MissingOperator:
        if not any(other.role == PORTABLE for other in manifest.graphs):
            raise
        return _portable(manifest, precision, threads, output)
    if any(g.role == "chunk" and g.precision == graph.precision for g in manifest.graphs):
        other = manifest.graph(graph.precision, "chunk")
        sessions.append(_session(manifest, other, threads, output))
    backbone = Backbone(manifest, sessions[0], sessions[-1], output, manifest.chunk)
    backbone.dry()
    return backbone, graph.precision


def _session(manifest: Manifest, graph: Graph, threads: int, output: Tensor) -> Session:
    past = [Tensor(c.past, c.dtype, c.shape) for c in manifest.caches]
    present = [Tensor(c.present, c.dtype, c.shape) for c in manifest.caches]
    session = Session(manifest.folder / graph.file, threads)
    inputs = [manifest.features, *COUNTS, *past]
    session.check(inputs, [output, *present], further(manifest.context))
    return session


def _portable(
    manifest: Manifest, precision: str, threads: int, output: Tensor
) -> tuple[Backbone, str]:
    """As `_opened`, with a graph of standard operators alone."""
    there = {graph.precision: graph for graph in manifest.graphs if graph.role == PORTABLE}
    graph = there.get(precision) or manifest.graph("auto", PORTABLE)
    shapes = [(1, "filled", c.shape[1] * c.shape[3]) for c in manifest.caches]
    pairs = list(zip(manifest.caches, shapes, strict=True))
    session = Session(manifest.folder / graph.file, threads)
    session.check(
        [manifest.features, *COUNTS, *(Tensor(c.past, c.dtype, shape) for c, shape in pairs)],
        [output, *(Tensor(c.present, c.dtype, shape) for c, shape in pairs)],
    )
    backbone = PortableBackbone(manifest, session, session, output, manifest.chunk)
    backbone.dry()
    return backbone, graph.precision


class CachedModel:
    """A transformer that hears every decision: a position is a decision. See `model.Model` and
    `model.Branching`."""

    marks_last = False
    per_step = len(VOICES)

    def __init__(self, manifest: Manifest, precision: str, backbone: Backbone) -> None:
        self.manifest, self.precision = manifest, precision
        self._backbone = backbone
        self.context: float = backbone.context

    @classmethod
    def open(cls, manifest: Manifest, precision: str = "auto", threads: int = 1) -> CachedModel:
        """See `model.open_model`. Raises BundleError."""
        backbone, found = _opened(manifest, precision, threads, "step", manifest.logits)
        return cls(manifest, found, backbone)

    @property
    def length(self) -> int:
        return self._backbone.length

    def step(self, row: Row) -> Logits:
        return self._backbone.hear_one(row)

    def feed(self, rows: Sequence[Row], at: Sequence[int]) -> tuple[Logits, list[Mark]]:
        begin = self._backbone.length
        return self._backbone.hear(rows), [begin + number for number in at]

    @property
    def branches(self) -> int:
        return self._backbone.branches

    def grow(self, rows: Sequence[Row], parents: Sequence[int | None]) -> Logits:
        return self._backbone.grow(rows, parents)

    def keep(self, row: int) -> None:
        self._backbone.keep(row)

    def mark(self) -> Mark:
        return self._backbone.length

    def rewind(self, mark: Mark) -> None:
        self._backbone.go(int(mark))

    def reset(self) -> None:
        self._backbone.go(0)


class FramedModel:
    """A transformer over sixteenths, with a small graph that decides the voices of each.

    The first row of a sixteenth tells all of the one before; what the backbone makes of it is kept
    until the next, so the other decisions, and other candidates for them, cost the small graph.
    See `model.Model`.
    """

    marks_last = False
    per_step = 1

    def __init__(
        self, manifest: Manifest, precision: str, backbone: Backbone, voice: Session
    ) -> None:
        self.manifest, self.precision = manifest, precision
        self._backbone = backbone
        self.context: float = backbone.context
        hidden = _hidden(manifest)
        self._row = np.zeros((1, len(FEATURES)), np.int64)
        self._hidden = np.zeros((1, hidden.sized(1)[-1]), np.float32)
        self._logits = np.zeros((1, VOCABULARY), np.float32)
        inputs: dict[str, NDArray[np.generic]] = {
            manifest.features.name: self._row,
            hidden.name: self._hidden,
        }
        self._decide = voice.bind(inputs, {manifest.logits.name: self._logits})

    @classmethod
    def open(cls, manifest: Manifest, precision: str = "auto", threads: int = 1) -> FramedModel:
        """See `model.open_model`. Raises BundleError."""
        hidden = _hidden(manifest)
        backbone, found = _opened(manifest, precision, threads, "frame", hidden)
        heads = [g.precision for g in manifest.graphs if g.role == "voice"]
        graph = manifest.graph(found if found in heads else heads[0], "voice")
        voice = Session(manifest.folder / graph.file, threads)
        voice.check(
            [
                Tensor(manifest.features.name, manifest.features.dtype, ("batch", len(FEATURES))),
                Tensor(hidden.name, hidden.dtype, ("batch", hidden.shape[-1])),
            ],
            [manifest.logits],
        )
        model = cls(manifest, found, backbone, voice)
        voice.dry(model._decide, times=2)
        if not finite(model._logits):
            raise not_finite(voice.path)
        return model

    @property
    def length(self) -> int:
        return self._backbone.length

    def step(self, row: Row) -> Logits:
        if not row[_DECIDED]:
            self._hidden[0] = self._backbone.hear_one(row)
        return self._voice(row)

    def feed(self, rows: Sequence[Row], at: Sequence[int]) -> tuple[Logits, list[Mark]]:
        begin = self._backbone.length
        first = [number for number, row in enumerate(rows) if not row[_DECIDED]]
        if first:
            self._hidden[0] = self._backbone.hear([rows[number] for number in first])
        marks: list[Mark] = [begin + sum(n < number for n in first) for number in at]
        return self._voice(rows[-1]), marks

    def mark(self) -> Mark:
        return self._backbone.length

    def rewind(self, mark: Mark) -> None:
        self._backbone.go(int(mark))

    def reset(self) -> None:
        self._backbone.go(0)

    def _voice(self, row: Row) -> Logits:
        self._row[0] = row
        try:
            self._decide()
        except Exception as error:
            raise ModelFault(reason_of(error)) from None
        logits: Logits = self._logits[0]
        return logits


def _hidden(manifest: Manifest) -> Tensor:
    assert manifest.hidden is not None, "a manifest per frame tells its hidden tensor"
    return manifest.hidden
