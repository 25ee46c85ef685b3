"""The long proofs: they run when they are asked for, as `make proof` does."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.live.conftest import mortal_jackd, shipped, tiny

__all__ = ["mortal_jackd", "shipped", "tiny"]


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave this folder out of runs that do not name it."""
    return None if any("proof" in word for word in config.args) else True
