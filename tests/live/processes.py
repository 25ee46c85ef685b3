"""What the system says about processes, from /proc: who is whose child, and who still lives."""

from __future__ import annotations

from pathlib import Path

from tests.engine.jackd import until


def alive(pid: int) -> bool:
    """Whether the process runs; one that has ended and waits to be noticed does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in ("Z", "X")


def children(pid: int) -> list[int]:
    """Its children that are Python programs of ours; multiprocessing's own helpers are left out."""
    return [child for child in _children(pid) if "resource_tracker" not in _command(child)]


def family(pid: int) -> list[int]:
    """The process, its children, their children, and so on, helpers of multiprocessing too."""
    return [pid, *(one for child in _children(pid) for one in family(child))]


def the_child(pid: int, what: str) -> int:
    """The only child of a process, once it is there."""
    until(lambda: len(children(pid)) == 1, what)
    return children(pid)[0]


def gone(pids: list[int], what: str, seconds: float = 30.0) -> None:
    """Wait until none of these processes lives."""
    until(lambda: not any(alive(pid) for pid in pids), what, seconds)


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(child) for child in task.read_text().split()]
        except OSError:
            continue
    return found


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""
