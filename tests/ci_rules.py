"""Rules of continuous integration: there, a test that needs a real part may not be skipped.

On a player's machine a missing sound server skips the tests that play through it, with the reason;
with CI=true such a skip is a failure, so that green always means that the real thing was played.
"""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest

MARKER = "real_part"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and os.environ.get("CI") == "true" and item.get_closest_marker(MARKER):
        report.outcome = "failed"
        report.longrepr = f"in CI a real part may not be missing: {reason_of(call)}"
    return report


def reason_of(call: pytest.CallInfo[None]) -> str:
    """Why the test was skipped."""
    return str(call.excinfo.value) if call.excinfo is not None else "it was skipped"
