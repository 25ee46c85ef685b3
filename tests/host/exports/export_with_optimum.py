"""Writes the small decoders beside this file, as Hugging Face's optimum exports them.

optimum's exporter needs an older transformers than the rest of the tests, so it runs in an
environment of its own, and what it wrote is kept here:

    python -m venv /tmp/optimum
    /tmp/optimum/bin/pip install "torch==2.13.0" "transformers==4.57.6" "optimum-onnx==0.1.0"
    /tmp/optimum/bin/python tests/host/exports/export_with_optimum.py [--large FOLDER]

Weights are random, of a fixed seed. Architectures are those that symbolic-music models are made
with: GPT-2 (learned positions), LLaMA (rotary positions, gated layers), Mistral (the same, with
fewer heads of keys and a sliding window). Without `--large` they are small enough to be kept; with
it they have the sizes that are common in the field, and are written to FOLDER instead.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import torch
from optimum.exporters.onnx import export, main_export
from optimum.exporters.tasks import TasksManager
from optimum.onnx import merge_decoders
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
)

HERE = Path(__file__).parent
TOKENS = 512


def small() -> dict[str, Any]:
    """One layer or two, of 32 numbers."""
    plain = {"vocab_size": TOKENS, "bos_token_id": 1, "eos_token_id": 2, "initializer_range": 0.2}
    both = plain | {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 1,
        "num_attention_heads": 4,
        "max_position_embeddings": 256,
        "tie_word_embeddings": True,
    }
    gpt2 = GPT2Config(**plain, n_positions=256, n_embd=32, n_layer=1, n_head=4)
    mistral = MistralConfig(**both, num_key_value_heads=2, sliding_window=48)
    return {
        "gpt2": GPT2LMHeadModel(gpt2),
        "llama": LlamaForCausalLM(LlamaConfig(**both)),
        "mistral": MistralForCausalLM(mistral),
    }


def large() -> dict[str, Any]:
    """GPT-2 as it is trained on multi-track MIDI (6 layers of 512, 8 heads), LLaMA of 12 layers of
    512, and Mistral as in MidiTok's own example (8 layers of 512, 8 heads, 4 of keys)."""
    plain = {"vocab_size": 1024, "bos_token_id": 1, "eos_token_id": 2}
    both = plain | {"hidden_size": 512, "num_attention_heads": 8, "max_position_embeddings": 2048}
    gpt2 = GPT2Config(**plain, n_positions=2048, n_embd=512, n_layer=6, n_head=8)
    llama = LlamaConfig(**both, intermediate_size=1024, num_hidden_layers=12)
    mistral = MistralConfig(
        **both,
        intermediate_size=2048,
        num_hidden_layers=8,
        num_key_value_heads=4,
        sliding_window=256,
    )
    return {
        "gpt2": GPT2LMHeadModel(gpt2),
        "llama": LlamaForCausalLM(llama),
        "mistral": MistralForCausalLM(mistral),
    }


def write(name: str, model: Any, folder: Path) -> None:
    """The model with a cache, without one, and both merged into one graph with a branch."""
    with tempfile.TemporaryDirectory() as place:
        source, parts = Path(place) / "torch", Path(place) / "parts"
        parts.mkdir()
        model.save_pretrained(source)
        for label, task in (("plain", "text-generation"), ("past", "text-generation-with-past")):
            target = folder / f"{name}-{label}"
            main_export(str(source), output=target, task=task, do_validation=False)
            (target / "generation_config.json").unlink(missing_ok=True)
        configure = TasksManager.get_exporter_config_constructor(
            "onnx", model, task="text-generation", library_name="transformers"
        )
        for label, inside in (("first", False), ("next", True)):
            config = configure(model.config, use_past=True, use_past_in_inputs=inside)
            export(model, config, parts / f"{label}.onnx")
        merged = folder / f"{name}-merged"
        merged.mkdir(parents=True, exist_ok=True)
        merge_decoders(
            parts / "first.onnx",
            parts / "next.onnx",
            save_path=merged / "decoder_model_merged.onnx",
        )
        model.config.save_pretrained(merged)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", type=Path, help="write common sizes to this folder")
    options = parser.parse_args()
    torch.manual_seed(1)
    models = large() if options.large else small()
    for name, model in models.items():
        write(name, model.eval(), options.large or HERE)


if __name__ == "__main__":
    main()
