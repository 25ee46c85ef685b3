"""Graphs of blocks with 8-bit weights, where those in floats are too large to be passed on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from ripieno.errors import BundleError
from ripieno.settings import DIRECTIONS

from ripieno_models import waiting
from ripieno_models.families.blocks import IGNORED, BlockBatch, nats_of
from ripieno_models.gates import LARGEST_LOSS
from ripieno_models.onnx_files import quantise
from ripieno_models.onnx_step import session_of

LARGEST = 2 << 20
"""Bytes of all graphs in floats, beyond which they are left out."""
KINDS = ("LSTM", "MatMul", "Gemm")


def is_large(files: Sequence[Path]) -> bool:
    """Whether these graphs are to be made small."""
    return sum(path.stat().st_size for path in files) > LARGEST


def made_small(encoder: Path, decoder: Path, blocks: Sequence[BlockBatch]) -> float:
    """Put graphs with 8-bit weights in the place of those of a latent model, and return how much
    worse they tell `blocks` (one a batch), as a share of nats per decision. Raises BundleError
    where that is too much; then the graphs are as they were."""
    before = nats(encoder, decoder, blocks)
    small = [path.with_suffix(".int8.onnx") for path in (encoder, decoder)]
    for path, to in zip((encoder, decoder), small, strict=True):
        quantise(path, to, KINDS)
    after = nats(small[0], small[1], blocks)
    loss = after / before - 1
    if not loss <= LARGEST_LOSS:
        for path in small:
            path.unlink()
        raise BundleError(
            f"in int8 the model is {loss:+.2%} off, {after:.4f} instead of {before:.4f} nats per"
            " decision of a block told by its own code",
            where=decoder.name,
            allowed=f"at most {LARGEST_LOSS:.1%}",
        )
    for path in (encoder, decoder):
        path.unlink()
    return loss


def nats(encoder: Path, decoder: Path, blocks: Sequence[BlockBatch]) -> float:
    """Nats per decision of `blocks`, each told by its own code."""
    hears, tells = session_of(encoder), session_of(decoder)
    still = np.zeros((1, DIRECTIONS), np.float32)
    total, count = 0.0, 0
    for block in waiting.each(blocks, "Checking the graphs", "block"):
        (latent,) = hears.run(None, {"tokens": block.heard.numpy()})
        (logits,) = tells.run(None, {"latent": latent, "turns": still})
        decisions = int((block.targets != IGNORED).sum())
        told = torch.from_numpy(np.asarray(logits))
        total += float(nats_of(told, block.targets)) * decisions
        count += decisions
    return total / count
