"""A recurrent model run step by step: its whole state is one small array.

`(features, state) → (logits, state)`. Two sets of state buffers take turns as input and output, and
every buffer is bound once, so that a step allocates nothing and copies only its features.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ripieno.inference.bundle import Manifest, check
from ripieno.inference.bundle_graphs import Tensor
from ripieno.inference.model import Logits, Mark, ModelFault, Row
from ripieno.inference.onnx_session import Run, Session, finite, not_finite, reason_of

Snapshot = NDArray[np.float32]

_DRY_STEPS = 4


class StepModel:
    """A loaded model and its present state. One decision costs one `step`."""

    marks_last = True
    length = 0
    context = inf
    per_step = 4

    def __init__(self, session: Session, manifest: Manifest, precision: str) -> None:
        self.manifest, self.precision = manifest, precision
        self._features = np.zeros(manifest.features.sized(1), np.int64)
        self._row = self._features[0]
        output = np.zeros(manifest.logits.sized(1), np.float32)
        self._logits: Logits = output[0]
        sizes = [int(np.prod(state.shape)) for state in manifest.states]
        self._states: tuple[Snapshot, Snapshot] = (
            np.zeros(sum(sizes), np.float32),
            np.zeros(sum(sizes), np.float32),
        )
        # numpy's own ways to copy take as long as a tenth of a step, when their code is not at hand
        self._views = tuple(state.data for state in self._states)
        self._now = 0
        self._runs = tuple(self._bind(session, source, output) for source in (0, 1))

    @classmethod
    def open(cls, manifest: Manifest, precision: str = "auto", threads: int = 1) -> StepModel:
        """See `model.open_model`. Raises BundleError, also for a bundle of another kind."""
        graph = manifest.graph(precision)
        check(manifest.folder)
        session = Session(manifest.folder / graph.file, threads)
        before = [Tensor(s.input, s.dtype, s.shape) for s in manifest.states]
        after = [Tensor(s.output, s.dtype, s.shape) for s in manifest.states]
        session.check([manifest.features, *before], [manifest.logits, *after])
        model = cls(session, manifest, graph.precision)
        model._run_dry(session)
        return model

    def step(self, row: Row) -> Logits:
        """One decision: features [len(FEATURES)] in, logits [48] out, the state one step on."""
        self._row[:] = row
        try:
            self._runs[self._now]()
        except Exception as error:
            raise ModelFault(reason_of(error)) from None
        self._now = 1 - self._now
        return self._logits

    def feed(self, rows: Sequence[Row], at: Sequence[int]) -> tuple[Logits, list[Mark]]:
        """A recurrent model hears its rows one by one."""
        marks: list[Mark] = []
        wanted = iter(at)
        mark_at = next(wanted, None)
        for number, row in enumerate(rows):
            if number == mark_at:
                marks.append(self.snapshot())
                mark_at = next(wanted, None)
            self.step(row)
        if mark_at is not None:
            marks.append(self.snapshot())
        return self._logits, marks

    def snapshot(self) -> Snapshot:
        """A copy of the present state: float32 [all states' numbers, one after the other]."""
        return self._states[self._now].copy()

    def restore(self, snapshot: Snapshot) -> None:
        """Go back, or on, to the state `snapshot`."""
        self._states[self._now][:] = snapshot

    def mark(self) -> Mark:
        return self._states[self._now].copy()

    def rewind(self, mark: Mark) -> None:
        assert not isinstance(mark, int)
        self._views[self._now][:] = mark.data

    def reset(self) -> None:
        """The state before anything was heard: zeros."""
        self._states[self._now].fill(0.0)

    def _bind(self, session: Session, source: int, output: NDArray[np.float32]) -> Run:
        """A run that reads the state buffer `source` and writes the other one."""
        inputs: dict[str, NDArray[Any]] = {self.manifest.features.name: self._features}
        outputs: dict[str, NDArray[Any]] = {self.manifest.logits.name: output}
        start = 0
        for state in self.manifest.states:
            end = start + int(np.prod(state.shape))
            inputs[state.input], outputs[state.output] = (
                self._states[side][start:end].reshape(state.shape) for side in (source, 1 - source)
            )
            start = end
        return session.bind(inputs, outputs)

    def _run_dry(self, session: Session) -> None:
        """Runs both bindings, so that the first real step is as fast as the others."""
        for turn in range(_DRY_STEPS):
            session.dry(self._runs[turn % 2])
        if not finite(self._logits, *self._states):
            raise not_finite(session.path)
        for state in self._states:
            state.fill(0.0)
