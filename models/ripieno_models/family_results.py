"""What was found of the families: kept in `models/results/families`, told in `docs/models.md`.

`gather` keeps how each run was made and how well it ended; `compare --keep` what the harness found.
"""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import mean
from typing import Any

from ripieno.errors import RipienoError

from ripieno_models import family_seeds
from ripieno_models.card_parts import heading, row
from ripieno_models.families.block_registry import BLOCK_FAMILIES
from ripieno_models.families.registry import FAMILIES
from ripieno_models.families.token_registry import TOKEN_FAMILIES
from ripieno_models.harness import without_page
from ripieno_models.runs import FIGURES, RECORD, read
from ripieno_models.train_keeping import CURVE

FOLDER = Path(__file__).parents[1] / "results" / "families"
RUNS, FINDINGS = "runs.json", "findings.md"
Told = Mapping[str, Any]

SAME = ("format", "corpus", "split", "pieces", "seed", "unit")
"""What two comparisons must agree in to stand in one table."""
TITLES = {
    "grid": "Four voices",
    "blocks": "Four voices, whole bars at a time",
    "melody": "A line of notes",
    "piano": "A piano",
}
"""Comparisons by the names that they are kept under, in the order in which they are told."""
SHOWN = (
    "repetition_4", "unique_4", "loop", "silence", "unisons", "short_notes", "notes_per_quarter",
    "parallels", "crossings", "outside_range",
)  # fmt: skip
"""Measures of a comparison that the page shows; all are in its file, and in the report."""
BLOCKS = (
    ("reconstruction_valid", "told by its own code"),
    ("reconstruction_valid_of_another", "told by another's"),
    ("floor_valid", "floor"),
    ("bound_valid", "bound"),
    ("entries_used", "codes in use"),
)
"""Figures of the families that make blocks, and what each says."""
ABLATIONS = {
    "see_decided": "what the sixteenth's other voices do",
    "see_place": "place, metre, key and cadence",
    "fifths": "the circle of fifths",
    "chromatic": "the chromatic circle",
    "height": "the height",
}

WHOLE = "whole"
SILENT = (
    " Models of blocks tell no likelihood of a piece; each block is drawn anew from all that they"
    " can make."
)
HEAD = """\
# Sixteen families

Each was trained by one command on a processor that was shared with other work, for the minutes
that the table tells: the order is that of models of this size after this little training, and no
more. `ridge`, `voicewise-lstm`, `conv-lstm`, `window-transformer`, `attention-lstm` and
`plain-lstm` have their whole size here, and fewer steps. Of the others, the whole size is kept as
`configs/NAME-full.toml` (`folk-transformer-34m.toml`, `song-transformer-34m.toml`). **None of
these was run**: there was no accelerator, and one step of the largest takes seconds on a
processor; a test builds each of them, and has it take one step. `gpt2-lora` and `bart-lora`
**need pretrained weights**: what stands here grew from a tiny stand-in with random weights.
Written by `ripieno-models gather` from what is kept in `models/results/families`; the weights are
not kept, but those of `vae`, which ships.
"""


def gather(folders: Sequence[Path], place: Path = FOLDER) -> Path:
    """Keep what the runs in `folders` tell of themselves beside what is kept of others. A run is
    called after its folder. Raises RipienoError where there is none."""
    path = place / RUNS
    kept = json.loads(path.read_text("utf-8")) if path.exists() else {}
    for folder in folders:
        kept[folder.name] = told_of(folder)
    place.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(dict(sorted(kept.items())), indent=1) + "\n", encoding="utf-8")
    return path


def told_of(folder: Path) -> dict[str, Any]:
    """How one run was made, and how likely its best weights find the validation pieces."""
    record = read(folder, RECORD)
    if not record or not (folder / CURVE).exists():
        raise RipienoError(
            "there is no run here", where=str(folder), allowed="a folder that `train` made"
        )
    with (folder / CURVE).open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    figures = read(folder, FIGURES)
    valid = [float(row["valid_nll"]) for row in rows if row.get("valid_nll")]
    return {
        "family": record["family"],
        "command": record["command"],
        "seed": record["options"]["seed"],
        "options": options_of(record),
        "steps": int(rows[-1]["step"]),
        "parameters": record["parameters"],
        "minutes": record["minutes"],
        "valid": min(valid) if valid else None,
        "curve": [[int(row["step"]), float(row["valid_nll"])] for row in rows if valid],
        "figures": figures,
    }


