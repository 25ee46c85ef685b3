"""A recurrent model run step by step: the only file that knows ONNX Runtime.

`(features, state) → (logits, state)`. Two sets of state buffers take turns as input and output, and
every buffer is bound once, so that a step allocates nothing and copies only its features.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from ripieno.bundle import Manifest, Tensor, check
from ripieno.errors import BundleError

Logits = NDArray[np.float32]
Snapshot = NDArray[np.float32]

_FATAL = 4
_DRY_STEPS = 4
_TYPES = {"int64": "tensor(int64)", "float32": "tensor(float)"}
_CODES = re.compile(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ")
_NEXT = "Copy the bundle again, or export it again with ripieno-models export."


class StepModel:
    """A loaded model and its present state. One decision costs one `step`."""

    def __init__(self, session: Any, manifest: Manifest, precision: str) -> None:
        self.manifest, self.precision = manifest, precision
        self._features = np.zeros(manifest.features.shape, np.int64)
        self._row = self._features[0]
        output = np.zeros(manifest.logits.shape, np.float32)
        self._logits: Logits = output[0]
        sizes = [int(np.prod(state.shape)) for state in manifest.states]
        self._states: tuple[Snapshot, Snapshot] = (
            np.zeros(sum(sizes), np.float32),
            np.zeros(sum(sizes), np.float32),
        )
        self._now = 0
        self._session = session
        self._bindings = tuple(self._bind(source, output) for source in (0, 1))

    @classmethod
    def open(cls, manifest: Manifest, precision: str = "auto", threads: int = 1) -> StepModel:
        """Load the graph of `precision` ('int8', 'fp32', 'auto') and run it dry.

        Checks every file's SHA-256, the graph's real tensors against the manifest, and that its
        logits are finite. Raises BundleError.
        """
        graph = manifest.graph(precision)
        check(manifest.folder)
        path = manifest.folder / graph.file
        session = _session(path, threads)
        _check_tensors(session, manifest, path)
        model = cls(session, manifest, graph.precision)
        model._run_dry(path)
        return model

    def step(self, features: Sequence[int]) -> Logits:
        """One decision: `features` [len(FEATURES)] in, logits [48] out, the state one step on.

        The logits are a view that the next step overwrites.
        """
        self._row[:] = features
        self._session.run_with_iobinding(self._bindings[self._now])
        self._now = 1 - self._now
        return self._logits

    def snapshot(self) -> Snapshot:
        """A copy of the present state: float32 [all states' numbers, one after the other]."""
        return self._states[self._now].copy()

    def restore(self, snapshot: Snapshot) -> None:
        """Go back, or on, to the state `snapshot`."""
        self._states[self._now][:] = snapshot

    def reset(self) -> None:
        """The state before anything was heard: zeros."""
        self._states[self._now].fill(0.0)

    def _bind(self, source: int, output: NDArray[np.float32]) -> Any:
        """A binding that reads the state buffer `source` and writes the other one."""
        binding = self._session.io_binding()
        value = ort.OrtValue.ortvalue_from_numpy
        binding.bind_ortvalue_input(self.manifest.features.name, value(self._features))
        binding.bind_ortvalue_output(self.manifest.logits.name, value(output))
        start = 0
        for state in self.manifest.states:
            end = start + int(np.prod(state.shape))
            before, after = (
                self._states[side][start:end].reshape(state.shape) for side in (source, 1 - source)
            )
            binding.bind_ortvalue_input(state.input, value(before))
            binding.bind_ortvalue_output(state.output, value(after))
            start = end
        return binding

    def _run_dry(self, path: Path) -> None:
        """Runs both bindings, so that the first real step is as fast as the others."""
        try:
            for _ in range(_DRY_STEPS):
                logits = self.step([0] * len(self._row))
        except Exception as error:
            raise _broken(path, error) from None
        if not np.isfinite(logits).all() or not np.isfinite(self.snapshot()).all():
            raise BundleError(
                "the model's weights are damaged: its first outputs are not finite numbers",
                where=str(path),
                nearest=_NEXT,
            )
        self.reset()


def _session(path: Path, threads: int) -> Any:
    ort.set_default_logger_severity(_FATAL)
    options = ort.SessionOptions()
    options.log_severity_level = _FATAL
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    # A spinning pool saves little here and doubles p99 as soon as another program wants the core.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises a dozen unrelated classes here
        raise _broken(path, error) from None


def _broken(path: Path, error: Exception) -> BundleError:
    # What stands before the reason is codes, and the path, which our own sentence tells.
    reason = _CODES.sub("", str(error)).replace(f"Load model from {path} failed:", "")
    if "opset" in reason.casefold():
        return BundleError(
            "the graph needs newer operators than this ONNX Runtime has",
            where=str(path),
            allowed=f"what ONNX Runtime {ort.__version__} reads",
            nearest="Install a newer onnxruntime, or export the bundle for an older opset.",
        )
    lines = reason.strip().splitlines()
    first = lines[0][:200].rstrip(" .") if lines else type(error).__name__
    return BundleError(
        f"this is not a graph that ONNX Runtime can run ({first})", where=str(path), nearest=_NEXT
    )


def _check_tensors(session: Any, manifest: Manifest, path: Path) -> None:
    """Refuse a graph whose inputs and outputs are not those that the manifest tells."""
    before = [Tensor(s.input, s.dtype, s.shape) for s in manifest.states]
    after = [Tensor(s.output, s.dtype, s.shape) for s in manifest.states]
    for kind, wanted, found in (
        ("input", [manifest.features, *before], session.get_inputs()),
        ("output", [manifest.logits, *after], session.get_outputs()),
    ):
        there = {node.name: f"{node.type} {list(node.shape)}" for node in found}
        expected = {t.name: f"{_TYPES[t.dtype]} {list(t.shape)}" for t in wanted}
        for name in sorted(there.keys() | expected.keys()):
            if there.get(name) != expected.get(name):
                raise BundleError(
                    f"the graph's {kind} {name!r} is {there.get(name, 'missing')}",
                    where=str(path),
                    allowed=f"what the manifest tells: {expected.get(name, 'no such ' + kind)}",
                    nearest=_NEXT,
                )
