"""`ripieno takes show`: how a performance went."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from ripieno.takes.facts import ModelReady, Source
from ripieno.takes.report import Report, Spread, report
from ripieno.takes.take import Take, read

WIDTH = 26
SHOWN = 10
"""Of what should not be, so many are listed."""


def show(path: Path) -> int:
    """Print the report of the take at `path`. Returns 1 if a note hangs or breaks a hard rule."""
    take = read(path)
    found = report(take)
    for line in lines(take, found):
        print(line)
    return 1 if found.violations or found.hung or found.unended else 0


def lines(take: Take, found: Report) -> Iterator[str]:
    """The report for people, line by line."""
    header = take.header
    torn = ", cut off" if take.torn else ""
    ready = (fact.precision for fact in take.facts if isinstance(fact, ModelReady))
    model = f"{header.model} ({next(ready, header.precision)})"
    yield f"{take.name}: {header.preset}, {model}, {found.seconds:.1f} s{torn}"
    yield _row("notes", _counts({_who(source): n for source, n in found.notes.items()}))
    yield _row("turn → first note", _spread(found.first_note))
    yield _row("your note → others", _spread(found.joined))
    yield _row("a note after its moment", _spread(found.lateness))
    yield _row("request → first step", _spread(found.reply))
    yield _row("how old its knowledge was", _spread(found.staleness))
    yield _row("what a step cost", _spread(found.model))
    yield _row("steps served in time", _served(found))
    yield _row("plans given up", f"{found.cuts}, with {found.void} steps that came for nothing")
    yield _row("rungs", _counts({rung.value: n for rung, n in found.rungs.items()}))
    yield _row("candidates for a step", f"{found.candidates:.1f}")
    yield _row("soft rules given up", _counts(found.relaxed))
    yield _row("hard rules broken", str(len(found.violations)))
    yield from (f"  {violation}" for violation in found.violations[:SHOWN])
    yield _row("notes that hang", str(len(found.hung)))
    yield from (
        f"  channel {note.channel + 1}, pitch {note.pitch}, since beat {note.beat:g}"
        for note in found.hung[:SHOWN]
    )
    yield _row("note-ons without an off", str(len(found.unended)))
    yield from (
        f"  channel {channel + 1}, pitch {pitch}" for channel, pitch in found.unended[:SHOWN]
    )


def _row(title: str, value: str) -> str:
    return f"{title:<{WIDTH}}{value}"


def _who(source: Source) -> str:
    return "you" if source is Source.PLAYER else source.value


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"


def _spread(spread: Spread | None) -> str:
    if spread is None:
        return "–"
    p50, p99, worst = (f"{each * 1e3:.2f}" for each in (spread.p50, spread.p99, spread.worst))
    return f"p50 {p50} ms, p99 {p99} ms, worst {worst} ms ({spread.count})"


def _served(found: Report) -> str:
    share = f"{found.served:.1%} of {found.steps}"
    return f"{share}; {found.missed} missed, {found.unserved} ran out of time"
