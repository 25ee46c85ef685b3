"""Transformers with a cache of keys and values: going back moves a length, no more.

The caches are static arrays that the graph reads as its past and writes as its present, in place.
Runs are bound once for each of a few chunk lengths. `CachedModel` hears a row for every decision;
`FramedModel` hears one for every sixteenth, and a small graph decides the voices from it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ripieno.grammar.grid import FEATURES, VOCABULARY, VOICES
from ripieno.inference.bundle import Manifest, check
from ripieno.inference.bundle_graphs import Tensor
from ripieno.inference.model import Logits, Mark, ModelFault, Row
from ripieno.inference.onnx_session import Run, Session, finite, not_finite, reason_of

CHUNKS = (64, 32, 16, 8, 4, 3, 2, 1)
"""How many rows go into one run; the longest of these that fits is taken first."""
_DECIDED = next(place for place, feature in enumerate(FEATURES) if feature.name == "decided")

Floats = NDArray[np.float32]


class Backbone:
    """The part of a model that has a cache: rows in, one output for each, positions counted."""

    def __init__(
        self, manifest: Manifest, step: Session, chunk: Session, output: Tensor, longest: int
    ) -> None:
        self.length = 0
        self.context = manifest.context
        self._seqlens, self._total = np.zeros(1, np.int32), np.zeros(1, np.int32)
        self._caches = {cache.past: np.zeros(cache.shape, np.float32) for cache in manifest.caches}
        self.chunks = tuple(size for size in CHUNKS if size <= longest)
        self._rows: dict[int, NDArray[np.int64]] = {}
        self._outputs: dict[int, Floats] = {}
        self._runs: dict[int, Run] = {}
        for size in self.chunks:
            self._bind(manifest, step if size == 1 else chunk, output, size)

    def hear(self, rows: Sequence[Row]) -> Floats:
        """Hear `rows`, one or more: the last one's output, a view that the next run overwrites.

        Raises ModelFault, also where the context has no room for them.
        """
        if self.length + len(rows) > self.context:
            raise ModelFault(f"its context of {self.context} positions is full")
        begin = 0
        for size in self.chunks:
            while len(rows) - begin >= size:
                self._rows[size][0] = rows[begin : begin + size]
                self._run(size)
                begin += size
                last = self._outputs[size]
        out: Floats = last[0, -1]
        return out

    def hear_one(self, row: Row) -> Floats:
        """As `hear` for a single row, which must find room."""
        self._rows[1][0, 0] = row
        self._run(1)
        out: Floats = self._outputs[1][0, 0]
        return out

    def dry(self, step: Session, chunk: Session) -> None:
        """Run every chunk length, so that the first real one is as fast as the others."""
        for size in self.chunks:
            session = step if size == 1 else chunk
            self._seqlens[0], self._total[0] = size - 1, size
            session.dry(self._runs[size])
            if not finite(self._outputs[size]):
                raise not_finite(session.path)

    def _run(self, size: int) -> None:
        total = self.length + size
        self._seqlens[0], self._total[0] = total - 1, total
        try:
            self._runs[size]()
        except Exception as error:
            raise ModelFault(reason_of(error)) from None
        self.length = total

    def _bind(self, manifest: Manifest, session: Session, output: Tensor, size: int) -> None:
        rows = np.zeros(manifest.features.sized(size), np.int64)
        out = np.zeros(output.sized(size), np.float32)
        inputs: dict[str, NDArray[np.generic]] = {
            manifest.features.name: rows,
            "seqlens_k": self._seqlens,
            "total_length": self._total,
            **self._caches,
        }
        outputs = {cache.present: self._caches[cache.past] for cache in manifest.caches}
        self._rows[size], self._outputs[size] = rows, out
        self._runs[size] = session.bind(inputs, {output.name: out, **outputs})


def _sessions(
    manifest: Manifest, precision: str, threads: int, step: str, output: Tensor
) -> tuple[Session, Session, str]:
    """The graphs for one row and for more, checked, and their precision. Raises BundleError."""
    graph = manifest.graph(precision, step)
    check(manifest.folder)
    past = [Tensor(c.past, c.dtype, c.shape) for c in manifest.caches]
    present = [Tensor(c.present, c.dtype, c.shape) for c in manifest.caches]
    counts = [Tensor(name, "int32", (1,)) for name in ("seqlens_k", "total_length")]
    sessions = [Session(manifest.folder / graph.file, threads)]
    if any(g.role == "chunk" and g.precision == graph.precision for g in manifest.graphs):
        other = manifest.graph(graph.precision, "chunk")
        sessions.append(Session(manifest.folder / other.file, threads))
    for session in sessions:
        session.check([manifest.features, *counts, *past], [output, *present])
    return sessions[0], sessions[-1], graph.precision


class CachedModel:
    """A transformer that hears every decision: a position is a decision. See `model.Model`."""

    marks_last = False
    per_step = len(VOICES)

    def __init__(self, manifest: Manifest, precision: str, backbone: Backbone) -> None:
        self.manifest, self.precision = manifest, precision
        self._backbone = backbone
        self.context: float = backbone.context

    @classmethod
    def open(cls, manifest: Manifest, precision: str = "auto", threads: int = 1) -> CachedModel:
        """See `model.open_model`. Raises BundleError."""
        step, chunk, found = _sessions(manifest, precision, threads, "step", manifest.logits)
        backbone = Backbone(manifest, step, chunk, manifest.logits, manifest.chunk)
        backbone.dry(step, chunk)
        return cls(manifest, found, backbone)

    @property
    def length(self) -> int:
        return self._backbone.length

    def step(self, row: Row) -> Logits:
        if self._backbone.length >= self.context:
            raise ModelFault("its context is full")
        return self._backbone.hear_one(row)

    def feed(self, rows: Sequence[Row], at: Sequence[int]) -> tuple[Logits, list[Mark]]:
        begin = self._backbone.length
        return self._backbone.hear(rows), [begin + number for number in at]

    def mark(self) -> Mark:
        return self._backbone.length

    def rewind(self, mark: Mark) -> None:
        self._backbone.length = int(mark)

    def reset(self) -> None:
        self._backbone.length = 0


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
        step, chunk, found = _sessions(manifest, precision, threads, "frame", hidden)
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
        backbone = Backbone(manifest, step, chunk, hidden, manifest.chunk)
        backbone.dry(step, chunk)
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
            if self._backbone.length >= self.context:
                raise ModelFault("its context is full")
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
        self._backbone.length = int(mark)

    def reset(self) -> None:
        self._backbone.length = 0

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
