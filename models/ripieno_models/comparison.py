"""`docs/models.md`: the models side by side, from what is kept of each in `models/results`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ripieno_models import ahead_run, family_results, melody_results, seeds
from ripieno_models.card_parts import heading, row
from ripieno_models.runs import FIGURES, JUDGEMENT, RECORD, read
from ripieno_models.verdicts import LABELS, cell

ROOT = Path(__file__).parents[2]
RESULTS, PAGE = ROOT / "models" / "results", ROOT / "docs" / "models.md"
Result = Mapping[str, Any]

HEAD = """\
# The models side by side

Written by `ripieno-models tabulate FAMILY` from what `evaluate`, `judge` and `harmonise` found,
which it keeps in `models/results`. Figures are of one seed where no others are named.

## Likelihood

Nats per decision: one voice's token at one sixteenth, by the true chain rule, the model sees all
earlier decisions and nothing later. *Told*: place in the bar, metre, key and the next fermata are
inputs, as in play. *Given*: one voice is a player's, known up to the sixteenth that is being
decided and not beyond (no look-ahead); the mean over the other three. *JSB micro* is the benchmark
of the literature: JSB Chorales on sixteenths (229/76/77 pieces), nats per voice and sixteenth over
47 symbols, hold and new stroke of a pitch summed, nothing told; *without twins*: without the
validation pieces that the benchmark's training pieces contain; *counted*: the step's number modulo
16 is told; *mixed*: the mean probability of four orders of decision, sixteenth by sixteenth; *given
the chord* is another task, TonicNet's: the class of the sixteenth's true chord is known.

Known beside them: uniform 3.850; hold and bigram 0.695 (test 0.729); a GRU of 1.9 M parameters
after 18 minutes on one core 0.389 (test 0.402; given the chord 0.257); Transformers as published,
note by note, 0.417, with relative attention 0.357, with relative pitch and time 0.335; TonicNet,
given the chord, 0.220.
"""

LIKELIHOODS = {
    "nll_{}_natural": "told, order S A T B",
    "nll_{}_random": "told, order redrawn at every bar line",
    "nll_{}_untold": "untold, order S A T B",
    "nll_{}_given_soprano": "told, given the soprano",
    "nll_{}_given_alto": "told, given the alto",
    "nll_{}_given_tenor": "told, given the tenor",
    "nll_{}_given_bass": "told, given the bass",
    "jsb_{}_micro": "JSB micro",
    "jsb_{}_micro_without_twins": "JSB micro, without twins",
    "jsb_{}_micro_counted": "JSB micro, counted",
    "jsb_{}_micro_mixed": "JSB micro, mixed",
    "jsb_{}_given_chord": "JSB, given the chord (another task)",
    "jsb_{}_given_chord_slack": "– which may be too low by at most",
}
SPLITS = {"valid": "validation", "test": "test"}

WRITING = """\
## Part-writing

{pieces} pieces that the engine wrote at temperature 1, each with the length, metre, key and
fermatas of a {split} chorale, beside those {real} chorales; the same counter for all. *Rules*: the
engine's rules of part-writing as they are by default, else they are off. *Candidates*: the pitches
of a sixteenth are drawn again, at most so often, while part-writing objects to them.
"""

HARMONISING = """\
## Harmonising, live

One voice of each {split} chorale is the player's, the engine adds the other three under its rules,
with up to {candidates} candidates, and knows nothing later than the sixteenth that sounds. The
player's own faults are in these counts.
"""
HARMONY = ("parallels", "hidden", "crossings", "spacing", "large_leaps", "cadences")


def keep(folder: Path, results: Path = RESULTS) -> Path:
    """Keep the figures and the judgement of the run in `folder` for the comparison."""
    record = read(folder, RECORD)
    told = {
        "name": record["family"],
        "parameters": record["parameters"],
        "seed": record["options"]["seed"],
        "figures": read(folder, FIGURES),
        "judgement": read(folder, JUDGEMENT),
        "seeds": read(folder, seeds.SEEDS),
        "ahead": read(folder, ahead_run.AHEAD),
    }
    results.mkdir(parents=True, exist_ok=True)
    path = results / f"{record['family']}.json"
    path.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    return path


def write_page(results: Path = RESULTS, page: Path = PAGE) -> Path:
    """Write the page from all that is kept in `results`."""
    kept = [json.loads(path.read_text("utf-8")) for path in sorted(results.glob("*.json"))]
    grid = [told for told in kept if "kind" not in told]
    parts = [HEAD, likelihoods(grid)]
    parts += [seeds.section(told["name"], told["seeds"]) for told in grid if told.get("seeds")]
    for told in grid:
        if told["judgement"]:
            parts += writing(told)
    parts += melody_results.sections(kept)
    parts += family_results.sections(results / "families")
    page.write_text("\n".join(parts), encoding="utf-8")
    return page


def likelihoods(kept: Sequence[Result]) -> str:
    """One row for each figure that some model has, one column for each model."""
    names = [told["name"] for told in kept]
    lines = heading(names)
    lines.append(row("parameters", [f"{told['parameters']:,}" for told in kept]))
    for split, word in SPLITS.items():
        for key, label in LIKELIHOODS.items():
            found = [told["figures"].get(key.format(split)) for told in kept]
            if any(value is not None for value in found):
                shown = ["–" if value is None else f"{value:.4f}" for value in found]
                lines.append(row(f"{word}: {label}", shown))
    return "\n".join(lines) + "\n"


def writing(told: Result) -> list[str]:
    """The sections on how one model writes."""
    judgement: Mapping[str, Any] = told["judgement"]
    verdicts: Mapping[str, Mapping[str, Any]] = judgement["verdicts"]
    lines = heading(list(verdicts), f"`{told['name']}`")
    for key, label in LABELS.items():
        lines.append(row(label, [cell(verdict[key]) for verdict in verdicts.values()]))
    for kind, limit in judgement["real against real"].items():
        label = f"distance of {kind} from Bach, bits (real from real: {limit:.4f})"
        lines.append(row(label, [cell(v["distances"][kind]) for v in verdicts.values()]))
    split = SPLITS[judgement["split"]]
    head = WRITING.format(pieces=judgement["pieces"], split=split, real=judgement["real"])
    parts = [head, "\n".join(lines) + "\n"]
    given = judgement.get("harmonised")
    if given:
        parts += [HARMONISING.format(split=split, candidates=given["candidates"]), harmony(given)]
    return [*parts, *ahead_run.sections(told.get("ahead", {}))]


def harmony(given: Result) -> str:
    """One row for each count, one column for each voice that is a player's."""
    voices: Mapping[str, Mapping[str, float]] = given["voices"]
    lines = heading(list(voices), "given")
    for key in HARMONY:
        lines.append(row(LABELS[key], [cell(found[key]) for found in voices.values()]))
    return "\n".join(lines) + "\n"
