"""Writes a small model for the pulse grammar: it likes fifths and steps. Needs `onnx`."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

MANIFEST = """\
format = 1
name = "pulse-of-fifths"
version = "1.0.0"
title = "A pulse of fifths and steps"
licence = "CC0-1.0"
grammar = "pulse"
given = "none"

[pulse]
octave = 5

[[voice]]
name = "soprano"
low = 60
high = 71

[[graph]]
role = "step"
precision = "fp32"
file = "model.onnx"
sha256 = "{model}"
opset = 18

[[input]]
name = "last"
dtype = "int64"
shape = [1, 1]

[[output]]
name = "logits"
dtype = "float32"
shape = [1, 12]

[[state]]
input = "count"
output = "count_out"
dtype = "float32"
shape = [1]

[rewind]
kind = "snapshot"

[training]
data = [{{name = "none: twelve numbers were written down", licence = "CC0-1.0", pieces = 0}}]
command = "python -m ripieno_examples.make_pulse"
seed = 0
minutes = 0.0
machine = "any"

[metrics]
classes = 12

[[file]]
name = "CARD.md"
sha256 = "{card}"
"""
LIKED = {7: 2.0, 5: 2.0, 2: 1.5, 10: 1.5, 4: 1.0, 9: 1.0}
"""How much an interval in semitones is liked; all others not at all."""


def graph() -> onnx.ModelProto:
    """last [1, 1], count [1] → logits [1, 12], count + 1."""
    table = np.full((12, 12), -2.0, np.float32)
    for last in range(12):
        for interval, liking in LIKED.items():
            table[last, (last + interval) % 12] = liking
    weights = [
        numpy_helper.from_array(table, "table"),
        numpy_helper.from_array(np.ones(1, np.float32), "one"),
        numpy_helper.from_array(np.array([1, 12], np.int64), "row"),
    ]
    nodes = [
        helper.make_node("Gather", ["table", "last"], ["found"], axis=0),
        helper.make_node("Reshape", ["found", "row"], ["logits"]),
        helper.make_node("Add", ["count", "one"], ["count_out"]),
    ]
    value = helper.make_tensor_value_info
    body = helper.make_graph(
        nodes,
        "pulse",
        [value("last", TensorProto.INT64, (1, 1)), value("count", TensorProto.FLOAT, (1,))],
        [value("logits", TensorProto.FLOAT, (1, 12)), value("count_out", TensorProto.FLOAT, (1,))],
        weights,
    )
    return helper.make_model(body, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def main(folder: Path) -> None:
    """Write the bundle into `folder`, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(graph(), os.fspath(folder / "model.onnx"))
    (folder / "CARD.md").write_text("# A pulse of fifths and steps\n\nTwelve numbers, by hand.\n")
    model, card = (
        hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in ("model.onnx", "CARD.md")
    )
    (folder / "manifest.toml").write_text(MANIFEST.format(model=model, card=card))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
