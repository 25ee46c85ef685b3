"""Runs of one family that differ in their seeds, side by side, and all of them as one model.

As one, the probability of a symbol is the mean of what each of them says: a distribution too, of
which every decision is scored by the chain rule (a linear opinion pool; Stone, 1961).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import torch
from ripieno.errors import RipienoError
from torch import nn

from ripieno_models import waiting
from ripieno_models.calibrate import calibrate
from ripieno_models.card_parts import heading, row
from ripieno_models.corpora import SHARED_DATA, Corpus, jsb16
from ripieno_models.dataset import Batch, unknown, whole
from ripieno_models.families.chorale_transformer import ChoraleTransformer
from ripieno_models.features import decisions
from ripieno_models.likelihood import log_prob, merged_log_prob
from ripieno_models.piece import Split
from ripieno_models.runs import RECORD, TEMPERATURES, load, read, write

SEEDS = "seeds.json"
"""In the folder of the first run: what was measured of all."""
RUNS, TOGETHER = "runs", "together"
"""In that file: the figures of each run by its seed, and of all as one."""
LABELS = {
    "nll_valid_natural": "validation: told, order S A T B",
    "jsb_valid_micro": "validation: JSB micro",
    "nll_test_natural": "test: told, order S A T B",
    "jsb_test_micro": "test: JSB micro",
}
PAGE = """\
## From other seeds

The same commands from other seeds; figures as above. *Together*: the mean of what all of them say
of each decision, which is a distribution too; it costs as many models as there are seeds.
"""
Figures = dict[str, float]
Told = Mapping[str, Any]


def measure(folders: Sequence[Path], corpus: Corpus, test: bool = False) -> Told:
    """Measure the runs in `folders`, two or more of one family, on the validation or the test
    pieces: the chorales, told, and the benchmark, where its file lies beside the checkout. What is
    found stays in the first one's folder. Raises RipienoError.
    """
    seeds = seeds_of(folders)
    models = [ready(folder, corpus, test) for folder in folders]
    split = Split.TEST if test else Split.VALID
    pieces = corpus.of(split)
    if not pieces:
        raise RipienoError(f"there are no {split} pieces", where=corpus.name)
    found = {f"nll_{split}_natural": together(models, whole(pieces))}
    if (SHARED_DATA / jsb16.FILE).exists():
        theirs = [p for p in jsb16.pieces(SHARED_DATA / jsb16.FILE) if p.split is split]
        found[f"jsb_{split}_micro"] = together(models, unknown(whole(theirs)), merged=True)
    told = added(read(folders[0], SEEDS), seeds, found)
    write(folders[0], SEEDS, told)
    return told


def added(kept: Told, seeds: Sequence[str], found: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """What is `kept` of runs with these seeds, and what was `found` now; of others nothing."""
    before = kept if list(kept.get(RUNS, {})) == list(seeds) else {}
    one: Figures = {name: every[-1] for name, every in found.items()}
    runs = {
        seed: before.get(RUNS, {}).get(seed, {})
        | {name: every[number] for name, every in found.items()}
        for number, seed in enumerate(seeds)
    }
    return {RUNS: runs, TOGETHER: before.get(TOGETHER, {}) | one}


def seeds_of(folders: Sequence[Path]) -> list[str]:
    """The seeds of the runs. Raises RipienoError where they are no runs of one family, or not
    different ones."""
    records = [read(folder, RECORD) for folder in folders]
    names = {record.get("family") for record in records}
    if len(names) > 1:
        raise RipienoError(
            f"these are runs of {', '.join(sorted(map(str, names)))}", allowed="runs of one family"
        )
    seeds = [str(record["options"]["seed"]) for record in records if record]
    if len(set(seeds)) < max(2, len(folders)):
        raise RipienoError(
            f"these runs have the seeds {', '.join(seeds)}",
            allowed="two runs or more, each its own",
        )
    return seeds


def ready(folder: Path, corpus: Corpus, test: bool) -> nn.Module:
    """The model of a run, at the temperatures that were found on validation pieces, before any test
    piece is looked at. Raises RipienoError."""
    model, _ = load(folder)
    if not isinstance(model, ChoraleTransformer) or TEMPERATURES in read(folder, RECORD):
        return model
    if test:
        raise RipienoError(
            "this run has not been measured on validation pieces",
            where=str(folder),
            nearest="Leave --test out first.",
        )
    found = calibrate(model, corpus.of(Split.VALID))
    write(folder, RECORD, read(folder, RECORD) | {TEMPERATURES: asdict(found)})
    return model


@torch.inference_mode()
def together(
    models: Sequence[nn.Module], batches: Sequence[Batch], merged: bool = False
) -> list[float]:
    """Nats per decision of each of the `models`, and of all of them as one; `merged`: see
    `likelihood.merged_log_prob`."""
    totals, count = torch.zeros(len(models) + 1, dtype=torch.double), 0
    score = merged_log_prob if merged else log_prob
    for batch in waiting.each(batches, "Likelihood", "batch"):
        asked = decisions(batch.tokens, batch.order, batch.settings)
        counted = batch.mask.repeat_interleave(batch.order.shape[2], dim=1)
        told = torch.stack([score(model(asked.features)[0], asked)[counted] for model in models])
        totals[:-1] -= told.double().sum(1)
        totals[-1] -= (told.double().logsumexp(0) - math.log(len(models))).sum()
        count += int(counted.sum())
    return [float(total) / count for total in totals]


def table(told: Told) -> str:
    """What was found, as text: a line for each figure."""
    lines = []
    for name, one in told[TOGETHER].items():
        each = ", ".join(f"seed {seed}: {run[name]:.4f}" for seed, run in told[RUNS].items())
        lines.append(f"{name:20} {each}; together {one:.4f}")
    return "\n".join(lines)


def section(name: str, told: Told) -> str:
    """What `docs/models.md` tells of them: a line for each figure, a column for each seed."""
    runs: Mapping[str, Figures] = told[RUNS]
    heads = [*(f"seed {seed}" for seed in runs), "mean ± deviation", "together"]
    lines = heading(heads, f"`{name}`")
    for key, label in LABELS.items():
        if key in told[TOGETHER]:
            values = [run[key] for run in runs.values()]
            cells = [*(f"{value:.4f}" for value in values)]
            cells.append(f"{mean(values):.4f} ± {stdev(values):.4f}")
            lines.append(row(label, [*cells, f"{told[TOGETHER][key]:.4f}"]))
    return PAGE + "\n" + "\n".join(lines) + "\n"
