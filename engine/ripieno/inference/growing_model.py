"""Decoders as others export them: a cache that comes out longer than it went in, or none at all.

The tensors have the names that Hugging Face's optimum gives them. Keys and values go from one run
into the next as they came out; going back cuts them, when the next run needs them. A graph without
a cache hears everything again each time. A branch without a past hears one token and no more.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ripieno.inference.bundle import Manifest, check
from ripieno.inference.bundle_graphs import ASIDE, Cache, Tensor
from ripieno.inference.model import Logits, Mark, ModelFault, Row
from ripieno.inference.onnx_session import (
    Held,
    Session,
    broken,
    copied,
    finite,
    held,
    not_finite,
    reason_of,
    size_of,
)


class GrowingModel:
    """A causal decoder of event tokens. See `model.Model`; a position is a token."""

    marks_last = False
    per_step = 1

    def __init__(self, session: Session, manifest: Manifest, precision: str) -> None:
        self.manifest, self.precision = manifest, precision
        self.context: float = manifest.context
        self._session = session
        self._aside = {tensor.name for tensor in ASIDE if session.takes(tensor.name)}
        self._ids: list[int] = []
        self._names = [manifest.logits.name, *(cache.present for cache in manifest.caches)]
        self._branches = "use_cache_branch" in self._aside
        self._empty = {cache.past: held(_empty(cache)) for cache in manifest.caches}
        self._past: dict[str, Held] = dict(self._empty)
        self._reach = 0
        """Positions that `_past` stands for, as many as there are ids or more."""

    @classmethod
    def open(cls, manifest: Manifest, precision: str = "auto", threads: int = 1) -> GrowingModel:
        """See `model.open_model`. Raises BundleError."""
        graph = manifest.graph(precision)
        check(manifest.folder)
        session = Session(manifest.folder / graph.file, threads)
        past, present = [], []
        for cache in manifest.caches:
            shape = (1, cache.shape[1], "filled", cache.shape[3])
            past.append(Tensor(cache.past, cache.dtype, shape))
            present.append(Tensor(cache.present, cache.dtype, shape))
        aside = [tensor for tensor in ASIDE if session.takes(tensor.name)]
        session.check([manifest.features, *aside, *past], [manifest.logits, *present], loosely=True)
        model = cls(session, manifest, graph.precision)
        model._run_dry()
        return model

    @property
    def length(self) -> int:
        return len(self._ids)

    def step(self, row: Row) -> Logits:
        return self.feed([row], ())[0]

    def feed(self, rows: Sequence[Row], at: Sequence[int]) -> tuple[Logits, list[Mark]]:
        begin = len(self._ids)
        if begin + len(rows) > self.manifest.context:
            raise ModelFault(f"its context of {self.manifest.context} positions is full")
        ids = [int(row[0]) for row in rows]
        try:
            logits = self._hear(ids)
        except Exception as error:
            raise ModelFault(reason_of(error)) from None
        return logits, [begin + number for number in at]

    def mark(self) -> Mark:
        return len(self._ids)

    def rewind(self, mark: Mark) -> None:
        del self._ids[int(mark) :]

    def reset(self) -> None:
        self._ids.clear()
        self._past, self._reach = dict(self._empty), 0

    def _hear(self, ids: list[int]) -> Logits:
        """All of `ids`, in as many runs as it takes: the last one's logits."""
        size = self.manifest.chunk if self.manifest.caches else len(ids)
        # The branch without a past may give back no more than its window, which cannot be cut.
        first = 1 if self._branches and not self._ids else size
        logits = self._run(ids[:first])
        for begin in range(first, len(ids), size):
            logits = self._run(ids[begin : begin + size])
        return logits

    def _run(self, ids: list[int]) -> Logits:
        """Hear `ids` after what was heard: the last one's logits."""
        before = len(self._ids)
        cached = before if self.manifest.caches else 0
        if self._reach > cached:
            self._cut(cached)
        tokens = ids if self.manifest.caches else [*self._ids, *ids]
        inputs = {self.manifest.features.name: held(np.array([tokens], np.int64)), **self._past}
        inputs |= self._told(cached, len(tokens))
        logits, *present = self._session.run(self._names, inputs)
        self._past = {c.past: new for c, new in zip(self.manifest.caches, present, strict=True)}
        self._reach = before + len(ids) if self.manifest.caches else 0
        self._ids += ids
        last: Logits = copied(logits)[0, -1]
        return last

    def _told(self, cached: int, count: int) -> dict[str, Held]:
        """What the graph takes besides tokens and cache, for `count` tokens behind a cache."""
        end = cached + count
        told: dict[str, NDArray[np.generic]] = {
            "attention_mask": np.ones((1, end), np.int64),
            "position_ids": np.arange(cached, end, dtype=np.int64)[None],
            "use_cache_branch": np.array([cached > 0]),
        }
        return {name: held(array) for name, array in told.items() if name in self._aside}

    def _cut(self, length: int) -> None:
        """Keys and values of the first `length` positions alone.

        Where some layer has given up the oldest ones, because its window has passed them, that
        cannot be had by cutting: then all is heard again.
        """
        if all(size_of(value)[2] == self._reach for value in self._past.values()):
            for name, value in self._past.items():
                self._past[name] = held(np.ascontiguousarray(copied(value)[:, :, :length]))
            self._reach = length
            return
        ids = self._ids[:]
        self.reset()
        if ids:
            self._hear(ids)

    def _run_dry(self) -> None:
        """A chunk and a step, so that the first real ones are as fast as the others."""
        some = min(self.manifest.chunk, 8)
        try:
            logits = self._run([0] * some), self._run([0])
        except Exception as error:
            raise broken(self._session.path, error) from None
        self.reset()
        if not finite(*logits):
            raise not_finite(self._session.path)


def _empty(cache: Cache) -> NDArray[np.float32]:
    return np.zeros((1, cache.shape[1], 0, cache.shape[3]), np.float32)
