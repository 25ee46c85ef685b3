"""Runs the exported graph of a decoder: tokens in, logits out, its memory beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from ripieno_models.onnx_framed import CHUNKS
from ripieno_models.onnx_step import Floats, session_of

Tokens = NDArray[np.int64]
UNSEEN = -np.inf


class OnnxDecoder:
    """A graph of `decoder_graphs` or `decoder_portable` with its memory. Starts from nothing."""

    def __init__(self, path: Path, context: int) -> None:
        self.session = session_of(path)
        self.context = context
        told = {each.name: each.shape for each in self.session.get_inputs()}
        self.branches = "attention_bias" in told
        self.past = {
            name: np.zeros([size if isinstance(size, int) else context for size in shape], "f4")
            for name, shape in told.items()
            if name.startswith("past_")
        }
        self.length = 0

    def hear(self, tokens: Tokens) -> Floats:
        """Logits [S, V] for the next S tokens, as one chunk."""
        count = len(tokens)
        places = np.arange(self.length, self.length + count)
        logits = self._run(tokens, places, np.zeros((count, self.context), np.float32))
        self.length += count
        return logits

    def grow(self, tokens: Tokens, parents: Sequence[int | None]) -> Floats:
        """Logits [S, V] for S tokens, each heard after its parent, or after all so far where that
        is None. What has been heard stays what it was."""
        bias = np.zeros((len(tokens), self.context), np.float32)
        bias[:, self.length :] = UNSEEN
        places = np.full(len(tokens), self.length)
        for number, parent in enumerate(parents):
            if parent is not None:
                bias[number] = bias[parent]
                places[number] = places[parent] + 1
            bias[number, self.length + number] = 0.0
        return self._run(tokens, places, bias)

    def feed(self, tokens: Tokens, chunks: Sequence[int] = CHUNKS) -> Floats:
        """Logits [N, V] for the next N tokens, in chunks, the longest of `chunks` that fits."""
        told, begin = [], 0
        while begin < len(tokens):
            size = next(size for size in chunks if size <= len(tokens) - begin)
            told.append(self.hear(tokens[begin : begin + size]))
            begin += size
        return np.concatenate(told)

    def replay(self, tokens: Tokens, chunks: Sequence[int] = CHUNKS) -> Floats:
        """Logits [N, V] for `tokens` [N], at most the context, from nothing."""
        self.length = 0
        return self.feed(tokens, chunks)

    def _run(self, tokens: Tokens, places: Tokens, bias: Floats) -> Floats:
        total = self.length + len(tokens)
        if total > self.context:
            raise ValueError(f"{total} tokens do not fit in a context of {self.context}")
        fed: dict[str, NDArray[np.generic]] = {
            "tokens": np.ascontiguousarray(tokens[None], np.int64),
            "seqlens_k": np.array([total - 1], np.int32),
            "total_length": np.array([self.context if self.branches else total], np.int32),
        }
        if self.branches:
            fed |= {"position_ids": places[None], "attention_bias": bias[None, None]}
        value = ort.OrtValue.ortvalue_from_numpy
        bound = self.session.io_binding()
        bound.bind_output("logits")
        for name, array in {**fed, **self.past}.items():
            bound.bind_ortvalue_input(name, value(array))
        for name, memory in self.past.items():
            bound.bind_ortvalue_output(name.replace("past_", "present_"), value(memory))
        self.session.run_with_iobinding(bound)
        logits: Floats = bound.get_outputs()[0].numpy()[0]
        return logits
