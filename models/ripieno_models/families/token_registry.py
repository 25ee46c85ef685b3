"""Which families write tokens, by the names that the command line takes."""

from __future__ import annotations

from ripieno_models.families import (
    bart_lora,
    folk_lstm,
    folk_transformer,
    gpt2_lora,
    pitch_lstm,
    pop909,
    remi_lstm,
    remi_structured,
    remi_transformer,
    song_transformer,
)

TOKEN_FAMILIES = {
    kind.name: kind
    for kind in (
        folk_transformer.KIND,
        folk_lstm.KIND,
        song_transformer.KIND,
        remi_transformer.KIND,
        remi_lstm.KIND,
        remi_structured.KIND,
        pitch_lstm.KIND,
        gpt2_lora.KIND,
        bart_lora.KIND,
        pop909.PIANO,
        pop909.MELODIES,
    )
}
