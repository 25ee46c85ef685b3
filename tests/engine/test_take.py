"""The journal: what was recorded is what is read, whatever cuts it off; and the file made of it."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from pathlib import Path
from queue import SimpleQueue
from stat import S_ISDIR
from typing import Any, get_args

import pytest
from ripieno.clock import Beats, Meter, Seconds, TempoMap
from ripieno.commands import (
    Action,
    Audition,
    Become,
    Choose,
    Command,
    Do,
    Front,
    KeyPlayed,
    Learn,
    Locate,
    Mute,
    Nudge,
    Programs,
    Rate,
    Recall,
    SaveLast,
    Seed,
    Tap,
    Tell,
    Turn,
)
from ripieno.errors import PhraseError
from ripieno.events import (
    ClockTransport,
    ControlChange,
    MidiMessage,
    Note,
    NoteOff,
    NoteOn,
    PitchBend,
    Planned,
    ProgramChange,
    Request,
    Rung,
    SongPosition,
    Sounding,
    Transport,
)
from ripieno.midi.midifile import read_score
from ripieno.score import BendMark, PartNote, TempoMark
from ripieno.settings import Key, Mode, Rules, Settings
from ripieno.takes import take as take_module
from ripieno.takes.facts import Invited, Leaving
from ripieno.takes.header import Chair
from ripieno.takes.lines import Reader, Writer
from ripieno.takes.take import (
    Asked,
    BendMoved,
    ControlMoved,
    Fact,
    Header,
    Heard,
    Journal,
    Mark,
    Marked,
    MeterSet,
    ModelReady,
    NoteEnded,
    NoteStarted,
    OnScore,
    RequestServed,
    Restarted,
    Sent,
    Silenced,
    SoundChosen,
    Source,
    Steered,
    StepMissed,
    StepPlanned,
    Take,
    TempoSet,
    Turned,
    Wished,
    Woke,
    forsake_take_path,
    new_take_path,
    parse,
    read,
)
from ripieno.takes.take_score import export_midi, score_of

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


def request(number: int, settings: Settings) -> Request:
    return Request(
        epoch=1,
        since=Beats(3.5),
        begin=Beats(4.0),
        end=Beats(4.25),
        heard=(Note(0, 60, 80, Beats(3.0), None),),
        given=(0,),
        player=(),
        settings=settings,
        number=number,
    )


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
    BendMoved(4, -200, Beats(4.0), Seconds(104.0)),
    SoundChosen(2, 48, Beats(4.0), Seconds(104.0)),
    ModelReady("chorale-lstm", "int8", Seconds(104.0)),
    Asked(request(1, replace(HEADER.settings, velocity=70)), Seconds(104.0)),
    Asked(request(2, replace(HEADER.settings, velocity=70)), Seconds(104.1)),
    RequestServed(1, 0, True, Seconds(104.1)),
    StepMissed(Beats(4.0), Seconds(104.2)),
    Restarted((Note(0, 60, 80, Beats(3.0), None),), Seconds(104.2)),
    Invited(
        (Chair("choir", ("you",), Settings(), (0, 1, 2, 3), (52,) * 4, "m", "int8", "5e"),),
        thru=True,
        thru_channel=5,
        thru_program=19,
        click_channel=9,
        line=Beats(8.0),
        at=Seconds(104.2),
    ),
    Heard(NoteOn(2, 60, 80), False, Seconds(104.2)),
    Wished(Choose("mode", "solo"), Seconds(104.3)),
    Steered(TempoMap(Seconds(104.3), Beats(4.0), 120.0, 0.5), False, Beats(4.0), Seconds(104.3)),
    Leaving(Beats(8.0), Seconds(104.4)),
    Woke(Seconds(104.4), Seconds(0.02)),
    Sent("903c50", Seconds(104.4)),
    Silenced(Seconds(104.5)),
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
    assert journal.read_text().splitlines()[0] == '{"ripieno-take":3}'
    assert len(journal.read_text().splitlines()) == 2 + len(FACTS)


def test_a_journal_cut_off_at_any_byte_keeps_every_whole_fact(journal: Path) -> None:
    whole = journal.read_bytes()
    head = len(b"".join(whole.splitlines(keepends=True)[:2]))
    for size in range(len(whole) + 1):
        if size < head:
            with pytest.raises(PhraseError, match="cut off before its first note"):
                parse(whole[:size], journal)
            continue
        cut = parse(whole[:size], journal)
        assert cut.facts == FACTS[: whole[:size].count(b"\n") - 2]
        assert cut.torn is (whole[size - 1 : size] != b"\n")


def test_a_take_that_was_cut_off_is_still_a_score(journal: Path) -> None:
    whole = journal.read_bytes()
    lines = whole.splitlines(keepends=True)
    for count in range(2, len(lines) + 1):
        for more in (0, 1, 30):
            data = b"".join(lines[:count]) + b"".join(lines[count : count + 1])[:more]
            assert score_of(parse(data, journal)).end <= 4.0


def test_what_has_a_place_on_the_score_can_be_read_alone(journal: Path) -> None:
    placed = tuple(fact for fact in FACTS if isinstance(fact, OnScore))
    assert read(journal, on_score=True).facts == placed
    assert score_of(read(journal, on_score=True)) == score_of(read(journal))
    old = Path(__file__).parents[1] / "takes" / "version-1.take"
    assert score_of(read(old, on_score=True)) == score_of(read(old))


def test_zeros_that_a_power_cut_leaves_at_the_end_are_no_damage(journal: Path) -> None:
    whole = journal.read_bytes()
    for cut in (0, 1, 17):
        data = whole[: len(whole) - cut] + bytes(4096)
        take = parse(data, journal)
        assert take.torn
        assert take.facts == (FACTS if cut == 0 else FACTS[:-1])


def test_a_take_of_the_first_version_is_still_read() -> None:
    take = read(Path(__file__).parents[1] / "takes" / "version-1.take")
    kinds = Counter(type(fact).__name__ for fact in take.facts)
    assert kinds["NoteStarted"] == kinds["NoteEnded"] == 45
    assert kinds["StepPlanned"] == 36
    assert (take.header.preset, take.header.bundle, take.header.seed) == ("first-jam", "", None)
    assert [part.name for part in score_of(take).parts] == [
        "soprano", "alto", "tenor", "bass", "you",
    ]  # fmt: skip


def test_there_is_a_fact_of_every_kind_in_these_tests() -> None:
    assert {type(fact) for fact in FACTS} == set(get_args(Fact))


def test_every_command_and_every_message_can_be_written_and_read() -> None:
    wishes: dict[type[Any], Any] = {
        Turn: Turn("tempo", 90.0),
        Choose: Choose("mode", "solo"),
        Mute: Mute(2, True),
        Seed: Seed("x", (Note(0, 60, 80, Beats(0.0), Beats(1.0)),)),
        KeyPlayed: KeyPlayed(60, 80, True),
        Tap: Tap(Seconds(1.5)),
        Nudge: Nudge(Beats(0.01)),
        Locate: Locate(Beats(16.0)),
        Learn: Learn(Action.TAP),
        SaveLast: SaveLast(16),
        Tell: Tell("saved"),
        Become: Become(Settings(bpm=99.0, muted=frozenset({1}))),
        Programs: Programs((19, 19, 48, 52)),
        Recall: Recall("quiet", Settings(), (19, 19, 19, 19), "chorale-lstm"),
        Audition: Audition((Note(0, 60, 80, Beats(0.0), None),), 90.0),
        Rate: Rate(-1),
        Front: Front(1),
        Do: Do(Action.NEXT),
    }
    for kind in get_args(Command):
        wished = Wished(wishes[kind] if kind in wishes else kind(), Seconds(1.0))
        assert again(wished) == wished
    heard: dict[type[Any], Any] = {
        NoteOn: NoteOn(0, 60, 80),
        NoteOff: NoteOff(0, 60),
        ControlChange: ControlChange(3, 64, 127),
        PitchBend: PitchBend(3, -8192),
        ProgramChange: ProgramChange(3, 48),
        ClockTransport: ClockTransport(Transport.CONTINUE),
        SongPosition: SongPosition(64),
    }
    for kind in get_args(MidiMessage):
        message = heard[kind] if kind in heard else kind()
        assert again(Heard(message, False, Seconds(1.0))).message == message


def again(fact: Fact) -> Any:
    return Reader(Writer(HEADER).first).fact(Writer(HEADER).line(fact))


def test_a_planned_step_comes_back_whole() -> None:
    planned = Planned(
        epoch=3,
        begin=Beats(1.25),
        end=Beats(1.5),
        voices=(Sounding(1, 60, True, 80), Sounding(3, None, False, 0)),
        at_once=True,
        seconds=Seconds(0.002),
        model_seconds=Seconds(0.001),
        served=False,
        relaxed=("spacing",),
        request=17,
        rung=Rung.HOLD,
        candidates=4,
        begun=Rung.FEWER,
        decided=2,
    )
    told = StepPlanned.of(planned, Seconds(9.0), void=True)
    assert told.planned() == planned
    assert again(told) == told
    plain = {each.name for each in fields(Planned)} - {"begin"} | {"beat", "at", "void", "partner"}
    assert {each.name for each in fields(StepPlanned)} == plain


def test_of_the_settings_of_requests_only_what_changes_is_written() -> None:
    louder = replace(HEADER.settings, velocity=99)
    other = replace(louder, rules=replace(louder.rules, key=None), muted=frozenset({3}))
    settings = (HEADER.settings, louder, louder, other, HEADER.settings)
    asked = [Asked(request(n, each), Seconds(n)) for n, each in enumerate(settings)]
    writer = Writer(HEADER)
    lines = [writer.line(fact) for fact in asked]
    assert [b"settings" in line for line in lines] == [False, True, False, True, True]
    assert b'"settings":{"velocity":99}' in lines[1]
    reader = Reader(writer.first)
    assert [reader.fact(line) for line in lines] == asked


def test_what_was_written_reaches_the_disk_while_the_music_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another thread sees to it, soon after it was written, and with the file's name."""
    synced: SimpleQueue[tuple[str, int]] = SimpleQueue()

    def fsync(descriptor: int) -> None:
        what = "folder" if S_ISDIR(os.fstat(descriptor).st_mode) else "file"
        synced.put((what, threading.get_ident()))

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(take_module, "SYNC_EVERY", 0.0)
    journal = Journal(tmp_path / "x.take", HEADER)
    try:
        seen = [synced.get(timeout=30), synced.get(timeout=30)]
        journal.record(started(0, 60))
        seen.append(synced.get(timeout=30))
    finally:
        journal.close()
    assert [what for what, _ in seen] == ["folder", "file", "file"]
    assert threading.get_ident() not in {thread for _, thread in seen}


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda lines: [], "cut off before its first note"),
        (lambda lines: ["once upon a time"], "this is not a take"),
        (lambda lines: ['{"ripieno-take":4}', *lines[1:]], "version 4; allowed: version 1 to 3"),
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
from ripieno.takes.take import Journal
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
    folder.mkdir()
    (folder / "jam.wav").touch()
    (folder / "jam-2.mid").touch()
    assert new_take_path(folder, "jam") == folder / "jam-3.take"
    assert new_take_path(folder, "jam") == folder / "jam-4.take"
    with pytest.raises(PhraseError, match="Name another folder"):
        new_take_path(folder / "jam.wav" / "deeper", "jam")


