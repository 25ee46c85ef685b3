"""A take as a trace that Perfetto (ui.perfetto.dev) and Chrome's about:tracing show. Pure.

The format is the Trace Event Format's JSON object form: spans that overlap are asynchronous ('b'
and 'e' with an id), others are complete ('X'); a track is a thread of one process. Times are in
microseconds from the start of the performance.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from enum import IntEnum
from typing import Any

from ripieno.clock import Seconds
from ripieno.events import Request, part_of
from ripieno.grammar.grid import VOICES
from ripieno.takes.facts import (
    Asked,
    Heard,
    Marked,
    NoteEnded,
    NoteStarted,
    RequestServed,
    Silenced,
    Source,
    StepMissed,
    StepPlanned,
    Turned,
)
from ripieno.takes.take import Take

PROCESS = 1
REQUESTS = 10**6
"""More than a performance has of each of an ensemble."""
_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")

Event = dict[str, Any]


class Track(IntEnum):
    """The stages from a key to a chord, from top to bottom."""

    PLAYER = 1
    REQUEST = 2
    MODEL_STEP = 3
    SCHEDULE = 4
    MARKS = 5
    SOUND = 10
    """And one more for each voice."""


def trace(take: Take) -> str:
    """`take` as the text of a JSON file."""
    events = [*_names(take), *_events(take)]
    about = {"preset": take.header.preset, "model": take.header.model, "take": take.name}
    return json.dumps(
        {"traceEvents": events, "displayTimeUnit": "ms", "otherData": about},
        separators=(",", ":"),
        ensure_ascii=False,
    )


def _names(take: Take) -> Iterator[Event]:
    yield {
        "ph": "M", "name": "process_name", "pid": PROCESS, "args": {"name": f"Ripieno {take.name}"},
    }  # fmt: skip
    tracks = [(track.value, track.name.lower().replace("_", " ")) for track in Track]
    tracks.pop()
    tracks += [
        (_sound_track(voice, place), f"sound: {chair.name} {name}".replace("  ", " "))
        for place, chair in enumerate(take.chairs)
        for voice, name in enumerate(VOICES)
    ]
    tracks.append((_sound_track(None), "sound: click and others"))
    for number, name in tracks:
        common = {"ph": "M", "pid": PROCESS, "tid": number}
        yield {**common, "name": "thread_name", "args": {"name": name}}
        yield {**common, "name": "thread_sort_index", "args": {"sort_index": number}}


def _sound_track(voice: int | None, partner: int = 0) -> int:
    lane = len(VOICES) if voice is None else part_of(voice)
    return Track.SOUND + partner * (len(VOICES) + 1) + lane


def _events(take: Take) -> Iterator[Event]:
    start = take.header.started
    end = max((fact.at for fact in take.facts), default=start)
    asked: dict[tuple[int, int], tuple[Request, Seconds]] = {}
    planned: dict[tuple[int, int], StepPlanned] = {}
    down: dict[tuple[Source, int | None, int, int], list[NoteStarted]] = {}
    for number, fact in enumerate(take.facts):
        match fact:
            case Heard(message, _, at):
                args = {"message": str(message)}
                yield _instant(type(message).__name__, Track.PLAYER, at - start, args)
            case Asked(request, at, partner):
                asked[partner, request.number] = (request, at)
            case RequestServed(request, steps, void, at, partner) if (partner, request) in asked:
                told, since = asked.pop((partner, request))
                done: Event = {"steps": steps, "void": void}
                yield from _request(told, partner, since - start, at - start, done)
            case StepPlanned():
                planned[fact.partner, _place(fact.beat)] = fact
                yield _step(fact, start)
            case StepMissed(beat, at):
                yield _instant("missed", Track.SCHEDULE, at - start, {"beat": beat})
            case NoteStarted():
                key = (fact.source, fact.voice, fact.channel, fact.pitch)
                down.setdefault(key, []).append(fact)
                if fact.source is Source.MODEL and (
                    step := planned.pop((fact.partner, _place(fact.beat)), None)
                ):
                    yield from _waited(step, fact.at, start, number)
            case NoteEnded():
                struck = down.get((fact.source, fact.voice, fact.channel, fact.pitch), [])
                if struck:
                    yield from _sounded(struck.pop(0), fact.at, start, number)
            case Marked() | Turned() | Silenced():
                yield _instant(_title(fact), Track.MARKS, fact.at - start, {})
    for (partner, _), (request, since) in asked.items():
        yield from _request(request, partner, since - start, end - start, {"unanswered": True})
    rest = (note for struck in down.values() for note in struck)
    for number, note in enumerate(rest, start=len(take.facts)):
        yield from _sounded(note, end, start, number)


def _title(fact: Marked | Turned | Silenced) -> str:
    match fact:
        case Marked(mark, text):
            return f"{mark.value}: {text}" if text else mark.value
        case Turned(name, value):
            return f"{name} = {value}"
        case Silenced():
            return "silenced"


def _place(beat: float) -> int:
    return round(beat * 4)


def _request(
    request: Request, partner: int, since: float, until: float, args: Event
) -> Iterator[Event]:
    name = f"request {request.number}: {request.begin:g}…{request.end:g}"
    told = {"epoch": request.epoch, "since": request.since, "heard": len(request.heard), **args}
    number = partner * REQUESTS + request.number
    yield from _span(name, Track.REQUEST, since, until, number, told)


def _step(step: StepPlanned, start: Seconds) -> Event:
    args = {
        "epoch": step.epoch,
        "request": step.request,
        "model ms": step.model_seconds * 1e3,
        "rung": step.rung.value,
        "candidates": step.candidates,
        "served": step.served,
        "void": step.void,
    }
    began = step.at - step.seconds - start
    return _complete(f"step {step.beat:g}", Track.MODEL_STEP, began, step.at - start, args)


def _waited(step: StepPlanned, at: Seconds, start: Seconds, number: int) -> Iterator[Event]:
    name = f"step {step.beat:g}"
    args = {"request": step.request}
    yield from _span(name, Track.SCHEDULE, step.at - start, at - start, number, args)


def _sounded(note: NoteStarted, end: Seconds, start: Seconds, number: int) -> Iterator[Event]:
    name = f"{_NAMES[note.pitch % 12]}{note.pitch // 12 - 1}"
    args: Event = {"beat": note.beat, "velocity": note.velocity, "source": note.source.value}
    if note.planned is not None:
        args["late ms"] = (note.at - note.planned) * 1e3
    if note.voice is not None:
        track = _sound_track(note.voice, note.partner)
        yield _complete(name, track, note.at - start, end - start, args)
        return
    track = Track.PLAYER if note.source is Source.PLAYER else _sound_track(None)
    yield from _span(name, track, note.at - start, end - start, number, args)


def _instant(name: str, track: int, at: float, args: Event) -> Event:
    return {
        "ph": "i", "s": "t", "name": name, "cat": "ripieno", "pid": PROCESS, "tid": int(track),
        "ts": _micros(at), "args": args,
    }  # fmt: skip


def _complete(name: str, track: int, begin: float, end: float, args: Event) -> Event:
    ts = _micros(begin)
    return {
        "ph": "X", "name": name, "cat": "ripieno", "pid": PROCESS, "tid": int(track),
        "ts": ts, "dur": max(0.0, _micros(end) - ts), "args": args,
    }  # fmt: skip


def _span(
    name: str, track: int, begin: float, end: float, number: int, args: Event
) -> Iterator[Event]:
    """Something that may overlap others of its track. `number` tells it from them."""
    common = {
        "name": name, "cat": Track(track).name.lower() if track in list(Track) else "sound",
        "pid": PROCESS, "tid": int(track), "id": f"{int(track)}-{number}",
    }  # fmt: skip
    yield {"ph": "b", "ts": _micros(begin), **common, "args": args}
    yield {"ph": "e", "ts": _micros(max(begin, end)), **common}


def _micros(seconds: float) -> float:
    return round(seconds * 1e6, 3)
