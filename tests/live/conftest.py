"""Fixtures for performances with real parts."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.jackd import JackServer
from tests.live.show import best_bundle, tiny_bundle


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle for tests of processes."""
    return tiny_bundle(tmp_path_factory.mktemp("tiny") / "bundle")


@pytest.fixture(scope="session")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle for tests of music: the one that ships."""
    return best_bundle(tmp_path_factory.mktemp("shipped") / "bundle")


@pytest.fixture
def mortal_jackd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[JackServer]:
    """A JACK server for this test alone: it may be stopped, and its clients may be killed.

    Only other processes join it. JACK's library keeps the traces of a server that has died.
    """
    if not shutil.which("jackd"):
        pytest.skip("jackd is not installed")
    server = JackServer(f"ripieno-live-{os.getpid()}", tmp_path / "jackd.log")
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    server.start()
    yield server
    server.stop()
