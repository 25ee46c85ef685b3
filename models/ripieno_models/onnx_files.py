"""Torch modules as ONNX files, and their versions with 8-bit weights."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnx
import torch
from onnx import TensorProto
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.matmul_nbits_quantizer import (
    DefaultWeightOnlyQuantConfig,
    MatMulNBitsQuantizer,
)
from onnxscript import optimizer
from torch import Tensor, nn

FOLDED = 1 << 24
"""Bytes of a constant that may still be folded: more than any weight has."""


def exported(module: nn.Module, example: tuple[Tensor, ...], path: Path, **how: Any) -> None:
    """Write `module`, as `example` runs through it, to `path`; `how` is for torch's exporter."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in ("torch.onnx", "onnxscript", "onnx_ir"):
            logging.getLogger(name).setLevel(logging.ERROR)
        program = torch.onnx.export(module.eval(), example, dynamo=True, verbose=False, **how)
    assert program is not None
    # Weights that the graph cuts and joins anew are no constants, and would stay in fp32.
    optimizer.optimize(program.model, input_size_limit=FOLDED, output_size_limit=FOLDED)
    graph = without_traces(program.model_proto)
    # Folding turns weights around and leaves their old shapes noted.
    del graph.graph.value_info[:]
    onnx.checker.check_model(graph)
    onnx.save(graph, path)


def without_traces(model: onnx.ModelProto) -> onnx.ModelProto:
    """`model` without the notes of the exporter, which name the files of whoever exported it."""
    parts = (model.graph, *model.functions)
    noted = [*parts, *(node for part in parts for node in part.node)]
    noted += [*model.graph.input, *model.graph.output, *model.graph.value_info]
    for each in noted:
        each.ClearField("metadata_props")
        each.ClearField("doc_string")
    return model


def quantise(fp32: Path, int8: Path, kinds: Sequence[str], per_channel: bool = False) -> None:
    """Write `fp32` to `int8` with the weights of operators of these `kinds` in 8 bits."""
    logging.getLogger().setLevel(logging.ERROR)
    quantize_dynamic(
        fp32,
        int8,
        op_types_to_quantize=list(kinds),
        weight_type=QuantType.QInt8,
        per_channel=per_channel,
        # Shapes behind ONNX Runtime's own operators are not known to the quantiser.
        extra_options={"DefaultTensorType": TensorProto.FLOAT} if per_channel else None,
    )


def quantise_blocks(fp32: Path, q8: Path) -> None:
    """Write `fp32` to `q8` with the weights of products in 8 bits, a scale for every 32 of them.

    The operator (com.microsoft.MatMulNBits) rounds what it multiplies them with to 8 bits as well.
    """
    logging.getLogger("onnxruntime.quantization.matmul_nbits_quantizer").setLevel(logging.ERROR)
    logging.getLogger("onnxruntime.quantization").setLevel(logging.ERROR)
    how = DefaultWeightOnlyQuantConfig(block_size=32, is_symmetric=True, accuracy_level=4, bits=8)
    quantiser = MatMulNBitsQuantizer(onnx.load(fp32), algo_config=how)
    quantiser.process()
    model = quantiser.model.model
    onnx.checker.check_model(model)
    onnx.save(model, q8)
