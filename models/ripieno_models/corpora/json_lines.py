"""Prepared corpora: gzipped JSON, one piece a line, and the table of their splits."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ripieno.errors import RipienoError

from ripieno_models.piece import Split


def records(path: Path) -> Iterator[dict[str, Any]]:
    """The records of the file at `path`. Raises RipienoError with the line where it is broken."""
    number = 0
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                yield json.loads(line)
    except FileNotFoundError as error:
        raise RipienoError("there is no such file", where=str(path)) from error
    except (OSError, EOFError, ValueError) as error:
        raise RipienoError(
            f"line {number} is broken ({type(error).__name__}: {error})", where=str(path)
        ) from error


def split_table(path: Path) -> dict[str, Split]:
    """Which split each piece is in, by its id. Raises RipienoError."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return {name: Split(split) for name, split in told.get("split", told).items()}
    except FileNotFoundError as error:
        raise RipienoError("there is no such file", where=str(path)) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RipienoError(
            f"tells no splits ({type(error).__name__}: {error})", where=str(path)
        ) from error
