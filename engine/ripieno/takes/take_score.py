"""A take as a score: what was heard, one part for each voice and one for the player. Pure.

`export_midi` alone writes, through `midifile.py`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ripieno.clock import Beats, Meter, swung
from ripieno.events import part_of
from ripieno.grammar.grid import VOICES
from ripieno.score import (
    BendMark,
    ControlMark,
    MeterMark,
    Part,
    PartNote,
    ProgramMark,
    Score,
    TempoMark,
)
from ripieno.takes.header import Chair
from ripieno.takes.take import (
    BendMoved,
    ControlMoved,
    Fact,
    MeterSet,
    NoteEnded,
    NoteStarted,
    OnScore,
    SoundChosen,
    Source,
    Steered,
    Take,
    TempoSet,
    Turned,
)

SHORTEST = Beats(1 / 64)
DISORDER = Beats(0.5)
"""How far two facts may stand in the wrong order; more means that the beats were set back."""
PLAYER = "you"
SEED = "seed"
START = Beats(0.0)
SAME_TEMPO = 0.001
"""A clock from outside is corrected all the time; of that, only what differs by so much is told."""

_Name = tuple[int, str]
"""Whose part it is, and its name: the player's comes last."""
_Key = tuple[Source, int | None, int, int]


@dataclass(slots=True)
class _Gathered:
    """What has been heard so far, by part name and channel."""

    notes: dict[tuple[_Name, int], list[PartNote]] = field(
        default_factory=lambda: defaultdict(list)
    )
    down: dict[_Key, list[NoteStarted]] = field(default_factory=lambda: defaultdict(list))
    tempos: list[TempoMark] = field(default_factory=list)
    meters: list[MeterMark] = field(default_factory=list)
    controls: list[ControlMark] = field(default_factory=list)
    bends: list[BendMark] = field(default_factory=list)
    programs: list[ProgramMark] = field(default_factory=list)
    end: Beats = START


def score_of(take: Take) -> Score:
    """What was heard in `take`: a part for each voice, its seed, and the player. Without the click.

    Swing is written as it sounded: beats are those of a straight clock. A note that never got its
    release ends with the take. Where the beats were set back, because the transport or a phrase
    began anew, the score goes on with the next bar that is free.
    """
    settings, chairs = take.header.settings, take.chairs
    heard = _Gathered()
    heard.tempos.append(TempoMark(Beats(0.0), settings.bpm))
    heard.meters.append(MeterMark(Beats(0.0), settings.meter))
    for fact in _unbent(_straightened(take.facts, settings.meter), settings.sync.swing):
        _hear(fact, heard)
    for struck in list(heard.down.values()):
        for note in struck:
            _add(heard, note, heard.end)
    parts = tuple(
        Part(_titled(name, chairs), channel, _program(name, channel, take), _by_onset(notes))
        for (name, channel), notes in sorted(heard.notes.items(), key=_part_order)
    )
    return Score(
        parts,
        _last_at_each(heard.tempos),
        _last_meters(heard.meters),
        tuple(heard.controls),
        tuple(heard.bends),
        tuple(heard.programs),
    )


def export_midi(take: Take, path: str | Path) -> None:
    """Write `take` as a MIDI file; the same take gives the same bytes. Raises PhraseError."""
    from ripieno.midi.midifile import write_score

    write_score(score_of(take), path)


def _straightened(facts: tuple[Fact, ...], meter: Meter) -> Iterator[OnScore]:
    """The facts with beats that never start over and never lie before the first bar line.

    What moves is moved by whole bars, so that bar lines stay where they were heard.
    """
    placed = [fact for fact in facts if isinstance(fact, OnScore)]
    first = min((fact.beat for fact in placed), default=Beats(0.0))
    offset = Beats(-min(0.0, meter.bar_start(first)))
    latest = Beats(0.0)
    for fact in placed:
        if isinstance(fact, MeterSet):
            meter = fact.meter
        behind = latest - (fact.beat + offset)
        if behind > DISORDER:
            offset = Beats(offset + math.ceil(behind / meter.bar) * meter.bar)
        moved = replace(fact, beat=Beats(fact.beat + offset))
        latest = Beats(max(latest, moved.beat))
        yield moved


