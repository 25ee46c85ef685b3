"""`remi-lstm`: REMI tokens (Huang & Yang, 2020) and three wide layers of LSTM, for melodies.

Whether attention over the LSTM's outputs helps is not tried here; `remi-transformer` is attention
alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ripieno_models.families import folk_transformer
from ripieno_models.families.decoder import LstmOptions, Recurrent
from ripieno_models.options import default


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(LstmOptions):
    """Options of the family."""

    hidden: int = default("hidden", 512, LstmOptions)
    layers: int = default("layers", 3, LstmOptions)
    embedding: int = default("embedding", 128, LstmOptions)
    steps: int = default("steps", 2000)
    batch: int = default("batch", 16)
    crop: int = default("crop", 256)
    learning_rate: float = default("learning_rate", 2e-3)


KIND = replace(
    folk_transformer.KIND,
    name="remi-lstm",
    title="Fiddle tunes, by a wide LSTM",
    options=Options,
    build=Recurrent,
)
