"""Timing where it is hard: a busy machine, the hand-over, and the first note of an answer."""

from __future__ import annotations

import tempfile
import threading
from collections import defaultdict
from pathlib import Path
from statistics import median

from ripieno.clock import Beats
from ripieno.events import Phase
from ripieno.priority import REFUSED
from ripieno.settings import HandOver, Horizon, Mode, Settings, Turns
from ripieno.takes.take import NoteEnded, NoteStarted, Source, Take

from tests import bench_rivals
from tests.bench_live import Hands, Stand, _in_a_terminal, _performed, journal_of
from tests.bench_table import Findings, Row, Sample, at_most
from tests.engine.jackd import RATE, Heard, JackServer
from tests.live import score_reader
from tests.live.command import RIPIENO, environment
from tests.live.show import OUT, Show

HOGS = 2
BUSY_MS, HANDOVER_MS = 1.0, 5.0
BARS_A_SECOND = 300 / 60 / 4
BPM, SILENCE = 200.0, Beats(0.5)


# ---- two hogs and a busy screen


def busy(stand: Stand) -> Findings:
    """Solo at 300 bpm under the screen and two hogs; mido's play() and a thread beside a screen."""
    seconds = 6.0 if stand.quick else 30.0
    with tempfile.TemporaryDirectory() as place, bench_rivals.hogs(HOGS):
        ours = Sample("heard on JACK, of ours", tuple(_ours(stand, Path(place), seconds)))
        mido = Sample("mido's MidiFile.play()", _rival("mido", Path(place), seconds))
        thread = Sample("a thread in the screen's process", _rival("thread", Path(place), seconds))
    name = f"{HOGS} hogs, busy screen: "
    named = Sample(name + ours.name, ours.values)
    rows = (
        Row("lateness", named, mido, "off the grid, either way; theirs when they would send"),
        Row("lateness", named, thread, "the same"),
    )
    target = at_most(f"under {HOGS} hogs, p99 ≤ {BUSY_MS:g} ms", ours.p99, BUSY_MS)
    worst = ", ".join(f"{s.name} {max(s.values):.2f} ms" for s in (ours, mido, thread))
    return Findings(rows, (target,), (f"Under {HOGS} hogs and a busy screen, at worst: {worst}.",))


def _rival(name: str, place: Path, seconds: float) -> tuple[float, ...]:
    file = place / name
    count = round(seconds / bench_rivals.APART)
    variables = environment(place) | {"PYTHONPATH": str(bench_rivals.ROOT)}
    _in_a_terminal(bench_rivals.command(name, count, file), variables, 60.0 + 2 * seconds)
    return bench_rivals.read(file)


def _ours(stand: Stand, place: Path, seconds: float) -> list[float]:
    """How far each of the machine's notes is off, in ms: on JACK, or by the journal without it."""
    bars = max(4, round(seconds * BARS_A_SECOND))
    takes = place / "takes"
    variables = {k: v for k, v in environment(place).items() if k != REFUSED}
    out = "virtual" if stand.jack else "none"
    words = ("play", "--preset", "chorale-solo", "--bpm", "300", "--bars", str(bars), "--out", out)
    command = [*RIPIENO, *words, "--no-wav", "--model", str(stand.model), "--takes", str(takes)]
    if stand.jack is None:
        _in_a_terminal(command, variables, 60.0 + 2 * seconds)
        notes = _by_machine(journal_of(takes))
        return [1000 * (n.at - n.planned) for n in notes if n.planned is not None]
    with stand.jack.dump("bench-busy") as dump:
        wire = threading.Thread(target=_wire, args=(stand.jack, dump.port))
        wire.start()
        _in_a_terminal(command, variables, 60.0 + 2 * seconds)
        wire.join()
    return off_the_grid(dump.heard, journal_of(takes))


def _wire(server: JackServer, port: str) -> None:
    server.wait_for(OUT)
    server.connect(OUT, port)


def _by_machine(journal: Take) -> list[NoteStarted]:
    return [f for f in journal.facts if isinstance(f, NoteStarted) and f.source is Source.MODEL]


