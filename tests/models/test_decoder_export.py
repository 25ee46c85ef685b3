"""Decoder graphs say what torch says: steps, chunks, rewinds and trees; 8 bits cost little."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from ripieno.errors import BundleError
from ripieno_models import decoder_export as export
from ripieno_models import decoder_graphs
from ripieno_models.decoder_graphs import Shape, random_weights, shape_of, weights_of
from ripieno_models.families.decoder import Decoder, TransformerOptions
from ripieno_models.onnx_decoder import OnnxDecoder, Tokens
from ripieno_models.onnx_framed import CHUNKS

CONTEXT, VOCABULARY = 128, 50
FP32_FILES = (export.FP32, export.PORTABLE["fp32"])


def options(**other: int | float) -> TransformerOptions:
    sizes: dict[str, int | float] = {"width": 64, "layers": 2, "heads": 4, "inner": 96}
    return TransformerOptions(**{**sizes, "context": CONTEXT, **other})  # type: ignore[arg-type]


def decoder(seed: int = 1, **other: int | float) -> Decoder:
    made = Decoder(options(**other), VOCABULARY)
    made.load_state_dict(random_weights(shape_of(made), seed))
    return made.eval()


def pieces(count: int = 3, length: int = 100) -> list[Tokens]:
    rng = np.random.default_rng(2)
    return [rng.integers(0, VOCABULARY, length) for _ in range(count)]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Torch's threads wait for each other longer than models as small as these compute."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def model() -> Decoder:
    return decoder()


@pytest.fixture(scope="module")
def made(model: Decoder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("graphs")
    export.write_graphs(model, folder, ("int8", "q8", "fp32"), portable=True)
    return folder


def torch_logits(model: Decoder, tokens: Tokens) -> NDArray[np.float32]:
    with torch.inference_mode():
        return np.asarray(model(torch.from_numpy(tokens)[None])[0][0].numpy())


def kinds(path: Path) -> Counter[str]:
    return Counter(node.op_type for node in onnx.load(path).graph.node)


@pytest.mark.parametrize("name", FP32_FILES)
@pytest.mark.parametrize("chunks", [(1,), CHUNKS, (3, 1)])
def test_steps_and_chunks_say_what_torch_says(
    name: str, chunks: tuple[int, ...], model: Decoder, made: Path
) -> None:
    (tokens,) = pieces(1, CONTEXT)
    right = torch_logits(model, tokens)
    assert right.std() > 0.5, "logits that are all alike would prove nothing"
    told = OnnxDecoder(made / name, CONTEXT).replay(tokens, chunks)
    assert np.abs(told - right).max() <= 1e-4


@pytest.mark.parametrize("name", FP32_FILES)
def test_going_back_leaves_nothing_behind(name: str, model: Decoder, made: Path) -> None:
    (tokens,) = pieces(1)
    told = export.rewound(OnnxDecoder(made / name, CONTEXT), tokens)
    assert np.abs(told - torch_logits(model, tokens)).max() <= 1e-4


def test_a_tree_is_its_paths(model: Decoder, made: Path) -> None:
    (tokens,) = pieces(1, 64)
    graph = OnnxDecoder(made / export.FP32, CONTEXT)
    assert export.tree_difference(model, graph, tokens) <= 1e-4
    ids = np.arange(20)
    graph.replay(tokens)
    spread = np.ptp(graph.grow(ids, [None] * 20), axis=0).max()
    assert spread > 0.5, "candidates that say the same would prove nothing"


def test_fewer_key_heads_are_shared_by_the_queries(tmp_path: Path) -> None:
    """Grouped heads equal as many heads whose keys and values are the same."""
    whole = Shape(VOCABULARY, 64, 2, 4, 4, 96, CONTEXT)
    grouped = Shape(VOCABULARY, 64, 2, 4, 2, 96, CONTEXT)
    few = random_weights(grouped)
    many = dict(few)
    for layer in range(2):
        name = f"layers.{layer}.qkv.weight"
        query, key, value = torch.split(few[name], [64, 32, 32])
        repeated = [part.view(2, 16, 64).repeat_interleave(2, 0).flatten(0, 1)
                    for part in (key, value)]  # fmt: skip
        many[name] = torch.cat((query, *repeated))
    decoder_graphs.write(few, grouped, tmp_path / "few.onnx")
    decoder_graphs.write(many, whole, tmp_path / "many.onnx")
    (tokens,) = pieces(1)
    graphs = (OnnxDecoder(tmp_path / f"{name}.onnx", CONTEXT) for name in ("few", "many"))
    told = [graph.replay(tokens) for graph in graphs]
    assert np.abs(told[0] - told[1]).max() <= 1e-4


def test_the_gate_passes_all_graphs_and_tells_what_8_bits_cost(model: Decoder, made: Path) -> None:
    checked = export.gate(model, made, pieces())
    assert checked.difference <= 1e-4
    assert 0 < abs(checked.loss) <= 0.005


@pytest.mark.parametrize("name", FP32_FILES)
def test_the_gate_refuses_weights_that_are_not_torchs(
    name: str, model: Decoder, made: Path, tmp_path: Path
) -> None:
    for file in FP32_FILES:
        (tmp_path / file).write_bytes((made / file).read_bytes())
    wrong = onnx.load(tmp_path / name)
    largest = max(wrong.graph.initializer, key=lambda weight: len(weight.raw_data))
    largest.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(largest) * 1.01, largest.name))
    onnx.save(wrong, tmp_path / name)
    with pytest.raises(BundleError, match=rf"{name}: the graph's logits differ"):
        export.gate(model, tmp_path, pieces(1))


def test_the_gate_refuses_8_bits_that_cost_too_much(
    model: Decoder, made: Path, tmp_path: Path
) -> None:
    (tmp_path / export.FP32).write_bytes((made / export.FP32).read_bytes())
    wrong = onnx.load(made / export.Q8)
    for weight in wrong.graph.initializer:
        if weight.name.endswith(("_scale", "_scales")) or "scale" in weight.name:
            spoilt = numpy_helper.to_array(weight) * np.float32(1.3)
            weight.CopyFrom(numpy_helper.from_array(spoilt, weight.name))
    onnx.save(wrong, tmp_path / export.Q8)
    with pytest.raises(BundleError, match=r"q8\.onnx: in 8 bits the model is .* at most 0\.5%"):
        export.gate(model, tmp_path, pieces())


def test_every_product_is_in_8_bits(made: Path) -> None:
    per_layer, head = 4, 1
    for name, kind in ((export.INT8, "MatMulInteger"), (export.Q8, "MatMulNBits"),
                       (export.PORTABLE["int8"], "MatMulInteger")):  # fmt: skip
        found = kinds(made / name)
        assert found["MatMul"] == found["Gemm"] == 0
        assert found[kind] == 2 * per_layer + head


def test_the_portable_graph_has_standard_operators_alone(made: Path) -> None:
    for name in export.PORTABLE.values():
        assert {node.domain for node in onnx.load(made / name).graph.node} <= {"", "ai.onnx"}
        assert kinds(made / name)["TensorScatter"] == 4


def test_files_that_only_the_gate_needs_are_dropped(model: Decoder, tmp_path: Path) -> None:
    files = export.write_graphs(model, tmp_path, ("int8",))
    assert files == [("step", "int8", export.INT8)]
    assert (tmp_path / export.FP32).exists(), "the gate holds it against torch"
    export.drop_unlisted(tmp_path, files)
    assert [path.name for path in tmp_path.iterdir()] == [export.INT8]


def test_heads_that_the_operator_does_not_take_are_refused(tmp_path: Path) -> None:
    small = decoder(width=32)
    with pytest.raises(BundleError, match=r"head of 8 numbers .* of multiples of 16"):
        export.write_graphs(small, tmp_path)


def test_weights_of_another_kind_of_model_are_refused(model: Decoder) -> None:
    shape = shape_of(model)
    extended = decoder()
    extended.register_parameter("bias", torch.nn.Parameter(torch.zeros(1)))
    with pytest.raises(BundleError, match="other weights than a decoder's graph takes: bias"):
        weights_of(extended, shape)


def test_the_shape_counts_what_is_trained(model: Decoder) -> None:
    assert shape_of(model).parameters == sum(p.numel() for p in model.parameters())