def test_of_all_who_ask_at_once_each_gets_a_name_of_its_own(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(lambda _: new_take_path(tmp_path, "jam"), range(40)))
    assert len(set(paths)) == 40
    assert set(tmp_path.iterdir()) == set(paths)


def test_a_reserved_name_becomes_a_journal_or_is_given_back(tmp_path: Path) -> None:
    played, forsaken = (new_take_path(tmp_path, "jam") for _ in range(2))
    Journal(played, HEADER).close()
    for path in (played, forsaken, tmp_path / "never.take"):
        forsake_take_path(path)
    assert list(tmp_path.iterdir()) == [played]
    assert read(played).header == HEADER
    assert new_take_path(tmp_path, "jam") == forsaken


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
    assert read_back.bends == score.bends == (BendMark(Beats(4), 4, -200),)


def test_the_seed_phrase_is_kept_apart_from_what_the_model_plays() -> None:
    score = score_of(
        take(
            started(0, 60, 0, Source.SEED),
            ended(1, 60, 0, Source.SEED),
            started(1, 62, 0),
            ended(2, 62, 0),
            started(1, 50, None, Source.PLAYER),
        )
    )
    assert [(part.name, part.channel) for part in score.parts] == [
        ("soprano", 0), ("seed soprano", 0), ("you", 4),
    ]  # fmt: skip
    assert [part.notes[0].pitch for part in score.parts] == [62, 60, 50]


