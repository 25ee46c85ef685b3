"""Compares bundles on the same held-out pieces: likelihood, counts, spreads, failures, cost.

Each model writes as many pieces as there are held-out ones, each with the form of one, at
temperature 1 and without any of the engine's rules. `results.schema.json` beside this file
describes what comes out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from math import exp
from pathlib import Path
from typing import Any

import onnx
from ripieno.errors import RipienoError
from ripieno.inference.blocks.model import BlockModel
from ripieno.inference.bundle import Manifest, check
from ripieno.inference.opening import open_model

from ripieno_models import waiting
from ripieno_models.blocks.written import BlockWriter
from ripieno_models.corpora import Corpus
from ripieno_models.harness import spread
from ripieno_models.harness.intervals import Estimate, bootstrap, mean
from ripieno_models.harness.kit import Music, kit_of
from ripieno_models.harness.tune_written import TuneWriter, excerpt, tune_answers
from ripieno_models.harness.written import Writer, answers
from ripieno_models.piece import Split
from ripieno_models.tokens.tune import Tune

FORMAT = 1
OPENING = 32
"""Sixteenths of a real piece that a model hears before it answers, to see whether it listens."""
ANSWERS = 4
FEWEST_BARS = 8
"""Of a tune that is looked at."""
REAL = "held-out pieces"
"""The name of the row that the models stand beside."""
Results = dict[str, Any]


def compare(
    bundles: Sequence[Path], corpus: Corpus, split: Split, pieces: int, seed: int
) -> tuple[Results, dict[str, list[Music]]]:
    """(results, the pieces that each model wrote, and the real ones) for `bundles` of four voices,
    on up to `pieces` pieces of `split`. Raises RipienoError where there is none, or a bundle is
    broken."""
    held = corpus.of(split)[:pieces]
    return compared([check(bundle) for bundle in bundles], held, corpus.name, split, seed)


def compare_tunes(
    bundles: Sequence[Path], tunes: Sequence[Tune], name: str, split: Split, pieces: int, seed: int
) -> tuple[Results, dict[str, list[Music]]]:
    """The same for bundles of event tokens, on the first bars of `tunes` of the corpus `name`."""
    held = [excerpt(tune) for tune in tunes if tune.split is split and tune.bars >= FEWEST_BARS]
    return compared([check(bundle) for bundle in bundles], held[:pieces], name, split, seed)


def compared(
    manifests: Sequence[Manifest], held: Sequence[Music], corpus: str, split: Split, seed: int
) -> tuple[Results, dict[str, list[Music]]]:
    """What `compare` tells, of bundles that have been checked."""
    if len(held) < 2:
        raise RipienoError(f"{len(held)} {split} pieces", where=corpus, allowed="2 or more")
    written = {REAL: list(held)}
    rows = [told_of(REAL, held, held)]
    for manifest, name in zip(manifests, names(manifests), strict=True):
        row, music = judged(manifest, name, held, seed)
        rows.append(row)
        written[name] = music
    kit = kit_of(held)
    results: Results = {
        "format": FORMAT,
        "corpus": corpus,
        "split": split.value,
        "pieces": len(held),
        "seed": seed,
        "unit": kit.unit,
        "measures": {name: label for name, (label, _) in kit.measures.items()},
        "rows": rows,
    }
    return results, written


def names(manifests: Sequence[Manifest]) -> list[str]:
    """What each bundle is called: by its name, or its folder's where that name comes twice."""
    known = Counter(manifest.name for manifest in manifests)
    return [
        manifest.name if known[manifest.name] == 1 else manifest.folder.parent.name
        for manifest in manifests
    ]


def judged(
    manifest: Manifest, name: str, held: Sequence[Music], seed: int
) -> tuple[Results, list[Music]]:
    """All that is told of one bundle, and what it wrote."""
    model = open_model(manifest)
    told: list[tuple[int, float]] = []
    writer: Writer | TuneWriter | BlockWriter
    if isinstance(model, BlockModel):
        writer = BlockWriter(model)
    elif isinstance(held[0], Tune):
        writer = TuneWriter(model)
        told = [writer.nll(tune) for tune in waiting.each(held, f"{name}: likelihood")]
    else:
        writer = Writer(model)
        told = [
            (len(piece), writer.nll(piece)) for piece in waiting.each(held, f"{name}: likelihood")
        ]
    forms = enumerate(waiting.each(held, f"{name}: writing"))
    music: list[Music] = [writer.write(form, seed + number) for number, form in forms]
    row = told_of(name, music, held, replies_of(writer, held, seed), seed)
    if told:  # of a block it is told how likely its parts are, but not the block
        nll = bootstrap(told, weighed, seed)
        row["nll"] = asdict(nll)
        row["perplexity"] = exp(nll.value)
    row["parameters"] = parameters(manifest)
    row["bytes"] = manifest.graph("auto").bytes
    row["milliseconds"] = 1000 * writer.seconds / writer.decisions
    return row, music


def replies_of(
    writer: Writer | TuneWriter | BlockWriter, held: Sequence[Music], seed: int
) -> Sequence[Music]:
    """What it answers to different openings."""
    if isinstance(writer, TuneWriter):
        like = [tune for tune in held if tune.meter == held[0].meter]
        return tune_answers(writer, like[:ANSWERS], seed)
    return answers(writer, held[:ANSWERS], seed, OPENING)


def weighed(told: Sequence[tuple[int, float]]) -> float:
    """Nats per decision, or per note, over pieces of (how many, nats for each)."""
    return sum(count * nll for count, nll in told) / sum(count for count, _ in told)


def told_of(
    name: str,
    music: Sequence[Music],
    held: Sequence[Music],
    replies: Sequence[Music] = (),
    seed: int = 1,
) -> Results:
    """What is counted of some music: means with intervals, spreads, failures."""
    kit = kit_of(held)
    measures = {
        key: asdict(bootstrap([count(piece) for piece in music], mean, seed))
        for key, (_, count) in kit.measures.items()
    }
    return {
        "name": name,
        "measures": measures,
        "spreads": {kind: spread_of(kind, music, held, seed) for kind in kit.kinds},
        "failures": [
            {**asdict(failure), "shown": failure.shown} for failure in kit.failures(music, replies)
        ],
    }


def spread_of(kind: str, music: Sequence[Music], held: Sequence[Music], seed: int) -> Results:
    """How far one spread lies from that of the held-out pieces."""
    count = kit_of(held).kinds[kind]
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
