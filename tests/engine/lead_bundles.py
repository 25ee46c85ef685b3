"""Small real bundles of lead sheets: seeded random weights in a real graph."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from ripieno.grammar.grid import VOICES
from ripieno.grammar.lead_sheet import CHORD_TOKENS, FEATURES, MELODY_TOKENS, NAMES, VOCABULARY

from tests.engine.bundles import sha256
from tests.engine.cached_bundles import value

HIDDEN = 24
RANGES = ((48, 95), (53, 74), (48, 69), (36, 64))


def write_lead_bundle(folder: Path, **wrong: str) -> Path:
    """Write a whole bundle into `folder`; `wrong` replaces lines of its manifest by their keys."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "CARD.md").write_text("# A model for tests\n")
    onnx.save(lstm(), str(folder / "model.onnx"))
    told = {
        "grammar": 'grammar = "lead-sheet"',
        "melody": f"melody_tokens = {MELODY_TOKENS}",
        "features": f"features = {[feature.name for feature in FEATURES]}",
        "kinds": f"kinds = {list(NAMES)}",
        "logits": f"shape = [1, {VOCABULARY}]",
    } | wrong
    lines = [
        'format = 1\nname = "test-lead"\nversion = "1.0.0"\ntitle = "Chords for tests"',
        f'licence = "Apache-2.0"\n{told["grammar"]}\ngiven = "any"\n[lead-sheet]',
        f"steps_per_beat = 4\n{told['melody']}\nchord_tokens = {CHORD_TOKENS}",
        f"{told['features']}\n{told['kinds']}",
        *(
            f'[[voice]]\nname = "{name}"\nlow = {low}\nhigh = {high}'
            for name, (low, high) in zip(VOICES, RANGES, strict=True)
        ),
        '[[graph]]\nrole = "step"\nprecision = "fp32"\nfile = "model.onnx"\n'
        f'sha256 = "{sha256(folder / "model.onnx")}"\nopset = 18',
        f'[[input]]\nname = "features"\ndtype = "int64"\nshape = [1, {len(FEATURES)}]',
        f'[[output]]\nname = "logits"\ndtype = "float32"\n{told["logits"]}',
        *(
            f'[[state]]\ninput = "{n}"\noutput = "{n}_out"\ndtype = "float32"\n'
            f"shape = [1, 1, {HIDDEN}]"
            for n in "hc"
        ),
        '[rewind]\nkind = "snapshot"\n[training]\n'
        'data = [{name = "none", licence = "CC0-1.0", pieces = 0}]\n'
        'command = "none"\nseed = 1\nminutes = 0.0\nmachine = "any"\n[metrics]\nnll = 0.0',
        f'[[file]]\nname = "CARD.md"\nsha256 = "{sha256(folder / "CARD.md")}"',
    ]
    (folder / "manifest.toml").write_text("\n".join(lines) + "\n")
    return folder


def lstm() -> onnx.ModelProto:
    """features [1, F] → the sum of one row for each → LSTM → logits [1, VOCABULARY]."""
    rng = np.random.default_rng(1)
    sizes = [feature.size for feature in FEATURES]
    head = rng.normal(0, 8 / HIDDEN**0.5, (HIDDEN, VOCABULARY))
    weights: dict[str, NDArray[Any]] = {
        "offsets": np.cumsum([0, *sizes[:-1]]).astype(np.int64)[None],
        "table": rng.normal(0, 0.5, (sum(sizes), HIDDEN)).astype(np.float32),
        "summed": np.array([1], np.int64),
        "W": rng.normal(0, 1.5 / HIDDEN**0.5, (1, 4 * HIDDEN, HIDDEN)).astype(np.float32),
        "R": rng.normal(0, 1.5 / HIDDEN**0.5, (1, 4 * HIDDEN, HIDDEN)).astype(np.float32),
        "B": rng.normal(0, 0.1, (1, 8 * HIDDEN)).astype(np.float32),
        "head": head.astype(np.float32),
        "line": np.array([1, 1, HIDDEN], np.int64),
        "row": np.array([1, HIDDEN], np.int64),
    }
    nodes = [
        helper.make_node("Add", ["features", "offsets"], ["places"]),
        helper.make_node("Gather", ["table", "places"], ["each"], axis=0),
        helper.make_node("ReduceSum", ["each", "summed"], ["embedded"], keepdims=0),
        helper.make_node("Reshape", ["embedded", "line"], ["x"]),
        helper.make_node(
            "LSTM", ["x", "W", "R", "B", "", "h", "c"], ["y", "h_out", "c_out"], hidden_size=HIDDEN
        ),
        helper.make_node("Reshape", ["y", "row"], ["last"]),
        helper.make_node("MatMul", ["last", "head"], ["logits"]),
    ]
    state = (1, 1, HIDDEN)
    body = helper.make_graph(
        nodes,
        "step",
        [
            value("features", TensorProto.INT64, 1, len(FEATURES)),
            *(value(name, TensorProto.FLOAT, *state) for name in ("h", "c")),
        ],
        [
            value("logits", TensorProto.FLOAT, 1, VOCABULARY),
            *(value(f"{name}_out", TensorProto.FLOAT, *state) for name in ("h", "c")),
        ],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    return helper.make_model(body, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
