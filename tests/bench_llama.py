"""The same decoder in llama.cpp: its weights as a GGUF file in 8 bits, run one token at a time."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ripieno_models.decoder_graphs import Shape
from torch import Tensor

PARTS = {
    "attention_norm": "attn_norm", "out": "attn_output", "mlp_norm": "ffn_norm", "down": "ffn_down"
}  # fmt: skip


def write_gguf(weights: Mapping[str, Tensor], shape: Shape, path: Path) -> None:
    """Write `weights` in blocks of 8 bits (Q8_0), norms in fp32; no tokeniser."""
    import gguf

    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.inner)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_dimension_count(shape.size)
    writer.add_rope_freq_base(shape.base)
    writer.add_vocab_size(shape.vocabulary)
    writer.add_tokenizer_model("no_vocab")
    kind = gguf.GGMLQuantizationType.Q8_0
    for name, weight in _renamed(weights, shape).items():
        if weight.ndim == 1:
            writer.add_tensor(name, weight)
        else:
            writer.add_tensor(name, gguf.quants.quantize(weight, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _renamed(weights: Mapping[str, Tensor], shape: Shape) -> dict[str, NDArray[np.float32]]:
    """llama.cpp's names; its rotary pairs stand side by side, ours half a head apart."""
    kv = shape.kv_heads * shape.size
    made = {
        "token_embd.weight": weights["embedding.weight"].numpy(),
        "output_norm.weight": weights["norm.weight"].numpy(),
    }
    for layer in range(shape.layers):
        own, block = f"layers.{layer}.", f"blk.{layer}."
        for ours, theirs in PARTS.items():
            made[f"{block}{theirs}.weight"] = weights[f"{own}{ours}.weight"].numpy()
        packed = weights[own + "qkv.weight"].numpy()
        query, key, value = np.split(packed, (shape.width, shape.width + kv))
        made[f"{block}attn_q.weight"] = _side_by_side(query, shape.heads)
        made[f"{block}attn_k.weight"] = _side_by_side(key, shape.kv_heads)
        made[f"{block}attn_v.weight"] = value
        gate, up = np.split(weights[own + "gate_up.weight"].numpy(), 2)
        made[f"{block}ffn_gate.weight"], made[f"{block}ffn_up.weight"] = gate, up
    return {name: np.ascontiguousarray(weight) for name, weight in made.items()}


def _side_by_side(weight: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    rows, width = weight.shape
    return weight.reshape(heads, 2, rows // heads // 2, width).swapaxes(1, 2).reshape(rows, width)


class Llama:
    """A GGUF file in llama.cpp on one thread, without its Python classes: decode, no more."""

    def __init__(self, path: Path, shape: Shape) -> None:
        import llama_cpp

        self._api: Any = llama_cpp
        self._quiet = llama_cpp.llama_log_callback(lambda *_: None)
        llama_cpp.llama_log_set(self._quiet, ctypes.c_void_p(0))
        llama_cpp.llama_backend_init()
        self._model = llama_cpp.llama_model_load_from_file(
            str(path).encode(), llama_cpp.llama_model_default_params()
        )
        how = llama_cpp.llama_context_default_params()
        how.n_ctx, how.n_batch, how.n_ubatch = shape.context, 512, 512
        how.n_threads = how.n_threads_batch = 1
        self._context = llama_cpp.llama_init_from_model(self._model, how)
        self._memory = llama_cpp.llama_get_memory(self._context)
        self._vocabulary = shape.vocabulary

    def rewind(self, length: int) -> None:
        """Forget all but the first `length` tokens."""
        self._api.llama_memory_seq_rm(self._memory, 0, length, -1)

    def feed(self, tokens: Sequence[int]) -> None:
        """Hear tokens, one or more; the logits of the last are ready afterwards."""
        for begin in range(0, len(tokens), 512):
            part = tokens[begin : begin + 512]
            ids = (self._api.llama_token * len(part))(*part)
            batch = self._api.llama_batch_get_one(ids, len(part))
            if self._api.llama_decode(self._context, batch):
                raise RuntimeError("llama.cpp did not decode")
        self._api.llama_get_logits_ith(self._context, -1)

    def logits(self) -> NDArray[np.float32]:
        """[V]: after the last token."""
        found = self._api.llama_get_logits_ith(self._context, -1)
        return np.ctypeslib.as_array(found, (self._vocabulary,)).copy()

    def close(self) -> None:
        self._api.llama_free(self._context)
        self._api.llama_model_free(self._model)
