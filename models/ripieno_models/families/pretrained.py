"""Pretrained language models, and low-rank adapters (Hu et al., 2021) to fine-tune them with.

The only file that imports transformers, and only when it is needed: that takes seconds. A model is
loaded from a folder of its own, as `save_pretrained` writes it. Where none is given, a tiny one
with random weights is made on the spot, written to such a folder and loaded like any other: this
stand-in proves the way, and knows no language.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from ripieno.errors import RipienoError

from ripieno_models.families.decoder import TokenOptions
from ripieno_models.options import default, folder, option

END, PAD, MASK = "<|endoftext|>", "<pad>", "<mask>"
SEED = 11


@dataclass(frozen=True, slots=True, kw_only=True)
class LoraOptions(TokenOptions):
    """Options of a pretrained model that is fine-tuned by low-rank adapters."""

    pretrained: str = folder("a folder with a pretrained model and its tokenizer (default: none)")
    rank: int = option(8, 1, 1024, "rank of the adapters")
    alpha: int = option(16, 1, 4096, "weight of the adapters, per rank")
    window: int = option(128, 8, 4096, "pieces of text that the exported model looks back")
    dropout: float = default("dropout", 0.05, TokenOptions)
    steps: int = default("steps", 400)
    batch: int = default("batch", 8)
    crop: int = default("crop", 64)
    start_inside: float = default("start_inside", 0.9, TokenOptions)
    learning_rate: float = default("learning_rate", 3e-3)
    average: float = default("average", 0.98)
    weight_decay: float = default("weight_decay", 0.0)
    bf16: bool = default("bf16", False)


def loaded(path: str, kind: str) -> tuple[Any, Any]:
    """(model, tokenizer) of a `kind` of `KINDS`, from the folder `path`, or from a stand-in's.
    Raises RipienoError."""
    import transformers

    transformers.utils.logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as place:
        if not path:
            stand_in(Path(place), kind)
        source = path or place
        try:
            tokenizer = transformers.AutoTokenizer.from_pretrained(source, local_files_only=True)
            model = getattr(transformers, KINDS[kind][0]).from_pretrained(
                source, local_files_only=True, attn_implementation="eager"
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RipienoError(
                f"there is no pretrained model of this kind here ({first_line(error)})",
                where=source,
                allowed="a folder with config.json, weights and tokenizer, as save_pretrained"
                " writes it",
            ) from error
    return model, tokenizer


def first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:120]


def stand_in(place: Path, kind: str) -> None:
    """Write a tiny model, and a tokenizer that knows single bytes, to the folder `place`."""
    import transformers
    from tokenizers import Tokenizer, decoders, pre_tokenizers
    from tokenizers.models import BPE

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    known = {text: number for number, text in enumerate([END, PAD, MASK, *letters])}
    told = Tokenizer(BPE(vocab=known, merges=[]))
    told.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    told.decoder = decoders.ByteLevel()
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=told, bos_token=END, eos_token=END, pad_token=PAD, mask_token=MASK
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        KINDS[kind][1](tokenizer).save_pretrained(place)
    tokenizer.save_pretrained(place)


def adapted(model: Any, options: LoraOptions, parts: Sequence[str]) -> Any:
    """`model` frozen, with adapters at the linear layers whose names end with `parts`."""
    import peft
    import transformers

    config = peft.LoraConfig(
        r=options.rank,
        lora_alpha=options.alpha,
        lora_dropout=options.dropout,
        target_modules=list(parts),
        fan_in_fan_out=isinstance(model, transformers.GPT2PreTrainedModel),
        bias="none",
    )
    return peft.get_peft_model(model, config)


def tiny_gpt2(tokenizer: Any) -> Any:
    """The stand-in of a decoder."""
    import transformers

    return transformers.GPT2LMHeadModel(
        transformers.GPT2Config(
            vocab_size=len(tokenizer),
            n_positions=512,
            n_embd=64,
            n_layer=2,
            n_head=2,
            # Wide enough that frozen embeddings can make a piece likely at all.
            initializer_range=0.2,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
        )
    )


def tiny_bart(tokenizer: Any) -> Any:
    """The stand-in of an encoder and decoder."""
    import transformers

    return transformers.BartForConditionalGeneration(
        transformers.BartConfig(
            vocab_size=len(tokenizer),
            max_position_embeddings=512,
            d_model=64,
            encoder_layers=1,
            decoder_layers=2,
            encoder_attention_heads=2,
            decoder_attention_heads=2,
            encoder_ffn_dim=128,
            decoder_ffn_dim=128,
            pad_token_id=tokenizer.pad_token_id,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            decoder_start_token_id=tokenizer.eos_token_id,
        )
    )


KINDS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "gpt2": ("GPT2LMHeadModel", tiny_gpt2),
    "bart": ("BartForConditionalGeneration", tiny_bart),
}
"""Kinds of models: the name of the class that loads one, and what makes a stand-in."""
