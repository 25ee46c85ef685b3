"""Which families write tokens, by the names that the command line takes."""

from __future__ import annotations

from ripieno_models.families import (
    folk_lstm,
    folk_transformer,
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
    )
}
