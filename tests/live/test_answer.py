"""A phrase played in by another program is answered, as a third program hears it."""

from __future__ import annotations

import math
from itertools import pairwise, takewhile
from pathlib import Path

import pytest
from ripieno.events import Phase
from ripieno.settings import Mode
from ripieno.takes.take import Mark, Marked, NoteEnded, NoteStarted, Source, Take, TempoSet

from tests.engine.jackd import RATE, Heard, JackServer
from tests.live import score_reader
from tests.live.player import Player, phrase, player
from tests.live.score_reader import Sounded
from tests.live.show import IN, OUT, TUNE, Show, quick, show, stage_of

pytestmark = pytest.mark.real_part

BPM = 200.0
BEAT = 60.0 / BPM
AFTER = 0.5
"""Beats of silence after which it answers; see `quick`."""
STEP_FRAMES = RATE * BEAT / 4


def played(
    folder: Path, bundle: Path, jackd: JackServer, rounds: int
) -> tuple[list[Heard], Take, Show]:
    """`rounds` phrases and their answers: what was heard on the port, and the journal."""
    stage = stage_of(folder, bundle, quick(Mode.ANSWER, BPM))
    with show(stage) as running, player() as hands, jackd.dump("listener") as dump:
        jackd.connect(OUT, dump.port)
        jackd.connect(hands.port, IN)
        for _ in range(rounds):
            hands.play(*phrase(TUNE, BEAT))
            running.in_phase(Phase.ANSWERING)
            running.in_phase(Phase.IDLE)
    return dump.heard, running.take(), running


