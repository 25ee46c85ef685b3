"""ONNX Runtime, and nothing else knows it: loading a graph, checking its tensors, binding its runs.

A run is bound once to arrays that stay where they are, so that it allocates and copies nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from ripieno.errors import BundleError
from ripieno.inference.bundle_graphs import Tensor

Run = Callable[[], object]
"""Computes the outputs from what the inputs hold."""
Arrays = Mapping[str, NDArray[Any]]

Held = Any
"""A tensor as ONNX Runtime holds it; it goes from one run into the next without being copied."""

NEXT = "Copy the bundle again, or export it again with ripieno-models export."
_FATAL = 4
_TYPES = {
    "int64": "tensor(int64)",
    "int32": "tensor(int32)",
    "float32": "tensor(float)",
    "bool": "tensor(bool)",
}
_MISSING = re.compile(r"(?:Fatal error: |Could not find an implementation for )([\w.:]+)\(-?\d+\)")
_CODES = re.compile(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ")


class MissingOperator(BundleError):
    """This ONNX Runtime lacks an operator of the graph."""


class Session:
    """A loaded graph. Raises BundleError where the file is none that can be run."""

    def __init__(self, path: Path, threads: int) -> None:
        self.path = path
        self._session = _session(path, threads)

    def takes(self, name: str) -> bool:
        """Whether the graph has an input of this name."""
        return any(node.name == name for node in self._session.get_inputs())

    def check(
        self,
        inputs: Sequence[Tensor],
        outputs: Sequence[Tensor],
        further: Sequence[Tensor] = (),
        *,
        loosely: bool = False,
    ) -> None:
        """Refuse a graph whose tensors are not those that the manifest tells; it may also take
        `further` inputs, all of them or none. `loosely`: it may leave sizes open that the manifest
        tells, and have more outputs."""
        if any(self.takes(tensor.name) for tensor in further):
            inputs = [*inputs, *further]
        for kind, wanted, found in (
            ("input", inputs, self._session.get_inputs()),
            ("output", outputs, self._session.get_outputs()),
        ):
            there = {node.name: (node.type, list(node.shape)) for node in found}
            expected = {t.name: (_TYPES[t.dtype], list(t.shape)) for t in wanted}
            unasked = there.keys() if kind == "input" or not loosely else set[str]()
            for name in sorted(unasked | expected.keys()):
                if not _fits(expected.get(name), there.get(name), loosely):
                    told = _told(there.get(name), "missing")
                    raise BundleError(
                        f"the graph's {kind} {name!r} is {told}",
                        where=str(self.path),
                        allowed="what the manifest tells: "
                        + _told(expected.get(name), "no such " + kind),
                        nearest=NEXT,
                    )

    def bind(self, inputs: Arrays, outputs: Arrays) -> Run:
        """A run that reads `inputs` and writes `outputs` in place. Whoever runs it must keep them,
        and may bind the same memory as input and output where the graph allows that."""
        binding = self._session.io_binding()
        for name, array in inputs.items():
            binding.bind_ortvalue_input(name, ort.OrtValue.ortvalue_from_numpy(array))
        for name, array in outputs.items():
            binding.bind_ortvalue_output(name, ort.OrtValue.ortvalue_from_numpy(array))
        return partial(self._session.run_with_iobinding, binding)

    def run(self, names: Sequence[str], inputs: Mapping[str, Held]) -> list[Held]:
        """The outputs `names`, each as large as it comes. Raises what ONNX Runtime raises."""
        found: list[Held] = self._session.run_with_ort_values(names, inputs)
        return found

    def dry(self, run: Run, times: int = 1) -> None:
        """Run it without music, so that the first real run is as fast as the others."""
        try:
            for _ in range(times):
                run()
        except Exception as error:  # ONNX Runtime raises a dozen unrelated classes here
            raise broken(self.path, error) from None


def held(array: NDArray[Any]) -> Held:
    """`array`, whose memory it shares, as an input."""
    return ort.OrtValue.ortvalue_from_numpy(array)


def copied(value: Held) -> NDArray[Any]:
    """What an output holds."""
    found: NDArray[Any] = value.numpy()
    return found


def size_of(value: Held) -> tuple[int, ...]:
    """The shape of an output."""
    return tuple(value.shape())


def not_finite(path: Path) -> BundleError:
    """The weights of the graph at `path` are damaged."""
    return BundleError(
        "the model's weights are damaged: its first outputs are not finite numbers",
        where=str(path),
        nearest=NEXT,
    )


def reason_of(error: Exception) -> str:
    """The first line of what ONNX Runtime says, without its codes."""
    lines = _CODES.sub("", str(error)).strip().splitlines()
    return lines[0][:200].rstrip(" .") if lines else type(error).__name__


def broken(path: Path, error: Exception) -> BundleError:
    """The graph at `path` cannot be run."""
    # What stands before the reason is codes, and the path, which our own sentence tells.
    told = _CODES.sub("", str(error)).replace(f"Load model from {path} failed:", "")
    missing = _MISSING.search(told)
    if missing:
        return MissingOperator(
            f"the graph needs the operator {missing[1]}, which this ONNX Runtime was built without",
            where=str(path),
            allowed="what the installed ONNX Runtime brings",
            nearest="Install onnxruntime from PyPI, or a bundle with a portable graph.",
        )
    if "opset" in told.casefold():
        return BundleError(
            "the graph needs newer operators than this ONNX Runtime has",
            where=str(path),
            allowed=f"what ONNX Runtime {ort.__version__} reads",
            nearest="Install a newer onnxruntime, or export the bundle for an older opset.",
        )
    lines = told.strip().splitlines()
    first = lines[0][:200].rstrip(" .") if lines else type(error).__name__
    return BundleError(
        f"this is not a graph that ONNX Runtime can run ({first})", where=str(path), nearest=NEXT
    )


def _session(path: Path, threads: int) -> Any:
    ort.set_default_logger_severity(_FATAL)
    options = ort.SessionOptions()
    options.log_severity_level = _FATAL
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    # A spinning pool saves little here and doubles p99 as soon as another program wants the core.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise broken(path, error) from None


_Found = tuple[str, list[Any]]


def _fits(wanted: _Found | None, found: _Found | None, loosely: bool) -> bool:
    """The same type and shape; what the manifest leaves open may have any name in the graph, and
    `loosely` the graph may leave open what it tells."""
    if wanted is None or found is None or len(wanted[1]) != len(found[1]):
        return False
    pairs = zip(wanted[1], found[1], strict=True)
    sizes = all(
        (_is_open(have) if _is_open(want) else want == have) or (loosely and _is_open(have))
        for want, have in pairs
    )
    return wanted[0] == found[0] and sizes


def _is_open(size: object) -> bool:
    return not isinstance(size, int)


def _told(tensor: _Found | None, absent: str) -> str:
    return absent if tensor is None else f"{tensor[0]} {tensor[1]}"


def finite(*arrays: NDArray[np.float32]) -> bool:
    """All of them are numbers."""
    return all(bool(np.isfinite(array).all()) for array in arrays)
