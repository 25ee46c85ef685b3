"""The card of a bundle of tokens: what it learned from, how good it is, how to make it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ripieno_models.card_parts import LOOKED, heading, of_run, row, splits_of
from ripieno_models.tokens.kind import TokenKind
from ripieno_models.tokens.sample import OPENING

CARD = """\
# {family}

{about}

| | |
|---|---|
| Parameters | {parameters:,} |
| Vocabulary | {vocabulary:,} tokens (REMI by MidiTok{bpe}) |
| Graph | `model.int8.onnx` (8-bit weights) |
| Licence of the weights | Apache-2.0 |
| Trained on | {train} pieces; {data} |
| Licence of the data | {licence} |
| Trained in | {minutes:.0f} minutes on {machine}, seed {seed} |

## Make it again

```
{commands}
ripieno-models evaluate {family}{out}{test}
ripieno-models sample {family}{out}{drawn}
ripieno-models export {family}{out}
```

## How likely held-out music is to it

In *nats per note*: the nats of all tokens, bar lines, metres and the end included, over the number
of notes, on the canonical tokens; pieces longer than {crop} tokens in windows that each begin at a
bar line. {valid} validation pieces{tested}; the split keeps variants together.

{likelihoods}

The floor is the best of the interpolated n-grams (Witten & Bell) of up to eight base tokens, here
of {floor_order}, with nothing told.{notes}

![curves](curves.svg)

## How it writes

{samples}

## Exactness

fp32 against torch: largest difference of a logit {difference:.1e}. 8-bit weights against fp32 on
validation pieces: {loss:+.2f} % nats. `reference.npz` holds torch's logits for 64 tokens.

## What it does badly

{weaknesses}
"""

ABOUT: Mapping[str, tuple[str, str, str]] = {
    "folk-transformer": (
        """\
A fiddle tune, one line, in sixteenths: it goes on from what was played, in the metre and the key.
A decoder-only Transformer over REMI tokens.""",
        "",
        """\
- It knows jigs, reels, hornpipes and airs of 1778 to 1903, and nothing else.
- Triplets are written as sixteenths: 3 of 100 onsets moved, 1 of 100 notes lost.
- Repeats are not played out in the data, so it does not repeat a part as dancers would want.
- It takes up what came before, and answers the first half with the second, more often than the
  tunes do; and it lingers on the last note of an eight-bar part less often than they do (above).
- The floor counts the same tokens, in which bars are numbered; that makes n-grams worse. Without
  the numbers theirs is 3.00 (validation) and 3.04 (test).""",
    ),
    "folk-lstm": (
        """\
The same as `folk-transformer` by a two-layer LSTM: a quicker, simpler partner.""",
        "",
        """\
- Its memory is a state of fixed size: it does not take up what was played long ago.
- Otherwise as `folk-transformer`.""",
    ),
    "remi-transformer": (
        """\
The same as `folk-transformer` by a larger Transformer, learned in shorter sequences.""",
        "",
        """\
- There are few tunes for so many parameters: it learns them by heart before it learns the style.
- Otherwise as `folk-transformer`.""",
    ),
    "song-transformer": (
        """\
A piano for songs: it goes on from a phrase of its own, or goes with a melody that a player gives,
without looking ahead. A decoder-only Transformer over REMI tokens; each note tells whether it is
the melody's or the piano's, and the melody's come first.""",
        """ *Live*: the piano's own tokens, with the melody given and its notes' lengths not told.
*Alone*: the piano without the melody.""",
        """\
- It knows nineteenth-century songs in simple metres; songs with many triplets were left out.
- Where a song's file tells no bar line for its pickup, the bar line is guessed.
- No dynamics: the data has none, and the player's are followed.
- It was trained for an hour on a shared core and had not finished learning: it takes up nothing of
  what came before (above), and plans no further than a few bars.
- It hears 512 tokens, about 350 notes; what lies before is forgotten.""",
    ),
}
"""Of each family: what it is, a remark on its figures, and what it does badly."""

ROWS = (
    ("nll_{split}", "as written, nothing told"),
    ("nll_{split}_told", "as written, the key told"),
    ("nll_{split}_live_told", "live: the piano, given the melody; the key told"),
    ("nll_{split}_alone_told", "alone: the piano; the key told"),
    ("floor_{split}", "floor: n-gram"),
)


def text(
    kind: TokenKind,
    record: Mapping[str, Any],
    metrics: Mapping[str, float],
    samples: Mapping[str, Any],
) -> str:
    """The card of a run, from its record, its figures, and what was counted in its samples."""
    about, notes, weaknesses = ABOUT[kind.name]
    tested = "nll_test" in metrics
    options = record["options"]
    return CARD.format(
        family=kind.name,
        about=about,
        **of_run(record),
        vocabulary=record["vocabulary"],
        bpe=f", with byte-pair merges inside a note up to {options['bpe']}" * bool(options["bpe"]),
        tested=f", {record['pieces']['test']} test pieces, {LOOKED}" if tested else "",
        test=" --test" * tested,
        out=out_of(record["command"]),
        drawn=drawn(samples),
        crop=options["crop"],
        likelihoods=likelihoods(metrics, tested),
        floor_order=int(metrics["floor_order"]),
        notes=notes,
        samples=sampled(samples),
        difference=metrics["largest_logit_difference"],
        loss=metrics["int8_loss_percent"],
        weaknesses=weaknesses,
    )


def likelihoods(metrics: Mapping[str, float], tested: bool) -> str:
    """The table of likelihoods."""
    splits = splits_of(tested)
    lines = heading(list(splits.values()))
    for name, label in ROWS:
        keys = [name.format(split=split) for split in splits]
        if all(key in metrics for key in keys):
            lines.append(row(label, [f"{metrics[key]:.3f}" for key in keys]))
    return "\n".join(lines)


def out_of(command: str) -> str:
    """The flag of the run's folder, where it has one of its own."""
    words = command.split()
    return f" --out {words[words.index('--out') + 1]}" if "--out" in words else ""


def drawn(samples: Mapping[str, Any]) -> str:
    """The flags that draw the same samples again."""
    if not samples:
        return ""
    told = f" --pieces {samples['asked']} --temperature {samples['temperature']:g}"
    return told + f" --seed {samples['seed']}"


def sampled(samples: Mapping[str, Any]) -> str:
    """What was counted in samples, beside real pieces."""
    if not samples:
        return "Not measured for this run."
    distances = ", ".join(f"{name} {value:.4f}" for name, value in samples["distances"].items())
    return (
        f"{samples['pieces']} pieces drawn by torch at temperature {samples['temperature']:g}, each"
        f" from the first {OPENING} tokens and in the metre of a validation piece, without the"
        f" engine's rules, beside the"
        f" {samples['real']} validation pieces:\n\n{samples['table']}\n\nJensen–Shannon divergences"
        f" (nats): {distances}.\n\n`sample-1.mid` to `sample-3.mid`:\n\n![piano rolls](samples.svg)"
    )
