"""Small real bundles of event tokens: seeded random weights, MidiTok's vocabularies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from ripieno.grammar.tokens.vocabulary import Scheme, Vocabulary

from tests.engine.bundles import sha256
from tests.engine.cached_bundles import CachedRecipe, Net, value

PARTS = {"melody": "soprano", "piano": "bass", "accompaniment": "bass"}


@dataclass(frozen=True)
class TokenRecipe:
    """How a test's model is made; `cached` is a transformer, else an LSTM."""

    scheme: Scheme = Scheme.REMI
    use: str = "melody"
    polyphony: int = 1
    cached: bool = False
    context: int = 256
    seed: int = 1
    spread: float = 3.0
    start: tuple[str, ...] = ("BOS_None",)
    prefix: tuple[str, ...] = ("Key",)
    programs: tuple[int, int] | None = None
    given: str = "none"


def write_token_bundle(
    folder: Path, vocabulary: Vocabulary, recipe: TokenRecipe = TokenRecipe()
) -> Path:
    """Write a whole bundle into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "CARD.md").write_text("# A model for tests\n")
    (folder / "vocabulary.json").write_text(vocabulary.write())
    made = transformer(len(vocabulary), recipe) if recipe.cached else lstm(len(vocabulary), recipe)
    onnx.save(made, str(folder / "model.onnx"))
    (folder / "manifest.toml").write_text(_manifest(folder, vocabulary, recipe))
    return folder


def _manifest(folder: Path, vocabulary: Vocabulary, recipe: TokenRecipe) -> str:
    size = len(vocabulary)
    lines = [
        'format = 1\nname = "test-tokens"\nversion = "1.0.0"\ntitle = "Tokens for tests"',
        f'licence = "Apache-2.0"\ngrammar = "tokens"\ngiven = "{recipe.given}"\n[tokens]',
        f'scheme = "{recipe.scheme}"\nuse = "{recipe.use}"\nvocabulary = "vocabulary.json"',
        f"size = {size}\npositions_per_beat = {vocabulary.positions}",
        f"polyphony = {recipe.polyphony}\nstart = {list(recipe.start)}",
        f"prefix = {list(recipe.prefix)}",
    ]
    if recipe.programs is not None:
        player, machine = recipe.programs
        lines.append(f"player_program = {player}\nmachine_program = {machine}")
    lines.append(f'[[voice]]\nname = "{PARTS[recipe.use]}"\nlow = 48\nhigh = 84')
    lines.append(
        f'[[graph]]\nrole = "step"\nprecision = "fp32"\nfile = "model.onnx"\n'
        f'sha256 = "{sha256(folder / "model.onnx")}"\nopset = 18'
    )
    lines.append(_cached_tensors(size, recipe) if recipe.cached else _lstm_tensors(size))
    lines.append(
        '[training]\ndata = [{name = "none", licence = "CC0-1.0", pieces = 0}]\n'
        'command = "none"\nseed = 1\nminutes = 0.0\nmachine = "any"\n[metrics]\nnll = 0.0'
    )
    for name in ("CARD.md", "vocabulary.json"):
        lines.append(f'[[file]]\nname = "{name}"\nsha256 = "{sha256(folder / name)}"')
    return "\n".join(lines) + "\n"


def _tensor(table: str, name: str, dtype: str, shape: str) -> str:
    return f'[[{table}]]\nname = "{name}"\ndtype = "{dtype}"\nshape = {shape}'


def _lstm_tensors(size: int) -> str:
    states = (
        f'[[state]]\ninput = "{n}"\noutput = "{n}_out"\ndtype = "float32"\nshape = [1, 1, {HIDDEN}]'
        for n in ("h", "c")
    )
    return "\n".join(
        [
            _tensor("input", "tokens", "int64", "[1, 1]"),
            _tensor("output", "logits", "float32", f"[1, {size}]"),
            *states,
            '[rewind]\nkind = "snapshot"',
        ]
    )


def _cached_tensors(size: int, recipe: TokenRecipe) -> str:
    made = shape_of(recipe)
    lines = [
        _tensor("input", "tokens", "int64", '[1, "chunk"]'),
        _tensor("input", "seqlens_k", "int32", "[1]"),
        _tensor("input", "total_length", "int32", "[1]"),
        _tensor("output", "logits", "float32", f'[1, "chunk", {size}]'),
    ]
    for layer in range(made.layers):
        for part in ("key", "value"):
            lines.append(
                f'[[cache]]\npast = "past_{layer}_{part}"\npresent = "present_{layer}_{part}"\n'
                f'dtype = "float32"\nshape = [1, {made.kv_heads}, {made.context}, {made.head_size}]'
            )
    lines.append(f'[rewind]\nkind = "length"\nper = "decision"\ncontext = {made.context}')
    lines.append("chunk = 64")
    return "\n".join(lines)


HIDDEN = 24


def lstm(size: int, recipe: TokenRecipe) -> onnx.ModelProto:
    """tokens [1, 1] → embedding → LSTM → logits [1, size]."""
    rng = np.random.default_rng(recipe.seed)
    weights: dict[str, NDArray[Any]] = {
        "table": rng.normal(0, 1, (size, HIDDEN)).astype(np.float32),
        "W": rng.normal(0, 1.5 / HIDDEN**0.5, (1, 4 * HIDDEN, HIDDEN)).astype(np.float32),
        "R": rng.normal(0, 1.5 / HIDDEN**0.5, (1, 4 * HIDDEN, HIDDEN)).astype(np.float32),
        "B": rng.normal(0, 0.1, (1, 8 * HIDDEN)).astype(np.float32),
        "head": rng.normal(0, 4 * recipe.spread / HIDDEN**0.5, (HIDDEN, size)).astype(np.float32),
        "line": np.array([1, 1, HIDDEN], np.int64),
        "row": np.array([1, HIDDEN], np.int64),
    }
    nodes = [
        helper.make_node("Gather", ["table", "tokens"], ["embedded"], axis=0),
        helper.make_node("Reshape", ["embedded", "line"], ["x"]),
        helper.make_node(
            "LSTM",
            ["x", "W", "R", "B", "", "h", "c"],
            ["y", "h_out", "c_out"],
            hidden_size=HIDDEN,
        ),
        helper.make_node("Reshape", ["y", "row"], ["last"]),
        helper.make_node("MatMul", ["last", "head"], ["logits"]),
    ]
    state = (1, 1, HIDDEN)
    body = helper.make_graph(
        nodes,
        "step",
        [
            value("tokens", TensorProto.INT64, 1, 1),
            *(value(name, TensorProto.FLOAT, *state) for name in ("h", "c")),
        ],
        [
            value("logits", TensorProto.FLOAT, 1, size),
            *(value(f"{name}_out", TensorProto.FLOAT, *state) for name in ("h", "c")),
        ],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    return helper.make_model(body, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def shape_of(recipe: TokenRecipe) -> CachedRecipe:
    return CachedRecipe(
        layers=2,
        heads=2,
        kv_heads=1,
        head_size=16,
        inner=48,
        context=recipe.context,
        seed=recipe.seed,
    )


def transformer(size: int, recipe: TokenRecipe) -> onnx.ModelProto:
    """tokens [1, S] → layers with caches → logits [1, S, size]."""
    made = shape_of(recipe)
    net = Net(made, recipe.seed)
    half = made.head_size // 2
    angles = np.outer(np.arange(made.context), 10000.0 ** (-np.arange(half) / half))
    net.weights["cos"] = np.cos(angles).astype(np.float32)
    net.weights["sin"] = np.sin(angles).astype(np.float32)
    net.weights["table"] = net.rng.normal(0, 1, (size, made.width)).astype(np.float32)
    net.node("Gather", ["table", "tokens"], ["embedded"], axis=0)
    x = "embedded"
    for number in range(made.layers):
        x = net.layer(x, number)
    net.random("head", made.width, size, scale=recipe.spread)
    net.node("MatMul", [net.normed(x, "last"), "head"], ["logits"])
    cache = (1, made.kv_heads, made.context, made.head_size)
    names = [f"{n}_{part}" for n in range(made.layers) for part in ("key", "value")]
    return net.model(
        [
            value("tokens", TensorProto.INT64, 1, "S"),
            value("seqlens_k", TensorProto.INT32, 1),
            value("total_length", TensorProto.INT32, 1),
            *(value(f"past_{name}", TensorProto.FLOAT, *cache) for name in names),
        ],
        [
            value("logits", TensorProto.FLOAT, 1, "S", size),
            *(value(f"present_{name}", TensorProto.FLOAT, *cache) for name in names),
        ],
    )
