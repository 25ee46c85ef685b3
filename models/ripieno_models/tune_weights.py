"""A shipped bundle as a torch module again: its graphs' constants are its weights.

So no checkpoint has to ship with it. What was rounded to 8 bits comes back as the floats that those
bits stand for, which is exactly what the bundle plays.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from ripieno.errors import BundleError
from torch import Tensor, nn

Values = Mapping[str, NDArray[np.generic]]
Weights = dict[str, Tensor]
ROUNDED, SCALE, ZERO = "_quantized", "_scale", "_zero_point"
PRODUCTS = ("MatMul", "MatMulInteger")
LSTMS = ("LSTM", "DynamicQuantizeLSTM")
PARTS = 4
"""Gates of an LSTM. ONNX has them as input, output, forget, cell; torch as input, forget, cell,
output."""
AS_TORCH = (0, 2, 3, 1)


class Constants:
    """The constants of a graph as floats, and which kinds of operators take them.

    Rounding has put each weight in the middle of a cell. With `random` it comes back as anything in
    that cell: who goes on learning from the middles makes small steps, and when the result is
    rounded, small steps are lost; from random places they count on average.
    """

    def __init__(self, path: Path, random: np.random.Generator | None = None) -> None:
        graph = onnx.load(path).graph
        self.path, self.nodes = path, list(graph.node)
        raw = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
        rounded = [name for name in raw if name.endswith(ROUNDED)]
        self.values: dict[str, NDArray[np.generic]] = {
            name: value for name, value in raw.items() if not name.endswith((ROUNDED, SCALE, ZERO))
        }
        for name in rounded:
            own = name.removesuffix(ROUNDED)
            shift = raw[name].astype(np.float32) - raw[own + ZERO].astype(np.float32)
            if random is not None:
                shift += random.uniform(-0.5, 0.5, shift.shape).astype(np.float32)
            self.values[own] = shift * raw[own + SCALE].astype(np.float32)

    def product(self, name: str) -> bool:
        """Whether a constant is what something is multiplied with."""
        return any(
            node.op_type in PRODUCTS and name in (each.removesuffix(ROUNDED) for each in node.input)
            for node in self.nodes
        )

    def of(self, *kinds: str) -> list[onnx.NodeProto]:
        """The nodes of these kinds, in order."""
        return [node for node in self.nodes if node.op_type in kinds]

    def named(self, name: str) -> NDArray[np.generic]:
        """The constant that a node takes as `name`. Raises BundleError."""
        own = name.removesuffix(ROUNDED)
        if own not in self.values:
            raise BundleError(f"there is no constant {own!r}", where=str(self.path))
        return self.values[own]


def tensor(value: NDArray[np.generic]) -> Tensor:
    return torch.from_numpy(np.array(value, dtype=np.float32))


def by_place(
    told: Constants, model: nn.Module, write: Callable[[nn.Module, Path], None], prefix: str = ""
) -> Weights:
    """The weights of a graph that is written node by node: its constants are called after their
    places, so the same graph is written of random weights, to see which weight has which place.

    `prefix`: of the parameters of `model` that are in this graph. Raises BundleError.
    """
    source = torch.Generator().manual_seed(1)
    own = {name: p for name, p in model.named_parameters() if name.startswith(prefix)}
    with torch.no_grad():
        for parameter in own.values():
            parameter.copy_(torch.randn(parameter.shape, generator=source))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "random.onnx")
        write(model, path)
        places = Constants(path).values
    found: Weights = {}
    for name, parameter in own.items():
        value = parameter.detach().numpy()
        for place, other in places.items():
            for turned in (False, True):
                if np.array_equal(value.T if turned else value, other):
                    if place not in told.values:
                        raise foreign(told.path, name)
                    here = told.values[place]
                    found[name] = tensor(here.T if turned else here)
                    break
        if name not in found:
            raise foreign(told.path, name)
    return found


def by_name(told: Constants, names: Sequence[str]) -> Weights:
    """The weights of a graph of torch's exporter, which keeps their names and turns what something
    is multiplied with. Raises BundleError."""
    found: Weights = {}
    for name in names:
        if name not in told.values:
            raise foreign(told.path, name)
        value = told.values[name]
        found[name] = tensor(value.T if told.product(name) else value)
    return found


def lstm(told: Constants, prefix: str) -> Weights:
    """The weights of the LSTM layers of a graph, called as torch calls them. Raises BundleError."""
    found: Weights = {}
    for layer, node in enumerate(told.of(*LSTMS)):
        quantised = node.op_type == "DynamicQuantizeLSTM"
        for number, name in ((1, "ih"), (2, "hh")):
            value = tensor(told.named(node.input[number]))[0]
            # The operator for 8 bits takes [in, 4 * hidden], the other one [4 * hidden, in].
            found[f"{prefix}weight_{name}_l{layer}"] = as_torch(value.T if quantised else value)
        both = tensor(told.named(node.input[3]))[0].chunk(2)
        for name, value in zip(("ih", "hh"), both, strict=True):
            found[f"{prefix}bias_{name}_l{layer}"] = as_torch(value)
    return found


def as_torch(value: Tensor) -> Tensor:
    """[4 * hidden, …] with the gates in torch's order."""
    gates = value.chunk(PARTS)
    return torch.cat([gates[part] for part in AS_TORCH]).contiguous()


def products(told: Constants) -> list[Tensor]:
    """What is multiplied with in a graph, [out, in] each, in order."""
    names = [node.input[1].removesuffix(ROUNDED) for node in told.of(*PRODUCTS)]
    kept = [name for name in names if name in told.values]
    return [tensor(told.values[name].T) for name in kept]


def load(model: nn.Module, weights: Weights, where: Path) -> nn.Module:
    """`model` with `weights`, which must be all of it. Raises BundleError."""
    sizes = {name: tuple(value.shape) for name, value in weights.items()}
    wanted = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    if sizes != wanted:
        odd = next(n for n in sorted(sizes | wanted) if sizes.get(n) != wanted.get(n))
        raise foreign(where, odd)
    model.load_state_dict(weights)
    return model.eval()


def foreign(where: Path, name: str) -> BundleError:
    """What is told where a graph has another shape than those that this trainer writes."""
    return BundleError(
        f"its graph has no {name!r}, or of another size",
        where=str(where),
        allowed="a bundle that `ripieno-models export` of this version could have written",
    )
