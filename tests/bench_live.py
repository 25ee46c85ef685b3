"""Real performances: how late notes are while the screen draws, and how soon an answer comes."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ripieno.clock import Beats
from ripieno.commands import KeyPlayed
from ripieno.events import Phase
from ripieno.modes.ear import STEP
from ripieno.modes.mode import nearest_step
from ripieno.priority import REFUSED
from ripieno.routing import OutputKind, OutputSpec, Routing
from ripieno.settings import Horizon, Mode, Settings, Turns
from ripieno.takes import report as take_report
from ripieno.takes import take
from ripieno.takes.take import NoteStarted, Source, Take

from tests.bench_table import Findings, Row, Sample, at_most
from tests.engine.jackd import PERIOD, RATE, Heard, JackServer
from tests.live import score_reader
from tests.live.command import RIPIENO, environment
from tests.live.player import Player, player
from tests.live.show import IN, OUT, Show, show, stage_of, virtual_ports
from tests.live.terminal import COLUMNS, LINES, terminal

WITH_FIFO_MS, WITHOUT_MS, ANSWER_MS, JOIN_MS = 1.0, 5.0, 5.0, 10.0


@dataclass
class Stand:
    """Where the live rows play: the model, and a JACK server where there is one."""

    model: Path
    jack: JackServer | None
    quick: bool

    @property
    def ends(self) -> Routing:
        """Our own ports on JACK, else nothing but the journal."""
        return (
            virtual_ports()
            if self.jack
            else Routing(outputs=(OutputSpec(OutputKind.NONE),), inputs=())
        )


def journal_of(folder: Path) -> Take:
    (found,) = folder.glob("*.take")
    return take.read(found)


# ---- c: lateness while the screen draws


def lateness(stand: Stand) -> Findings:
    """Solo at 300 bpm under the real screen, with real-time priority and without, in turns."""
    late: dict[str, list[float]] = {"with SCHED_FIFO": [], "without": []}
    frames: list[float] = []
    seconds = 5.0 if stand.quick else 32.0
    order = ["with SCHED_FIFO", "without"] + ([] if stand.quick else ["without", "with SCHED_FIFO"])
    for name in order:
        found, rate = _under_the_screen(stand, seconds, refuse=name == "without")
        late[name] += found
        frames.append(rate)
    fifo, plain = (Sample(name, tuple(values)) for name, values in late.items())
    row = Row("scheduler lateness under the screen", fifo, plain, "hand-over − moment of a note")
    targets = (
        at_most(f"lateness p99 ≤ {WITH_FIFO_MS:g} ms with priority", fifo.p99, WITH_FIFO_MS),
        at_most(f"lateness p99 ≤ {WITHOUT_MS:g} ms without", plain.p99, WITHOUT_MS),
    )
    worst = f"worst {max(fifo.values):.2f} ms with priority, {max(plain.values):.2f} ms without"
    drawn = f"{min(frames):.0f} to {max(frames):.0f} times a second"
    words = (f"The screen ({COLUMNS} × {LINES}) drew {drawn}; {worst}.",)
    return Findings((row,), targets, words)


def _under_the_screen(stand: Stand, seconds: float, *, refuse: bool) -> tuple[list[float], float]:
    """Lateness in ms of all notes that the machine played, and how often the screen drew."""
    bars = max(2, round(seconds / (4 * 60 / 300)))
    with tempfile.TemporaryDirectory() as place:
        takes = Path(place) / "takes"
        variables = environment(Path(place)) | ({REFUSED: "1"} if refuse else {})
        if not refuse:
            variables.pop(REFUSED, None)
        # without a port that looks ahead, so that what is handed over late is late
        what = ("--preset", "chorale-solo", "--bpm", "300", "--bars", str(bars))
        words = ("play", *what, "--out", "none")
        command = [*RIPIENO, *words, "--no-wav", "--model", str(stand.model), "--takes", str(takes)]
        rate = _in_a_terminal(command, variables, 60.0 + 2 * seconds)
        facts = journal_of(takes).facts
    return [1000 * late for late in take_report.lateness(facts)], rate


def _in_a_terminal(command: list[str], variables: dict[str, str], seconds: float) -> float:
    """Run `command` in a terminal of its own to its end: how often a second it drew there."""
    with terminal(command, variables) as screen:
        if code := screen.ends(seconds):
            raise RuntimeError(f"{' '.join(command[2:5])} ended with {code}")
        return screen.frames / (time.monotonic() - screen.began)


# ---- the player of the next two rows


class Keys:
    """Hands on the computer keyboard: for machines without JACK."""

    def __init__(self, running: Show) -> None:
        self._running = running

    def play(self, *moves: str) -> None:
        for move in moves:
            match move.split():
                case ["on", pitch, velocity]:
                    self._running.send(KeyPlayed(int(pitch), int(velocity), True))
                case ["off", pitch]:
                    self._running.send(KeyPlayed(int(pitch), 0, False))
                case ["wait", seconds]:
                    time.sleep(float(seconds))


Hands = Player | Keys
Plays = Callable[[Show, Hands], None]


@contextmanager
def _hands(stand: Stand, running: Show) -> Iterator[Hands]:
    if stand.jack is None:
        yield Keys(running)
        return
    with player() as hands:
        stand.jack.connect(hands.port, IN)
        yield hands


def _performed(stand: Stand, settings: Settings, play: Plays) -> tuple[Take, list[Heard]]:
    """A performance in which `play` plays: the journal, and what was heard on JACK."""
    with tempfile.TemporaryDirectory() as place:
        stage = stage_of(Path(place), stand.model, settings, routing=stand.ends)
        heard: list[Heard] = []
        with show(stage) as running, _hands(stand, running) as hands:
            if stand.jack is None:
                play(running, hands)
            else:
                with stand.jack.dump("bench-listener") as dump:
                    stand.jack.connect(OUT, dump.port)
                    play(running, hands)
                heard = dump.heard
        return running.take(), heard


# ---- d: the answer's first note


def answer(stand: Stand) -> Findings:
    """Two-note phrases at 300 bpm: how far the answer's first note is from its beat."""
    turns = Turns(after_beats=Beats(0.25), bars=1)
    settings = Settings(mode=Mode.ANSWER, bpm=300.0, turns=turns, horizon=Horizon(budget_ms=40))
    rounds = 4 if stand.quick else 40

    def play(running: Show, hands: Hands) -> None:
        for number in range(rounds):
            first = 67 + number % 5
            hands.play(f"on {first} 90", "wait 0.17", f"off {first}", "wait 0.03")
            hands.play(f"on {first + 2} 90", "wait 0.17", f"off {first + 2}")
            running.in_phase(Phase.ANSWERING)
            running.in_phase(Phase.IDLE)

    journal, heard = _performed(stand, settings, play)
    firsts = _first_notes(journal)
    away = Sample(
        "answer's first note from its beat",
        tuple(1000 * abs(n.at - n.planned) for _, n in firsts if n.planned is not None),
    )
    grid = [n for _, n in firsts if abs(n.beat - round(n.beat)) < 1e-6]
    row = Row("phrase end", away, None, f"{len(grid)} of {len(firsts)} on a whole beat")
    target = at_most(f"answer within {ANSWER_MS:g} ms of its beat, p99", away.p99, ANSWER_MS)
    return Findings((row,), (target,), _on_jack(journal, heard, firsts))


