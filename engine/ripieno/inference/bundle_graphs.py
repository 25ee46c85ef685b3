"""The graphs of a bundle: what each is for, its tensors, and how the model remembers.

Pure, as all of a manifest's reading: no numpy, no ONNX Runtime.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import prod
from pathlib import Path

from ripieno.grammar.grid import FEATURES, VOCABULARY
from ripieno.inference.manifest_table import Table
from ripieno.inference.plain_file import LARGEST, plain_file

PRECISIONS = ("int8", "q8", "fp32")
"""int8: weights in 8 bits, sums in int32. q8: weights in 8 bits, a scale for every block of 32."""
PORTABLE = "portable"
_INTEGERS, _COUNTS, _FLOATS, _TRUTHS = "int64", "int32", "float32", "bool"
_LONGEST_CONTEXT, _LONGEST_CHUNK, _SMALLEST_CONTEXT = 1 << 20, 1024, 64
_CHUNK, _BATCH, _FILLED = "chunk", "batch", "filled"
_LARGEST_MEMORY = 1 << 28
"""Numbers in all states and caches together: 1 GiB."""


class Rewind(StrEnum):
    """How a model goes back, and what a position of its context is."""

    SNAPSHOT = "snapshot"
    """A recurrent state is copied; there are no positions."""
    DECISIONS = "decision"
    """A cache of keys and values is cut; a position is a decision."""
    FRAMES = "frame"
    """The same, and a position is a sixteenth: its four decisions share one."""
    GROWING = "growing"
    """A cache of keys and values that comes out longer than it went in, as others export it, or
    none at all: then everything is heard again each time. A position is a token."""
    BLOCKS = "block"
    """Blocks of bars are made at once, and nothing is remembered."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input or output of the graph. A size in `shape` that may vary is told by a word."""

    name: str
    dtype: str
    shape: tuple[int | str, ...]

    def sized(self, count: int) -> tuple[int, ...]:
        """The shape with `count` for the size that may vary."""
        return tuple(size if isinstance(size, int) else count for size in self.shape)


@dataclass(frozen=True, slots=True)
class State:
    """A tensor that goes in as `input` and comes out, one step on, as `output`."""

    input: str
    output: str
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Cache:
    """Keys or values: they go in as `past` and come out, grown, as `present` in the same memory."""

    past: str
    present: str
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Graph:
    """An ONNX file of the bundle: what it is for, its precision, its operator set and its size."""

    role: str
    precision: str
    file: str
    sha256: str
    opset: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Memory:
    """How a model remembers: recurrent `states`, or `caches` of `context` positions that hear at
    most `chunk` rows at once; `hidden` is what a frame tells its decisions."""

    rewind: Rewind
    states: tuple[State, ...] = ()
    caches: tuple[Cache, ...] = ()
    context: int = 0
    chunk: int = 1
    hidden: Tensor | None = None


ASIDE = (
    Tensor("attention_mask", _INTEGERS, (1, _FILLED)),
    Tensor("position_ids", _INTEGERS, (1, _CHUNK)),
    Tensor("use_cache_branch", _TRUTHS, (1,)),
)
"""What a graph with a growing cache may be told besides its tokens, by the names that Hugging
Face's optimum gives: which positions count, where the tokens stand, whether there is a past."""
COUNTS = (Tensor("seqlens_k", _COUNTS, (1,)), Tensor("total_length", _COUNTS, (1,)))
"""What a graph with a cache is told besides its rows: how much of the cache is taken."""
ROLES = {
    Rewind.SNAPSHOT: ("step",),
    Rewind.DECISIONS: ("step", "chunk", PORTABLE),
    Rewind.FRAMES: ("frame", "voice"),
    Rewind.GROWING: ("step",),
    Rewind.BLOCKS: ("decoder", "encoder", "prior"),
}
"""What a graph can be for. A cached model's `chunk` graph, if any, hears more than one row; its
`portable` graph has standard operators alone, and caches [1, filled, heads × head size]."""
_OPTIONAL = ("chunk", PORTABLE, "encoder", "prior")


def memory(table: Table) -> Memory:
    """What the manifest tells of the model's memory. Raises BundleError."""
    told = table.table("rewind")
    kind = told.one_of("kind", ("snapshot", "length", "growing", Rewind.BLOCKS.value))
    if kind == Rewind.BLOCKS:
        told.end()
        return Memory(Rewind.BLOCKS)
    if kind == "snapshot":
        told.end()
        states = tuple(_state(part) for part in table.tables("state"))
        _fit(table, "state", [state.shape for state in states])
        return Memory(Rewind.SNAPSHOT, states)
    rewind = Rewind.GROWING
    if kind == "length":
        rewind = Rewind(told.one_of("per", (Rewind.DECISIONS.value, Rewind.FRAMES.value)))
    context = told.whole("context", _SMALLEST_CONTEXT, _LONGEST_CONTEXT)
    chunk = told.whole("chunk", 1, _LONGEST_CHUNK)
    told.end()
    optional = rewind is Rewind.GROWING and not table.has("cache")
    parts = [] if optional else table.tables("cache")
    caches = tuple(_cache(part, context) for part in parts)
    _fit(table, "cache", [cache.shape for cache in caches])
    hidden = None
    if rewind is Rewind.FRAMES:
        part = table.only("hidden")
        hidden = _tensor(part)
        framed = len(hidden.shape) == 3 and hidden.shape[:2] == (1, _CHUNK)
        if hidden.dtype != _FLOATS or not framed or not isinstance(hidden.shape[2], int):
            raise part.error("shape", f"is {list(hidden.shape)}", 'float32 [1, "chunk", size]')
    return Memory(rewind, (), caches, context, chunk, hidden)


