"""The part of a transformer that has a cache: rows in, one output for each, positions counted.

The caches are static arrays that the graph reads as its past and writes as its present, in place,
so that going back moves a length, no more. Runs are bound once for each number of rows. Where the
graph takes `position_ids` and `attention_bias`, rows of one run may also stand beside each other:
a tree of candidates behind what has been heard (the mask of tree attention in SpecInfer, Miao et
al., 2024), of which one path can be kept by moving its keys and values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ripieno.inference.bundle import Manifest
from ripieno.inference.bundle_graphs import COUNTS, Tensor
from ripieno.inference.model import ModelFault, Row
from ripieno.inference.onnx_session import Arrays, Run, Session, finite, not_finite, reason_of

CHUNKS = (64, 32, 16, 8, 4, 3, 2, 1)
"""How many rows go into the runs that are made ready when a model opens. Others, up to the longest
of these, are made ready when they are first needed: in a fraction of the time of a run."""
MOST_BRANCHES = 128
"""Rows that a tree of candidates may have."""
SMALLEST_PART = 64
"""Positions of a portable cache that a run is given at least."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Bound:
    """A run for a number of rows, and its memory: `rows` [S, width], `output` [1, S, numbers];
    where rows may branch, `places` [S] and `bias` [S, context]."""

    run: Run
    rows: NDArray[np.int64]
    output: Floats
    places: NDArray[np.int64] | None = None
    bias: Floats | None = None