def test_swing_is_written_as_it_sounds() -> None:
    score = score_of(
        take(
            started(0.5, 60),
            ended(1, 60),
            Turned("swing", "0.75", Beats(1), Seconds(101)),
            started(1.5, 62),
            ended(2, 62),
            started(2.25, 64),
            ended(2.5, 64),
        )
    )
    notes = score.parts[0].notes
    assert [note.onset for note in notes] == [0.5, 1.75, 2.375]
    assert [note.duration for note in notes] == [0.5, 0.25, 0.375]


def test_of_a_clock_that_is_corrected_all_the_time_only_new_tempos_are_written() -> None:
    def steered(beat: float, bpm: float) -> Steered:
        return Steered(TempoMap(Seconds(0), Beats(0), bpm), False, Beats(beat), Seconds(beat))

    facts = (steered(1, 90.01), steered(2, 90.05), steered(3, 120.0), steered(4, 120.1))
    assert score_of(take(*facts)).tempos == (
        TempoMark(Beats(0), 90.0), TempoMark(Beats(3), 120.0),
    )  # fmt: skip


def test_pedals_and_wheels_of_a_shared_channel_are_written_once(tmp_path: Path) -> None:
    """The player may sound on a voice's channel: then two tracks share it."""
    facts = (
        NoteStarted(Source.MODEL, 0, 4, 72, 80, Beats(0), Seconds(0), Seconds(0)),
        started(0, 60, None, Source.PLAYER),
        ControlMoved(4, 64, 127, Beats(1), Seconds(1)),
        BendMoved(4, 8191, Beats(1), Seconds(1)),
    )
    export_midi(take(*facts), tmp_path / "a.mid")
    read_back = read_score(tmp_path / "a.mid")
    assert len(read_back.parts) == 2
    assert len(read_back.controls) == len(read_back.bends) == 1
