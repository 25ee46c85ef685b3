"""Runs the exported graphs of a model over sixteenths: `frame`, with its cache, and `voice`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from ripieno_models.families.chorale_transformer import DECIDED
from ripieno_models.onnx_step import Floats, session_of

CHUNKS = (64, 32, 16, 8, 4, 3, 2, 1)


class OnnxFramed:
    """The two graphs with their cache: features in, logits out. Starts from silence."""

    def __init__(self, frame: Path, voice: Path) -> None:
        self.frame, self.voice = session_of(frame), session_of(voice)
        self.past = {
            told.name: np.zeros(told.shape, np.float32)
            for told in self.frame.get_inputs()
            if told.name.startswith("past_")
        }
        self.context = next(iter(self.past.values())).shape[2]
        self.length = 0
        self.hidden: Floats = np.zeros((1, 1), np.float32)

    def reset(self) -> None:
        """Forget everything."""
        self.length = 0

    def rewind(self, length: int) -> None:
        """Go back to where `length` sixteenths had been heard."""
        self.length = length

    def hear(self, rows: NDArray[np.int64]) -> Floats:
        """hidden [S, D] for the next S sixteenths, `rows` [S, F], as one chunk."""
        total = self.length + len(rows)
        if total > self.context:
            raise ValueError(f"{total} sixteenths do not fit in a context of {self.context}")
        value = ort.OrtValue.ortvalue_from_numpy
        bound = self.frame.io_binding()
        bound.bind_output("hidden")
        bound.bind_ortvalue_input("features", value(np.ascontiguousarray(rows[None])))
        bound.bind_ortvalue_input("seqlens_k", value(np.array([total - 1], np.int32)))
        bound.bind_ortvalue_input("total_length", value(np.array([total], np.int32)))
        for name, memory in self.past.items():
            bound.bind_ortvalue_input(name, value(memory))
            bound.bind_ortvalue_output(name.replace("past_", "present_"), value(memory))
        self.frame.run_with_iobinding(bound)
        self.length = total
        told: Floats = bound.get_outputs()[0].numpy()[0]
        return told

    def step(self, features: Sequence[int]) -> Floats:
        """Logits [48] for one decision; the first one of a sixteenth is heard by the backbone."""
        row = np.array([features], np.int64)
        if not row[0, DECIDED]:
            self.hidden = self.hear(row)
        (logits,) = self.decide(row, self.hidden)
        return np.asarray(logits)

    def decide(self, features: NDArray[np.int64], hidden: Floats) -> Floats:
        """Logits [B, 48] for decisions `features` [B, F], each with its `hidden` [B, D]."""
        logits: Floats = self.voice.run(["logits"], {"features": features, "hidden": hidden})[0]
        return logits

    def replay(self, features: NDArray[np.int64], chunks: Sequence[int] = CHUNKS) -> Floats:
        """Logits [N, 48] for the decisions `features` [N, F] of whole sixteenths, from silence.

        The backbone hears them in chunks, the longest of `chunks` that fits first. Only the last
        `context` sixteenths or fewer are in its memory: when it is full, its newer half is heard
        again.
        """
        self.reset()
        first = np.flatnonzero(features[:, DECIDED] == 0)
        rows, told = features[first], []
        begin = 0
        while begin < len(rows):
            if self.length == self.context:
                self.reset()
                self.feed(rows[begin - self.context // 2 : begin], chunks)
            end = min(len(rows), begin + self.context - self.length)
            told.append(self.feed(rows[begin:end], chunks))
            begin = end
        counts = np.diff(np.append(first, len(features)))
        return self.decide(features, np.repeat(np.concatenate(told), counts, axis=0))

    def feed(self, rows: NDArray[np.int64], chunks: Sequence[int]) -> Floats:
        """hidden [T, D] for `rows` [T, F], heard in chunks."""
        told, begin = [], 0
        while begin < len(rows):
            size = next(size for size in chunks if size <= len(rows) - begin)
            told.append(self.hear(rows[begin : begin + size]))
            begin += size
        return np.concatenate(told)
