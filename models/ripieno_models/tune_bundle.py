"""Which bundles can be tuned: each as its family, its options, and its weights in torch.

A bundle tells no options; the sizes among them are those of its weights, and all that only matters
in training is what the family has by default.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ripieno.errors import BundleError
from ripieno.grammar.tokens.vocabulary import Scheme as Telling
from ripieno.grammar.tokens.vocabulary import Vocabulary
from ripieno.inference.bundle import Manifest, check
from torch import nn

from ripieno_models import decoder_graphs
from ripieno_models import tune_weights as weights
from ripieno_models.decoder_graphs import shape_of, weights_of
from ripieno_models.families.calibration import Temperatures
from ripieno_models.families.chorale_lstm import DEGREES, SPAN
from ripieno_models.families.chorale_transformer import ChoraleTransformer
from ripieno_models.families.decoder import Decoder
from ripieno_models.families.registry import FAMILIES, Family
from ripieno_models.families.token_registry import TOKEN_FAMILIES
from ripieno_models.framed_graphs import write_frame
from ripieno_models.options import chosen
from ripieno_models.tokens.kind import TokenKind
from ripieno_models.tokens.scheme import POSITIONS_PER_BEAT, Scheme
from ripieno_models.tune_weights import Constants, Weights

LARGEST_ERROR = 0.05
"""How far logits may be from those that the bundle keeps for reference, as a share of their span:
what rounding to 8 bits does, and no more."""
REFERENCE = "reference.npz"
Random = np.random.Generator | None


@dataclass(frozen=True, slots=True, eq=False)
class Shipped:
    """A bundle as torch has it. `scheme` is the vocabulary of one that plays tokens."""

    manifest: Manifest
    kind: Family | TokenKind
    options: Any
    model: nn.Module
    scheme: Scheme | None = None


def opened(folder: Path, random: Random = None) -> Shipped:
    """The bundle in `folder`, all of it checked, to be asked; with `random`, to go on learning from
    (see `Constants`). Raises BundleError where it cannot be tuned."""
    manifest = check(folder)
    name = family_of(manifest)
    if name in READERS:
        options, model = READERS[name](manifest, random)
        shipped = Shipped(manifest, FAMILIES[name], options, model)
    elif (kind := TOKEN_FAMILIES.get(name)) is not None and kind.build is Decoder:
        shipped = decoder(manifest, kind, random)
    else:
        known = [*READERS, *(k for k, v in TOKEN_FAMILIES.items() if v.build is Decoder)]
        raise BundleError(
            f"{name!r} cannot be tuned", where=str(folder), allowed=", ".join(sorted(known))
        )
    if random is None:
        refuse_strange(shipped)
    return shipped


def family_of(manifest: Manifest) -> str:
    """The family of a bundle: its name, or what its command trained first."""
    if manifest.name in {*FAMILIES, *TOKEN_FAMILIES}:
        return manifest.name
    words = manifest.training.command.split()
    return words[2] if words[:2] == ["ripieno-models", "train"] and len(words) > 2 else "?"


def main_graph(manifest: Manifest, random: Random, role: str = "") -> Constants:
    """The graph to read: in fp32 where it ships, else in 8 bits."""
    there = [graph.precision for graph in manifest.graphs]
    precision = "fp32" if "fp32" in there else "int8"
    return Constants(manifest.folder / manifest.graph(precision, role).file, random)


def options_of(kind: Family | TokenKind, sizes: dict[str, Any]) -> Any:
    """The options of a family with these sizes."""
    own = kind.config if kind.config.exists() else None
    return chosen(kind.options, own, sizes)


def chorale_lstm(manifest: Manifest, random: Random) -> tuple[Any, nn.Module]:
    """`chorale-lstm` from its step graph."""
    told = main_graph(manifest, random)
    layers, _, hidden = manifest.states[0].shape
    embedding, bias = (weights.tensor(told.named(f"model.{n}"))
                       for n in ("embedding.weight", "head.bias"))  # fmt: skip
    found: Weights = {"embedding.weight": embedding, "head.bias": bias}
    found |= weights.lstm(told, "lstm.")
    heads = {len(bias): "head", 2 * SPAN + 1: "relative", DEGREES: "tonal"}
    for value in weights.products(told):
        if len(value) not in heads:
            raise weights.foreign(told.path, f"head of {len(value)} numbers")
        found[f"{heads[len(value)]}.weight"] = value
    sizes = {
        "hidden": hidden,
        "layers": layers,
        "embedding": embedding.shape[1],
        "relative": "relative.weight" in found,
        "tonal": "tonal.weight" in found,
    }
    options = options_of(FAMILIES["chorale-lstm"], sizes)
    return options, weights.load(FAMILIES["chorale-lstm"].build(options), found, told.path)


def chorale_transformer(manifest: Manifest, random: Random) -> tuple[Any, nn.Module]:
    """`chorale-transformer` from its two graphs, with the temperatures that one of them has."""
    kind = FAMILIES["chorale-transformer"]
    frame, voice = (main_graph(manifest, random, role) for role in ("frame", "voice"))
    _, heads, context, size = manifest.caches[0].shape
    inner = [len(v) for v in weights.products(frame) if v.shape[1] == heads * size]
    gates = [n for n in voice.values if n.endswith("gate_up.weight")]
    sizes = {
        "width": heads * size,
        "heads": heads,
        "context": context,
        "layers": len(manifest.caches) // 2,
        "inner": max(inner) // 2,
        "decision_layers": len(gates),
        "decision_inner": voice.values[gates[0]].shape[1] // 2,
        "embedding": voice.values["table.weight"].shape[1],
    }
    options = options_of(kind, sizes)
    model = ChoraleTransformer(options)
    found = weights.by_place(frame, model, lambda m, p: write_frame(model, options, p), "frame.")
    names = [name.removeprefix("voice.") for name in model.state_dict() if name.startswith("voice")]
    found |= {f"voice.{n}": value for n, value in weights.by_name(voice, names).items()}
    weights.load(model, found, voice.path)
    model.voice.temperatures = temperatures(voice)
    return options, model


def temperatures(told: Constants) -> Temperatures:
    """What logits are divided by in a graph: first for the rhythm, then for pitches."""
    divisors = [told.values.get(node.input[1]) for node in told.of("Div")]
    by = [float(value) for value in divisors if value is not None and value.ndim == 0]
    return Temperatures(*by) if len(by) == len(Temperatures.__slots__) else Temperatures()


def decoder(manifest: Manifest, kind: TokenKind, random: Random) -> Shipped:
    """A decoder of tokens from its one graph, and its vocabulary."""
    told, scheme = main_graph(manifest, random), scheme_of(manifest)
    _, heads, context, size = manifest.caches[0].shape
    inner = [len(v) for v in weights.products(told)[:-1] if v.shape[1] == heads * size]
    turn = max((v for v in told.values.values() if v.shape == (context, size // 2)), key=turns_more)
    half = size // 2
    slowest = float(np.arctan2(turn[1, -1], np.sqrt(1 - turn[1, -1].astype(float) ** 2)))
    sizes = {
        "width": heads * size,
        "heads": heads,
        "context": context,
        "layers": len(manifest.caches) // 2,
        "inner": max(inner) // 2,
        "bpe": len(scheme) if scheme.vocabulary.merges else 0,
        "rope_base": float(round(slowest ** (-half / (half - 1)))),
    }
    options = options_of(kind, sizes)
    model = kind.build(options, len(scheme))

    def write(skeleton: nn.Module, path: Path) -> None:
        assert isinstance(skeleton, Decoder)
        shape = shape_of(skeleton)
        decoder_graphs.write(weights_of(skeleton, shape), shape, path)

    found = weights.by_place(told, model, write)
    return Shipped(manifest, kind, options, weights.load(model, found, told.path), scheme)


def turns_more(table: Any) -> float:
    """Of a table of sines and one of cosines, the sines' begins with nothing."""
    return -float(np.abs(table[0]).sum())


