"""The cards of the families of tokens that stand beside the others to be compared with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ripieno_models.card_parts import of_run
from ripieno_models.tokens.card import likelihoods
from ripieno_models.tokens.kind import TokenKind

ABOUT: Mapping[str, str] = {
    "pitch-lstm": """\
Three LSTMs over strings of pitches (a note's name, or a chord's normal order), which hear each as
one number. It knows neither rhythm nor rest: every string lasts half a beat, so that its likelihood
of real tunes, whose notes do not, says little; its pitches can be compared.""",
    "remi-lstm": """\
A deep LSTM over REMI tokens with velocities, with or without attention over its own outputs.""",
    "remi-structured": """\
A Transformer over REMI tokens with sines for positions, learned with smoothed labels and with a
loss on the order of tokens (bar, position, pitch, velocity, duration), which it then keeps.""",
    "gpt2-lora": """\
A language model that was fine-tuned by low-rank adapters on music told as text, whose words its
tokenizer splits: a control that shows what a vocabulary is worth. Unless pretrained weights were
given, it grew from a tiny stand-in.""",
    "bart-lora": """\
A language model of encoder and decoder that was fine-tuned by low-rank adapters to restore masked
music, with the notes added to its vocabulary: the second control. Unless pretrained weights were
given, it grew from a tiny stand-in.""",
}
"""What each family is."""

CARD = """\
# {family}

{about}

| | |
|---|---|
| Parameters | {parameters:,} |
| Vocabulary | {vocabulary:,} tokens |
| Licence of the weights | Apache-2.0 |
| Trained on | {train} pieces; {data} |
| Licence of the data | {licence} |
| Trained in | {minutes:.1f} minutes on {machine}, seed {seed} |

```
{commands}
ripieno-models evaluate {family}
ripieno-models export {family}
```

## How likely held-out music is to it

In nats per note, of all tokens; the floor is the best of the interpolated n-grams (Witten & Bell)
of up to eight tokens, here of {floor_order}.

{likelihoods}

fp32 against torch: largest difference of a logit {difference:.1e}.
"""


def text(kind: TokenKind, record: Mapping[str, Any], metrics: Mapping[str, float]) -> str:
    """The card of a run, from its record and its figures."""
    return CARD.format(
        family=kind.name,
        about=ABOUT[kind.name],
        **of_run(record),
        vocabulary=record["vocabulary"],
        likelihoods=likelihoods(metrics, "nll_test" in metrics),
        floor_order=int(metrics["floor_order"]),
        difference=metrics["largest_logit_difference"],
    )
