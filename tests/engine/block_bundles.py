"""Small real bundles of blocks for tests: graphs in ONNX with seeded weights, and their manifest.

What they do can be told by hand: the encoder counts how often each voice strikes each of its first
pitches, the decoder strikes the one that was counted most on every beat.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from ripieno.grammar.grid import FIRST_PITCH, HOLD, LOWEST, REST, VOCABULARY, VOICES
from ripieno.settings import FULL_RANGES

from tests.engine.bundles import ORDER, sha256

PLACES = np.array([low - LOWEST + FIRST_PITCH for low, _ in FULL_RANGES])
"""The token of each voice's lowest pitch."""


@dataclass(frozen=True)
class BlockRecipe:
    """How a test's model is made. `codes`: from a codebook, with a prior; else from a latent."""

    codes: bool = False
    roll: bool = False
    hears: bool = True
    steps: int = 32
    size: int = 12
    directions: int = 2
    entries: int = 6
    sharp: float = 6.0
    given: str = "none"
    poison: str = ""
    """The role of a graph that gives what is no number."""

    @property
    def numbers(self) -> int:
        return self.steps if self.codes else self.size


def write_block_bundle(folder: Path, recipe: BlockRecipe = BlockRecipe()) -> Path:
    """Write a whole bundle into `folder`, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "CARD.md").write_text("# Blocks for tests\n")
    made = {"decoder": decoder(recipe)}
    if recipe.hears:
        made["encoder"] = encoder(recipe)
    if recipe.codes:
        made["prior"] = prior(recipe)
    for role, graph in made.items():
        onnx.save(graph, str(folder / f"{role}.onnx"))
    (folder / "manifest.toml").write_text(manifest(folder, recipe, list(made)))
    return folder


def manifest(folder: Path, recipe: BlockRecipe, roles: list[str]) -> str:
    kind, dtype = ("codes", "int64") if recipe.codes else ("latent", "float32")
    lines = [
        'format = 1\nname = "test-blocks"\nversion = "1.0.0"\ntitle = "Blocks for tests"',
        f'licence = "Apache-2.0"\ngrammar = "blocks"\ngiven = "{recipe.given}"\n[blocks]',
        f'kind = "{kind}"\noutput = "{"roll" if recipe.roll else "voices"}"',
        f"steps = {recipe.steps}\nsize = {recipe.numbers}\norder = {list(ORDER)}",
    ]
    if recipe.codes:
        lines.append(f"entries = {recipe.entries}\ntogether = 4\nmemory = 3")
    else:
        lines.append(f"directions = {recipe.directions}")
    for name, (low, high) in zip(VOICES, FULL_RANGES, strict=True):
        lines.append(f'[[voice]]\nname = "{name}"\nlow = {low}\nhigh = {high}')
    for role in roles:
        lines.append(
            f'[[graph]]\nrole = "{role}"\nprecision = "fp32"\nfile = "{role}.onnx"\n'
            f'sha256 = "{sha256(folder / f"{role}.onnx")}"\nopset = 18'
        )
    lines.append(f'[[input]]\nname = "{kind}"\ndtype = "{dtype}"\nshape = [1, {recipe.numbers}]')
    if recipe.directions and not recipe.codes:
        lines.append(
            f'[[input]]\nname = "turns"\ndtype = "float32"\nshape = [1, {recipe.directions}]'
        )
    told = f'"roll"\ndtype = "float32"\nshape = [1, {recipe.steps}, 88]'
    if not recipe.roll:
        told = f'"logits"\ndtype = "float32"\nshape = [1, {recipe.steps}, 4, {VOCABULARY}]'
    lines.append(f"[[output]]\nname = {told}")
    lines.append(
        '[rewind]\nkind = "block"\n[training]\n'
        'data = [{name = "none", licence = "CC0-1.0", pieces = 0}]\n'
        'command = "none"\nseed = 1\nminutes = 0.0\nmachine = "any"\n[metrics]\nnll = 0.0'
    )
    lines.append(f'[[file]]\nname = "CARD.md"\nsha256 = "{sha256(folder / "CARD.md")}"')
    return "\n".join(lines) + "\n"


class _Net:
    """A graph that is written node by node."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: dict[str, NDArray[Any]] = {}

    def node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def weight(self, name: str, value: Any) -> str:
        self.weights[name] = np.asarray(value)
        return name

    def save(self, inputs: list[Any], outputs: list[Any]) -> onnx.ModelProto:
        weights = [numpy_helper.from_array(array, name) for name, array in self.weights.items()]
        body = helper.make_graph(self.nodes, "block", inputs, outputs, weights)
        return helper.make_model(body, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def _value(name: str, kind: int, *shape: int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


def _poisoned(net: _Net, recipe: BlockRecipe, role: str, name: str, output: str) -> None:
    """`output` is `name`; or, where this graph is the one, the same with an infinite difference
    as soon as it is not asked with zeros."""
    if recipe.poison != role:
        net.node("Identity", [name], output)
        return
    big = net.weight("big", np.float32(1e38))
    large = net.node("Mul", [name, big], "large")
    larger = net.node("Mul", [large, big], "larger")
    net.node("Sub", [larger, larger], output)


def pitches(recipe: BlockRecipe) -> int:
    """How many pitches of each voice the model knows, from the lowest one."""
    return recipe.entries if recipe.codes else recipe.size // len(VOICES)


def encoder(recipe: BlockRecipe) -> onnx.ModelProto:
    """Latent: for each voice how often each of its first pitches is struck, less the mean; codes:
    for each sixteenth the soprano's pitch, counted from its lowest one."""
    net = _Net()
    tokens = _value("tokens", TensorProto.INT64, 1, recipe.steps, len(VOICES))
    if recipe.codes:
        first = net.node("Gather", ["tokens", net.weight("zero", np.int64(0))], "first", axis=2)
        low = net.node("Sub", [first, net.weight("lowest", np.int64(PLACES[0]))], "low")
        some = [net.weight("least", np.int64(0)), net.weight("most", np.int64(recipe.entries - 1))]
        net.node("Clip", [low, *some], "codes")
        return net.save([tokens], [_value("codes", TensorProto.INT64, 1, recipe.steps)])
    count = pitches(recipe)
    wanted = (PLACES[:, None] + np.arange(count)).astype(np.int64)  # [4, count]
    net.weight("wanted", wanted[None, None])
    net.weight("last", np.array([3], np.int64))
    net.node("Unsqueeze", ["tokens", "last"], "each")
    net.node("Equal", ["each", "wanted"], "struck")
    net.node("Cast", ["struck"], "ones", to=TensorProto.FLOAT)
    net.weight("time", np.array([1], np.int64))
    net.node("ReduceSum", ["ones", "time"], "sums", keepdims=0)
    net.weight("flat", np.array([1, recipe.size], np.int64))
    net.node("Reshape", ["sums", "flat"], "found")
    net.node("Sub", ["found", net.weight("half", np.float32(0.5))], "centred")
    _poisoned(net, recipe, "encoder", "centred", "latent")
    return net.save([tokens], [_value("latent", TensorProto.FLOAT, 1, recipe.size)])


def decoder(recipe: BlockRecipe) -> onnx.ModelProto:
    """Every voice strikes on each beat, and holds between; which pitch, the latent's largest
    number of that voice tells, or the code of that sixteenth."""
    net = _Net()
    count, steps = pitches(recipe), recipe.steps
    shape = (1, steps, 88) if recipe.roll else (1, steps, len(VOICES), VOCABULARY)
    target = np.zeros((len(VOICES), count, VOCABULARY), np.float32)
    for voice in range(len(VOICES)):
        for number in range(count):
            target[voice, number, PLACES[voice] + number] = recipe.sharp
    beat = np.zeros((1, steps, 1, VOCABULARY), np.float32)
    beat[..., REST] = -recipe.sharp
    beat[:, np.arange(steps) % 4 != 0, :, HOLD] = 100 * recipe.sharp
    net.weight("beat", beat)
    if recipe.codes:
        given = [_value("codes", TensorProto.INT64, 1, steps)]
        net.weight("table", target.transpose(1, 0, 2))
        net.node("Gather", ["table", "codes"], "strikes", axis=0)
    else:
        given = [_value("latent", TensorProto.FLOAT, 1, recipe.size)]
        point = "latent"
        if recipe.directions:
            given.append(_value("turns", TensorProto.FLOAT, 1, recipe.directions))
            net.weight("ways", 5.0 * np.eye(recipe.directions, recipe.size, dtype=np.float32))
            moved = net.node("MatMul", ["turns", "ways"], "moved")
            point = net.node("Add", ["latent", moved], "point")
        net.weight("voices", np.array([1, len(VOICES), 1, count], np.int64))
        net.node("Reshape", [point, "voices"], "parted")
        net.weight("target", target[None])
        net.node("MatMul", ["parted", "target"], "told")
        net.weight("square", np.array([1, 1, len(VOICES), VOCABULARY], np.int64))
        net.node("Reshape", ["told", "square"], "strikes")
    net.node("Add", ["strikes", "beat"], "voices_told")
    name = "voices_told"
    if recipe.roll:
        net.weight("voice_axis", np.array([2], np.int64))
        loudest = net.node("ReduceMax", ["strikes", "voice_axis"], "loudest", keepdims=0)
        net.weight("spread", np.eye(VOCABULARY, 88, LOWEST - 21 - FIRST_PITCH, dtype=np.float32))
        keys = net.node("MatMul", [loudest, "spread"], "keys")
        net.weight("whole", np.array(shape, np.int64))
        name = net.node("Expand", [keys, "whole"], "name_roll")
    told = "roll" if recipe.roll else "logits"
    _poisoned(net, recipe, "decoder", name, told)
    return net.save(given, [_value(told, TensorProto.FLOAT, *shape)])


def prior(recipe: BlockRecipe) -> onnx.ModelProto:
    """After each code the next one is the likeliest; it remembers how often it was asked."""
    net = _Net()
    table = np.full((recipe.entries + 1, recipe.entries), -recipe.sharp, np.float32)
    for code in range(recipe.entries + 1):
        table[code, (code + 1) % recipe.entries] = recipe.sharp
    net.weight("table", table)
    net.node("Gather", ["table", "code"], "found", axis=0)
    _poisoned(net, recipe, "prior", "found", "logits")
    net.node("Add", ["memory", net.weight("one", np.float32(1.0))], "memory_out")
    return net.save(
        [_value("code", TensorProto.INT64, 1), _value("memory", TensorProto.FLOAT, 1, 3)],
        [
            _value("logits", TensorProto.FLOAT, 1, recipe.entries),
            _value("memory_out", TensorProto.FLOAT, 1, 3),
        ],
    )
