"""The cards of the families that make whole blocks of bars."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ripieno_models.blocks.evaluate import failures
from ripieno_models.families.blocks import BlockKind

LABELS: Mapping[str, str] = {
    "reconstruction": "nats per decision of a block told by what it is made of",
    "right": "share of the decisions whose likeliest token is the right one",
    "reconstruction_of_another": "the same nats where it is told by what another block is made of",
    "reconstruction_soprano_heard": "the same nats where only the soprano was heard",
    "floor": "the same nats of who knows only the voice and the sixteenth of the beat",
    "kl": "nats of a block's latent",
    "bound": "nats per decision with those of the latent: no less likely than so",
    "prior": "nats per entry of the prior",
    "distance_keys": "distance from real rolls: which keys are down, bits",
    "distance_at_once": "– how many at once",
    "distance_begin": "– how many begin",
    "distance_intervals": "– at which intervals they stand",
}
PLAIN: Mapping[str, str] = {
    "active": "numbers of the latent that say something",
    "entries_used": "perplexity of the entries",
    "variety": "keys in which two of its blocks differ at a sixteenth",
    "variety_of_real": "keys in which two real blocks differ",
    "largest_logit_difference": "largest difference between its graphs and torch",
}
ROLLS: Mapping[str, str] = {
    "reconstruction": "all four distances below, bits",
    "floor": "the same of keys that know nothing of each other",
}
"""What the same figures are where there is no encoder."""

CARD = """\
# {name}

{about}

It makes {steps} sixteenths at once. The engine draws them under its rules, voice by voice.

| | |
|---|---|
| Parameters | {parameters:,} |
| Licence of the weights | Apache-2.0 |
| Trained on | {train} pieces; {data} |
| Licence of the data | {licence} |
| Trained in | {minutes:.1f} minutes on {machine}, seed {seed} |

```
{command}
ripieno-models evaluate {name}
ripieno-models export {name}
```

## On held-out pieces

{figures}

{verdict}
"""
NO_FAILURE = "It shows none of the known failures: no collapse of posterior, codebook or modes."


def text(kind: BlockKind, record: Mapping[str, Any], metrics: Mapping[str, float]) -> str:
    """The card of a run, from its record and its figures."""
    found = failures(dict(metrics))
    verdict = "Known failures that it shows: " + "; ".join(found) + "."
    return CARD.format(
        name=kind.name,
        about=kind.about,
        steps=record["options"]["crop"],
        parameters=record["parameters"],
        train=record["pieces"]["train"],
        data=record["data"],
        licence=record["licence"],
        minutes=record["minutes"],
        machine=record["machine"],
        seed=record["options"]["seed"],
        command=record["command"],
        figures=figures(kind, metrics),
        verdict=verdict if found else NO_FAILURE,
    )


def figures(kind: BlockKind, metrics: Mapping[str, float]) -> str:
    """A row for each figure."""
    lines = ["| | validation | test |", "|---|---|---|"]
    labels = {**LABELS, **({} if kind.hears else ROLLS)}
    for name, label in labels.items():
        first, _, rest = name.partition("_")
        keys = [f"{first}_{part}" + (f"_{rest}" if rest else "") for part in ("valid", "test")]
        if any(key in metrics for key in keys):
            shown = [f"{metrics[key]:.4f}" if key in metrics else "–" for key in keys]
            lines.append(f"| {label} | {' | '.join(shown)} |")
    for name, label in PLAIN.items():
        if name in metrics:
            lines.append(f"| {label} | {metrics[name]:.4g} | |")
    return "\n".join(lines)
