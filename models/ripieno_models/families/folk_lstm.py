"""`folk-lstm`: a fiddle tune, token by token, by a small LSTM."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ripieno_models.families import folk_transformer
from ripieno_models.families.decoder import LstmOptions, Recurrent
from ripieno_models.options import default


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(LstmOptions):
    """Options of the family; the defaults are those of the model that ships."""

    bpe: int = default("bpe", 500, LstmOptions)
    steps: int = default("steps", 1000)
    batch: int = default("batch", 16)
    crop: int = default("crop", 512)
    learning_rate: float = default("learning_rate", 4e-3)


KIND = replace(
    folk_transformer.KIND,
    name="folk-lstm",
    title="Fiddle tunes, by a smaller model",
    options=Options,
    build=Recurrent,
)
