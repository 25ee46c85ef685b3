"""The journal: what was recorded is what is read, whatever cuts it off; and the file made of it."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from ripieno.clock import Beats, Meter, Seconds
from ripieno.errors import PhraseError
from ripieno.midifile import read_score
from ripieno.score import PartNote
from ripieno.settings import Key, Mode, Rules, Settings
from ripieno.take import (
    ControlMoved,
    Fact,
    Header,
    Journal,
    Mark,
    Marked,
    MeterSet,
    NoteEnded,
    NoteStarted,
    Source,
    StepPlanned,
    Take,
    TempoSet,
    Turned,
    new_take_path,
    read,
)
from ripieno.take_score import export_midi, score_of

HEADER = Header(
    model="chorale-lstm",
    precision="int8",
    preset="first-jam",
    phrase="Ode “an die Freude”",
    settings=Settings(
        mode=Mode.SOLO,
        bpm=90.0,
        rules=Rules(key=Key(7, "major")),
        muted=frozenset({2, 1}),
    ),
    channels=(0, 1, 2, 3),
    programs=(19, 52, 48, 6),
    thru_channel=4,
    thru_program=0,
    started=Seconds(100.0),
)


def started(
    beat: float, pitch: int, voice: int | None = 0, source: Source = Source.MODEL
) -> NoteStarted:
    channel = 4 if voice is None else voice
    at = Seconds(100 + beat)
    planned = None if source is Source.PLAYER else at
    return NoteStarted(source, voice, channel, pitch, 80, Beats(beat), planned, at)


def ended(
    beat: float, pitch: int, voice: int | None = 0, source: Source = Source.MODEL
) -> NoteEnded:
    channel = 4 if voice is None else voice
    return NoteEnded(source, voice, channel, pitch, Beats(beat), Seconds(100 + beat))


FACTS: tuple[Fact, ...] = (
    Marked(Mark.PLAYED, "", Beats(0.0), Seconds(100.0)),
    started(0.0, 60, None, Source.PLAYER),
    ControlMoved(4, 64, 127, Beats(0.5), Seconds(100.5)),
    ended(1.0, 60, None, Source.PLAYER),
    StepPlanned(3, Beats(1), Beats(1.25), Seconds(0.002), False, ("spacing",), Seconds(100.9)),
    started(1.0, 72, 0),
    started(1.0, 48, 3),
    TempoSet(120.0, Beats(2.0), Seconds(102.0)),
    MeterSet(Meter(3, 4), Beats(2.0), Seconds(102.0)),
    Turned("temperature", "0.9", Beats(2.0), Seconds(102.0)),
    ended(2.0, 72, 0),
    started(2.0, 74, 0),
    started(2.0, 90, None, Source.CLICK),
    ended(2.1, 90, None, Source.CLICK),
    ended(3.5, 48, 3),
    Marked(Mark.ANSWER_ENDS, "", Beats(4.0), Seconds(104.0)),
)


def take(*facts: Fact) -> Take:
    return Take("x", HEADER, facts, torn=False)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "x.take"
    journal = Journal(path, HEADER)
    for fact in FACTS:
        journal.record(fact)
    journal.close()
    journal.close()
    assert journal.problem == ""
    return path


def test_what_was_recorded_is_what_is_read(journal: Path) -> None:
    assert read(journal) == Take("x", HEADER, FACTS, torn=False)
    assert journal.read_text().splitlines()[0] == '{"ripieno-take":1}'
    assert len(journal.read_text().splitlines()) == 2 + len(FACTS)


def test_a_take_cut_off_anywhere_keeps_what_came_before(journal: Path) -> None:
    whole = journal.read_bytes()
    head = len(b"".join(whole.splitlines(keepends=True)[:2]))
    for size in (*range(head, head + 200), *range(head + 200, len(whole), 7)):
        journal.write_bytes(whole[:size])
        cut = read(journal)
        assert cut.facts == FACTS[: whole[:size].count(b"\n") - 2]
        assert cut.torn is (whole[size - 1 : size] != b"\n")
        assert score_of(cut).end <= 4.0


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda lines: [], "this is not a take"),
        (lambda lines: ["once upon a time"], "this is not a take"),
        (lambda lines: ['{"ripieno-take":2}', *lines[1:]], "version 2; allowed: version 1"),
        (lambda lines: lines[:1], "cut off before its first note"),
        (lambda lines: [*lines[:4], "{}", *lines[5:]], "line 5: this line .* is damaged"),
        (lambda lines: [*lines[:3], lines[3].replace("60", '"C"')], "line 4: this line"),
        (lambda lines: [*lines[:2], lines[3].replace("Started", "Stared")], "Did you mean"),
        (lambda lines: [lines[0], lines[1].replace("90.0", "0.0")], "line 2: this line"),
    ],
)
def test_a_damaged_take_is_told_in_a_sentence(journal: Path, damage: object, sentence: str) -> None:
    assert callable(damage)
    lines = journal.read_text().splitlines()
    journal.write_text("".join(f"{line}\n" for line in damage(lines)))
    with pytest.raises(PhraseError, match=sentence) as error:
        read(journal)
    assert str(error.value).startswith(str(journal))


WRITER = """
import sys, time
from pathlib import Path
from tests.engine.test_take import HEADER, started
from ripieno.take import Journal
journal = Journal(Path(sys.argv[1]), HEADER)
for number in range(500):
    journal.record(started(number / 4, 60 + number % 12))
