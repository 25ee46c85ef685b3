"""Whether a graph is a causal decoder as optimum exports it, and what it takes and gives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ripieno.errors import BundleError
from ripieno.inference.bundle_graphs import ASIDE
from ripieno.inference.graph_signature import Port, Signature, signature

TOKENS, LOGITS = "input_ids", "logits"
PAST, PRESENT = "past_key_values.", "present."
_SEEN = {"input_features", "pixel_values", "encoder_hidden_states", "decoder_input_ids"}
"""What other kinds of models take."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Keys or values of a layer: they go in as `past`, and come out grown as `present`."""

    past: str
    present: str
    heads: int
    width: int


@dataclass(frozen=True, slots=True)
class Shape:
    """What a decoder takes besides its tokens (in the engine's order), its cache, and how many
    tokens it knows."""

    aside: tuple[str, ...]
    caches: tuple[Pair, ...]
    size: int


def shape_of(path: Path) -> Shape:
    """What the graph at `path` is. Raises BundleError where it is no causal decoder."""
    told = signature(path)
    for what, nearest in _objections(told):
        raise BundleError(
            what,
            where=str(path),
            allowed="a causal decoder, exported by optimum for text-generation",
            nearest=nearest,
        )
    size = told.outputs[LOGITS].shape[-1]
    assert isinstance(size, int)
    aside = tuple(tensor.name for tensor in ASIDE if tensor.name in told.inputs)
    pairs = tuple(_pairs(told))
    # Without a past that goes in, the presents that may come out are of no use.
    return Shape(aside, pairs, size)


def _objections(told: Signature) -> Iterator[tuple[str, str]]:
    """What speaks against it, and what to do about it."""
    foreign = sorted(_SEEN & told.inputs.keys())
    if foreign:
        yield f"the graph takes {foreign[0]!r}: it is no decoder that stands alone", ""
    for name, ports in ((TOKENS, told.inputs), (LOGITS, told.outputs)):
        if name not in ports:
            there = ", ".join(sorted(ports)[:4]) or "nothing"
            yield f"the graph has no {name!r}, but {there}", ""
    known = {TOKENS, *(tensor.name for tensor in ASIDE)}
    for name, port in told.inputs.items():
        if name.startswith(PAST):
            yield from _past(port, told)
        elif name not in known:
            yield f"the graph takes {name!r}, which nobody here can give it", ""
        elif port.dtype not in ("int64", "bool") or (port.dtype == "bool") != (
            name == ASIDE[2].name
        ):
            yield f"the graph takes {name!r} as {port.dtype or 'something unknown'}", ""
    logits = told.outputs.get(LOGITS)
    if logits is None:
        return
    if logits.dtype != "float32":
        yield from _halves(f"the logits are {logits.dtype or 'of an unknown type'}")
    if len(logits.shape) != 3 or not isinstance(logits.shape[-1], int):
        yield f"the logits have the shape {list(logits.shape)}", "Export it with fixed sizes."


def _past(port: Port, told: Signature) -> Iterator[tuple[str, str]]:
    present = told.outputs.get(PRESENT + port.name.removeprefix(PAST))
    if port.dtype != "float32":
        yield from _halves(f"the cache {port.name!r} is {port.dtype or 'of an unknown type'}")
    if present is None:
        yield f"{port.name!r} goes into the graph and does not come out", ""
    sizes = port.shape
    whole = len(sizes) == 4 and all(isinstance(sizes[place], int) for place in (1, 3))
    if not whole or isinstance(sizes[2], int):
        yield (
            f"the cache {port.name!r} has the shape {list(sizes)}",
            "Keys and values [batch, heads, past, size] are known here.",
        )


def _halves(what: str) -> Iterator[tuple[str, str]]:
    yield what, "Export it with --dtype fp32: a processor computes in these."


def _pairs(told: Signature) -> Iterator[Pair]:
    for name, port in told.inputs.items():
        if name.startswith(PAST):
            heads, width = port.shape[1], port.shape[3]
            assert isinstance(heads, int) and isinstance(width, int)
            yield Pair(name, PRESENT + name.removeprefix(PAST), heads, width)
