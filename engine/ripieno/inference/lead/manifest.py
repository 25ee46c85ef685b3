"""What a manifest tells of a model of lead sheets. Pure."""

from __future__ import annotations

from ripieno.grammar.grid import STEPS_PER_BEAT, VOICES
from ripieno.grammar.lead_sheet import CHORD_TOKENS, FEATURES, MELODY_TOKENS, NAMES, VOCABULARY
from ripieno.inference.bundle_graphs import Rewind, Tensor, one_input, one_output
from ripieno.inference.bundle_music import Music, voices_of
from ripieno.inference.manifest_table import Table

LEAD_SHEET = "lead-sheet"
WHAT = "the lead-sheet grammar of this engine"


def lead_music(table: Table, rewind: Rewind) -> Music:
    """A melody and chord symbols in sixteenths. Raises BundleError."""
    told = table.table(LEAD_SHEET)
    told.same("steps_per_beat", STEPS_PER_BEAT, WHAT)
    told.same("melody_tokens", MELODY_TOKENS, WHAT)
    told.same("chord_tokens", CHORD_TOKENS, WHAT)
    for key, right in (("features", [f.name for f in FEATURES]), ("kinds", list(NAMES))):
        names = list(told.texts(key))
        if names != right:
            raise told.error(key, f"has {len(names)} names that are not the grammar's", str(right))
    told.end()
    voices = voices_of(table)
    if tuple(voice.name for voice in voices) != VOICES:
        named = ", ".join(voice.name for voice in voices)
        raise table.error("voice", f"names {named}", f"{', '.join(VOICES)}, in this order")
    if rewind is not Rewind.SNAPSHOT:
        raise table.error("rewind.kind", f"is '{rewind.value}'", f"'{Rewind.SNAPSHOT.value}'")
    seen, logits = one_input(table, rewind), one_output(table, rewind)
    shown_rows = Tensor("features", "int64", (1, len(FEATURES)))
    shown_logits = Tensor("logits", "float32", (1, VOCABULARY))
    for key, found, needed in (("input", seen, shown_rows), ("output", logits, shown_logits)):
        if found != needed:
            told_as = f"is {found.name} {found.dtype} {list(found.shape)}"
            raise table.error(key, told_as, f"{needed.name} {needed.dtype} {list(needed.shape)}")
    return Music(tuple(range(len(VOICES))), voices, seen, logits)