while journal._facts:
    time.sleep(0.01)
print("recorded", flush=True)
time.sleep(60)
"""


def test_a_killed_process_leaves_its_take(tmp_path: Path) -> None:
    path = tmp_path / "x.take"
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert writer.stdout
    assert writer.stdout.readline() == b"recorded\n"
    writer.send_signal(signal.SIGKILL)
    writer.communicate()
    facts = read(path).facts
    # the last fact may have been on its way
    assert facts == tuple(started(n / 4, 60 + n % 12) for n in range(len(facts)))
    assert len(facts) in (499, 500)


def test_a_full_disk_is_told_and_does_not_stop_the_music(tmp_path: Path) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    journal = Journal(tmp_path / "x.take", HEADER)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        for number in range(200):
            journal.record(started(number, 60))
        journal.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert "x.take: the take is no longer written" in journal.problem
    assert read(tmp_path / "x.take").facts[0] == started(0, 60)


def test_no_take_is_ever_overwritten(tmp_path: Path, journal: Path) -> None:
    with pytest.raises(PhraseError, match="cannot be written"):
        Journal(journal, HEADER)
    folder = tmp_path / "takes"
    assert new_take_path(folder, "jam") == folder / "jam.take"
    (folder / "jam.wav").touch()
    (folder / "jam-2.mid").touch()
    assert new_take_path(folder, "jam") == folder / "jam-3.take"
    with pytest.raises(PhraseError, match="Name another folder"):
        new_take_path(folder / "jam.wav" / "deeper", "jam")


def test_the_score_has_a_part_for_each_voice_and_the_player() -> None:
    score = score_of(take(*FACTS))
    parts = {part.name: part for part in score.parts}
    assert list(parts) == ["soprano", "bass", "you"]
    assert parts["soprano"].notes == (
        PartNote(Beats(1), Beats(1), 72, 80),
        PartNote(Beats(2), Beats(2), 74, 80),  # never released: it ends with the take
    )
    assert parts["bass"].notes == (PartNote(Beats(1), Beats(2.5), 48, 80),)
    assert parts["you"].notes == (PartNote(Beats(0), Beats(1), 60, 80),)
    assert [(p.channel, p.program) for p in score.parts] == [(0, 19), (3, 6), (4, 0)]
    assert [(mark.beat, mark.bpm) for mark in score.tempos] == [(0, 90.0), (2, 120.0)]
    assert [(mark.beat, mark.meter) for mark in score.meters] == [
        (0, Meter(4, 4)),
        (2, Meter(3, 4)),
    ]


def test_the_same_pitch_from_player_and_model_is_kept_apart() -> None:
    score = score_of(
        take(
            started(0, 60, 0),
            started(1, 60, None, Source.PLAYER),
            ended(2, 60, 0),
            ended(4, 60, None, Source.PLAYER),
        )
    )
    assert [part.notes[0].duration for part in score.parts] == [2, 3]


def test_a_new_start_goes_on_at_the_next_bar_line() -> None:
    score = score_of(
        take(
            started(0, 60),
            ended(5, 60),
            Marked(Mark.STOPPED, "", Beats(5), Seconds(105)),
            Marked(Mark.PLAYED, "", Beats(0), Seconds(110)),
            started(1, 62),
            ended(2, 62),
        )
    )
    assert [(note.onset, note.pitch) for note in score.parts[0].notes] == [(0, 60), (9, 62)]


def test_beats_that_a_phrase_sets_back_go_on_a_bar_later_and_small_disorder_stays() -> None:
    score = score_of(
        take(
            started(0, 60),
            ended(5.5, 60),
            started(4, 62),  # the phrase's first note is a bar line
            started(3.9, 50, 3),
            ended(5, 62),
            ended(5, 50, 3),
        )
    )
    assert [(note.onset, note.pitch) for note in score.parts[0].notes] == [(0, 60), (8, 62)]
    assert [note.onset for note in score.parts[1].notes] == [pytest.approx(7.9)]


def test_what_lies_before_the_first_bar_line_moves_the_rest_by_whole_bars() -> None:
    score = score_of(take(started(-0.5, 67), ended(0, 67), started(0, 72), ended(1, 72)))
    assert [note.onset for note in score.parts[0].notes] == [3.5, 4.0]


def test_the_midi_file_says_the_same_and_is_always_the_same(tmp_path: Path) -> None:
    export_midi(take(*FACTS), tmp_path / "a.mid")
    export_midi(take(*FACTS), tmp_path / "b.mid")
    assert (tmp_path / "a.mid").read_bytes() == (tmp_path / "b.mid").read_bytes()
    read_back, score = read_score(tmp_path / "a.mid"), score_of(take(*FACTS))
    assert [part.notes for part in read_back.parts] == [part.notes for part in score.parts]
    assert [part.name for part in read_back.parts] == ["soprano", "bass", "you"]
    assert [part.program for part in read_back.parts] == [19, 6, 0]
    assert read_back.tempos[1].bpm == pytest.approx(120)
    assert read_back.tempos[0].bpm == pytest.approx(90, abs=1e-3)
    assert read_back.meters == score.meters
    assert read_back.controls == score.controls
    with pytest.raises(PhraseError, match="cannot be written"):
        export_midi(take(*FACTS), tmp_path / "none" / "a.mid")
