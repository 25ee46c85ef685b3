"""What an import asks for, what it finds, and what comes of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ripieno.inference.bundle import Manifest
from ripieno.library.importing_graph import Shape
from ripieno.library.importing_tokenizer import Tokenizer

USES = ("melody", "piano", "accompaniment")
CHUNK = 64


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked of an import. '' and None leave it to what the folder tells.

    use: of USES; what the player gets. context: positions. chunk: tokens that one run may hear.
    programs: the player's and the machine's, where the tokenizer tells them.
    """

    tokenizer: Path | None = None
    name: str = ""
    licence: str = ""
    use: str = USES[1]
    context: int | None = None
    chunk: int = CHUNK
    programs: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Imported:
    """The bundle that was made, and what the player should know of it, in sentences."""

    manifest: Manifest
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """All that was found: the graph and what lies beside it, what it says, and its tokenizer."""

    graph: Path
    precision: str
    opset: int
    beside: tuple[Path, ...]
    shape: Shape
    config: Mapping[str, Any]
    tokenizer: Tokenizer
    licence: str
