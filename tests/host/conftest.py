"""Fixtures for what other people bring."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ripieno.modes.foreign_process import PATIENCE

from tests.host.strangers import fresh_list, install_strangers
from tests.live.conftest import mortal_jackd, tiny

__all__ = ["mortal_jackd", "tiny"]


@pytest.fixture
def strangers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package of parts that fail, installed for this test."""
    place = install_strangers(tmp_path / "site")
    monkeypatch.syspath_prepend(str(place))
    with fresh_list():
        yield place


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """For modes that do well: a computer that stands still for a moment is not their fault."""
    monkeypatch.setenv(PATIENCE, "2")
