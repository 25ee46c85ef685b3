"""The card of a bundle: what the model learned from, how good it is, and how to make it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ripieno.grammar.grid import VOICES

from ripieno_models.card_parts import PARTS, heading, of_run, row, runs_before, splits_of
from ripieno_models.verdicts import table

CARD = """\
# {family}

{about}

| | |
|---|---|
| Parameters | {parameters:,} |
| Graphs | {graphs} |
| Licence of the weights | Apache-2.0 |
| Trained on | {train} chorales; {data} |
| Licence of the data | {licence} |{also}
| Trained in | {minutes:.0f} minutes on {machine}, seed {seed} |

## Make it again

```
{short}
{steps}
```

Every option of the run, as it was:

```
{commands}
```

## How likely real Bach is to it

In nats per decision. A decision is one voice's token at one sixteenth, over 48 tokens (hold, rest,
pitches 36–81), by the true chain rule: the model sees all earlier decisions and nothing later. A
voice that does not sound cannot hold; that is masked, and nothing else is. Times four it is nats
per sixteenth. Validation: {valid} chorales that chose when to stop.
{test_note}

{likelihoods}

*told*: place in the bar, metre, key signature and the next fermata are inputs, the last up to four
beats ahead, as a player's cadence button would give it. *untold*: none of them. *JSB micro*: the
usual definition for JSB Chorales, nats per (voice × sixteenth) over 47 symbols (rest and pitches),
where hold and a new stroke of the same pitch are one symbol, pieces without onsets, nothing told.
It is measured on music21's encodings of the pieces of that split.{benchmark}

![curves](curves.svg)

The curve of validation is that of the averaged weights, which are the ones that ship; early on the
average lags behind. In training some voices are absent, some inputs hidden, and dropout is on.

## How it writes

{samples}

## Exactness

fp32 against torch over 256 decisions of a real chorale: largest difference of a logit
{difference:.1e}. int8 against fp32 on the validation chorales: {loss:+.2f} % nats per decision.
`reference.npz` holds torch's logits for 64 decisions; a test replays them.

## What it does badly

- It knows Bach's chorales and nothing else; given other music, it answers with chorale harmony.
{weaknesses}
- It sees no further ahead than the next cadence that it is told of. Dynamics and tempo are not its.
- 3/2, 6/4 and other rare metres are in the data a handful of times; keys beyond four accidentals
  only through transposition.
"""

WORDS: Mapping[str, Mapping[str, str]] = {
    "chorale-lstm": {
        "about": """\
Four voices of a Bach chorale on a grid of sixteenths, any of which may be given by a player. A
two-layer LSTM decides one voice at a time: hold, rest, or strike a pitch.""",
        "graphs": "`model.int8.onnx` (8-bit weights, what plays) and `model.onnx` (32-bit floats)",
        "weaknesses": """\
- Likelihood is not part-writing: it writes more parallel fifths and octaves than Bach (above).
- Its memory is a state of fixed size: it does not repeat or develop what was played long ago.""",
    },
    "chorale-transformer": {
        "about": """\
Four voices of a Bach chorale on a grid of sixteenths, any of which may be given by a player. A
Transformer reads one row per sixteenth, what every voice sounded in the last one and for how long;
a small network decides one voice at a time from what it says: hold, rest, or strike a pitch. That
network sees how the voices already decided move, and which move of its own would be parallel.""",
        "graphs": "`frame.int8.onnx` (attention, with its cache) and `voice.int8.onnx` (a"
        " decision), with 8-bit weights; those with 32-bit floats do not ship",
        "weaknesses": """\
- It writes chords that Bach does not, more often than Bach's own pieces differ: see *distance of
  chord classes*. Without candidates it misses a third of the cadences that it is asked for.
- It learns its few pieces by heart sooner than their style: it is far surer of those that it
  learned from than of others. Two temperatures in `voice`, found on validation pieces, make it as
  sure as it has reason to be; playing below temperature 1 makes the rhythm plainer than Bach's.
- It looks back 256 to 512 sixteenths (16 to 32 bars) and forgets what lies before.""",
    },
}
"""What is said of each family alone."""

BENCHMARK = """

JSB Chorales in its own encoding and split (229/76/77 pieces), micro, as the literature reports it
(nats per voice and sixteenth over 47 symbols, chain rule in the order S A T B, nothing told):
{figures}. *Counted* tells the number of the step modulo 16 and nothing else, as models with
absolute positions know it. Two of the 76 validation pieces are also, wholly or mostly, among the
benchmark's training pieces; they were kept out of this training."""

BALANCED = (
    " Of several candidates each chord is taken so often that its share becomes the training"
    " chorales' (`sonorities.npz`, counted on training pieces alone)."
)
ROWS = (
    ("natural", "order S A T B, told"),
    ("random", "order redrawn at every bar line, told"),
    ("untold", "order S A T B, untold"),
    ("soprano", "– soprano (S A T B, told)"),
    ("alto", "– alto"),
    ("tenor", "– tenor"),
    ("bass", "– bass"),
    ("jsb_micro", "JSB micro"),
)