def options_of(record: Told) -> dict[str, Any]:
    """The options of a run; one that came later stands as it is by default."""
    kinds: dict[str, Any] = {**FAMILIES, **TOKEN_FAMILIES, **BLOCK_FAMILIES}
    kind = kinds.get(record["family"])
    usual: dict[str, Any] = asdict(kind.options()) if kind else {}
    return usual | dict(record["options"])


def keep(results: Path, name: str, place: Path = FOLDER) -> Path:
    """Keep a comparison's results.json under `name`. Models that were compared before on the same
    pieces stay beside the new ones."""
    place.mkdir(parents=True, exist_ok=True)
    told, before = json.loads(results.read_text(encoding="utf-8")), read(place, f"{name}.json")
    if before and all(told[key] == before[key] for key in SAME):
        told = merged(before, told)
    path = place / f"{name}.json"
    path.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return path


def merged(before: Told, told: Told) -> dict[str, Any]:
    """Both comparisons as one, of the measures that both have."""
    new = {row["name"] for row in told["rows"]}
    measures = {name: what for name, what in told["measures"].items() if name in before["measures"]}
    rows = [row for row in before["rows"] if row["name"] not in new] + list(told["rows"])
    rows.sort(key=place_of)
    kept = [row | {"measures": {name: row["measures"][name] for name in measures}} for row in rows]
    return {**told, "measures": measures, "rows": kept}


def place_of(row: Told) -> tuple[bool, bool, float]:
    """The held-out pieces first, then models, the unlikeliest first, then those without nats."""
    return "parameters" in row, "nll" not in row, -row["nll"]["value"] if "nll" in row else 0.0


def sections(place: Path = FOLDER) -> Iterator[str]:
    """The page's part on the families; nothing where nothing is kept."""
    runs: dict[str, Told] = read(place, RUNS)
    if not runs:
        return
    yield HEAD
    if (place / FINDINGS).exists():
        yield (place / FINDINGS).read_text(encoding="utf-8")
    yield "## How they were trained\n\n" + trained(runs)
    complete = {name: run for name, run in runs.items() if "without" not in name_of(run)}
    if seeds := family_seeds.section(complete):
        yield seeds
    for name, title in TITLES.items():
        results = read(place, f"{name}.json")
        if results:
            yield f"## {title}\n\n" + compared(results)
    if any(BLOCKS[0][0] in run["figures"] for run in runs.values()):
        yield "## Blocks of bars\n\n" + told_in_blocks(runs)
    if any("without" in name_of(run) for run in runs.values()):
        yield "## What the parts of `conv-lstm` are worth\n\n" + ablated(runs)
    yield from without_page.sections(place)


def trained(runs: Mapping[str, Told]) -> str:
    """One line for each run."""
    lines = [
        "Nats per decision (grid), per note (tokens), or of what is watched (blocks) on the"
        " validation pieces: the best of the run, in both orders of decision where there are"
        " two.\n",
        *heading(["parameters", "steps", "minutes", "validation"], "run"),
    ]
    for name, run in runs.items():
        valid = "–" if run["valid"] is None else f"{run['valid']:.3f}"
        cells = [f"{run['parameters']:,}", str(run["steps"]), f"{run['minutes']:.1f}", valid]
        lines.append(row(f"`{name}`", cells))
    return "\n".join(lines) + "\n"


def compared(results: Told) -> str:
    """What the harness found: models as lines, so that there may be many."""
    rows: Sequence[Told] = results["rows"]
    measures = [name for name in SHOWN if name in results["measures"]]
    about = (
        f"{results['pieces']} {results['split']} pieces of {results['corpus']}, and as many by each"
        f" model in the same forms, at temperature 1 and without the engine's rules; seed"
        f" {results['seed']}. Likelihood in nats per {results['unit']}, with the interval of 95 %"
        " of bootstrap draws over pieces; *overlap*: the area that a spread shares with that of the"
        " real pieces."
    )
    if any("nll" not in row and "parameters" in row for row in rows):
        about += SILENT
    about += "\n"
    first = heading(
        ["parameters", "nats", "ms", "overlap of pitches", "intervals", "durations", "chords",
         "failures"], "model"
    )  # fmt: skip
    second = heading([name.replace("_", " ") for name in measures], "model")
    for each in rows:
        spreads = [f"{kind['overlap']['value']:.2f}" for kind in each["spreads"].values()]
        first.append(row(f"`{each['name']}`", [*costs(each), *spreads, failed(each)]))
        counted = [f"{each['measures'][name]['value']:.3g}" for name in measures]
        second.append(row(f"`{each['name']}`", counted))
    words = [f"*{name.replace('_', ' ')}*: {results['measures'][name]}" for name in measures]
    return "\n".join([about, *first, "", "; ".join(words) + ".", "", *second]) + "\n"


