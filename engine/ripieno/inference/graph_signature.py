"""What goes into an ONNX graph and what comes out of it, read without running or loading it."""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from pathlib import Path

from ripieno.errors import BundleError
from ripieno.inference.plain_file import NEXT, unreadable
from ripieno.inference.protocol_buffer import Broken, Data, fields, number_of, span_of, text_of

_DTYPES = {
    1: "float32",
    6: "int32",
    7: "int64",
    9: "bool",
    10: "float16",
    11: "float64",
    16: "bfloat16",
}
"""TensorProto.DataType of onnx/onnx.proto."""
_MODEL_GRAPH = 7
_GRAPH_WEIGHTS, _GRAPH_INPUT, _GRAPH_OUTPUT = 5, 11, 12
_TENSOR_NAME = 8
_VALUE_NAME, _VALUE_TYPE, _TYPE_TENSOR = 1, 2, 1
_TENSOR_DTYPE, _TENSOR_SHAPE, _SHAPE_SIZE = 1, 2, 1
_SIZE_NUMBER, _SIZE_NAME = 1, 2
_MOST_SIZES = 16


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output. A size that may vary has a name, or ''; so has a type that is no usual
    one."""

    name: str
    dtype: str
    shape: tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class Signature:
    """All that goes in and comes out, by name, in the graph's own order."""

    inputs: dict[str, Port]
    outputs: dict[str, Port]


def signature(path: Path) -> Signature:
    """What the graph at `path` says of itself. Raises BundleError."""
    found = Signature({}, {})
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as all_:
            data = Data(all_)
            for part, value in fields(data, 0, len(all_)):
                if part == _MODEL_GRAPH:
                    _graph(data, span_of(value), found)
    except OSError as error:
        raise unreadable(path, error) from None
    except (Broken, ValueError):
        raise BundleError(
            "this is not an ONNX graph: its bytes cannot be read as one",
            where=str(path),
            nearest=NEXT,
        ) from None
    return found


def _graph(data: Data, span: tuple[int, int], found: Signature) -> None:
    weights: set[str] = set()
    for part, value in fields(data, *span):
        if part == _GRAPH_WEIGHTS:
            weights.update(
                text_of(data, told)
                for inner, told in fields(data, *span_of(value))
                if inner == _TENSOR_NAME
            )
        elif part in (_GRAPH_INPUT, _GRAPH_OUTPUT):
            port = _port(data, span_of(value))
            (found.inputs if part == _GRAPH_INPUT else found.outputs)[port.name] = port
    for name in weights & found.inputs.keys():  # old files name their weights among the inputs
        del found.inputs[name]


def _port(data: Data, span: tuple[int, int]) -> Port:
    name, dtype, shape = "", "", []
    for part, value in fields(data, *span):
        if part == _VALUE_NAME:
            name = text_of(data, value)
        elif part == _VALUE_TYPE:
            for kind, tensor in fields(data, *span_of(value)):
                if kind != _TYPE_TENSOR:
                    continue
                for inner, told in fields(data, *span_of(tensor)):
                    if inner == _TENSOR_DTYPE:
                        dtype = _DTYPES.get(number_of(told), "")
                    elif inner == _TENSOR_SHAPE:
                        shape = _shape(data, span_of(told))
    return Port(name, dtype, tuple(shape))


def _shape(data: Data, span: tuple[int, int]) -> list[int | str]:
    sizes: list[int | str] = []
    for part, value in fields(data, *span):
        if part != _SHAPE_SIZE or len(sizes) >= _MOST_SIZES:
            raise Broken
        size: int | str = ""
        for inner, told in fields(data, *span_of(value)):
            if inner == _SIZE_NUMBER:
                size = number_of(told)
            elif inner == _SIZE_NAME:
                size = text_of(data, told)
        sizes.append(size)
    return sizes
