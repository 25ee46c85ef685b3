"""A sound that is chosen on the way is in the take, in the .mid, and in what is played again."""

from __future__ import annotations

from pathlib import Path

import mido
from ripieno.clock import Beats, Seconds
from ripieno.commands import Programs
from ripieno.events import NoteOn, ProgramChange, Stamped
from ripieno.midi.midifile import write_score
from ripieno.settings import Horizon, Mode, Settings
from ripieno.takes.excerpt import last_bars
from ripieno.takes.facts import SoundChosen
from ripieno.takes.header import Header
from ripieno.takes.rerun import first_difference
from ripieno.takes.take import Journal, Take, read
from ripieno.takes.take_score import score_of

from tests.fakes import FakeStage

SETTINGS = Settings(mode=Mode.SOLO, bpm=120.0, horizon=Horizon(lookahead=Beats(2.0)))
ORGAN, STRINGS, HARPSICHORD, CHOIR = 19, 48, 6, 52


def performed(folder: Path) -> Take:
    """Three bars: the alto and the player choose another sound in the second."""
    stage = FakeStage(SETTINGS)
    header = Header(
        model="tiny", precision="fp32", preset="", phrase="", settings=SETTINGS,
        channels=(0, 1, 2, 3), programs=(ORGAN,) * 4, thru_channel=4, thru_program=ORGAN,
        started=stage.clock.now(),
    )  # fmt: skip
    stage.play()
    stage.run_to(5.0)
    stage.show.wish(Programs((ORGAN, STRINGS, ORGAN, ORGAN)), stage.clock.now())
    stage.run_to(6.0)
    stage.show.hear(Stamped(stage.clock.now(), ProgramChange(0, HARPSICHORD)))
    stage.show.hear(Stamped(stage.clock.now(), NoteOn(0, 60, 90)))
    stage.run_to(12.0)
    journal = Journal(folder / "chosen.take", header)
    for fact in stage.recorder.facts:
        journal.record(fact)
    journal.close()
    return read(folder / "chosen.take")


def chosen(path: Path) -> list[tuple[float, int, int]]:
    """Each program change of a MIDI file: quarter notes from the start, channel, program."""
    file = mido.MidiFile(path)
    found = []
    for track in file.tracks:
        tick = 0
        for message in track:
            tick += message.time
            if message.type == "program_change":
                found.append((tick / file.ticks_per_beat, message.channel, message.program))
    return sorted(found)


def test_it_is_a_fact_with_its_place_on_the_score(tmp_path: Path) -> None:
    facts = [fact for fact in performed(tmp_path).facts if isinstance(fact, SoundChosen)]
    assert [(f.channel, f.program, round(f.beat, 2)) for f in facts] == [
        (1, STRINGS, 5.0),
        (4, HARPSICHORD, 6.0),
    ]


def test_the_exported_file_has_it_where_it_was_chosen(tmp_path: Path) -> None:
    score = score_of(performed(tmp_path))
    write_score(score, tmp_path / "all.mid")
    found = chosen(tmp_path / "all.mid")
    assert (0.0, 1, ORGAN) in found
    later = [each for each in found if each[0] > 0]
    assert [(round(beat, 1), channel, program) for beat, channel, program in later] == [
        (5.0, 1, STRINGS),
        (6.0, 4, HARPSICHORD),
    ]
    write_score(last_bars(score, 1), tmp_path / "end.mid")
    ends = {channel: program for _, channel, program in chosen(tmp_path / "end.mid")}
    assert ends[1] == STRINGS, "at the end it stands as it stood"


def test_the_performance_computed_anew_chooses_the_same(tmp_path: Path) -> None:
    take = performed(tmp_path)
    assert first_difference(take) is None
    facts = tuple(fact for fact in take.facts if not isinstance(fact, SoundChosen))
    before = Take(take.name, take.header, facts, take.torn)
    assert first_difference(before) is None, "takes made before it was written down are the same"
    moved = tuple(
        SoundChosen(fact.channel, CHOIR, fact.beat, Seconds(fact.at))
        if isinstance(fact, SoundChosen)
        else fact
        for fact in take.facts
    )
    assert first_difference(Take(take.name, take.header, moved, take.torn)) is not None
