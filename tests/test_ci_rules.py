"""A skip of a test with a real part is a failure in CI, and only there."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

TESTS = """
import pytest

@pytest.mark.real_part
def test_real():
    pytest.skip("no jackd")

@pytest.mark.real_part
@pytest.mark.skipif(True, reason="no sound card")
def test_marked():
    pass

def test_other():
    pytest.skip("no corpus")
"""


@pytest.mark.parametrize(
    ("ci", "outcomes"),
    [("true", {"failed": 1, "errors": 1, "skipped": 1}), ("", {"skipped": 3})],
    ids=["in CI", "elsewhere"],
)
def test_skips(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, ci: str, outcomes: dict[str, int]
) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    pytester.makeini("[pytest]\nmarkers = real_part: plays through a real part\n")
    pytester.makepyfile(TESTS)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-p", "tests.ci_rules")
    result.assert_outcomes(**outcomes)
