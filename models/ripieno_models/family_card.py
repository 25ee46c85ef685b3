"""The cards of the families that stand beside the chorale models, to be compared with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ripieno_models.card import likelihoods
from ripieno_models.card_parts import of_run

ABOUT: Mapping[str, str] = {
    "voicewise-lstm": """\
Four independent LSTMs, one per voice. None hears another or knows the bar: a control, whose harmony
is chance.""",
    "conv-lstm": """\
One model for all four voices: a convolution over the last sixteenths, the voices and the five
numbers of each pitch, an LSTM of a few cells over what it finds, and two dense layers.""",
    "window-transformer": """\
Self-attention over the last sixteenths, five numbers for each voice's pitch, and the same two dense
layers as `conv-lstm`.""",
    "ridge": """\
Ridge regression from the last sixteenths to the next token, one for each voice: the floor that a
network must beat.""",
    "attention-lstm": """\
A two-layer LSTM over sixteenths that looks back at its own outputs by additive attention.""",
    "plain-lstm": """\
A two-layer LSTM over a piano roll of sixteenths.""",
}
"""What each family is."""

CARD = """\
# {family}

{about}

It decides one voice at a time, on a grid of sixteenths: hold, rest, or strike a pitch. Any voice
may be given by a player.

| | |
|---|---|
| Parameters | {parameters:,} |
| Licence of the weights | Apache-2.0 |
| Trained on | {train} pieces; {data} |
| Licence of the data | {licence} |
| Trained in | {minutes:.1f} minutes on {machine}, seed {seed} |

```
{commands}
ripieno-models evaluate {family}
ripieno-models export {family}
```

## How likely held-out pieces are to it

In nats per decision, over 48 tokens, by the chain rule; a voice that does not sound cannot hold,
and only that is masked. *told*: place in the bar, metre, key signature and the next fermata are
there to be seen, for a model that looks at them.

{likelihoods}

fp32 against torch over 256 decisions: largest difference of a logit {difference:.1e}.
"""


def text(record: Mapping[str, Any], metrics: Mapping[str, float]) -> str:
    """The card of a run, from its record and its figures."""
    return CARD.format(
        family=record["family"],
        about=ABOUT[record["family"]],
        **of_run(record),
        likelihoods=likelihoods(metrics, "nll_test_natural" in metrics),
        difference=metrics["largest_logit_difference"],
    )
