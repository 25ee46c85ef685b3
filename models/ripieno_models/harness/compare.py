"""Compares bundles on the same held-out pieces: likelihood, counts, spreads, failures, cost.

Each model writes as many pieces as there are held-out ones, each with the form of one, at
temperature 1 and without any of the engine's rules. `results.schema.json` beside this file
describes what comes out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from math import exp
from pathlib import Path
from typing import Any

import onnx
from ripieno.errors import RipienoError
from ripieno.inference.bundle import Manifest, check
from ripieno.inference.opening import open_model

from ripieno_models.corpora import Corpus
from ripieno_models.faults import outside_range, too_wide
from ripieno_models.harness import counts, spread
from ripieno_models.harness.failures import failures
from ripieno_models.harness.intervals import Estimate, bootstrap, mean
from ripieno_models.harness.written import Writer, answers
from ripieno_models.part_writing import crossings, parallels
from ripieno_models.piece import Piece, Split

FORMAT = 1
OPENING = 32
"""Sixteenths of a real piece that a model hears before it answers, to see whether it listens."""
ANSWERS = 4
REAL = "held-out pieces"
"""The name of the row that the models stand beside."""
Results = dict[str, Any]


def per_100_changes(piece: Piece) -> float:
    found, changes = parallels(piece.sounding())
    return 100 * found / max(1, changes)


def onsets_per_quarter(piece: Piece) -> float:
    return len(piece.notes()) / max(1, len(piece))


MEASURES: Mapping[str, tuple[str, Callable[[Piece], float]]] = {
    **{
        f"repetition_{size}": (f"share of runs of {size} chords that came before",
                               partial(counts.repetition, size=size))
        for size in counts.SIZES
    },
    **{
        f"unique_{size}": (f"share of runs of {size} chords that come once",
                           partial(counts.unique, size=size))
        for size in counts.SIZES
    },
    "loop": ("times that a passage comes in a row, at most", lambda p: float(counts.loops(p)[0])),
    "silence": ("share of rests, in all or in the second half", counts.silence),
    "unisons": ("share of sixteenths with voices in unison", counts.unisons),
    "short_notes": ("share of notes of one sixteenth", counts.short_notes),
    "notes_per_quarter": ("notes per quarter and voice", onsets_per_quarter),
    "parallels": ("parallel fifths and octaves per 100 chord changes", per_100_changes),
    "crossings": ("share of sixteenths with crossed voices",
                  lambda p: float(crossings(p.sounding()).mean())),
    "spacing": ("share of sixteenths with neighbours too far apart",
                lambda p: float(too_wide(p.sounding()).mean())),
    "outside_range": ("share of notes outside the voices' ranges", lambda p: outside_range([p])),
}  # fmt: skip
"""Each with what it says; counted piece by piece, told as the mean over pieces."""


def compare(
    bundles: Sequence[Path], corpus: Corpus, split: Split, pieces: int, seed: int
) -> tuple[Results, dict[str, list[Piece]]]:
    """(results, the pieces that each model wrote, and the real ones) for `bundles` on up to
    `pieces` pieces of `split`. Raises RipienoError where there is none, or a bundle is broken."""
    held = corpus.of(split)[:pieces]
    if len(held) < 2:
        raise RipienoError(f"{len(held)} {split} pieces", where=corpus.name, allowed="2 or more")
    manifests = [check(bundle) for bundle in bundles]
    written = {REAL: held}
    rows = [told_of(REAL, held, held)]
    for manifest in manifests:
        row, music = judged(manifest, held, seed)
        rows.append(row)
        written[row["name"]] = music
    results: Results = {
        "format": FORMAT,
        "corpus": corpus.name,
        "split": split.value,
        "pieces": len(held),
        "seed": seed,
        "measures": {name: label for name, (label, _) in MEASURES.items()},
        "rows": rows,
    }
    return results, written


def judged(manifest: Manifest, held: Sequence[Piece], seed: int) -> tuple[Results, list[Piece]]:
    """All that is told of one bundle, and what it wrote."""
    writer = Writer(open_model(manifest))
    nll = bootstrap([(len(piece), writer.nll(piece)) for piece in held], weighed, seed)
    music = [writer.write(form, seed + number) for number, form in enumerate(held)]
    replies = answers(writer, held[:ANSWERS], seed, OPENING)
    row = told_of(manifest.name, music, held, replies, seed)
    row["nll"] = asdict(nll)
    row["perplexity"] = exp(nll.value)
    row["parameters"] = parameters(manifest)
    row["bytes"] = manifest.graph("auto").bytes
    row["milliseconds"] = 1000 * writer.seconds / writer.decisions
    return row, music


def weighed(told: Sequence[tuple[int, float]]) -> float:
    """Nats per decision over pieces of (length, nats per decision)."""
    return sum(steps * nll for steps, nll in told) / sum(steps for steps, _ in told)


def told_of(
    name: str,
    music: Sequence[Piece],
    held: Sequence[Piece],
    replies: Sequence[Piece] = (),
    seed: int = 1,
) -> Results:
    """What is counted of some music: means with intervals, spreads, failures."""
    measures = {
        key: asdict(bootstrap([count(piece) for piece in music], mean, seed))
        for key, (_, count) in MEASURES.items()
    }
    return {
        "name": name,
        "measures": measures,
        "spreads": {kind: spread_of(kind, music, held, seed) for kind in spread.KINDS},
        "failures": [
            {**asdict(failure), "shown": failure.shown} for failure in failures(music, replies)
        ],
    }


def spread_of(kind: str, music: Sequence[Piece], held: Sequence[Piece], seed: int) -> Results:
    """How far one spread lies from that of the held-out pieces."""
    count = spread.KINDS[kind]
    found, real = [count(piece) for piece in music], spread.summed([count(p) for p in held])
    estimates: dict[str, Estimate] = {
        "divergence": bootstrap(
            found, lambda some: spread.divergence(spread.summed(some), real), seed
        ),
        "overlap": bootstrap(found, lambda some: spread.overlap(spread.summed(some), real), seed),
    }
    return {name: asdict(estimate) for name, estimate in estimates.items()}


def parameters(manifest: Manifest) -> int:
    """Numbers that the graphs of the finest precision hold, of one element or more dimensions."""
    finest = "fp32" if any(g.precision == "fp32" for g in manifest.graphs) else "int8"
    files = {graph.file for graph in manifest.graphs if graph.precision == finest}
    return sum(weights(onnx.load(manifest.folder / file).graph.initializer) for file in files)


def weights(tensors: Iterable[onnx.TensorProto]) -> int:
    return sum(sizes for sizes in map(size, tensors) if sizes > 1)


def size(tensor: onnx.TensorProto) -> int:
    """How many numbers a tensor of floats or bytes holds; indices are no parameters."""
    if tensor.data_type == onnx.TensorProto.INT64:
        return 0
    count = 1
    for length in tensor.dims:
        count *= length
    return count


def flagged(results: Results) -> Iterator[str]:
    """A sentence for each failure that a model shows."""
    for row in results["rows"]:
        for failure in row["failures"]:
            if failure["shown"]:
                yield f"{row['name']}: {failure['name']} in {failure['share']:.0%}"
