"""Runs an exported step graph."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def session_of(path: Path) -> ort.InferenceSession:
    """The graph at `path`, on one thread."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


class OnnxStep:
    """A step graph with its state: features in, logits out. Starts from silence."""

    def __init__(self, path: Path) -> None:
        self.session = session_of(path)
        self.shape = tuple(self.session.get_inputs()[1].shape)
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.h = np.zeros(self.shape, np.float32)
        self.c = np.zeros(self.shape, np.float32)

    def step(self, features: Sequence[int]) -> Floats:
        """Logits [48] for one decision; the state moves on."""
        fed = {"features": np.array([features], np.int64), "h": self.h, "c": self.c}
        logits, self.h, self.c = self.session.run(["logits", "h_out", "c_out"], fed)
        return np.asarray(logits[0])

    def replay(self, features: NDArray[np.int64]) -> Floats:
        """Logits [N, 48] for `features` [N, F], from silence, one step at a time."""
        self.reset()
        return np.stack([self.step(row) for row in features.tolist()])
