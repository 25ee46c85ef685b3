"""A model's card is Markdown, and is read as words: no rulers, no backticks, no torn lines."""

from __future__ import annotations

import pytest
from ripieno import resources
from ripieno_app.card import words_of

CARD = """# chorale

Four voices, any of
which may be given: see `step` and [the page](https://example.org).

| | |
|---|---|
| Parameters | 4,383,998 |
| Graphs | `step.onnx`, **small** |
## Limits
- it rests
  too often
- it modulates
```
train it
  again
```
"""


def test_headings_paragraphs_tables_and_lists() -> None:
    words = words_of(CARD)
    assert "".join(text for text, _ in words) == (
        "chorale\n\n"
        "Four voices, any of which may be given: see step and the page.\n\n"
        "Parameters  4,383,998\nGraphs  step.onnx, small\n"
        "Limits\n- it rests too often\n- it modulates\n  train it\n  again\n\n"
    )
    assert [text.strip() for text, style in words if style == "bold"] == ["chorale", "Limits"]


@pytest.mark.parametrize("name", sorted(resources.bundles()))
def test_every_card_that_ships_is_whole(name: str) -> None:
    card = (resources.bundles()[name] / "CARD.md").read_text(encoding="utf-8")
    told = "".join(text for text, _ in words_of(card))
    assert "|" not in told and "`" not in told and "**" not in told
    for word in ("Licence", "Parameters"):
        assert (word in told) == (word in card)
    letters = [sum(map(str.isalnum, text)) for text in (told, card)]
    assert letters[0] > 0.8 * letters[1], "nothing but signs and addresses is left out"
