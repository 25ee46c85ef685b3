"""MIDI files, read and written. The only file that imports mido."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import mido

from ripieno.clock import FASTEST, SLOWEST, Beats, Meter
from ripieno.errors import PhraseError, RipienoError
from ripieno.events import ControlChange, MidiMessage, Note, NoteOff, NoteOn
from ripieno.score import (
    DRUMS,
    BendMark,
    ControlMark,
    MeterMark,
    Part,
    PartNote,
    Score,
    TempoMark,
)
from ripieno.settings import FULL_RANGES

TICKS = 480
"""Ticks a quarter note, in the files that we write."""
LARGEST_FILE = 16 << 20
"""Bytes. Larger ones are no music, or not for an instrument to read while it plays."""
SHORTEST = Beats(1 / 64)
"""A note that ends where it begins is given this much."""
_MEAN = tuple((low + high) / 2 for low, high in FULL_RANGES)


@dataclass(frozen=True, slots=True)
class MidiPhrase:
    """The notes of a MIDI file, as voices. Onsets count from the file's start.

    `bpm` is the file's first tempo, brought within what can be played, and `meter` its first
    meter; None where the file names none. `left_out` counts the parts beyond the fourth.
    """

    name: str
    notes: tuple[Note, ...]
    bpm: float | None
    meter: Meter | None
    left_out: int


@dataclass(slots=True)
class _Lines:
    """What has been gathered while reading."""

    notes: dict[tuple[int, int], list[PartNote]] = field(default_factory=lambda: defaultdict(list))
    names: dict[int, str] = field(default_factory=dict)
    programs: dict[int, int] = field(default_factory=dict)
    tempos: list[TempoMark] = field(default_factory=list)
    meters: list[MeterMark] = field(default_factory=list)
    controls: list[ControlMark] = field(default_factory=list)
    bends: list[BendMark] = field(default_factory=list)


def read_score(path: str | Path) -> Score:
    """The MIDI file at `path`: one part for each track and channel. Raises PhraseError."""
    path = Path(path)
    file = _load(path)
    lines = _Lines()
    for number, track in enumerate(file.tracks):
        _read_track(number, track, file.ticks_per_beat, lines)
    parts = tuple(
        Part(
            lines.names.get(track, ""),
            channel,
            lines.programs.get(channel),
            tuple(sorted(notes, key=lambda note: (note.onset, -note.pitch))),
        )
        for (track, channel), notes in lines.notes.items()
    )
    if not parts:
        raise PhraseError("there are no notes in this MIDI file", where=str(path))
    return Score(
        parts,
        tuple(lines.tempos),
        tuple(lines.meters),
        tuple(lines.controls),
        tuple(lines.bends),
    )


def _load(path: Path) -> Any:
    try:
        size = os.stat(path).st_size
        if size > LARGEST_FILE:
            raise PhraseError(
                f"{size >> 20} MiB is too large for a MIDI file",
                where=str(path),
                allowed=f"{LARGEST_FILE >> 20} MiB",
            )
        file = mido.MidiFile(path, clip=True)
    except FileNotFoundError:
        raise PhraseError("there is no such file", where=str(path)) from None
    except (PermissionError, IsADirectoryError) as error:
        raise PhraseError((error.strerror or "").lower(), where=str(path)) from None
    except RipienoError:
        raise
    except Exception as error:  # whatever a parser of foreign bytes stumbles over
        raise PhraseError(
            f"this is not a MIDI file, or it is damaged ({_reason(error)})",
            where=str(path),
            nearest="Export it again as a standard MIDI file (.mid).",
        ) from None
    if file.ticks_per_beat <= 0 or file.type == 2:
        raise PhraseError(
            "this kind of MIDI file counts frames or holds separate songs",
            where=str(path),
            allowed="a standard MIDI file of type 0 or 1, timed in beats",
        )
    return file


def _reason(error: Exception) -> str:
    return "it ends too early" if isinstance(error, EOFError) else str(error) or "unreadable"


def _read_track(number: int, track: Any, ticks_per_beat: int, lines: _Lines) -> None:
    tick = 0
    down: dict[tuple[int, int], list[tuple[Beats, int]]] = defaultdict(list)
    beat = Beats(0.0)
    for message in track:
        tick += message.time
        beat = Beats(tick / ticks_per_beat)
        if message.type == "note_on" and message.velocity > 0:
            down[message.channel, message.note].append((beat, message.velocity))
        elif message.type in ("note_on", "note_off"):
            struck = down[message.channel, message.note]
            if struck:
                onset, velocity = struck.pop(0)
                _add(lines, number, message.channel, message.note, onset, beat, velocity)
        else:
            _read_other(number, message, beat, lines)
    for (channel, pitch), struck in down.items():  # never released: they last as long as the track
        for onset, velocity in struck:
            _add(lines, number, channel, pitch, onset, beat, velocity)


def _add(
    lines: _Lines, track: int, channel: int, pitch: int, onset: Beats, end: Beats, velocity: int
) -> None:
    length = Beats(max(end - onset, SHORTEST))
    lines.notes[track, channel].append(PartNote(onset, length, pitch, velocity))


def _read_other(number: int, message: Any, beat: Beats, lines: _Lines) -> None:
    if message.type == "set_tempo" and message.tempo > 0:
        lines.tempos.append(TempoMark(beat, 60e6 / message.tempo))
    elif message.type == "time_signature":
        try:
            lines.meters.append(MeterMark(beat, Meter(message.numerator, message.denominator)))
        except RipienoError:
            return  # an odd meter elsewhere is no reason to refuse the notes
    elif message.type == "track_name":
        lines.names.setdefault(number, message.name.strip())
    elif message.type == "program_change":
        lines.programs.setdefault(message.channel, message.program)
    elif message.type == "control_change":
        control = ControlMark(beat, message.channel, message.control, message.value)
        lines.controls.append(control)
    elif message.type == "pitchwheel":
        lines.bends.append(BendMark(beat, message.channel, message.pitch))


def read_notes(path: str | Path) -> MidiPhrase:
    """The MIDI file at `path` as at most four voices, each part going to the voice it lies in.

    Parts keep their order from high to low by mean pitch. Of more than four, the highest, the
    lowest and the two fullest between them stay. Drums are left out. Raises PhraseError.
    """
    score = read_score(path)
    parts = sorted(
        (part for part in score.parts if part.channel != DRUMS),
        key=lambda part: -part.mean_pitch,
    )
    if not parts:
        raise PhraseError("this MIDI file holds only drums", where=str(path))
    chosen = _four_of(parts)
    notes = [
        Note(voice, note.pitch, note.velocity, note.onset, note.duration)
        for voice, part in zip(_voices_for(chosen), chosen, strict=True)
        for note in part.notes
    ]
    notes.sort(key=lambda note: (note.onset, note.voice, note.pitch))
    bpm = min(FASTEST, max(SLOWEST, score.tempos[0].bpm)) if score.tempos else None
    meter = score.meters[0].meter if score.meters else None
    return MidiPhrase(Path(path).stem, tuple(notes), bpm, meter, len(parts) - len(chosen))


def _four_of(parts: list[Part]) -> list[Part]:
    if len(parts) <= len(_MEAN):
        return parts
    inner = sorted(parts[1:-1], key=lambda part: -len(part.notes))[: len(_MEAN) - 2]
    return [parts[0], *(part for part in parts[1:-1] if part in inner), parts[-1]]


def _voices_for(parts: list[Part]) -> tuple[int, ...]:
    """The voices, from high to low, whose ranges lie nearest to the parts."""
    return min(
        combinations(range(len(_MEAN)), len(parts)),
        key=lambda voices: sum(
            abs(_MEAN[voice] - part.mean_pitch) for voice, part in zip(voices, parts, strict=True)
        ),
    )


class FileInput:
    """A MIDI file played in as if live: its notes and pedals in beats, at the performance's tempo.

    All channels but the drums play, each on the channel it has in the file.
    """

    def __init__(self, path: str | Path) -> None:
        """Read the file. Raises PhraseError."""
        self.name = f'file "{Path(path).name}"'
        self._events = sorted(_played_in(read_score(path)), key=lambda event: event[:2])
        if not self._events:
            raise PhraseError("this MIDI file holds only drums", where=str(path))
        self._next = 0

    def next_beat(self) -> Beats | None:
        """The beat of the next event; None when the file is over."""
        return self._events[self._next][0] if self._next < len(self._events) else None

    def pop(self, beat: Beats) -> list[tuple[Beats, MidiMessage]]:
        """All events up to and at `beat` that have not been given out yet, in order."""
        due: list[tuple[Beats, MidiMessage]] = []
        while self._next < len(self._events) and self._events[self._next][0] <= beat:
            when, _, message = self._events[self._next]
            due.append((when, message))
            self._next += 1
        return due


def _played_in(score: Score) -> Iterator[tuple[Beats, int, MidiMessage]]:
    """Events with a rank: at one beat, releases come first, then pedals, then strikes."""
    for part in score.parts:
        for note in part.notes if part.channel != DRUMS else ():
            end = Beats(note.onset + note.duration)
            yield note.onset, 2, NoteOn(part.channel, note.pitch, note.velocity)
            yield end, 0, NoteOff(part.channel, note.pitch)
    for control in score.controls:
        if control.channel != DRUMS:
            message = ControlChange(control.channel, control.controller, control.value)
            yield control.beat, 1, message


def write_score(score: Score, path: str | Path) -> None:
    """Write a MIDI file of type 1, 480 ticks to the quarter; the same score gives the same bytes.

    The first track holds tempo and meter, then comes one for each part. Raises PhraseError when
    the file cannot be written.
    """
    file = mido.MidiFile(type=1, ticks_per_beat=TICKS, charset="utf-8")
    file.tracks.append(_track(_marks(score)))
    moves = {part.channel: part for part in score.parts}  # of parts on one channel one has them
    for part in score.parts:
        with_moves = moves[part.channel] is part
        events = [*_part_events(part), *(_moves(part.channel, score) if with_moves else ())]
        file.tracks.append(_track(events))
    try:
        file.save(path)
    except OSError as error:
        raise PhraseError(
            f"the MIDI file cannot be written ({error.strerror})", where=str(path)
        ) from None


def _marks(score: Score) -> Iterator[tuple[int, int, Any]]:
    for meter_mark in score.meters:
        meter = meter_mark.meter
        yield (
            _tick(meter_mark.beat),
            0,
            mido.MetaMessage(
                "time_signature", numerator=meter.numerator, denominator=meter.denominator
            ),
        )
    for tempo in score.tempos:
        yield _tick(tempo.beat), 1, mido.MetaMessage("set_tempo", tempo=round(60e6 / tempo.bpm))


def _part_events(part: Part) -> Iterator[tuple[int, int, Any]]:
    channel = part.channel
    yield 0, -2, mido.MetaMessage("track_name", name=part.name)
    if part.program is not None:
        yield 0, -1, mido.Message("program_change", channel=channel, program=part.program)
    for note in part.notes:
        begin = _tick(note.onset)
        end = max(begin + 1, _tick(Beats(note.onset + note.duration)))
        strike = mido.Message("note_on", channel=channel, note=note.pitch, velocity=note.velocity)
        yield begin, 2, strike
        yield end, 0, mido.Message("note_off", channel=channel, note=note.pitch, velocity=64)


def _moves(channel: int, score: Score) -> Iterator[tuple[int, int, Any]]:
    """Pedals, wheels, and sounds that were chosen on the way."""
    for control in score.controls:
        if control.channel == channel:
            number, value = control.controller, control.value
            move = mido.Message("control_change", channel=channel, control=number, value=value)
            yield _tick(control.beat), 1, move
    for sound in score.programs:
        if sound.channel == channel:
            change = mido.Message("program_change", channel=channel, program=sound.program)
            yield _tick(sound.beat), 1, change
    for bend in score.bends:
        if bend.channel == channel:
            wheel = mido.Message("pitchwheel", channel=channel, pitch=bend.value)
            yield _tick(bend.beat), 1, wheel


def _tick(beat: Beats) -> int:
    return max(0, round(beat * TICKS))


def _track(events: Iterable[tuple[int, int, Any]]) -> Any:
    track = mido.MidiTrack()
    tick = 0
    for at, _, message in sorted(events, key=lambda event: event[:2]):
        track.append(message.copy(time=at - tick))
        tick = at
    track.append(mido.MetaMessage("end_of_track"))
    return track