def costs(each: Told) -> list[str]:
    """A model's size, likelihood and time; dashes for the real pieces, and where a model of blocks
    tells no likelihood."""
    if "parameters" not in each:
        return ["–", "–", "–"]
    told, nll = "–", each.get("nll")
    if nll:
        told = f"{nll['value']:.3f} ({nll['low']:.3f}–{nll['high']:.3f})"
    return [f"{each['parameters']:,}", told, f"{each['milliseconds']:.2f}"]


def failed(each: Told) -> str:
    """The failures that a model shows, with the share of pieces."""
    shown = [f"{f['name']} ({f['share']:.0%})" for f in each["failures"] if f["shown"]]
    return ", ".join(shown) or "none"


def told_in_blocks(runs: Mapping[str, Told]) -> str:
    """One line for each run of a family that makes blocks."""
    lines = [
        "Nats per decision of validation blocks, without what came before them: told by the block's"
        " own code, by another block's, by the shares of the corpus (the floor), and an upper bound"
        " with the code's own cost. Of the `gan`, distances of its rolls from Bach's instead, in"
        " bits, and those of keys that know nothing of each other.\n",
        *heading([label for _, label in BLOCKS], "run"),
    ]
    for name, run in runs.items():
        told = run["figures"]
        if BLOCKS[0][0] in told:
            cells = [f"{told[key]:.3f}" if key in told else "–" for key, _ in BLOCKS]
            lines.append(row(f"`{name}`", cells))
    return "\n".join(lines) + "\n"


def ablated(runs: Mapping[str, Told]) -> str:
    """What each part that was left out cost, in nats per decision, beside the whole model from the
    same seeds."""
    found = ablation(runs)
    whole = found.pop("")
    steps = next(run["steps"] for run in runs.values() if name_of(run) == WHOLE)
    lines = [
        f"The whole model after {steps} steps, from {len(whole)} seeds:"
        f" {min(whole.values()):.3f} to {max(whole.values()):.3f} nats per decision. In the table,"
        " the mean over seeds, and the least and the most from one seed:\n",
        *heading(["seeds", "nats", "more than the whole from the same seed"], "without"),
    ]
    for part, label in ABLATIONS.items():
        pairs = [(nats, whole[seed]) for seed, nats in found.get(part, {}).items() if seed in whole]
        more = [without - all_of_it for without, all_of_it in pairs]
        if more:
            cells = [str(len(more)), f"{mean(nats for nats, _ in pairs):.3f}", f"{mean(more):+.3f}"]
            cells[-1] += f" ({min(more):+.3f} to {max(more):+.3f})" if len(more) > 1 else ""
            lines.append(row(label, cells))
    return "\n".join(lines) + "\n"


def ablation(runs: Mapping[str, Told]) -> dict[str, dict[int, float]]:
    """Nats per decision by the part that was left out (the whole: none) and the seed."""
    found: defaultdict[str, dict[int, float]] = defaultdict(dict)
    for run in runs.values():
        name = name_of(run)
        if name and run["valid"] is not None:
            found[name.removeprefix(WHOLE).removeprefix("without ")][run["seed"]] = run["valid"]
    return dict(found)


def name_of(run: Told) -> str:
    """What a run of `conv-lstm` is in the ablation: whole, or without a part; else nothing."""
    flags = [word for word in run["command"].split() if word.startswith("--")]
    short = [f for f in flags if f not in ("--steps", "--out", "--steps-per-epoch", "--seed")]
    if run["family"] != "conv-lstm" or run["steps"] != 400 or len(short) > 1:
        return ""
    if not short:
        return WHOLE
    off = short[0].removeprefix("--no-").replace("-", "_")
    return f"without {off}" if off in ABLATIONS else ""