@pytest.fixture(scope="module")
def answered(
    tmp_path_factory: pytest.TempPathFactory, shipped: Path, jack_session: JackServer
) -> tuple[list[Heard], Take, Show]:
    """Two phrases and two answers."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in jack_session.environment.items():
            patch.setenv(name, value)
        return played(tmp_path_factory.mktemp("answer"), shipped, jack_session, rounds=2)


Answered = tuple[list[Heard], Take, Show]


def started(take: Take, source: Source) -> list[NoteStarted]:
    return [f for f in take.facts if isinstance(f, NoteStarted) and f.source is source]


def answers(heard: list[Heard]) -> list[list[Sounded]]:
    """The machine's notes, one list for each stretch between the player's notes."""
    stretches: list[list[Sounded]] = [[]]
    for note in score_reader.notes(heard):
        if note.channel == score_reader.THRU:
            stretches.append([])
        elif note.channel in score_reader.VOICES:
            stretches[-1].append(note)
    return [stretch for stretch in stretches if stretch]


def test_every_phrase_is_answered_by_four_voices_on_their_channels(answered: Answered) -> None:
    heard, _, _ = answered
    found = answers(heard)
    assert len(found) == 2
    for answer in found:
        assert {note.channel for note in answer} == set(score_reader.VOICES)


def test_every_note_on_has_its_note_off(answered: Answered) -> None:
    heard, _, _ = answered
    assert score_reader.hanging(heard) == []
    assert score_reader.unpaired(heard) == []


def test_the_players_own_notes_sound_as_they_were_played(answered: Answered) -> None:
    heard, _, _ = answered
    mine = score_reader.of_player(score_reader.notes(heard))
    assert [(note.pitch, note.velocity) for note in mine] == [(pitch, 90) for pitch in TUNE] * 2


def test_the_answer_begins_on_the_first_beat_after_the_silence(answered: Answered) -> None:
    _, take, _ = answered
    begins = [f.beat for f in take.facts if isinstance(f, Marked) and f.mark is Mark.ANSWER_BEGINS]
    ends = [f.beat for f in take.facts if isinstance(f, Marked) and f.mark is Mark.ANSWER_ENDS]
    assert len(begins) == len(ends) == 2
    for begin, end in zip(begins, ends, strict=True):
        inside = [n for n in started(take, Source.MODEL) if begin - 0.01 <= n.beat <= end]
        first = min(note.beat for note in inside)
        released = max(
            f.beat
            for f in take.facts
            if isinstance(f, NoteEnded) and f.source is Source.PLAYER and f.beat < first
        )
        assert first == math.ceil(released + AFTER), "the first whole beat after the silence"
        assert all(note.beat * 4 == round(note.beat * 4) for note in inside)
        assert all(n.planned is not None and n.at > n.planned - 1e-6 for n in inside)


def test_the_port_sends_what_the_journal_says_in_its_order(answered: Answered) -> None:
    heard, take, _ = answered
    on_port = [m for m in heard if score_reader.is_on(m)]
    in_journal = [f for f in take.facts if isinstance(f, NoteStarted)]
    assert [(score_reader.channel(m), *m.data[1:]) for m in on_port] == [
        (f.channel, f.pitch, f.velocity) for f in in_journal
    ]


def test_on_the_port_every_note_is_nearest_to_its_own_step(answered: Answered) -> None:
    heard, take, _ = answered
    on_port = [m for m in heard if score_reader.is_on(m)]
    in_journal = [f for f in take.facts if isinstance(f, NoteStarted)]
    pairs = [
        (message.frame, note.beat)
        for message, note in zip(on_port, in_journal, strict=True)
        if note.source is Source.MODEL
    ]
    assert len(pairs) > 8
    for (frame, beat), (later, further) in pairwise(pairs):
        if further - beat < 3:  # within one answer: between two, the player moves the bar line
            steps = (later - frame) / STEP_FRAMES  # a busy machine is late, but never by a step
            assert abs(steps - 4 * (further - beat)) < 1


def test_no_answer_breaks_a_rule(answered: Answered) -> None:
    heard, _, _ = answered
    for answer in answers(heard):
        assert score_reader.broken_rules(answer) == []


def test_the_tempo_was_the_one_that_was_set(answered: Answered) -> None:
    _, take, running = answered
    assert {f.bpm for f in take.facts if isinstance(f, TempoSet)} == {BPM}
    assert not [text for text in running.notices if "went wrong" in text or "error" in text]


def test_a_note_during_the_answer_silences_it_at_once(
    tmp_path: Path, shipped: Path, jackd: JackServer
) -> None:
    stage = stage_of(tmp_path, shipped, quick(Mode.ANSWER, BPM))
    with show(stage) as running, player() as hands, jackd.dump("listener") as dump:
        jackd.connect(OUT, dump.port)
        jackd.connect(hands.port, IN)
        hands.play(*phrase(TUNE, BEAT))
        seen = running.until(
            lambda t: t.phase is Phase.ANSWERING and all(t.levels), "an answer in four voices"
        )
        running.until(lambda t: t.at > seen.at + 0.05, "its sound: it is told ahead of its time")
        interrupt(running, hands)
        running.in_phase(Phase.ANSWERING)
        running.in_phase(Phase.IDLE)
    assert score_reader.hanging(dump.heard) == []
    assert score_reader.unpaired(dump.heard) == []
    place = next(
        place for place, m in enumerate(dump.heard) if score_reader.is_on(m) and m.data[1] == 76
    )
    struck = dump.heard[place].frame
    sounding = score_reader.hanging([m for m in dump.heard if m.frame < struck])
    machine = [cell for cell in sounding if cell[0] in score_reader.VOICES]
    assert len(machine) >= 3, "nothing sounded that could have yielded"
    since = [m for m in dump.once if m.frame >= struck and m.data != dump.heard[place].data]
    released = [(score_reader.channel(m), m.data[1]) for m in takewhile(score_reader.is_off, since)]
    assert sorted(set(released) - {(score_reader.THRU, 76)}) == sorted(machine), "all, at once"
    after = dump.heard[place + 1 :]
    phrase_end = next(
        n for n, m in enumerate(after) if score_reader.is_off(m) and score_reader.channel(m) == 4
    )
    assert not [m for m in after[:phrase_end] if score_reader.is_on(m)]


def interrupt(running: Show, hands: Player) -> None:
    hands.on(76)
    running.in_phase(Phase.LISTENING)
    hands.play("wait 0.2", "off 76")
