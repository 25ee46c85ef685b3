"""The key card tells what the keys do, all of them, on one page."""

from __future__ import annotations

import re
from html import unescape

from ripieno_app.keys import KEYS

from tests.app.write_key_card import CARD, HEIGHT, WIDTH, card


def test_the_card_that_is_kept_is_the_one_that_the_keys_make() -> None:
    assert CARD.read_text(encoding="utf-8") == card(), "python -m tests.app.write_key_card"


def test_every_key_is_on_the_card_with_what_it_does() -> None:
    texts = [unescape(text) for text in re.findall(r"<text [^>]*>([^<]*)</text>", card())]
    for key in KEYS:
        assert key.does in texts, key
        back = key.label.startswith("Shift-")
        assert back or any(key.label in text.split(" ") for text in texts), key


def test_it_fits_on_the_page() -> None:
    places = re.findall(r'<text x="(\d+)" y="([\d.]+)"(?: font-size="([\d.]+)")?', card())
    assert len(places) > 100
    for x, y, _ in places:
        assert float(x) < WIDTH - 36 and float(y) < HEIGHT - 20
    assert min(float(size) for *_, size in places if size) >= 6.5, "it can be read"
