"""Telemetry as it stands at a moment of a performance, for tests and for looking at the screen.

The music is the Old Hundredth (1551) in four plain voices of our own: a person plays the tune's
first line, and the machine answers with the second.
"""

from __future__ import annotations

from dataclasses import replace
from math import ceil

from ripieno.clock import Beats, Meter, Seconds
from ripieno.events import (
    ClockState,
    Latency,
    Look,
    Notice,
    PartnerState,
    Phase,
    RollNote,
    Rung,
    Telemetry,
)
from ripieno.settings import ClockSource, Horizon, Key, Mode, Rules, Sampling, Settings, Strength

SETTINGS = Settings(
    mode=Mode.ANSWER,
    bpm=84,
    meter=Meter(4, 4),
    sampling=Sampling(temperature=0.95, top_p=0.97),
    rules=Rules(key=Key.parse("G major"), key_lock=Strength.SOFT),
    horizon=Horizon(commit=Beats(0.75), lookahead=Beats(3.0)),
)
# soprano, alto, tenor, bass: (pitch, beats)
_TUNE = ((67, 2), (67, 1), (66, 1), (64, 1), (62, 1), (67, 1), (69, 1), (71, 2))
_ANSWER: tuple[tuple[tuple[int, float], ...], ...] = (
    ((71, 2), (71, 1), (71, 1), (69, 1), (67, 1), (72, 1), (71, 0.5), (69, 0.5), (69, 2)),
    ((67, 2), (66, 1), (67, 1), (66, 1), (64, 1), (64, 0.5), (66, 0.5), (67, 1), (66, 2)),
    ((62, 2), (62, 1), (62, 1), (62, 1), (59, 1), (57, 1), (62, 1), (62, 2)),
    ((55, 1), (54, 0.5), (52, 0.5), (59, 1), (55, 1), (50, 1), (52, 1), (57, 1), (55, 1), (50, 2)),
)
ANSWER_BEGINS = Beats(16.0)
LATENCIES = (
    Latency("scheduler", 0.02, 0.31, 1210, 0.12),
    Latency("model step", 2.1, 4.4, 640, 3.6),
    Latency("hand-over", 1.2, 3.1, 6, 2.9),
)


def _line(voice: int, notes: tuple[tuple[int, float], ...], begin: float) -> list[RollNote]:
    line, onset = [], begin
    for pitch, beats in notes:
        line.append(RollNote(voice, pitch, Beats(onset), Beats(beats), Look.MODEL))
        onset += beats
    return line


def _score(begin: float) -> list[RollNote]:
    tune = [replace(note, look=Look.PLAYER) for note in _line(0, _TUNE, begin - 10)]
    answer = [note for v, notes in enumerate(_ANSWER) for note in _line(v, notes, begin)]
    return tune + answer


def _pieces(note: RollNote, beat: float, committed: float, lookahead: float) -> list[RollNote]:
    """The note as the engine tells it at `beat`: what sounded, then what each step will do."""
    if note.look is Look.PLAYER:
        length = min(note.duration, beat - note.onset)
        return [replace(note, duration=Beats(length))] if length > 0 else []
    end = min(note.onset + note.duration, lookahead)
    step = ceil(beat * 4) / 4
    turn = ceil(committed * 4) / 4
    spans = (
        (Look.MODEL, note.onset, min(end, beat)),
        (Look.COMMITTED, max(note.onset, step), min(end, turn)),
        (Look.PLANNED, max(note.onset, turn), end),
    )
    return [
        RollNote(note.voice, note.pitch, Beats(begin), Beats(to - begin), look)
        for look, begin, to in spans
        if to > begin
    ]


def answering(beat: float = 20.6, settings: Settings = SETTINGS, begin: float = 16.0) -> Telemetry:
    """The machine is answering: the tune lies behind, the plan ahead."""
    committed = beat + settings.horizon.commit
    lookahead = beat + settings.horizon.lookahead
    roll = tuple(
        piece for note in _score(begin) for piece in _pieces(note, beat, committed, lookahead)
    )
    levels = [0, 0, 0, 0]
    for note in roll:
        if note.look is Look.MODEL and note.onset + note.duration >= beat > note.onset:
            levels[note.voice] = 72 + 9 * note.voice
    return Telemetry(
        at=Seconds(100 + beat * 60 / settings.bpm),
        beat=Beats(beat),
        playing=True,
        settings=settings,
        phase=Phase.ANSWERING,
        phase_beats=Beats(max(0.0, begin + 10 - beat)),
        phrase="old-hundredth",
        committed=Beats(committed),
        lookahead=Beats(lookahead),
        roll=roll,
        levels=tuple(levels),
        latencies=LATENCIES,
        steps=640,
        missed=0,
        relaxed=2,
        sounding=sum(level > 0 for level in levels),
        outputs=("FluidSynth (jack)", "ripieno:out"),
        inputs=("ripieno:in",),
        model="chorale-lstm int8",
        notices=(Notice(1, "Recording to takes/2026-11-21-1.jsonl.", False),),
        take="takes/2026-11-21-1.jsonl",
        clock=ClockState(ClockSource.INTERNAL, True, settings.bpm, 0.0),
        heard_key="G major",
        programs=(19, 19, 48, 52),
    )


def ensemble(front: int = 0) -> Telemetry:
    """A choir that goes along with a bass, and a fiddle whose turn it is, short of time."""
    choir = PartnerState(
        name="choir",
        model="chorale-transformer (int8)",
        mode="accompany",
        phase=Phase.ACCOMPANYING,
        levels=(80, 80, 80, 0),
        muted=frozenset({3}),
        rung=Rung.FULL,
        steps=320,
        missed=0,
        hears=("you",),
        programs=(52, 52, 52, 52),
    )
    fiddle = PartnerState(
        name="fiddle",
        model="folk-transformer (int8)",
        mode="answer",
        phase=Phase.ANSWERING,
        levels=(96, 0, 0, 0),
        muted=frozenset(),
        rung=Rung.HOLD,
        steps=96,
        missed=3,
        hears=("choir.soprano",),
        programs=(40, 40, 40, 40),
    )
    return replace(answering(), partners=(choir, fiddle), front=front)


def following(jitter: float = 0.4, *, locked: bool = True) -> Telemetry:
    """The machine is answering in time with a MIDI clock, at the tempo that it goes at."""
    sync = replace(SETTINGS.sync, source=ClockSource.MIDI)
    settings = replace(SETTINGS, bpm=119.8, sync=sync)
    return replace(
        answering(settings=settings), clock=ClockState(ClockSource.MIDI, locked, 119.82, jitter)
    )


def counting_in(beat: float = -5.5) -> Telemetry:
    """Two bars are counted in; the plan for the first beats is there."""
    sync = replace(SETTINGS.sync, count_in=2, metronome=True)
    first = [note for note in _score(0.0) if note.look is not Look.PLAYER]
    return replace(
        answering(beat, replace(SETTINGS, sync=sync), begin=0.0),
        roll=tuple(piece for note in first for piece in _pieces(note, 0.0, 0.75, 3.0)),
        phase=Phase.PLAYING,
        phase_beats=Beats(0.0),
        counting_in=Beats(-beat),
    )


def stopped() -> Telemetry:
    """Nothing has been played yet."""
    return replace(
        answering(),
        at=Seconds(10.0),
        beat=Beats(-0.5),
        playing=False,
        phase=Phase.STOPPED,
        phase_beats=Beats(0.0),
        committed=Beats(0.75),
        lookahead=Beats(3.0),
        roll=(),
        levels=(0, 0, 0, 0),
        notices=(),
    )
