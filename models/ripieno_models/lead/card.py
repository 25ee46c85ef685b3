"""The card of a bundle of lead sheets: what it learned from, how good it is, how to make it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ripieno_models.card_parts import LOOKED, heading, of_run, row, splits_of
from ripieno_models.lead.kind import SheetKind

CARD = """\
# {family}

It hears a melody and says which chord belongs under it, as on a lead sheet; the engine voices the
chord. Where nobody plays, it goes on with the melody as well. An LSTM over the sixteenths of two
streams, a melody and a chord symbol: twelve roots, twelve kinds of chord.

| | |
|---|---|
| Parameters | {parameters:,} |
| Graph | `model.int8.onnx` (8-bit weights) |
| Licence of the weights | Apache-2.0 |
| Trained on | {train} lead sheets; {data} |
| Licence of the data | {licence} |
| Trained in | {minutes:.0f} minutes on {machine}, seed {seed} |

Songs whose first performance or whose authors' deaths lie far enough back, by the corpus's own
table, in the United States and in the European Union; that table can be wrong. No song ships.

## Make it again

```
{commands}
ripieno-models evaluate {family}{test}
ripieno-models sample {family} --pieces {asked} --seed {sample_seed}
ripieno-models export {family}
```

## How likely held-out songs are to it

Nats per sixteenth, by the true chain rule: in each sixteenth the melody first, then the chord,
which sees the melody of its own sixteenth and nothing later. Chords change on eighths; a chord that
is printed twice in a row stays. *Per change*: the chords' nats over the number of changes. {valid}
validation songs{tested}; the split is by song.

{likelihoods}

The floors are the best of the interpolated n-grams (Witten & Bell) of up to eight decisions, melody
and chord in turn, in the printed keys. *The same root*, *root and third* (major or minor) and
*chord*: the share of the sixteenths in which the model, with the melody given and its own chords
before, at its likeliest choice, has what is printed.

![curves](curves.svg)

## How it accompanies

{pieces} validation melodies, given sixteenth by sixteenth, nothing later known; temperature
{temperature:g}, top-p {top_p:g}.

{table}

The same root as printed in {root:.0%} of the sixteenths, the same chord in {chord:.0%}.

`sample-1.mid` to `sample-3.mid`, voiced by the engine:

![piano rolls](samples.svg)

## Exactness

fp32 against torch: largest difference of a logit {difference:.1e}. 8-bit weights against fp32 on
validation songs: {loss:+.2f} % nats. `reference.npz` holds torch's logits for 64 decisions.

## What it does badly

- {train} songs are very few. It knows the commonplaces of songs before 1930: tonic, dominants,
  subdominant, a secondary dominant now and then. It does not know jazz, pop or modal music.
- It hears nothing ahead: under a long upbeat it cannot know which chord the bar line will bring.
- It changes chords three quarters as often as the books do (above), and in two sixteenths of three
  it is on another root than they are, often on a good one.
- Its tempo of changes does not follow the player's density: the knob *space* leaves it as it is.
- Bass notes other than the root, and ninths and thirteenths, were left out of what it learned.
- Triplets in a melody are heard as sixteenths.
- By itself, with nobody to give the melody, it wanders: use it under a melody.
"""

ROWS = (
    ("nll_{}", "both, the key told"),
    ("nll_{}_untold", "both, the key not told"),
    ("nll_melody_{}", "the melody"),
    ("floor_melody_{}", "– its floor: n-gram"),
    ("nll_melody_per_note_{}", "the melody, per note"),
    ("nll_chord_{}", "the chords, given the melody so far"),
    ("floor_chord_{}", "– their floor: n-gram"),
    ("nll_chord_per_change_{}", "the chords, per change"),
    ("floor_chord_per_change_{}", "– their floor: n-gram"),
    ("same_root_{}", "the same root"),
    ("same_third_{}", "the same root and third"),
    ("same_chord_{}", "the same chord"),
)


def text(
    kind: SheetKind,
    record: Mapping[str, Any],
    metrics: Mapping[str, float],
    samples: Mapping[str, Any],
) -> str:
    """The card of a run, from its record, its figures, and what was counted in its samples."""
    tested = "nll_test" in metrics
    return CARD.format(
        family=kind.name,
        **of_run(record),
        tested=f", {record['pieces']['test']} test songs, {LOOKED}" if tested else "",
        test=" --test" * tested,
        asked=samples["pieces"],
        sample_seed=samples["seed"],
        likelihoods=likelihoods(metrics, tested),
        pieces=samples["pieces"],
        temperature=samples["temperature"],
        top_p=samples["top_p"],
        table=samples["table"],
        root=samples["agreement"]["root"],
        chord=samples["agreement"]["chord"],
        difference=metrics["largest_logit_difference"],
        loss=metrics["int8_loss_percent"],
    )


def likelihoods(metrics: Mapping[str, float], tested: bool) -> str:
    """The table of likelihoods."""
    splits = splits_of(tested)
    lines = heading(list(splits.values()))
    for name, label in ROWS:
        lines.append(row(label, [f"{metrics[name.format(split)]:.3f}" for split in splits]))
    return "\n".join(lines)
