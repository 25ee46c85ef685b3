"""Fixtures for what other people bring."""

from __future__ import annotations

from tests.live.conftest import mortal_jackd, tiny

__all__ = ["mortal_jackd", "tiny"]
