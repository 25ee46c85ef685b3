"""Votes of the blind listening page: who was preferred to whom, and how sure that is."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ripieno.errors import RipienoError

from ripieno_models.harness.intervals import Estimate, share


@dataclass(frozen=True, slots=True)
class Vote:
    """One answer: the models that were heard, and the one that was preferred; None for neither."""

    first: str
    second: str
    preferred: str | None


@dataclass(frozen=True, slots=True)
class Preference:
    """How often `one` was preferred to `other`, of the votes that were not even; None of none."""

    one: str
    other: str
    votes: int
    even: int
    share: Estimate | None


def read(path: Path) -> list[Vote]:
    """The votes in the file that the page saves. Raises RipienoError."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return [Vote(str(v["first"]), str(v["second"]), v["preferred"]) for v in checked(told)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RipienoError(
            f"these are no votes ({error})",
            where=str(path),
            allowed="the file that the listening page saves",
        ) from None


def checked(told: object) -> Iterator[dict[str, str]]:
    """Votes of which each prefers one of its two models, or none. Raises ValueError, TypeError."""
    if not isinstance(told, dict) or not isinstance(told.get("votes"), list):
        raise TypeError("there is no list called votes")
    for number, vote in enumerate(told["votes"], 1):
        if vote["preferred"] not in (vote["first"], vote["second"], None):
            raise ValueError(f"vote {number} prefers {vote['preferred']!r}, which was not heard")
        yield vote


def preferences(votes: Iterable[Vote]) -> list[Preference]:
    """One for each pair of models, by name."""
    hits: Counter[tuple[str, str, str | None]] = Counter()
    for vote in votes:
        one, other = sorted((vote.first, vote.second))
        hits[one, other, vote.preferred] += 1
    found = []
    for one, other in sorted({(one, other) for one, other, _ in hits}):
        won, lost, even = (hits[one, other, who] for who in (one, other, None))
        told = share(won, won + lost) if won + lost else None
        found.append(Preference(one, other, won + lost, even, told))
    return found


def sentence(preference: Preference) -> str:
    """A preference in words."""
    if preference.share is None:
        return f"{preference.one} and {preference.other}: nobody preferred either"
    told = preference.share
    even = f", {preference.even} even" if preference.even else ""
    return (
        f"{preference.one} over {preference.other}: {told.value:.0%}"
        f" ({told.low:.0%}–{told.high:.0%}, {preference.votes} votes{even})"
    )
