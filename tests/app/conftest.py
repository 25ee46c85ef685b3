"""The screen's tests look the same in every environment."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _colours_as_designed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
