"""What an ONNX file is made of, read without running or loading it.

Walks the fields of onnx/onnx.proto (of the ONNX project) and steps over the weights, so that a
graph is refused before a runtime sees it: one with operators of somebody's own, with loops, with
weights that lie elsewhere or are larger than the file that brings them.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path

from ripieno.errors import BundleError
from ripieno.inference.plain_file import NEXT, unreadable
from ripieno.inference.protocol_buffer import (
    Broken,
    Data,
    fields,
    number_of,
    packed,
    span_of,
    text_of,
)

STANDARD = ("", "ai.onnx")
DOMAINS = (*STANDARD, "ai.onnx.ml", "com.microsoft")
ENDLESS = frozenset(
    {"Loop", "Scan", "BeamSearch", "GreedySearch", "Sampling", "WhisperBeamSearch", "SequenceMap"}
)
"""Operators that run others again and again: nobody can tell for how long."""
FOREIGN = frozenset({"ATen", "EPContext", "PyOp", "PythonOp", "PythonOpGrad"})
"""Operators that load or run what does not stand in the graph."""
_DEEPEST, _MOST_SIZES = 8, 16

_MODEL_OPSET, _MODEL_GRAPH, _MODEL_FUNCTION = 8, 7, 25
_OPSET_DOMAIN, _OPSET_VERSION = 1, 2
_GRAPH_NODE, _GRAPH_WEIGHTS, _GRAPH_SPARSE = 1, 5, 15
_NODE_KIND, _NODE_ATTRIBUTE, _NODE_DOMAIN = 4, 5, 7
_ATTRIBUTE_TENSORS, _ATTRIBUTE_GRAPHS, _ATTRIBUTE_SPARSE = (5, 10), (6, 11), (22, 23)
_TENSOR_SIZE, _TENSOR_OUTSIDE, _ENTRY_KEY, _ENTRY_VALUE = 1, 13, 1, 2


@dataclass(slots=True)
class Contents:
    """What stands in a graph. `opsets`: version by domain; `operators`: (domain, kind).

    `elsewhere`: files that weights are said to lie in; `largest`: numbers in the largest weight.
    """

    opsets: dict[str, int] = field(default_factory=dict)
    operators: set[tuple[str, str]] = field(default_factory=set)
    elsewhere: set[str] = field(default_factory=set)
    largest: int = 0
    functions: bool = False
    sparse: bool = False


def check_graph(path: Path, opset: int, beside: Mapping[str, int]) -> None:
    """Refuse a graph that could do more than compute, or claims to be what it is not.

    opset: what the manifest tells. beside: the bundle's other files by name, with their bytes.
    Raises BundleError.
    """
    found = contents(path)
    for what, allowed in _objections(found, opset, beside, path.stat().st_size):
        raise BundleError(what, where=str(path), allowed=allowed)


def _objections(
    found: Contents, opset: int, beside: Mapping[str, int], size: int
) -> Iterator[tuple[str, str]]:
    for domain, kind in sorted(found.operators):
        if domain not in DOMAINS:
            yield (
                f"the graph needs the operator {kind!r} of {domain!r}, which is no standard one",
                "the operators of ONNX and of ONNX Runtime",
            )
        if kind in ENDLESS:
            yield f"the graph has the operator {kind!r}, which may run for ever", "no loops"
        if kind in FOREIGN:
            yield f"the graph has the operator {kind!r}, which runs what is not in it", "none such"
    if found.functions:
        yield "the graph has functions of its own", "operators only: export it with them inlined"
    if found.sparse:
        yield "the graph has sparse weights", "dense ones"
    for name in sorted(found.elsewhere - beside.keys()):
        yield (
            f"the graph takes weights from {name!r}",
            "files of this folder that the manifest lists with their SHA-256",
        )
    room = 2 * (size + sum(beside[name] for name in found.elsewhere))  # two 4-bit numbers a byte
    if found.largest > room:
        yield (
            f"the graph claims a weight of {found.largest} numbers, which its file cannot hold",
            "weights that are there",
        )
    there = max((found.opsets.get(domain, 0) for domain in STANDARD), default=0)
    if there != opset:
        yield f"the graph is of opset {there}", f"opset {opset}, as the manifest tells"


def contents(path: Path) -> Contents:
    """Read the graph at `path`, but not its weights. Raises BundleError."""
    found = Contents()
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            _model(Data(data), len(data), found)
    except OSError as error:
        raise unreadable(path, error) from None
    except (Broken, ValueError):  # ValueError: the file is empty, or a name is no text
        raise BundleError(
            "this is not an ONNX graph: its bytes cannot be read as one",
            where=str(path),
            nearest=NEXT,
        ) from None
    return found


def _model(data: Data, end: int, found: Contents) -> None:
    graphs = 0
    for number, value in fields(data, 0, end):
        if number == _MODEL_OPSET:
            domain, version = "", 0
            for part, told in fields(data, *span_of(value)):
                if part == _OPSET_DOMAIN:
                    domain = text_of(data, told)
                elif part == _OPSET_VERSION:
                    version = number_of(told)
            found.opsets[domain] = version
        elif number == _MODEL_GRAPH:
            graphs += 1
            _graph(data, span_of(value), found, 0)
        elif number == _MODEL_FUNCTION:
            found.functions = True
    if graphs != 1 or not found.opsets:
        raise Broken


def _graph(data: Data, span: tuple[int, int], found: Contents, depth: int) -> None:
    if depth > _DEEPEST:
        raise Broken
    for number, value in fields(data, *span):
        if number == _GRAPH_NODE:
            _node(data, span_of(value), found, depth)
        elif number == _GRAPH_WEIGHTS:
            _weight(data, span_of(value), found)
        elif number == _GRAPH_SPARSE:
            found.sparse = True


def _node(data: Data, span: tuple[int, int], found: Contents, depth: int) -> None:
    kind = domain = ""
    for number, value in fields(data, *span):
        if number == _NODE_KIND:
            kind = text_of(data, value)
        elif number == _NODE_DOMAIN:
            domain = text_of(data, value)
        elif number == _NODE_ATTRIBUTE:
            for part, told in fields(data, *span_of(value)):
                if part in _ATTRIBUTE_TENSORS:
                    _weight(data, span_of(told), found)
                elif part in _ATTRIBUTE_GRAPHS:
                    _graph(data, span_of(told), found, depth + 1)
                elif part in _ATTRIBUTE_SPARSE:
                    found.sparse = True
    found.operators.add((domain, kind))


def _weight(data: Data, span: tuple[int, int], found: Contents) -> None:
    sizes: list[int] = []
    for number, value in fields(data, *span):
        if number == _TENSOR_SIZE:
            sizes += [value] if isinstance(value, int) else packed(data, *value, _MOST_SIZES)
            if len(sizes) > _MOST_SIZES:
                raise Broken
        elif number == _TENSOR_OUTSIDE:
            pair = {part: text_of(data, told) for part, told in fields(data, *span_of(value))}
            if pair.get(_ENTRY_KEY) == "location":
                found.elsewhere.add(pair.get(_ENTRY_VALUE, ""))
    found.largest = max(found.largest, prod(sizes))
