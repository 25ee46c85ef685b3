"""The same decoder in torch: with a static cache, by transformers.generate, and as the ONNX graph
that torch's exporter makes of a cache that grows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from ripieno_models.decoder_graphs import Shape
from ripieno_models.families.decoder import EPSILON, Decoder, TransformerOptions
from ripieno_models.onnx_files import exported
from ripieno_models.onnx_step import session_of
from torch import Tensor, nn
from torch.nn import functional

from tests.bench_turns import Stopwatch

Floats = NDArray[np.float32]


class Static:
    """Eager torch with static keys and values, of which each step takes the part that is filled:
    no mask, nothing copied, nothing grown."""

    def __init__(self, weights: Mapping[str, Tensor], shape: Shape) -> None:
        self.weights, self.shape, self.length = dict(weights), shape, 0
        self.keys = torch.zeros(shape.layers, shape.kv_heads, shape.context, shape.size)
        self.values = torch.zeros_like(self.keys)
        self.cos, self.sin = (torch.from_numpy(turn) for turn in shape.turns())

    def rewind(self, length: int) -> None:
        self.length = length

    @torch.inference_mode()
    def feed(self, tokens: Sequence[int]) -> Floats:
        """Hear tokens: logits [V] of the last. More than one only from nothing."""
        begin, end = self.length, self.length + len(tokens)
        assert len(tokens) == 1 or not begin
        named, shape = self.weights, self.shape
        x = functional.embedding(torch.tensor(tokens), named["embedding.weight"])  # [S, W]
        cos, sin = self.cos[begin:end], self.sin[begin:end]
        for layer in range(shape.layers):
            own = f"layers.{layer}."
            normed = self._norm(x, own + "attention_norm.weight")
            packed = functional.linear(normed, named[own + "qkv.weight"])
            query, key, value = packed.view(len(tokens), 3, shape.heads, -1).permute(1, 2, 0, 3)
            self.keys[layer, :, begin:end] = self._turned(key, cos, sin)
            self.values[layer, :, begin:end] = value
            mixed = functional.scaled_dot_product_attention(
                self._turned(query, cos, sin)[None],
                self.keys[None, layer, :, :end],
                self.values[None, layer, :, :end],
                is_causal=len(tokens) > 1,
            )[0]  # [heads, S, size]
            joined = mixed.transpose(0, 1).flatten(1)
            x = x + functional.linear(joined, named[own + "out.weight"])
            normed = self._norm(x, own + "mlp_norm.weight")
            gate, up = functional.linear(normed, named[own + "gate_up.weight"]).chunk(2, -1)
            inner = functional.silu(gate) * up
            x = x + functional.linear(inner, named[own + "down.weight"])
        self.length = end
        last = self._norm(x[-1], "norm.weight")
        logits: Floats = functional.linear(last, named["embedding.weight"]).numpy()
        return logits

    def _norm(self, x: Tensor, name: str) -> Tensor:
        return functional.rms_norm(x, (self.shape.width,), self.weights[name], EPSILON)

    @staticmethod
    def _turned(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        one, other = x.chunk(2, -1)
        return torch.cat((one * cos - other * sin, other * cos + one * sin), -1)


class Growing:
    """The trainer's module as torch's exporter writes it: past in, a longer past out."""

    def __init__(self, weights: Mapping[str, Tensor], shape: Shape, path: Path) -> None:
        told = TransformerOptions(
            width=shape.width,
            layers=shape.layers,
            heads=shape.heads,
            inner=shape.inner,
            context=shape.context,
        )
        model = Decoder(told, shape.vocabulary)
        model.load_state_dict(dict(weights))
        names = [f"{n}_{part}" for n in range(shape.layers) for part in ("key", "value")]
        self.past_names = [f"past_{name}" for name in names]
        cache = [torch.zeros(1, shape.heads, 5, shape.size) for _ in names]
        grows = torch.export.Dim("past", min=2, max=shape.context)
        exported(
            _OneStep(model),
            (torch.zeros(1, 1, dtype=torch.long), *cache),
            path,
            input_names=["tokens", *self.past_names],
            output_names=["logits", *(f"present_{name}" for name in names)],
            opset_version=18,
            dynamic_shapes=({}, tuple({2: grows} for _ in names)),
        )
        self.session = session_of(path)
        self.cache: list[Floats] = []

    def fill(self, static: Static, length: int) -> None:
        """Take over what `static` has heard: the first `length` positions."""
        both = zip(static.keys, static.values, strict=True)
        self.cache = [part[None, :, :length].numpy().copy() for pair in both for part in pair]

    def step(self, token: int) -> Floats:
        """Logits [V]; the longer past is made, and dropped."""
        fed: dict[str, NDArray[Any]] = dict(zip(self.past_names, self.cache, strict=True))
        fed["tokens"] = np.array([[token]], np.int64)
        logits: Floats = self.session.run(None, fed)[0][0, -1]
        return logits


class _OneStep(nn.Module):
    def __init__(self, model: Decoder) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: Tensor, *past: Tensor) -> tuple[Tensor, ...]:
        logits, state = self.model(tokens, past)
        return logits, *state


class Generate:
    """transformers.generate of a Llama of this shape with random weights: top-k 50, as drawn."""

    def __init__(self, shape: Shape) -> None:
        from transformers import LlamaConfig, LlamaForCausalLM

        torch.manual_seed(1)
        self.model: Any = LlamaForCausalLM(
            LlamaConfig(
                vocab_size=shape.vocabulary,
                hidden_size=shape.width,
                intermediate_size=shape.inner,
                num_hidden_layers=shape.layers,
                num_attention_heads=shape.heads,
                num_key_value_heads=shape.kv_heads,
                max_position_embeddings=shape.context,
                tie_word_embeddings=True,
                bos_token_id=None,
                eos_token_id=None,
            )
        )
        self.model.train(False)

    def tokens(self, length: int, count: int) -> list[float]:
        """Milliseconds of each of `count` tokens after `length` others."""
        prompt = torch.randint(0, self.model.config.vocab_size, (1, length))
        times = _Times()
        self.model.generate(
            prompt,
            attention_mask=torch.ones_like(prompt),
            max_new_tokens=count + 1,
            do_sample=True,
            top_k=50,
            pad_token_id=0,
            streamer=times,
        )
        assert len(times.at) == count + 2, "the prompt, and every token after it"
        return [1000 * gap for gap in np.diff(times.at[1:])]


class _Times:
    """When each token came."""

    def __init__(self) -> None:
        self.at: list[float] = []

    def put(self, value: object) -> None:
        self.at.append(Stopwatch.now())

    def end(self) -> None:
        pass