def _first_notes(journal: Take) -> list[tuple[NoteStarted, NoteStarted]]:
    """The player's last note before each answer, and the answer's first."""
    found: list[tuple[NoteStarted, NoteStarted]] = []
    before: NoteStarted | None = None
    for fact in journal.facts:
        if not isinstance(fact, NoteStarted):
            continue
        if fact.source is Source.PLAYER:
            before = fact
        elif before is not None:
            found.append((before, fact))
            before = None
    return found


def _on_jack(
    journal: Take, heard: list[Heard], firsts: list[tuple[NoteStarted, NoteStarted]]
) -> tuple[str, ...]:
    """How far apart your last note and the answer's first were on JACK, against the plan."""
    notes = [f for f in journal.facts if isinstance(f, NoteStarted)]
    frames = [message.frame for message in heard if score_reader.is_on(message)]
    if len(frames) != len(notes):
        return ()
    frame_of = {id(note): frame for note, frame in zip(notes, frames, strict=True)}
    off = [
        abs((frame_of[id(first)] - frame_of[id(last)]) / RATE - (first.planned - last.at)) * 1000
        for last, first in firsts
        if first.planned is not None
    ]
    sample = Sample("", tuple(off))
    return (
        f"On JACK, heard by another program, the distance from your last note to the answer's "
        f"first is off by {sample.median:.2f} ms in the median and {sample.p99:.2f} ms at p99, of "
        f"which a period ({1000 * PERIOD / RATE:.1f} ms) is JACK's own grid.",
    )


# ---- e: accompany


def accompany(stand: Stand) -> Findings:
    """From the stamp of your note to the last note-on of the voices that join it."""
    settings = Settings(
        mode=Mode.ACCOMPANY,
        bpm=96.0,
        horizon=Horizon(commit=Beats(0.0), lookahead=Beats(1.0), budget_ms=40.0),
    )
    count = 24 if stand.quick else 500
    tune = (72, 64, 76, 67, 79, 62, 74, 60, 77, 65, 81, 69)  # leaps: the others have to move

    def play(running: Show, hands: Hands) -> None:
        for number in range(count):
            pitch = tune[number % len(tune)]
            hands.play(f"on {pitch} 90", "wait 0.17", f"off {pitch}", "wait 0.03")
        running.in_phase(Phase.IDLE)

    journal, _ = _performed(stand, settings, play)
    joined = _joined(journal)
    sample = Sample("your note → all other voices", tuple(1000 * value for value in joined))
    row = Row("accompany", sample, None, "from the note's stamp to the last note-on that joins it")
    target = at_most(f"your note → all others ≤ {JOIN_MS:g} ms at p99", sample.p99, JOIN_MS)
    held = count - len(joined)
    return Findings(
        (row,), (target,), (f"Accompany: under {held} of {count} notes all other voices held on.",)
    )


def _joined(journal: Take) -> list[float]:
    """For each of your notes that somebody joins: seconds until the last of them is struck."""
    found: list[float] = []
    mine: NoteStarted | None = None
    last: float | None = None
    for fact in journal.facts:
        if not isinstance(fact, NoteStarted):
            continue
        if fact.source is Source.PLAYER:
            found += [last - mine.at] if mine is not None and last is not None else []
            mine, last = fact, None
        elif mine is not None and _same_step(fact.beat, mine.beat):
            last = fact.at
    found += [last - mine.at] if mine is not None and last is not None else []
    return found


def _same_step(step: Beats, played: Beats) -> bool:
    return abs(step - nearest_step(played)) < STEP / 2
