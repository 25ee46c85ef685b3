"""The cards of the families that make whole blocks of bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ripieno_models.blocks.evaluate import failures
from ripieno_models.card_parts import PARTS, heading, of_run, row
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
    "int8_loss_percent": "more nats of a block with 8-bit weights, per cent",
}
ROLLS: Mapping[str, str] = {
    "reconstruction": "all four distances below, bits",
    "floor": "the same of keys that know nothing of each other",
}
"""What the same figures are where there is no encoder."""

WRITING: Mapping[str, str] = {
    "parallels": "parallel fifths and octaves per 100 chord changes",
    "crossings": "share of sixteenths with crossed voices",
    "outside_key": "share of notes outside the key signature",
    "rests": "share of rests",
    "notes_per_quarter": "notes per quarter and voice",
}

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
{commands}
ripieno-models evaluate {name}{tested}
{drawn}ripieno-models export {name}
```

## On held-out pieces

{figures}

{verdict}
{samples}{badly}"""
WEAKNESSES = {
    "vae": """\
- It sees two bars and no further: no form, no cadence that was asked for.
- It is told neither key nor metre, only what it hears. With `variation` near 1 it is in any key.
- The voices of a sixteenth know nothing of each other beyond what the block says: without the
  engine's rules and several candidates it writes parallels (above).
- From a melody alone it guesses the other three voices; a phrase in four voices tells it more.
"""
}
"""Of the families that ship."""
DRAWN = """\
ripieno-models sample {name} --pieces {pieces} --temperature {temperature:g} --seed {seed}
"""
SAMPLES = """
## How it writes

{pieces} pieces in the forms of held-out ones, drawn at temperature {temperature:g} without the
engine's rules: *from nothing*, each block anew from all that it can make; *after a phrase* of a
held-out piece, which is not counted, each block a step aside from there (`variation` as by
default). It is told no key: what it writes from nothing stands in any.

{table}

`sample-1.mid` to `sample-3.mid`, each with the phrase before it:

![piano rolls](samples.svg)
"""
NO_FAILURE = "It shows none of the known failures: no collapse of posterior, codebook or modes."


def text(
    kind: BlockKind,
    record: Mapping[str, Any],
    metrics: Mapping[str, float],
    samples: Mapping[str, Any],
) -> str:
    """The card of a run, from its record, its figures, and what was counted in its samples."""
    found = failures(dict(metrics))
    badly = WEAKNESSES.get(kind.name, "")
    drawn = DRAWN.format(name=kind.name, **samples) if samples else ""
    verdict = "Known failures that it shows: " + "; ".join(found) + "."
    return CARD.format(
        name=kind.name,
        about=kind.about,
        steps=record["options"]["crop"],
        **of_run(record),
        figures=figures(kind, metrics),
        verdict=verdict if found else NO_FAILURE,
        tested=" --test" if "reconstruction_test" in metrics else "",
        drawn=drawn,
        samples=SAMPLES.format(table=written(samples["writing"]), **samples) if samples else "",
        badly=f"\n## What it does badly\n\n{badly}" if badly else "",
    )


def written(columns: Mapping[str, Mapping[str, Any]]) -> str:
    """A column for Bach and for each way of writing."""
    lines = heading(list(columns))
    for name, label in WRITING.items():
        told = [counted[name] for counted in columns.values()]
        means = [sum(each) / len(each) if isinstance(each, Sequence) else each for each in told]
        lines.append(row(label, [f"{mean:.3g}" for mean in means]))
    return "\n".join(lines)


def figures(kind: BlockKind, metrics: Mapping[str, float]) -> str:
    """A row for each figure."""
    lines = heading(list(PARTS.values()))
    labels = {**LABELS, **({} if kind.hears else ROLLS)}
    for name, label in labels.items():
        first, _, rest = name.partition("_")
        keys = [f"{first}_{part}" + (f"_{rest}" if rest else "") for part in PARTS]
        if any(key in metrics for key in keys):
            shown = [f"{metrics[key]:.4f}" if key in metrics else "–" for key in keys]
            lines.append(row(label, shown))
    for name, label in PLAIN.items():
        if name in metrics:
            lines.append(f"| {label} | {metrics[name]:.4g} | |")
    return "\n".join(lines)
