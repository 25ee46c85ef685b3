"""`remi-transformer`: REMI tokens with byte-pair merges, and a decoder of 34 million parameters.

Eight layers of eight heads, 512 wide, gated layers of 2,048, learned in sequences of 256 tokens and
played with a context of 512; see `decoder.py` for the architecture.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ripieno_models.families import folk_transformer
from ripieno_models.families.decoder import Decoder, TransformerOptions
from ripieno_models.options import default


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(TransformerOptions):
    """Options of the family. A run on one processor takes a smaller width and fewer layers."""

    bpe: int = default("bpe", 512, TransformerOptions)
    width: int = default("width", 512, TransformerOptions)
    layers: int = default("layers", 8, TransformerOptions)
    heads: int = default("heads", 8, TransformerOptions)
    inner: int = default("inner", 2048, TransformerOptions)
    context: int = default("context", 512, TransformerOptions)
    steps: int = default("steps", 4000)
    batch: int = default("batch", 16)
    crop: int = default("crop", 256)
    learning_rate: float = default("learning_rate", 5e-4)


KIND = replace(
    folk_transformer.KIND,
    name="remi-transformer",
    title="Fiddle tunes, by a large Transformer",
    options=Options,
    build=Decoder,
    numbered=False,
)
