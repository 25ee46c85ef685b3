"""Writes a run of a token family as a bundle, and refuses unless the graphs say what torch says."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from ripieno.grammar.tokens.vocabulary import Merge, Vocabulary
from ripieno.grammar.tokens.vocabulary import Scheme as Telling
from tomlkit.items import Table
from torch import nn

from ripieno_models import decoder_export, decoder_graphs, structured_export
from ripieno_models.bundle_files import About, Checked, Layout, decorate, put, table
from ripieno_models.families.decoder import Decoder, TokenOptions
from ripieno_models.families.remi_structured import Structured
from ripieno_models.families.stepped import Stepped
from ripieno_models.piece import Split
from ripieno_models.runs import RECORD, SAMPLES, figures_of, read
from ripieno_models.tokens import card, export_recurrent, export_steps, family_card
from ripieno_models.tokens.dataset import Written, framed
from ripieno_models.tokens.kind import TokenKind
from ripieno_models.tokens.learner import CURVES
from ripieno_models.tokens.runs import load, read_pieces
from ripieno_models.tokens.scheme import POSITIONS_PER_BEAT, START, Scheme
from ripieno_models.tokens.tune import MELODY, PIANO

VOCABULARY, REFERENCE = "vocabulary.json", "reference.npz"
REFERENCE_TOKENS = 64
CHECKED_LINES = 24
"""Validation pieces that the loss of 8 bits is measured on."""
VOICE = {"melody": "soprano", "piano": "bass", "accompaniment": "bass"}


def bundle(kind: TokenKind, folder: Path, data: Path | None, zoo: Path) -> Path:
    """Write the run in `folder` to `zoo`/NAME. Raises RipienoError where a check fails.

    Everything is checked before anything in the zoo is touched.
    """
    model, options, scheme = load(kind, folder)
    told = figures_of(folder)
    pieces, _ = read_pieces(kind, options, data, folder)
    valid = lines_of(pieces, scheme, options)
    with tempfile.TemporaryDirectory() as name:
        made = Path(name)
        layout, checked = write_graphs(model, made, valid)
        (made / VOCABULARY).write_text(vocabulary(scheme).write(), encoding="utf-8")
        write_reference(model, valid[0], made / REFERENCE)
        metrics = {**told, "largest_logit_difference": checked.difference}
        metrics["int8_loss_percent"] = 100 * checked.loss
        decorate(folder, made, CURVES, words_of(kind, folder, metrics))
        return put(folder, about(kind, scheme), layout, metrics, made, zoo)


def lines_of(
    pieces: Sequence[Written], scheme: Scheme, options: TokenOptions
) -> list[NDArray[np.int64]]:
    """Validation pieces as they are heard, for the checks: the longest that fit first."""
    valid = [p for p in pieces if p.split is Split.VALID][:CHECKED_LINES]
    lines = [framed(scheme.merged(p.forms[-1]), p.fifths, scheme)[: options.crop] for p in valid]
    return [np.array(line) for line in sorted(lines, key=len, reverse=True)]


def write_graphs(
    model: nn.Module, made: Path, valid: Sequence[NDArray[np.int64]]
) -> tuple[Layout, Checked]:
    """The graphs of a model, held against torch. Raises BundleError."""
    if isinstance(model, Stepped):
        return export_steps.write_graphs(model, made, valid)
    if isinstance(model, Structured):
        return structured_export.write_graphs(model, made, valid)
    if not isinstance(model, Decoder):
        return export_recurrent.write_graphs(model, made, valid)
    files = decoder_export.write_graphs(model, made, precisions=("int8",))
    checked = decoder_export.gate(model, made, valid)
    decoder_export.drop_unlisted(made, files)
    shape = decoder_graphs.shape_of(model)
    told = Layout(tuple(files), decoder_export.tensors(shape), decoder_export.rewind(shape))
    return told, checked


def vocabulary(scheme: Scheme) -> Vocabulary:
    """The vocabulary as the engine reads it. Raises BundleError."""
    names = scheme.names
    tokens = [
        [(names[base].partition("_")[0], names[base].partition("_")[2]) for base in spelled]
        for spelled in scheme.spelled
    ]
    merges = [Merge(*three) for three in scheme.merges()]
    telling = Telling(scheme.telling)
    return Vocabulary(telling, POSITIONS_PER_BEAT, tokens, merges, where=VOCABULARY)


def write_reference(model: nn.Module, line: NDArray[np.int64], path: Path) -> None:
    """Write torch's logits for the first tokens of a piece, to check the bundle without torch."""
    seen = line[:REFERENCE_TOKENS]
    with torch.inference_mode():
        logits = model(torch.from_numpy(seen)[None])[0][0].numpy()
    np.savez_compressed(path, tokens=seen.astype(np.uint16), logits=logits)


def words_of(kind: TokenKind, folder: Path, metrics: dict[str, float]) -> str:
    """The card."""
    if kind.name in family_card.ABOUT:
        return family_card.text(kind, read(folder, RECORD), metrics)
    return card.text(kind, read(folder, RECORD), metrics, read(folder, SAMPLES))


def about(kind: TokenKind, scheme: Scheme) -> About:
    """What the manifest tells of the model beside its graphs."""
    voice = {"name": VOICE[kind.use], "low": kind.low, "high": kind.high}
    return About(
        kind.name,
        kind.title,
        "tokens",
        tokens(kind, scheme),
        [voice],
        "nll: nats per note, each told in CARD.md",
        given="any" if kind.parts else "none",
    )


def tokens(kind: TokenKind, scheme: Scheme) -> Table:
    """The manifest's table of how tokens are written."""
    told: dict[str, Any] = {
        "scheme": scheme.telling,
        "use": kind.use,
        "vocabulary": VOCABULARY,
        "size": len(scheme),
        "positions_per_beat": POSITIONS_PER_BEAT,
        "polyphony": kind.polyphony,
        "start": [START],
        "prefix": ["Key"],
    }
    if kind.parts:
        told |= {"player_program": MELODY, "machine_program": PIANO}
    return table(
        told,
        scheme="as MidiTok writes it",
        positions_per_beat="of the metre's own beat",
        polyphony="notes of the machine at once, at most",
        prefix="types of the tokens that follow the start",
    )
