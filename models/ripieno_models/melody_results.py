"""What `docs/models.md` tells of the models of tunes, songs and lead sheets, from what is kept of
each in `models/results`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ripieno_models.card_parts import heading, row
from ripieno_models.lead.card import ROWS as SHEET_ROWS
from ripieno_models.lead.sample import WORDS as SHEET_WORDS
from ripieno_models.runs import FIGURES, RECORD, SAMPLES, read
from ripieno_models.tokens.card import ROWS as TOKEN_ROWS
from ripieno_models.tokens.structure import WORDS as TOKEN_WORDS

Told = Mapping[str, Any]
TOKENS, SHEETS = "tokens", "lead sheets"
SPLITS = {"valid": "validation", "test": "test"}

TOKEN_HEAD = """\
# Tunes and songs

*Nats per note*: the nats of all tokens, bar lines, metres and the end included, over the number of
notes, on the canonical tokens, in windows of 512 tokens at most that begin at a bar line. The floor
is the best interpolated n-gram (Witten & Bell) of up to eight base tokens. *Told*: the key is.
*Live*: the piano's own tokens, given the melody, whose notes' lengths are not told; *alone*: the
piano without the melody. Each figure is of one seed. `pop-piano` and `pop-melody` learned from
POP909, whose songs have owners: they are measured here and do not ship; `pop-piano` tells each
note's loudness too, in 16 levels, which counts among its nats. They and `folk-lstm` were trained
for a few minutes only.
"""
WRITING = """\
## How they write

Pieces drawn by torch, without the engine's rules, each from the first 32 tokens of a validation
piece (of `song-transformer`: the piano alone), beside the validation pieces themselves.
"""
BPE_HEAD = """\
## Byte-pair merges

`folk-transformer` at {count} sizes of its vocabulary, each trained anew with the options that ship
and the same number of steps. They are far from the end of training: what is compared is how soon
each learns. Of a context of 512 tokens more notes are seen, the more is merged.
"""
SHEET_HEAD = """\
# Lead sheets

Nats per sixteenth: the melody first, then the chord, which sees the melody of its own sixteenth
and nothing later. *Per change*: over the number of changes. *The same*: the share of sixteenths in
which the likeliest chord, with the melody given and the model's own chords before, is the printed
one. `pop-lead-sheet` learned from POP909's melodies and chords, and does not ship.
"""


def keep(folder: Path, kind: str, results: Path) -> Path:
    """Keep the figures and the counts of the run in `folder`; `kind` is TOKENS or SHEETS."""
    record = read(folder, RECORD)
    samples = read(folder, SAMPLES)
    told = {
        "name": record["family"],
        "kind": kind,
        "parameters": record["parameters"],
        "seed": record["options"]["seed"],
        "figures": read(folder, FIGURES),
        "samples": {name: value for name, value in samples.items() if name != "table"},
    }
    results.mkdir(parents=True, exist_ok=True)
    path = results / f"{record['family']}.json"
    path.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    return path


def sections(kept: Sequence[Told]) -> Iterator[str]:
    """The sections of the page, of those of the `kept` results that are tokens or lead sheets."""
    tokens = [told for told in kept if told.get("kind") == TOKENS]
    if tokens:
        yield TOKEN_HEAD
        yield likelihoods(tokens, TOKEN_ROWS)
        yield WRITING
        yield written(tokens)
    for told in kept:
        if told.get("kind") == "bpe":
            yield BPE_HEAD.format(count=len(told["sizes"]))
            yield merges(told)
    sheets = [told for told in kept if told.get("kind") == SHEETS]
    if sheets:
        yield SHEET_HEAD
        yield likelihoods(sheets, SHEET_ROWS)
        yield counted(sheets)


def likelihoods(kept: Sequence[Told], rows: Sequence[tuple[str, str]]) -> str:
    """One row for each figure that some model has, one column for each model."""
    lines = heading([told["name"] for told in kept])
    lines.append(row("parameters", [f"{told['parameters']:,}" for told in kept]))
    for split, word in SPLITS.items():
        for name, label in rows:
            key = name.replace("{split}", split).replace("{}", split)
            found = [told["figures"].get(key) for told in kept]
            if any(value is not None for value in found):
                cells = ["–" if value is None else f"{value:.3f}" for value in found]
                lines.append(row(f"{word}: {label}", cells))
    return "\n".join(lines) + "\n"


def written(kept: Sequence[Told]) -> str:
    """What was counted in the samples of each model, beside real pieces."""
    columns: dict[str, Mapping[str, float]] = {}
    for told in kept:
        if told["samples"]:
            columns[told["name"]] = told["samples"]["structure"]["model"]
            columns[f"real, for {told['name']}"] = told["samples"]["structure"]["real"]
    lines = heading(list(columns))
    for name, label in TOKEN_WORDS.items():
        lines.append(row(label, [f"{column[name]:.2f}" for column in columns.values()]))
    return "\n".join(lines) + "\n"


def merges(told: Told) -> str:
    """The table of vocabularies."""
    lines = heading([str(size) for size in told["sizes"]])
    lines[0] = row("merges up to", [str(size) if size else "none" for size in told["sizes"]])
    for label, values in told["rows"].items():
        lines.append(row(label, [f"{value:,.3f}".rstrip("0").rstrip(".") for value in values]))
    return "\n".join(lines) + "\n"


def counted(kept: Sequence[Told]) -> str:
    """What was counted in the chords of each model, beside what is printed."""
    columns: dict[str, Mapping[str, float]] = {}
    for told in kept:
        if told["samples"]:
            columns[told["name"]] = told["samples"]["counts"]["model"]
            columns["printed"] = told["samples"]["counts"]["printed"]
    lines = heading(list(columns))
    for name, label in SHEET_WORDS.items():
        lines.append(row(label, [f"{column[name]:.2f}" for column in columns.values()]))
    return "\n".join(lines) + "\n"