class Backbone:
    """A graph with static caches [1, heads, context, size], and how far they are filled."""

    def __init__(
        self, manifest: Manifest, step: Session, chunk: Session, output: Tensor, longest: int
    ) -> None:
        self.context = manifest.context
        self.chunks = tuple(size for size in CHUNKS if size <= longest)
        self._longest = self.chunks[0]
        self.branches = MOST_BRANCHES if chunk.takes(BIAS) else 0
        self._manifest, self._step, self._chunk, self._output = manifest, step, chunk, output
        self._length = self._grown = 0
        self._seqlens, self._total = (np.zeros(count.sized(1), np.int32) for count in COUNTS)
        self._caches = self._memory()
        self._bound: dict[tuple[int, int], Bound] = {}
        # Runs of any size share the memory of the largest, of which they take the beginning.
        most = max(self._longest, self.branches)
        self._rows = np.zeros(manifest.features.sized(most), np.int64)
        self._out = np.zeros(output.sized(most), np.float32)
        self._places = np.zeros((1, most), np.int64)
        self._plain = np.zeros((1, 1, self._longest, self.context), np.float32)
        self._bias = np.zeros((1, 1, self.branches, self.context), np.float32)
        self._sight = np.full((self.branches, self.branches), -np.inf, np.float32)
        self._paths: list[tuple[int, ...]] = []
        self._count = np.arange(self._longest)

    @property
    def length(self) -> int:
        """Positions that are taken."""
        return self._length

    def go(self, length: int) -> None:
        """Back to where `length` positions were taken; candidates are forgotten."""
        self._length, self._grown = length, 0

    def hear(self, rows: Sequence[Row]) -> Floats:
        """Hear `rows`, one or more: the last one's output, a view that the next run overwrites.

        Raises ModelFault, also where the context has no room for them.
        """
        self._need(len(rows))
        for begin in range(0, len(rows), self._longest):
            part = rows[begin : begin + self._longest]
            bound = self._of(len(part))
            bound.rows[:] = np.reshape(part, bound.rows.shape)
            self._run(bound, len(part))
        out: Floats = bound.output[0, -1]
        return out

    def hear_one(self, row: Row) -> Floats:
        """As `hear` for a single row."""
        self._need(1)
        bound = self._of(1)
        bound.rows[0] = row
        self._run(bound, 1)
        out: Floats = bound.output[0, 0]
        return out

    def grow(self, rows: Sequence[Row], parents: Sequence[int | None]) -> Floats:
        """Hear each of `rows` after its parent: a row grown before, counted from 0 since the last
        that was heard or kept; None is all that was heard. Outputs [S, numbers], a view.

        Raises ModelFault where there is no room.
        """
        count, grown = len(rows), self._grown
        if grown + count > self.branches:
            raise ModelFault(f"it can weigh {self.branches} candidates at once, no more")
        self._need(grown + count)
        bound = self._of(count, branching=True)
        assert bound.places is not None and bound.bias is not None
        del self._paths[grown:]
        end = grown + count
        for number, parent in enumerate(parents, start=grown):
            path = () if parent is None else self._paths[parent]
            sight = self._sight[number]
            sight.fill(-np.inf)
            sight[[*path, number]] = 0.0
            self._paths.append((*path, number))
            bound.places[number - grown] = self._length + len(path)
        bound.rows[:] = np.reshape(rows, bound.rows.shape)
        bound.bias[:, : self._length] = 0.0
        bound.bias[:, self._length : self._length + end] = self._sight[grown:end, :end]
        self._launch(bound, self._length + end)
        self._grown = end
        out: Floats = bound.output[0]
        return out

    def keep(self, row: int) -> None:
        """Go on from the grown row numbered `row`: it and those before it on its path have been
        heard, all other candidates have not."""
        path, begin = self._paths[row], self._length
        for place, number in enumerate(path):
            if place != number:
                for cache in self._caches.values():
                    cache[:, :, begin + place] = cache[:, :, begin + number]
        self._length, self._grown = begin + len(path), 0

    def dry(self) -> None:
        """Run every chunk length, so that the first real one is as fast as the others."""
        for size in self.chunks:
            session, bound = self._session(size), self._of(size)
            self._tell(bound, size)
            session.dry(bound.run)
            if not finite(bound.output):
                raise not_finite(session.path)

    def _memory(self) -> dict[str, Floats]:
        return {cache.past: np.zeros(cache.shape, np.float32) for cache in self._manifest.caches}

    def _need(self, count: int) -> None:
        if self._length + count > self.context:
            raise ModelFault(f"its context of {self.context} positions is full")

    def _run(self, bound: Bound, size: int) -> None:
        total = self._length + size
        if bound.places is not None:
            np.add(self._count[:size], self._length, out=bound.places)
        self._launch(bound, total)
        self._length, self._grown = total, 0

    def _launch(self, bound: Bound, total: int) -> None:
        self._tell(bound, total)
        try:
            bound.run()
        except Exception as error:
            raise ModelFault(reason_of(error)) from None

    def _tell(self, bound: Bound, total: int) -> None:
        self._seqlens[0] = total - 1
        # The operator takes this for the width of its bias, whose memory never moves.
        self._total[0] = total if bound.bias is None else self.context

    def _session(self, size: int) -> Session:
        return self._step if size == 1 else self._chunk

    def _of(self, size: int, branching: bool = False) -> Bound:
        """The run for `size` rows from where it stands."""
        key = size, int(branching)
        if key not in self._bound:
            session = self._chunk if branching else self._session(size)
            bias = None
            if branching:
                bias = self._bias[:, :, :size]
            elif session.takes(BIAS):
                bias = self._plain[:, :, :size]
            self._bound[key] = self._bind(session, size, self._caches, bias)
        return self._bound[key]

    def _bind(self, session: Session, size: int, caches: Arrays, bias: Floats | None) -> Bound:
        manifest = self._manifest
        rows, out, places = self._rows[:, :size], self._out[:, :size], self._places[:, :size]
        counts = zip(COUNTS, (self._seqlens, self._total), strict=True)
        inputs: dict[str, NDArray[Any]] = {manifest.features.name: rows, **caches}
        inputs |= {count.name: number for count, number in counts}
        outputs = {cache.present: caches[cache.past] for cache in manifest.caches}
        if bias is not None:
            inputs |= {PLACES: places, BIAS: bias}
        return Bound(
            session.bind(inputs, {self._output.name: out, **outputs}),
            rows.reshape(size, -1),
            out,
            None if bias is None else places[0],
            None if bias is None else bias[0, 0],
        )


class PortableBackbone(Backbone):
    """The same on standard operators: caches [1, context, heads × size], of which a run is given
    the first 64, 128, 256 … positions, because it attends to all that it is given."""

    def go(self, length: int) -> None:
        if not length:
            # What is masked still takes part in the sums: after a fault it may be no number.
            for cache in self._caches.values():
                cache.fill(0.0)
        super().go(length)

    def _memory(self) -> dict[str, Floats]:
        return {
            cache.past: np.zeros((1, self.context, cache.shape[1] * cache.shape[3]), np.float32)
            for cache in self._manifest.caches
        }

    def _of(self, size: int, branching: bool = False) -> Bound:
        part = SMALLEST_PART
        while part < self._length + size:
            part *= 2
        key = size, min(part, self.context)
        if key not in self._bound:
            caches = {name: cache[:, : key[1]] for name, cache in self._caches.items()}
            self._bound[key] = self._bind(self._session(size), size, caches, None)
        return self._bound[key]


PLACES, BIAS = "position_ids", "attention_bias"


def further(context: int) -> tuple[Tensor, ...]:
    """The two inputs with which a graph can hear rows that stand beside each other."""
    return (
        Tensor(PLACES, "int64", (1, "chunk")),
        Tensor(BIAS, "float32", (1, 1, "chunk", context)),
    )
