"""An open descriptor on its way into a spawned process."""

from __future__ import annotations

from multiprocessing import reduction
from typing import Protocol


class _Duplicate(Protocol):
    def detach(self) -> int: ...


class Inherited:
    """A descriptor that can be an argument of a spawned process, where it is open too.

    A bare `reduction.DupFd` would be fetched from the parent later, and fail if that has died.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def __reduce__(self) -> tuple[object, tuple[_Duplicate]]:
        return _arrived, (reduction.DupFd(self.descriptor),)


def _arrived(duplicate: _Duplicate) -> Inherited:
    return Inherited(duplicate.detach())