def _fit(table: Table, key: str, shapes: Sequence[tuple[int, ...]]) -> None:
    total = sum(prod(shape) for shape in shapes)
    if total > _LARGEST_MEMORY:
        raise table.error(key, f"takes {total} numbers in all", "at most 256 Mi numbers together")


def graphs(folder: Path, table: Table, rewind: Rewind) -> tuple[Graph, ...]:
    """The graphs in `folder`: each role once at each precision. Raises BundleError."""
    found: list[Graph] = []
    for part in table.tables("graph"):
        name = part.file("file")
        size = plain_file(folder / name, LARGEST)
        found.append(
            Graph(
                role=part.one_of("role", ROLES[rewind]),
                precision=part.one_of("precision", PRECISIONS),
                file=name,
                sha256=part.sha256("sha256"),
                opset=part.whole("opset", 1, 1000),
                bytes=size,
            )
        )
        part.end()
    kinds = [(graph.role, graph.precision) for graph in found]
    if len(set(kinds)) != len(kinds):
        raise table.error("graph", "tells one precision twice", "one graph for each precision")
    needed = [role for role in ROLES[rewind] if role not in _OPTIONAL]
    for role in needed:
        if role not in (graph.role for graph in found):
            raise table.error("graph", f"has none of role {role!r}", ", ".join(needed))
    return tuple(found)


def inputs(table: Table, rewind: Rewind) -> Tensor:
    """The features; where there is a cache, also how much of it is taken. Raises BundleError."""
    if rewind is Rewind.SNAPSHOT:
        return _same(table, "input", Tensor("features", _INTEGERS, (1, len(FEATURES))))[0]
    features = Tensor("features", _INTEGERS, (1, _CHUNK, len(FEATURES)))
    return _same(table, "input", features, *COUNTS)[0]


def outputs(table: Table, rewind: Rewind) -> Tensor:
    """The logits. Raises BundleError."""
    shapes: dict[Rewind, tuple[int | str, ...]] = {
        Rewind.SNAPSHOT: (1, VOCABULARY),
        Rewind.DECISIONS: (1, _CHUNK, VOCABULARY),
        Rewind.FRAMES: (_BATCH, VOCABULARY),
    }
    return _same(table, "output", Tensor("logits", _FLOATS, shapes[rewind]))[0]


def one_input(table: Table, rewind: Rewind) -> Tensor:
    """The rows of integers that a plug-in's grammar makes, at any width. Raises BundleError."""
    found = tuple(_tensor(part) for part in table.tables("input"))
    counts = () if rewind is Rewind.SNAPSHOT else COUNTS
    _rows(table, "input", found[0], _INTEGERS, rewind)
    if found[1:] != counts:
        more = ", ".join(("one input", *(count.name for count in counts)))
        raise table.error("input", f"names {len(found)} tensors", more)
    return found[0]


def one_output(table: Table, rewind: Rewind) -> Tensor:
    """What the graph thinks of each token of a plug-in's grammar. Raises BundleError."""
    found = _tensor(table.only("output"))
    _rows(table, "output", found, _FLOATS, rewind)
    return found


def _rows(table: Table, key: str, tensor: Tensor, dtype: str, rewind: Rewind) -> None:
    free = (1,) if rewind is Rewind.SNAPSHOT else (1, _CHUNK)
    right = tensor.dtype == dtype and tensor.shape[:-1] == free
    if not right or not isinstance(tensor.shape[-1], int):
        allowed = f"{dtype} {[*free, 'a width']}"
        raise table.error(key, f"is {tensor.dtype} {list(tensor.shape)}", allowed)


def growing_input(table: Table) -> Tensor:
    """The tokens of a graph with a growing cache, and what else it is told. Raises BundleError."""
    rows = Tensor("input_ids", _INTEGERS, (1, _CHUNK))
    found = tuple(_tensor(part) for part in table.tables("input"))
    wanted = (rows, *(tensor for tensor in ASIDE if tensor in found))
    return _same(table, "input", *wanted)[0]


def _same(table: Table, key: str, *wanted: Tensor) -> tuple[Tensor, ...]:
    found = tuple(_tensor(part) for part in table.tables(key))
    if found != wanted:
        told, right = (
            ", ".join(f"{t.name} {t.dtype}{list(t.shape)}" for t in some)
            for some in (found, wanted)
        )
        raise table.error(key, f"is {told}", right)
    return wanted


def _tensor(part: Table) -> Tensor:
    tensor = Tensor(
        part.text("name"), part.text("dtype"), part.sizes("shape", (_CHUNK, _BATCH, _FILLED))
    )
    part.end()
    return tensor


def _state(part: Table) -> State:
    part.same("dtype", _FLOATS, "what a state is made of")
    state = State(part.text("input"), part.text("output"), _FLOATS, part.shape("shape"))
    part.end()
    return state


def _cache(part: Table, context: int) -> Cache:
    part.same("dtype", _FLOATS, "what a cache is made of")
    cache = Cache(part.text("past"), part.text("present"), _FLOATS, part.shape("shape"))
    if len(cache.shape) != 4 or cache.shape[0] != 1 or cache.shape[2] != context:
        allowed = f"[1, heads, {context} as rewind.context tells, head size]"
        raise part.error("shape", f"is {list(cache.shape)}", allowed)
    part.end()
    return cache


def tensors(table: Table, key: str, *wanted: Tensor) -> tuple[Tensor, ...]:
    """The tensors under `key`, which must be just those `wanted`. Raises BundleError."""
    return _same(table, key, *wanted)