def off_the_grid(heard: list[Heard], journal: Take) -> list[float]:
    """Milliseconds between each of the machine's notes and its plan, either way, as heard."""
    notes = [note for note in _by_machine(journal) if note.planned is not None]
    moments = heard_at(heard, notes)
    return [1000 * abs(at - n.planned) for at, n in moments if n.planned is not None]


def heard_at(heard: list[Heard], notes: list[NoteStarted]) -> list[tuple[float, NoteStarted]]:
    """When each of `notes` was heard on JACK, on our clock: all it is late by in common is JACK's.

    Notes are paired cell by cell from the end; the first ones were played before we listened.
    """
    frames: dict[tuple[int, int], list[int]] = defaultdict(list)
    played: dict[tuple[int, int], list[NoteStarted]] = defaultdict(list)
    for message in filter(score_reader.is_on, heard):
        frames[score_reader.channel(message), message.data[1]].append(message.frame)
    for note in notes:
        played[note.channel, note.pitch].append(note)
    pairs = [
        (frame / RATE, note)
        for cell, told in played.items()
        for frame, note in zip(reversed(frames[cell]), reversed(told), strict=False)
    ]
    common = median(at - note.planned for at, note in pairs if note.planned is not None)
    return sorted(((at - common, note) for at, note in pairs), key=lambda pair: pair[0])


# ---- the hand-over


def handover(stand: Stand) -> Findings:
    """How far the answer's first note is from its ideal place, by policy."""
    rows, targets = [], []
    for policy in HandOver:
        turns = Turns(after_beats=Beats(0.5), bars=1, hand_over=policy)
        answers = _answers(stand, turns, rounds=2 if stand.quick else 15)
        away = [1000 * abs(at - n.planned) for _, at, n in answers if n.planned is not None]
        sample = Sample(f"hand-over {policy}", tuple(away))
        rows.append(Row("hand-over error", sample, None, "the answer's first note, as heard"))
        targets.append(at_most(f"{policy}: p99 ≤ {HANDOVER_MS:g} ms", sample.p99, HANDOVER_MS))
    return Findings(tuple(rows), tuple(targets), ())


def speculation(stand: Stand) -> Findings:
    """From the silence that hands over to the answer's first note, with and without speculation."""
    rounds = 2 if stand.quick else 30
    samples = []
    for speculate in (True, False):
        turns = Turns(after_beats=SILENCE, bars=1, hand_over=HandOver.SNAP, speculate=speculate)
        waits = [
            1000 * (at - end.at - SILENCE * 60 / BPM)
            for end, at, _ in _answers(stand, turns, rounds)
        ]
        name = "with speculation" if speculate else "without"
        samples.append(Sample(name, tuple(waits)))
    guessed, waited = samples
    row = Row("time to first note", guessed, waited, "snap: silence is over → first note, as heard")
    return Findings((row,), (), ())


def _answers(stand: Stand, turns: Turns, rounds: int) -> list[tuple[NoteEnded, float, NoteStarted]]:
    """Answers to `rounds` phrases: your last note's end, and their first note, when it was heard.

    Without JACK that is when the journal says that it was sent.
    """
    settings = Settings(mode=Mode.ANSWER, bpm=BPM, turns=turns, horizon=Horizon(budget_ms=40))

    def play(running: Show, hands: Hands) -> None:
        for number in range(rounds):
            for step in (0, 2, 4, 5):
                pitch = 64 + number % 5 + step
                hands.play(f"on {pitch} 90", "wait 0.25", f"off {pitch}", "wait 0.05")
            running.in_phase(Phase.ANSWERING)
            running.in_phase(Phase.IDLE)

    journal, heard = _performed(stand, settings, play)
    machine = [n for n in _by_machine(journal) if n.planned is not None]
    moments = {id(n): at for at, n in heard_at(heard, machine)} if stand.jack else {}
    found: list[tuple[NoteEnded, float, NoteStarted]] = []
    ended: NoteEnded | None = None
    for fact in journal.facts:
        if isinstance(fact, NoteEnded) and fact.source is Source.PLAYER:
            ended = fact
        elif isinstance(fact, NoteStarted) and fact.source is Source.MODEL and ended is not None:
            found.append((ended, moments.get(id(fact), fact.at), fact))
            ended = None
    return found
