"""Graphs that would do harm are refused before a runtime sees them, in a sentence."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from ripieno.errors import BundleError
from ripieno.inference.bundle import check
from ripieno.inference.graph_file import contents

from tests.engine.bundles import Recipe, graph, write_bundle
from tests.host.hostile import counting, signed, write_hostile

ZOO = Path(__file__).parents[2] / "models" / "zoo"


def refused(folder: Path) -> str:
    with pytest.raises(BundleError) as error:
        check(folder)
    told = str(error.value)
    assert "\n" not in told
    assert "model.onnx" in told
    return told


def sound() -> onnx.ModelProto:
    net = counting(10)
    net.node("Identity", ["plain"], ["logits"])
    return net.model()


def custom_operator() -> onnx.ModelProto:
    net = counting(10)
    net.node("Steal", ["plain"], ["logits"], domain="evil.example")
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("evil.example", 1)]
    return net.model(opsets=opsets)


def endless_loop() -> onnx.ModelProto:
    net = counting(10)
    info = helper.make_tensor_value_info
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["go_out"]),
            helper.make_node("Identity", ["x"], ["x_out"]),
        ],
        "body",
        [
            info("i", TensorProto.INT64, ()),
            info("go", TensorProto.BOOL, ()),
            info("x", TensorProto.FLOAT, None),
        ],
        [info("go_out", TensorProto.BOOL, ()), info("x_out", TensorProto.FLOAT, None)],
    )
    net.constant("yes", True, np.bool_)
    net.node("Loop", ["", "yes", "plain"], ["logits"], body=body)
    return net.model()


def hidden_in_a_branch() -> onnx.ModelProto:
    """The loop stands inside an If."""
    inner, net = endless_loop(), counting(10)
    loop = next(node for node in inner.graph.node if node.op_type == "Loop")
    loop.output[0] = "deep"
    out = helper.make_tensor_value_info("deep", TensorProto.FLOAT, None)
    branch = helper.make_graph([loop], "branch", [], [out])
    net.constant("yes", True, np.bool_)
    net.node("If", ["now"], ["logits"], then_branch=branch, else_branch=branch)
    return net.model()


def functions() -> onnx.ModelProto:
    model = sound()
    twice = helper.make_function(
        "own", "Twice", ["x"], ["y"], [helper.make_node("Add", ["x", "x"], ["y"])], []
    )
    twice.opset_import.append(helper.make_opsetid("", 18))
    model.functions.append(twice)
    return model


def weights_elsewhere() -> onnx.ModelProto:
    model = sound()
    weight = model.graph.initializer[0]
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    entry = weight.external_data.add()
    entry.key, entry.value = "location", "../../../../etc/passwd"
    return model


def a_claim_of_100_gigabytes() -> onnx.ModelProto:
    model = sound()
    weight = model.graph.initializer[0]
    del weight.dims[:]
    weight.dims.extend([5_000_000, 5_000])
    return model


def sparse() -> onnx.ModelProto:
    model = sound()
    weight = model.graph.sparse_initializer.add()
    weight.dims.extend([1 << 40])
    return model


HOSTILE: dict[str, tuple[Callable[[], onnx.ModelProto], str]] = {
    "custom operator": (custom_operator, "'Steal' of 'evil.example'"),
    "loop": (endless_loop, "'Loop', which may run for ever"),
    "loop in a branch": (hidden_in_a_branch, "'Loop', which may run for ever"),
    "functions": (functions, "functions of its own"),
    "elsewhere": (weights_elsewhere, "takes weights from '../../../../etc/passwd'"),
    "claim": (a_claim_of_100_gigabytes, "which its file cannot hold"),
    "sparse": (sparse, "sparse weights"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_graph_is_refused_before_it_is_loaded(name: str, tmp_path: Path) -> None:
    make, told = HOSTILE[name]
    assert told in refused(write_hostile(tmp_path / "bundle", make()))


def test_a_graph_that_means_well_passes(tmp_path: Path) -> None:
    check(write_hostile(tmp_path / "bundle", sound()))


def test_another_opset_than_the_manifest_tells(tmp_path: Path) -> None:
    assert "opset 17" in refused(write_hostile(tmp_path / "bundle", sound(), opset=17))


@pytest.mark.parametrize("content", [b"", b"\x00", b"\xff" * 64, b"no graph at all"])
def test_a_file_that_is_no_graph(content: bytes, tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "bundle", Recipe(hidden=8))
    (folder / "model.onnx").write_bytes(content)
    assert "not an ONNX graph" in refused(signed(folder))


def test_every_truncation_is_refused_or_read(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    whole = graph(Recipe(hidden=2, layers=1, width=1)).SerializeToString()
    for length in range(0, len(whole), 37):
        path.write_bytes(whole[:length])
        try:
            contents(path)
        except BundleError as error:
            assert "not an ONNX graph" in str(error)


@pytest.mark.parametrize(
    "file", sorted(ZOO.glob("*/*.onnx")), ids=lambda p: f"{p.parent.name}-{p.name}"
)
def test_what_is_read_is_what_onnx_reads(file: Path) -> None:
    """Our reader against the library that defines the format, on every graph that ships."""
    found, model = contents(file), onnx.load(os.fspath(file))
    assert found.opsets == {each.domain: each.version for each in model.opset_import}
    top = {(node.domain, node.op_type) for node in model.graph.node}
    assert top <= found.operators
    assert found.largest >= max(int(np.prod(w.dims)) for w in model.graph.initializer)
    assert not found.elsewhere


@pytest.mark.parametrize("name", ["model.onnx", "manifest.toml", "CARD.md"])
@pytest.mark.parametrize("what", ["link", "pipe", "folder"])
def test_what_is_no_plain_file_is_not_opened(name: str, what: str, tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "bundle", Recipe(hidden=8))
    path = folder / name
    kept = path.rename(tmp_path / "kept")
    if what == "link":
        path.symlink_to(kept)
    elif what == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
    with pytest.raises(BundleError, match="symbolic link" if what == "link" else "not a file"):
        check(folder)


def test_a_file_of_terabytes_is_not_read(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "bundle", Recipe(hidden=8))
    os.truncate(folder / "model.onnx", 1 << 40)  # full of holes: it takes no room on the disk
    with pytest.raises(BundleError, match="too large"):
        check(folder)
