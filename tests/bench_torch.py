"""The same network in torch: an exported step graph turned back into the trainer's module."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import numpy_helper
from ripieno.grammar.grid import FEATURES, START, VOICES, Cursor, setting
from ripieno.inference.bundle import check
from ripieno.inference.onnx_model import StepModel

HERE = Path(__file__).resolve().parents[1]
Step = Callable[[tuple[int, ...]], object]
DEGREES = 12
_IOFC_TO_IFCO = (0, 2, 3, 1)


def features_of(count: int) -> list[tuple[int, ...]]:
    """Real inputs: four voices that walk about on the grid."""
    rng, cursor = np.random.default_rng(1), Cursor()
    found: list[tuple[int, ...]] = []
    while len(found) < count:
        for voice in range(len(VOICES)):
            found.append(cursor.features(voice, setting(len(found) // 4 % 16, 16, 0, None)))
            cursor.decide(voice, int(rng.integers(2, START)) if rng.random() < 0.3 else 0)
        cursor.next_step()
    return found


def torch_of(folder: Path, file: str) -> tuple[Step, float]:
    """The bundle's network as the trainer's own module, and how far its logits are from ONNX's."""
    import torch

    module = module_of(folder / file)
    torch.set_num_threads(1)
    state = [torch.zeros(module.lstm.num_layers, 1, module.lstm.hidden_size) for _ in range(2)]

    def step(features: tuple[int, ...]) -> Any:
        with torch.inference_mode():
            logits, after = module(torch.tensor([[features]]), (state[0], state[1]))
        state[0], state[1] = after
        return logits[0, 0].numpy()

    model = StepModel.open(check(folder), "fp32")
    differences = [float(np.abs(step(seen) - model.step(seen)).max()) for seen in features_of(64)]
    return step, max(differences)


def module_of(graph: Path) -> Any:
    """The trainer's ChoraleLstm with the weights of an exported step graph."""
    if importlib.util.find_spec("ripieno_models") is None:
        sys.path.insert(0, str(HERE / "models"))
    import torch
    from ripieno_models.families.chorale_lstm import ChoraleLstm, Options

    weights = weights_of(graph)
    module = ChoraleLstm(Options(**sizes_of(weights))).eval()
    module.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
    return module


def sizes_of(weights: Mapping[str, Any]) -> dict[str, Any]:
    """The trainer's options that these weights, named as torch names them, were made with."""
    return {
        "hidden": weights["lstm.weight_hh_l0"].shape[1],
        "layers": sum(name.startswith("lstm.weight_hh") for name in weights),
        "embedding": weights["embedding.weight"].shape[1],
        "relative": "relative.weight" in weights,
        "tonal": "tonal.weight" in weights,
    }


def weights_of(path: Path) -> dict[str, NDArray[np.float32]]:
    """An exported graph's weights under torch's names, found by their shapes and by the LSTM nodes.

    ONNX orders an LSTM's gates i, o, f, c; torch orders them i, f, g (= c), o.
    """
    graph = onnx.load(path)
    lstms = [node for node in graph.graph.node if node.op_type == "LSTM"]
    known = {each.name: numpy_helper.to_array(each) for each in graph.graph.initializer}
    computed = [name for node in lstms for name in node.input[1:4] if name not in known]
    known |= _computed(graph, computed)
    weights: dict[str, NDArray[np.float32]] = {}
    for layer, node in enumerate(lstms):
        inputs, recurrent, bias = (known[name][0] for name in node.input[1:4])
        weights[f"lstm.weight_ih_l{layer}"] = _gates(inputs)
        weights[f"lstm.weight_hh_l{layer}"] = _gates(recurrent)
        for name, half in zip(("ih", "hh"), np.split(bias, 2), strict=True):
            weights[f"lstm.bias_{name}_l{layer}"] = _gates(half)
    rows, hidden = sum(f.size for f in FEATURES), weights["lstm.weight_hh_l0"].shape[1]
    for array in known.values():
        if array.dtype != np.float32:
            continue
        match array.shape:
            case (first, _) if first == rows:
                weights["embedding.weight"] = array.copy()
            case (first, columns) if first == hidden and columns == START:
                weights["head.weight"] = array.T.copy()
            case (first, columns) if first == hidden and columns == 2 * (START - 3) + 1:
                weights["relative.weight"] = array.T.copy()
            case (first, columns) if first == hidden and columns == DEGREES:
                weights["tonal.weight"] = array.T.copy()
            case (size,) if size == START:
                weights["head.bias"] = array.copy()
    return weights


def _gates(array: NDArray[np.float32]) -> NDArray[np.float32]:
    parts = np.split(array, 4)
    return np.concatenate([parts[place] for place in _IOFC_TO_IFCO])


def _computed(graph: onnx.ModelProto, names: list[str]) -> dict[str, NDArray[np.float32]]:
    """What the graph makes of its constants under these names."""
    if not names:
        return {}
    told = onnx.ModelProto()
    told.CopyFrom(graph)
    told.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in names)
    session = ort.InferenceSession(told.SerializeToString(), providers=["CPUExecutionProvider"])
    state = {
        each.name: np.zeros(each.shape, np.int64 if "int64" in each.type else np.float32)
        for each in session.get_inputs()
    }
    return dict(zip(names, session.run(names, state), strict=True))
