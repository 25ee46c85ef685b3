"""What cannot be imported is refused in a sentence, before anything of it runs."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import NodeProto, TensorProto, helper, numpy_helper
from onnxruntime.quantization import quantize_dynamic
from ripieno.cli import main
from ripieno.errors import BundleError
from ripieno.inference.bundle import check
from ripieno.inference.opening import open_model
from ripieno.library.importing import take_in
from ripieno.library.importing_items import Wish
from ripieno.library.trial import ChunkError, trial

from tests.host.imports import TOKENS, exported, tokenizer

SIZES = ["batch_size", 1, "past", 2]


def graph(
    folder: Path,
    *,
    inputs: dict[str, tuple[int, list[int | str]]] | None = None,
    logits: tuple[int, list[int | str]] = (TensorProto.FLOAT, ["b", "s", TOKENS]),
    extra: dict[str, tuple[int, list[int | str]]] | None = None,
    output: str = "logits",
) -> Path:
    """A graph with these inputs and outputs, which computes nothing of worth."""
    taken = inputs or {"input_ids": (TensorProto.INT64, ["b", "s"])}
    outputs = {output: logits, **(extra or {})}
    nodes = [
        helper.make_node("Constant", [], [name], value=numpy_helper.from_array(np.zeros(1)))
        for name in outputs
    ]
    made = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info(name, *told) for name, told in taken.items()],
        [helper.make_tensor_value_info(name, *told) for name, told in outputs.items()],
    )
    folder.mkdir(exist_ok=True)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, str(folder / "model.onnx"))
    tokenizer("REMI").save(folder / "tokenizer.json")
    return folder


def refused(source: Path, wish: Wish | None = None) -> str:
    with pytest.raises(BundleError) as error:
        take_in(source, source.parent / "out", wish or Wish())
    assert "\n" not in str(error.value)
    return str(error.value)


INTEGERS, FLOATS, HALVES = TensorProto.INT64, TensorProto.FLOAT, TensorProto.FLOAT16


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        ({"output": "last_hidden_state"}, "the graph has no 'logits', but last_hidden_state"),
        ({"inputs": {"x": (FLOATS, ["b"])}}, "the graph has no 'input_ids', but x"),
        (
            {"inputs": {"input_features": (FLOATS, ["b", 80, 3000])}},
            "'input_features': it is no decoder that stands alone",
        ),
        (
            {"inputs": {"input_ids": (INTEGERS, ["b"]), "token_type_ids": (INTEGERS, ["b"])}},
            "takes 'token_type_ids', which nobody here can give it",
        ),
        ({"inputs": {"input_ids": (FLOATS, ["b", "s"])}}, "takes 'input_ids' as float32"),
        ({"logits": (HALVES, ["b", "s", TOKENS])}, "the logits are float16"),
        ({"logits": (FLOATS, ["b", TOKENS])}, "the logits have the shape"),
        ({"logits": (FLOATS, ["b", "s", "v"])}, "Export it with fixed sizes"),
        ({"logits": (FLOATS, ["b", "s", 64])}, "It belongs to another model"),
        (
            {
                "inputs": {
                    "input_ids": (INTEGERS, ["b", "s"]),
                    "past_key_values.0.key": (HALVES, SIZES),
                },
                "extra": {"present.0.key": (HALVES, SIZES)},
            },
            "is float16; allowed: a causal decoder, exported by optimum for text-generation. "
            "Export it with --dtype fp32",
        ),
        (
            {
                "inputs": {
                    "input_ids": (INTEGERS, ["b", "s"]),
                    "past_key_values.0.key": (FLOATS, SIZES),
                }
            },
            "goes into the graph and does not come out",
        ),
        (
            {
                "inputs": {
                    "input_ids": (INTEGERS, ["b", "s"]),
                    "past_key_values.0.key_value": (FLOATS, ["b", "past", 64]),
                },
                "extra": {"present.0.key_value": (FLOATS, ["b", "past", 64])},
            },
            "has the shape ['b', 'past', 64]",
        ),
    ],
)
def test_a_graph_that_is_no_decoder(made: dict[str, object], sentence: str, tmp_path: Path) -> None:
    source = graph(tmp_path / "x", **made)  # type: ignore[arg-type]
    assert sentence in refused(source)


def test_folders_that_are_none(tmp_path: Path) -> None:
    assert "there is no such folder" in refused(tmp_path / "nowhere")
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "there is no ONNX graph in it; allowed: model.onnx" in refused(empty)
    (empty / "model.safetensors").touch()
    assert "optimum-cli export onnx --model FOLDER" in refused(empty)
    for name in ("a.onnx", "b.onnx"):
        (empty / name).touch()
    assert "there are 2 graphs in it" in refused(empty)


def test_a_graph_that_is_none(tmp_path: Path) -> None:
    source = graph(tmp_path / "x")
    (source / "model.onnx").write_bytes(b"not a graph at all")
    assert "this is not an ONNX graph" in refused(source)
    (source / "model.onnx").write_bytes(b"")
    assert "this is not an ONNX graph" in refused(source)


@pytest.mark.skipif(sys.platform == "win32", reason="links are for administrators there")
def test_a_link_is_not_followed(tmp_path: Path) -> None:
    source = graph(tmp_path / "x")
    os.rename(source / "model.onnx", tmp_path / "elsewhere.onnx")
    (source / "model.onnx").symlink_to(tmp_path / "elsewhere.onnx")
    assert "this is a symbolic link" in refused(source)


def test_a_tokenizer_is_needed(tmp_path: Path) -> None:
    source = graph(tmp_path / "x")
    (source / "tokenizer.json").unlink()
    told = refused(source)
    assert "nobody knows what its tokens mean" in told and "--tokenizer PATH" in told
    assert "is missing" in refused(source, Wish(tokenizer=tmp_path / "none.json"))


def test_hugging_faces_own_tokenizer_is_not_miditoks(tmp_path: Path) -> None:
    source = graph(tmp_path / "x")
    (source / "tokenizer.json").write_text('{"version": "1.0", "model": {"type": "BPE"}}')
    assert "not a tokenizer that MidiTok has saved" in refused(source)


def test_weights_beside_the_graph_come_along(tmp_path: Path) -> None:
    """As optimum writes models of more than 2 GB: model.onnx and model.onnx_data."""
    source = exported("gpt2-past", tokenizer("REMI"), tmp_path)
    model = onnx.load(source / "model.onnx")
    onnx.save_model(
        model,
        str(source / "model.onnx"),
        save_as_external_data=True,
        all_tensors_to_one_file=True,
        location="model.onnx_data",
        size_threshold=64,
    )
    manifest = take_in(source, tmp_path / "out", Wish()).manifest
    assert "model.onnx_data" in {extra.name for extra in manifest.files}
    assert open_model(manifest).context == 256
    (source / "model.onnx_data").unlink()
    assert "model.onnx_data: the file is missing" in refused(source)


@pytest.mark.parametrize("place", ["../secret", "/etc/passwd", "manifest.toml", "a\\b", "..", ""])
def test_weights_from_elsewhere_are_refused(place: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(bytes(64))
    source = graph(tmp_path / "x")
    model = onnx.load(source / "model.onnx")
    weight = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[16])
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value=place)
    model.graph.initializer.append(weight)
    (source / "model.onnx").write_bytes(model.SerializeToString())
    assert f"takes weights from {place!r}" in refused(source)
    assert not (tmp_path / "out").exists()


def test_weights_that_are_not_there_are_refused(tmp_path: Path) -> None:
    source = graph(tmp_path / "x")
    model = onnx.load(source / "model.onnx")
    model.graph.initializer.append(
        TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1 << 20, 1 << 20])
    )
    (source / "model.onnx").write_bytes(model.SerializeToString())
    assert "which its file cannot hold" in refused(source)


def test_a_file_larger_than_any_is_refused(tmp_path: Path) -> None:
    source = graph(tmp_path / "x")
    with (source / "model.onnx").open("r+b") as file:
        file.truncate((4 << 30) + 1)  # a hole: nothing of it is on the disk
    assert "the file is too large" in refused(source)


def test_instruments_that_are_not_there(tmp_path: Path) -> None:
    source = exported("gpt2-past", tokenizer("REMI"), tmp_path)
    assert "does not tell instruments apart" in refused(source, Wish(use="accompaniment"))
    assert "does not tell instruments apart" in refused(source, Wish(programs=(0, 0)))
    tokenizer("REMI", programs=True).save(source / "tokenizer.json")
    assert "no program 40; allowed: 0, 1" in refused(source, Wish(programs=(40, 0)))
    both = Wish(use="accompaniment", programs=(1, 1))
    assert "both have the program 1" in refused(source, both)
    assert "is no use of a model" in refused(source, Wish(use="drums"))


def test_too_short_a_memory(tmp_path: Path) -> None:
    source = exported("gpt2-past", tokenizer("REMI"), tmp_path)
    (source / "config.json").write_text('{"n_positions": 32}')
    assert "32 tokens at once, which is too few" in refused(source)
    (source / "config.json").write_text("[" * 10_000)
    assert take_in(source, tmp_path / "other", Wish()).manifest.context == 512


def test_a_licence_is_found_or_asked_for(tmp_path: Path) -> None:
    source = exported("gpt2-past", tokenizer("REMI"), tmp_path)
    unknown = take_in(source, tmp_path / "a", Wish())
    assert unknown.manifest.licence == "unknown"
    assert any("--licence" in remark for remark in unknown.remarks)
    (source / "README.md").write_text("---\nlicense: cc-by-4.0\n---\n# A model\n")
    assert take_in(source, tmp_path / "b", Wish()).manifest.licence == "cc-by-4.0"
    assert take_in(source, tmp_path / "c", Wish(licence="CC0-1.0")).manifest.licence == "CC0-1.0"


# ---- an export that hears one token at a time


def decoder(folder: Path, nodes: list[NodeProto], constants: dict[str, Any]) -> Path:
    """A decoder of one layer, whose cache has one number for each position: the token itself."""
    weight = np.random.default_rng(0).normal(size=(1, TOKENS)).astype(np.float32)
    small = np.array(0.01, np.float32)
    known = constants | {"w": weight, "sides": np.array([1, 3]), "small": small}
    first = [
        helper.make_node("Cast", ["input_ids"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["floats", "sides"], ["rows"]),
        helper.make_node("Concat", ["past_key_values.0.key", "rows"], ["all"], axis=2),
    ]
    last = [
        helper.make_node("Mul", ["heard", "small"], ["scaled"]),
        helper.make_node("Sin", ["scaled"], ["wave"]),
        helper.make_node("MatMul", ["wave", "w"], ["logits"]),
    ]
    past: list[int | str] = ["b", 1, "p", 1]
    present: list[int | str] = ["b", 1, "q", 1]
    made = helper.make_graph(
        [*first, *nodes, *last],
        "one",
        [
            helper.make_tensor_value_info("input_ids", INTEGERS, ["b", "s"]),
            helper.make_tensor_value_info("past_key_values.0.key", FLOATS, past),
        ],
        [
            helper.make_tensor_value_info("logits", FLOATS, ["b", "s", TOKENS]),
            helper.make_tensor_value_info("present.0.key", FLOATS, present),
        ],
        [numpy_helper.from_array(array, name) for name, array in known.items()],
    )
    folder.mkdir()
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, str(folder / "model.onnx"))
    tokenizer("REMI").save(folder / "tokenizer.json")
    return folder


def one_by_one(folder: Path) -> Path:
    """A decoder that, behind a past, hears only the last of several tokens: exported with a token
    as its example."""
    nodes = [
        helper.make_node("Identity", ["all"], ["present.0.key"]),
        helper.make_node("ReduceSum", ["past_key_values.0.key", "two"], ["before"], keepdims=1),
        helper.make_node("Reshape", ["before", "one"], ["sum"]),
        helper.make_node("Unsqueeze", ["floats", "two"], ["column"]),
        helper.make_node("Add", ["column", "sum"], ["heard"]),
    ]
    return decoder(folder, nodes, {"two": np.array([2]), "one": np.array([1])})


WINDOW = 8


def windowed(folder: Path) -> Path:
    """A decoder that thinks of its last tokens only, and gives back no more of its cache."""
    nodes = [
        helper.make_node("Slice", ["all", "begin", "end", "two"], ["present.0.key"]),
        helper.make_node("ReduceSum", ["present.0.key", "two"], ["window"], keepdims=1),
        helper.make_node("Reshape", ["window", "one"], ["sum"]),
        helper.make_node("Unsqueeze", ["floats", "two"], ["column"]),
        helper.make_node("Mul", ["column", "none"], ["nothing"]),
        helper.make_node("Add", ["nothing", "sum"], ["heard"]),
    ]
    constants = {
        "begin": np.array([-WINDOW]),
        "end": np.array([1 << 30]),
        "two": np.array([2]),
        "one": np.array([1]),
        "none": np.array(0.0, np.float32),
    }
    return decoder(folder, nodes, constants)


def test_what_a_window_has_given_up_is_heard_again(tmp_path: Path) -> None:
    """Going back behind it: the same logits, though the cache that was kept cannot be cut."""
    model = open_model(take_in(windowed(tmp_path / "window"), tmp_path / "out", Wish()).manifest)
    line = list(range(10, 50))
    model.feed([(n,) for n in line], ())
    for keep in (39, 30, 5, 0):
        model.rewind(keep)
        assert model.length == keep
        again = model.step((7,)).copy()
        model.reset()
        for number in line[:keep]:
            model.step((number,))
        np.testing.assert_allclose(again, model.step((7,)), atol=1e-5)


def test_an_export_for_one_token_is_found_out_and_told_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = one_by_one(tmp_path / "single")
    whole = take_in(source, tmp_path / "out", Wish()).manifest
    with pytest.raises(ChunkError, match="are not the same to the model as one by one"):
        trial(whole.folder, steps=4)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert main(["models", "import", str(source), "--licence", "CC0-1.0"]) == 0
    told = capsys.readouterr().out
    assert "it is told them one by one" in told and "single is in" in told
    kept = check(tmp_path / "data" / "ripieno" / "zoo" / "single")
    assert (kept.chunk, kept.licence) == (1, "CC0-1.0")


# ---- the command


def test_the_command_imports_checks_and_keeps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    source = exported("mistral-past", tokenizer("TSD", merges=True), tmp_path)
    assert main(["models", "import", str(source), "--use", "melody", "--name", "mine"]) == 0
    told = capsys.readouterr().out
    for part in ("manifest ", "files ", "graph ", "dry run ", "rewind ", "tempo ", "note "):
        assert f"\n{part}" in f"\n{told}"
    assert "ripieno play --model mine" in told
    assert main(["models", "import", str(source), "--use", "melody", "--name", "mine"]) == 2
    assert "--replace" in capsys.readouterr().err
    assert main(["models", "import", str(source), "--use", "melodie"]) == 2
    assert "Did you mean 'melody'?" in capsys.readouterr().err
    assert main(["models", "check", "mine"]) == 0
    assert "This model can play here." in capsys.readouterr().out


def test_nothing_is_kept_of_a_model_that_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    source = exported("gpt2-plain", tokenizer("REMI"), tmp_path)
    told = json.loads((source / "tokenizer.json").read_text())
    told["config"]["beat_res"] = {"0_4": 3}
    (source / "tokenizer.json").write_text(json.dumps(told))
    assert main(["models", "import", str(source)]) == 2
    assert "not sixteenths" in capsys.readouterr().err
    assert not (tmp_path / "data" / "ripieno" / "zoo" / "gpt2-plain").exists()


def test_small_numbers_are_known_by_their_operators(tmp_path: Path) -> None:
    """As optimum's and ONNX Runtime's own quantiser leave it: weights in eight bits."""
    source = exported("llama-past", tokenizer("REMI"), tmp_path)
    quantize_dynamic(source / "model.onnx", source / "model_quantized.onnx")
    (source / "model.onnx").unlink()
    manifest = take_in(source, tmp_path / "out", Wish()).manifest
    assert [(graph.precision, graph.file) for graph in manifest.graphs] == [
        ("int8", "model_quantized.onnx")
    ]
    assert trial(manifest.folder, steps=4).precision == "int8"
