"""What has gone wrong in exports, silently, each held by a test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from onnx import numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from ripieno.grammar.grid import FEATURES
from ripieno_models import decoder_graphs, export
from ripieno_models.decoder_graphs import Shape, random_weights
from ripieno_models.families.chorale_lstm import ChoraleLstm
from ripieno_models.onnx_files import quantise
from ripieno_models.onnx_step import OnnxStep

from tests.models.material import small

LARGE = 1024
"""Numbers from which on a constant must be a weight."""


@pytest.fixture(scope="module")
def lstm() -> ChoraleLstm:
    """In training, with dropout: as it is when somebody forgets to say otherwise."""
    torch.manual_seed(3)
    model = ChoraleLstm(small(dropout=0.5))
    for weight in model.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    return model.train()


@pytest.fixture(scope="module")
def graphs(lstm: ChoraleLstm, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("graphs")
    export.write_graphs(lstm, small(dropout=0.5), made / export.FP32, made / export.INT8)
    return made


def asked(count: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    sizes = [feature.size for feature in FEATURES]
    return np.random.default_rng(4).integers(0, sizes, (count, len(sizes)))


def test_h_and_c_stay_two_states(lstm: ChoraleLstm, graphs: Path) -> None:
    """The exporter takes one tensor that comes twice for a single input."""
    step = OnnxStep(graphs / export.FP32)
    rng = np.random.default_rng(5)
    h, c = (rng.normal(size=step.shape).astype(np.float32) for _ in range(2))
    row = asked(1)
    step.h, step.c = h, c
    told = step.step(row[0].tolist())
    with torch.inference_mode():
        state = (torch.from_numpy(h), torch.from_numpy(c))
        right, (h_out, c_out) = lstm.eval()(torch.from_numpy(row)[None], state)
    assert np.abs(told - right[0, 0].numpy()).max() <= 1e-4
    assert np.abs(step.h - h_out.numpy()).max() <= 1e-4
    assert np.abs(step.c - c_out.numpy()).max() <= 1e-4
    assert np.abs(step.h - step.c).max() > 0.01


def test_an_lstm_is_exported_for_one_step(graphs: Path) -> None:
    """With a length that may vary the exporter unrolls the LSTM for the example's."""
    (features, *_) = onnx.load(graphs / export.FP32).graph.input
    assert [d.dim_value for d in features.type.tensor_type.shape.dim] == [1, len(FEATURES)]
    kinds = [node.op_type for node in onnx.load(graphs / export.FP32).graph.node]
    assert kinds.count("LSTM") == small().layers


def test_dropout_is_off_although_the_model_was_in_training(lstm: ChoraleLstm, graphs: Path) -> None:
    """A module around one that is in eval() is in training, and takes it along."""
    rows = asked(40)
    with torch.inference_mode():
        right = lstm.eval()(torch.from_numpy(rows)[None])[0][0].numpy()
    assert np.abs(OnnxStep(graphs / export.FP32).replay(rows) - right).max() <= 1e-4
    assert not any(n.op_type == "Dropout" for n in onnx.load(graphs / export.FP32).graph.node)


def test_no_weight_hides_from_the_quantiser_as_a_constant(graphs: Path, tmp_path: Path) -> None:
    decoder_graphs.write(random_weights(SHAPE), SHAPE, tmp_path / "model.onnx")
    for path in (graphs / export.FP32, tmp_path / "model.onnx"):
        for node in onnx.load(path).graph.node:
            if node.op_type == "Constant":
                for attribute in node.attribute:
                    assert numpy_helper.to_array(attribute.t).size < LARGE, node.name


SHAPE = Shape(vocabulary=40, width=64, layers=2, heads=4, kv_heads=4, inner=96, context=64)


def test_the_quantiser_must_be_told_types_behind_the_runtimes_own_operators(
    tmp_path: Path,
) -> None:
    """Without a default type it stops at what it knows no shape of; ours does not."""
    decoder_graphs.write(random_weights(SHAPE), SHAPE, tmp_path / "model.onnx")
    with pytest.raises(Exception, match=r"(?i)type|infer"):
        quantize_dynamic(
            tmp_path / "model.onnx",
            tmp_path / "untold.onnx",
            weight_type=QuantType.QInt8,
            per_channel=True,
            op_types_to_quantize=["MatMul"],
        )
    quantise(tmp_path / "model.onnx", tmp_path / "told.onnx", ("MatMul",), per_channel=True)
    kinds = [node.op_type for node in onnx.load(tmp_path / "told.onnx").graph.node]
    assert kinds.count("MatMulInteger") == 4 * SHAPE.layers + 1


def test_memory_of_a_wrong_shape_is_only_seen_when_it_runs(tmp_path: Path) -> None:
    """Binding says nothing, so whatever binds must run dry: the engine does when it opens."""
    decoder_graphs.write(random_weights(SHAPE), SHAPE, tmp_path / "model.onnx", branches=False)
    session = ort.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    binding = session.io_binding()
    binding.bind_output("logits")
    for told in session.get_inputs():
        kind = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}.get(told.type, np.float32)
        shape = [1 if isinstance(size, str) else size for size in told.shape]
        if told.name == "past_1_value":
            shape[2] //= 2
        array = np.ones(shape, kind)
        binding.bind_ortvalue_input(told.name, ort.OrtValue.ortvalue_from_numpy(array))
    with pytest.raises(Exception, match="past_1_value"):
        session.run_with_iobinding(binding)
