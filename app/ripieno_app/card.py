"""A model's card, which is Markdown, as words for a narrow column. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

from ripieno_app.widgets.line import Words

_RULER = re.compile(r"^\|[\s|:-]*\|$")
"""The line below a table's head, or a head without words."""
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_CODE = "  "
_ALONE = ("#", "|", "- ", "* ", _CODE)
"""What begins a line that is not joined to the one before."""


def words_of(card: str) -> Words:
    """Headings stand out, paragraphs run on, and each row of a table is a line."""
    parts: list[tuple[str, str]] = []
    kept = (line for line in _lines(card) if not _RULER.match(line))
    for blank, lines in groupby(kept, lambda line: not line):
        if not blank:
            parts += _block(list(lines))
            parts.append(("\n", ""))
    return tuple(parts)


def _lines(card: str) -> Iterator[str]:
    """Line by line; those of examples, which are fenced or indented, begin with _CODE."""
    fenced = False
    for line in card.splitlines():
        if line.strip().startswith("```"):
            fenced = not fenced
        elif (fenced or line.startswith("    ")) and line.strip():
            yield f"{_CODE}{line.strip()}"
        else:
            yield line.strip()


def _block(lines: list[str]) -> list[tuple[str, str]]:
    joined: list[str] = []
    for line in lines:
        if joined and not line.startswith(_ALONE) and not joined[-1].startswith(("#", "|", _CODE)):
            joined[-1] += f" {line}"
        else:
            joined.append(line)
    return [part for line in joined for part in _line(_LINK.sub(r"\1", line))]


def _line(line: str) -> list[tuple[str, str]]:
    plain = line.replace("`", "").replace("**", "")
    if plain.startswith("#"):
        return [(f"{plain.lstrip('#').strip()}\n", "bold")]
    if plain.startswith("|"):
        name, *rest = (cell.strip() for cell in plain.strip("|").split("|"))
        return [(f"{name}  ", "$label"), (f"{', '.join(filter(None, rest))}\n", "")]
    return [(f"{plain}\n", "")]