class ShippedScheme(Scheme):
    """The vocabulary of a bundle, with the engine's own merging in place of MidiTok's."""

    def __init__(self, plain: Scheme, vocabulary: Vocabulary) -> None:
        super().__init__(plain.tokenizer, plain.parts)
        self.vocabulary = vocabulary

    def __len__(self) -> int:
        return len(self.vocabulary)

    def merges(self) -> list[tuple[int, int, int]]:
        return [(m.left, m.right, m.result) for m in self.vocabulary.merges]

    @property
    def spelled(self) -> tuple[tuple[int, ...], ...]:
        return self.vocabulary.bases

    def merged_group(self, group: tuple[int, ...]) -> list[int]:
        if group not in self.known:
            self.known[group] = self.vocabulary.merged(group)
        return self.known[group]


def scheme_of(manifest: Manifest) -> ShippedScheme:
    """The vocabulary of a bundle of tokens, both ways. Raises BundleError."""
    told = tomllib.loads((manifest.folder / "manifest.toml").read_text(encoding="utf-8"))["tokens"]
    path = manifest.folder / told["vocabulary"]
    if told["scheme"] != Telling.REMI or told["positions_per_beat"] != POSITIONS_PER_BEAT:
        raise BundleError(f"its scheme is {told['scheme']!r}", where=str(path), allowed="remi")
    vocabulary = Vocabulary.read(
        path.read_text(encoding="utf-8"), Telling.REMI, POSITIONS_PER_BEAT, where=str(path)
    )
    values = [token[0] for token in vocabulary.tokens if len(token) == 1]
    pitches = [int(value) for kind, value in values if kind == "Pitch"]
    velocities = sum(kind == "Velocity" for kind, _ in values)
    parts = any(kind == "Program" for kind, _ in values)
    plain = Scheme.of(min(pitches), max(pitches), parts, velocities, len(vocabulary.bars) > 1)
    names = [f"{kind}_{value}" for kind, value in values]
    if list(plain.names) != names:
        odd = next(iter(set(plain.names) ^ set(names)), "the order of its tokens")
        raise BundleError(
            f"its vocabulary is not one that this trainer writes ({odd})", where=str(path)
        )
    return ShippedScheme(plain, vocabulary)


READERS: dict[str, Callable[[Manifest, Random], tuple[Any, nn.Module]]] = {
    "chorale-lstm": chorale_lstm,
    "chorale-transformer": chorale_transformer,
}


def refuse_strange(shipped: Shipped) -> None:
    """Raises BundleError where the weights do not say what the bundle says in its reference."""
    path = shipped.manifest.folder / REFERENCE
    if not path.exists():
        return
    error = error_of(shipped, path)
    if not error <= LARGEST_ERROR:
        raise BundleError(
            f"its weights say something else than its reference does ({error:.1%} off)",
            where=str(path),
            allowed=f"{LARGEST_ERROR:.0%}",
        )


@torch.inference_mode()
def error_of(shipped: Shipped, path: Path) -> float:
    """The largest difference from the logits in `path`, as a share of their span."""
    with np.load(path) as reference:
        asked = reference["tokens" if shipped.scheme else "features"].astype(np.int64)
        right = reference["logits"]
    told = shipped.model(torch.from_numpy(asked)[None])[0][0].float().numpy()
    return float(np.abs(told - right).max() / np.ptp(right))