def text(
    record: Mapping[str, Any],
    metrics: Mapping[str, float],
    samples: Mapping[str, Any] | None = None,
    judgement: Mapping[str, Any] | None = None,
) -> str:
    """The card of a run, from its record, its figures, and how it writes, if that was counted."""
    name = record["family"]
    tested = "nll_test_natural" in metrics
    commands = ["evaluate", *(["sample"] if samples else [])]
    commands += ["balance"] if judgement and judgement.get("balanced") else []
    commands += ["judge"] if judgement else []
    written = [sampled(samples)] if samples else []
    written += [judged(judgement)] if judgement else []
    return CARD.format(
        family=name,
        **WORDS[name],
        **of_run(record),
        also=also(next((run["also"] for run in runs_before(record) if run.get("also")), None)),
        short="\n".join(short(run) for run in runs_before(record)),
        steps="\n".join(f"ripieno-models {command} {name}" for command in (*commands, "export")),
        test_note=looked_at(record["pieces"]["test"], judgement) if tested else "",
        likelihoods=likelihoods(metrics, tested),
        benchmark=benchmark(metrics),
        samples="\n\n".join(written) or "Not measured for this run.",
        difference=metrics["largest_logit_difference"],
        loss=metrics["int8_loss_percent"],
    )


def looked_at(pieces: int, judgement: Mapping[str, Any] | None) -> str:
    """How often the test pieces were looked at."""
    again = bool(judgement and judgement.get("balanced"))
    more = (
        ";\nhow it writes was looked at once more, when its chords had been balanced"
        if again
        else ""
    )
    return f"Test: {pieces} chorales, looked at once{more}."


def short(run: Mapping[str, Any]) -> str:
    """The command of a run; without its options where it began with no other's weights."""
    command: str = run["command"]
    return command if run.get("after") else " ".join(command.split()[:3])


def also(told: Mapping[str, Any] | None) -> str:
    """The row on what was learned from besides, if anything."""
    if not told:
        return ""
    source = f"{told['pieces']} pieces; {told['name']} ({told['licence']})"
    return f"\n| Early in training also | {source} |"


def benchmark(metrics: Mapping[str, float]) -> str:
    """The benchmark's figures, if they were measured."""
    labels = {
        "jsb_valid_micro": "validation",
        "jsb_valid_micro_without_twins": "without the two twins",
        "jsb_valid_micro_counted": "counted",
        "jsb_valid_micro_mixed": "mean of four orders",
        "jsb_test_micro": "test",
        "jsb_test_micro_mixed": "test, mean of four orders",
        "jsb_test_micro_counted": "test, counted",
    }
    told = [f"{label} {metrics[key]:.4f}" for key, label in labels.items() if key in metrics]
    return BENCHMARK.format(figures=", ".join(told)) if told else ""


def judged(judgement: Mapping[str, Any]) -> str:
    """How it writes when the engine plays it, beside Bach."""
    return (
        f"{judgement['pieces']} pieces played by the engine from the int8 graphs at temperature 1,"
        f" each with the length, metre, key and fermatas of a {PARTS[judgement['split']]} chorale;"
        f" beside them those {judgement['real']} chorales, by the same counter. *No rules* switches"
        " off the engine's rules of part-writing, *rules* are its defaults, *candidates* says how"
        " often the pitches of a sixteenth are drawn at most, while part-writing objects to them."
        f"{BALANCED if judgement.get('balanced') else ''}"
        " Distances are Jensen–Shannon divergences;"
        " *real from real* is the 95th percentile between real pieces in the same numbers.\n\n"
        + table(judgement)
        + "\n\n`sample-1.mid` to `sample-3.mid` were written with the default rules:\n\n"
        "![piano rolls](samples.svg)"
    )


def likelihoods(metrics: Mapping[str, float], tested: bool) -> str:
    """The table of likelihoods."""
    parts = splits_of(tested)
    lines = heading(list(parts.values()))
    for name, label in ROWS:
        lines.append(row(label, [f"{metrics[f'nll_{part}_{name}']:.4f}" for part in parts]))
    for voice in VOICES:
        keys = [f"nll_{part}_given_{voice}" for part in parts]
        if all(key in metrics for key in keys):
            label = f"the other three, the {voice} given (told, live)"
            lines.append(row(label, [f"{metrics[key]:.4f}" for key in keys]))
    whole = [f"{metrics[f'nll_{part}_natural_per_sixteenth']:.3f}" for part in parts]
    lines.append(row("order S A T B, told, per sixteenth", whole))
    return "\n".join(lines)


def sampled(samples: Mapping[str, Any]) -> str:
    """The table of counts, of samples beside Bach."""
    counts: Mapping[str, Mapping[str, Any]] = samples["writing"]
    names = list(counts)
    lines = [
        f"{samples['pieces']} pieces drawn from the int8 graph at temperature"
        f" {samples['temperature']:g}, without any of the engine's rules, each with the length,"
        " metre, key and fermatas of a validation chorale, in several orders of decision; beside"
        f" them {samples['bach_pieces']} validation chorales, by the same counter.",
        "",
        *heading(names),
    ]
    for key, label in (
        ("parallels", "parallel fifths and octaves per 100 chord changes"),
        ("crossings", "share of sixteenths with crossed voices"),
        ("outside_key", "share of notes outside the key signature"),
        ("notes_per_quarter", "notes per quarter (S A T B)"),
        ("holds", "share of holds (S A T B)"),
        ("rests", "share of rests (S A T B)"),
        ("onsets", "share of onsets (S A T B)"),
        ("lowest", "lowest pitch (S A T B)"),
        ("highest", "highest pitch (S A T B)"),
    ):
        lines.append(row(label, [cell(counts[name][key]) for name in names]))
    return "\n".join(lines)


def cell(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(cell(item) for item in value)
    return str(value) if isinstance(value, int) else f"{value:.3f}"
