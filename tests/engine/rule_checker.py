"""An independent judge of hard rules: it looks at notes that were played, never at masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ripieno.events import Sounding
from ripieno.grammar.grid import HIGHEST, LOWEST
from ripieno.settings import Rules, Strength


@dataclass(frozen=True)
class Played:
    """A step as it was played: what all voices did, and which of them the machine decided."""

    step: int
    voices: tuple[Sounding, ...]
    ours: frozenset[int]
    rules: Rules


def violations(played: Sequence[Played]) -> list[str]:
    """Every break of a hard rule by a voice that the machine decided, in words."""
    found: list[str] = []
    for place, now in enumerate(played):
        for voice in sorted(now.ours):
            told = _melody(played, place, voice) + _harmony(now, voice)
            told += _motion(played, place, voice)
            found += [f"step {now.step}, voice {voice}: {what}" for what in told]
    return found


def _melody(played: Sequence[Played], place: int, voice: int) -> list[str]:
    now = played[place]
    pitch, rules = now.voices[voice].pitch, now.rules
    if pitch is None:
        return ["strikes a rest"] if now.voices[voice].struck else []
    found = []
    before = played[place - 1] if place and played[place - 1].step == now.step - 1 else None
    previous = before.voices[voice].pitch if before else None
    low, high = rules.ranges[voice]
    if pitch < low or pitch > high:
        found.append(f"{pitch} is out of range")
    if rules.key_lock is Strength.HARD and not _in_key(pitch, rules):
        found.append(f"{pitch} is out of key")
    if not now.voices[voice].struck:
        if previous != pitch:
            found.append(f"holds {pitch} after {previous}")
        return found
    if not LOWEST <= pitch <= HIGHEST:
        found.append(f"{pitch} is no token")
    last = _last_pitch(played, place, voice)
    if last is not None and abs(pitch - last) > rules.max_leap:
        far = all(
            abs(home - last) > rules.max_leap
            for home in range(max(low, LOWEST), min(high, HIGHEST) + 1)
            if rules.key_lock is not Strength.HARD or _in_key(home, rules)
        )
        if not far or previous is not None:
            found.append(f"leaps from {last} to {pitch}")
    return found


def _last_pitch(played: Sequence[Played], place: int, voice: int) -> int | None:
    for earlier in range(place - 1, -1, -1):
        pitch = played[earlier].voices[voice].pitch
        if pitch is not None:
            return pitch
    return None


def _in_key(pitch: int, rules: Rules) -> bool:
    assert rules.key is not None
    return (pitch - rules.key.tonic) % 12 in {
        "major": {0, 2, 4, 5, 7, 9, 11},
        "minor": {0, 2, 3, 5, 7, 8, 9, 10, 11},
    }[rules.key.scale]


def _motion(played: Sequence[Played], place: int, voice: int) -> list[str]:
    now = played[place]
    if now.rules.parallels is not Strength.HARD or not place:
        return []
    before = played[place - 1]
    found = []
    for other in range(len(now.voices)):
        upper, lower = min(voice, other), max(voice, other)
        pair = [step.voices[v].pitch for step in (before, now) for v in (upper, lower)]
        if other == voice or before.step != now.step - 1 or None in pair:
            continue
        top, bottom, new_top, new_bottom = (pitch for pitch in pair if pitch is not None)
        moved = top != new_top and bottom != new_bottom
        if moved and (top - bottom) % 12 == (new_top - new_bottom) % 12 in (0, 7):
            found.append(f"goes in parallel with voice {other} to {now.voices[voice].pitch}")
    return found


def _harmony(now: Played, voice: int) -> list[str]:
    found = []
    pitches = [v.pitch for v in now.voices]
    mine = pitches[voice]
    for other, theirs in enumerate(pitches):
        if other == voice or mine is None or theirs is None:
            continue
        above = mine - theirs if voice < other else theirs - mine
        if now.rules.crossing is Strength.HARD and above < 0:
            found.append(f"{mine} crosses voice {other} at {theirs}")
        if now.rules.spacing is Strength.HARD and abs(voice - other) == 1:
            widest = 24 if {voice, other} == {2, 3} else 12
            if above > widest:
                found.append(f"{mine} lies {above} from voice {other}")
    return found
