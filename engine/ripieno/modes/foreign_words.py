"""What realtime and the process of a stranger's mode tell each other, and what is refused. Pure.

A call has whatever of the moment is new; a reply has what the mode returned, and where it stands.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from ripieno.clock import FASTEST, SLOWEST, Beats
from ripieno.commands import Seed
from ripieno.events import Note, Phase, Planned, Request, Sounding
from ripieno.modes.ear import Ear
from ripieno.modes.effects import Ask, Cut, Hush, Keepsake, Move, Recall, Retempo, Say, Sow
from ripieno.modes.mode import Baton
from ripieno.settings import Settings

LONGEST = Beats(256.0)
"""No plan that is asked for at once is longer."""
VOICES = 64
"""Slots of voices are numbered below this."""


@dataclass(frozen=True, slots=True)
class News:
    """What has changed in the moment since the last call; None for what has not."""

    epoch: int
    settings: Settings | None = None
    seed: Seed | None = None
    machine: tuple[Note, ...] | None = None
    ear: Ear | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """Call the mode's `name` with `args`."""

    name: str
    args: tuple[object, ...]
    news: News


@dataclass(frozen=True, slots=True)
class Reply:
    """What it returned (`fault` says what went wrong), and how the mode and its moment stand.

    settings, seed, ear: None for what the mode has not changed. wake: when it wants to be called.
    """

    result: object = None
    fault: str = ""
    epoch: int = 0
    phase: Phase = Phase.STOPPED
    ideal: Beats | None = None
    going: bool = False
    wake: Beats | None = None
    phrase_start: Beats = Beats(0.0)
    settings: Settings | None = None
    seed: Seed | None = None
    ear: Ear | None = None


def unfit(name: str, result: object) -> str:
    """What is wrong with the `result` of a mode's `name`: '' for nothing."""
    match name:
        case "stop" | "moved":
            return ""
        case "leave":
            fits = isinstance(result, Baton) and _number(result.begin)
            fits = fits and isinstance(result, Baton) and _effects(result.effects)
        case "anchor" | "phase_beats":
            fits = _number(result)
        case "wake":
            fits = result is None or _number(result)
        case "settled" | "expects":
            fits = isinstance(result, bool)
        case "horizon":
            fits = isinstance(result, tuple) and len(result) == 2 and all(map(_number, result))
        case "planned":
            fits = result is None or _planned(result)
        case "known":
            fits = isinstance(result, tuple) and all(map(_note, result))
        case _:
            return "" if _effects(result) else f"returned no effects from {name}()"
    return "" if fits else f"returned nonsense from {name}()"


def _effects(found: object) -> bool:
    return isinstance(found, tuple) and all(map(_effect, found))


def _effect(effect: object) -> bool:
    match effect:
        case Ask(request):
            return _request(request)
        case Cut(epoch, begin):
            return _whole(epoch) and isinstance(begin, int | float) and not math.isnan(begin)
        case Sow(planned) | Recall(planned):
            return _planned(planned)
        case Move(by):
            return _number(by)
        case Retempo(bpm, origin):
            return _number(origin) and _number(bpm) and SLOWEST <= bpm <= FASTEST
        case Keepsake(text) | Say(text):
            return isinstance(text, str)
        case _:
            return isinstance(effect, Hush)


def _request(found: object) -> bool:
    if not isinstance(found, Request) or not isinstance(found.settings, Settings):
        return False
    beats = (found.since, found.begin, found.end)
    numbered = _whole(found.epoch) and all(map(_number, beats)) and found.begin <= found.end
    voices = isinstance(found.given, tuple) and isinstance(found.player, tuple)
    return (
        numbered
        and found.end - found.begin <= LONGEST
        and voices
        and all(map(_voice, (*found.given, *found.player)))
        and isinstance(found.heard, tuple)
        and all(map(_note, found.heard))
        and (found.cadence is None or _number(found.cadence))
    )


def _planned(found: object) -> bool:
    if not isinstance(found, Planned) or not isinstance(found.voices, tuple):
        return False
    placed = _number(found.begin) and _number(found.end) and found.begin < found.end
    costs = _number(found.seconds) and _number(found.model_seconds)
    return _whole(found.epoch) and placed and costs and all(map(_sounding, found.voices))


def _sounding(told: object) -> bool:
    if not isinstance(told, Sounding) or not _voice(told.voice):
        return False
    return told.pitch is None or _midi((told.pitch, told.velocity))


def _note(note: object) -> bool:
    if not isinstance(note, Note) or not (_voice(note.voice) and _number(note.onset)):
        return False
    ends = note.duration is None or _number(note.duration)
    return ends and _midi((note.pitch, note.velocity))


def _midi(values: Iterable[object]) -> bool:
    return all(isinstance(value, int) and 0 <= value < 128 for value in values)


def _voice(value: object) -> bool:
    return isinstance(value, int) and 0 <= value < VOICES


def _whole(value: object) -> bool:
    return isinstance(value, int)


def _number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