def _unbent(facts: Iterator[OnScore], swing: float) -> Iterator[OnScore]:
    """The facts with their beats on a straight clock, where swung notes lie off the grid."""
    for fact in facts:
        if isinstance(fact, Turned) and fact.name == "swing":
            swing = float(fact.value)
        elif isinstance(fact, Steered):
            swing = fact.tempo.swing
        yield replace(fact, beat=swung(fact.beat, swing))


def _hear(fact: OnScore, heard: _Gathered) -> None:
    heard.end = Beats(max(heard.end, fact.beat))
    match fact:
        case NoteStarted():
            heard.down[fact.source, fact.voice, fact.channel, fact.pitch].append(fact)
        case NoteEnded():
            struck = heard.down[fact.source, fact.voice, fact.channel, fact.pitch]
            if struck:
                _add(heard, struck.pop(0), fact.beat)
        case TempoSet():
            heard.tempos.append(TempoMark(fact.beat, fact.bpm))
        case Steered():
            now = fact.tempo.bpm
            if abs(now - heard.tempos[-1].bpm) >= SAME_TEMPO * now:
                heard.tempos.append(TempoMark(fact.beat, now))
        case BendMoved():
            heard.bends.append(BendMark(fact.beat, fact.channel, fact.value))
        case SoundChosen():
            heard.programs.append(ProgramMark(fact.beat, fact.channel, fact.program))
        case MeterSet():
            heard.meters.append(MeterMark(fact.beat, fact.meter))
        case ControlMoved():
            heard.controls.append(ControlMark(fact.beat, fact.channel, fact.controller, fact.value))
        case _:
            return


def _add(heard: _Gathered, note: NoteStarted, end: Beats) -> None:
    if note.source is Source.CLICK:
        return
    if note.source is Source.PLAYER or note.voice is None:
        name = PLAYER
    else:
        name = VOICES[part_of(note.voice)]
        name = f"{SEED} {name}" if note.source is Source.SEED else name
    length = Beats(max(end - note.beat, SHORTEST))
    written = PartNote(note.beat, length, note.pitch, note.velocity)
    partner = 0 if name == PLAYER else note.partner
    heard.notes[(partner, name), note.channel].append(written)


_ORDER = (*VOICES, *(f"{SEED} {voice}" for voice in VOICES), PLAYER)


def _titled(name: _Name, chairs: Sequence[Chair]) -> str:
    """How a part is called in the score: in an ensemble with whose it is."""
    partner, part = name
    owner = "" if part == PLAYER else chairs[partner].name
    return f"{owner} {part}" if owner else part


def _part_order(item: tuple[tuple[_Name, int], list[PartNote]]) -> tuple[bool, int, int, int]:
    ((partner, name), channel), _ = item
    return name == PLAYER, partner, _ORDER.index(name), channel


def _program(name: _Name, channel: int, take: Take) -> int | None:
    """What it began with: the player's on the channel that the player had at the start."""
    (partner, part), header = name, take.header
    for chair in () if part == PLAYER else (take.chairs[partner],):
        if channel in chair.channels:
            return chair.programs[chair.channels.index(channel)]
    return header.thru_program if channel == header.thru_channel else None


def _by_onset(notes: list[PartNote]) -> tuple[PartNote, ...]:
    return tuple(sorted(notes, key=lambda note: (note.onset, note.pitch)))


def _last_at_each(marks: list[TempoMark]) -> tuple[TempoMark, ...]:
    """By beat, and of several tempos on one beat the one that was set last."""
    last = {mark.beat: mark for mark in marks}
    return tuple(last[beat] for beat in sorted(last))


def _last_meters(marks: list[MeterMark]) -> tuple[MeterMark, ...]:
    last = {mark.beat: mark for mark in marks}
    return tuple(last[beat] for beat in sorted(last))
