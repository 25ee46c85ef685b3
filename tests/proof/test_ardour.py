"""A real DAW records two minutes of trading fours under its own clock, as the take tells them."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from ripieno.preset.preset import load_preset
from ripieno.settings import ClockSource, Sync
from ripieno.takes.take import Mark, Marked, NoteEnded, NoteStarted, Source, Take

from tests.engine.jackd import PERIOD, Heard, JackServer
from tests.live import score_reader
from tests.live.show import IN, OUT, Show, seed_of, stage_of
from tests.proof import ardour as daw
from tests.proof.ardour import ardour
from tests.proof.reader import notes_only, ons

pytestmark = [pytest.mark.real_part, pytest.mark.timeout(900)]

BARS = 60
"""Two minutes at 120 quarter notes a minute."""
FOUR = 16.0
"""Four bars, in beats."""
END = 4 * BARS - 0.1
"""Beats: what comes later may be cut off by Ardour's stop, on its side or on ours."""
TRIES = 2
"""A run that JACK itself has spoilt is done once more."""
BEFORE, AFTER = 0.3, 2.5
"""Seconds around a period that JACK has missed: Ardour's time stood still there, ours did not, and
its clock needs so long to tell. What lies there is not judged …"""
JUDGED = 0.5
"""… but at least this share of all notes is."""


@dataclass(frozen=True)
class Session:
    """What Ardour recorded, and what our take says."""

    recorded: list[Heard]
    take: Take
    xruns: list[float]
    """When JACK has missed a period, on our clock."""

    @property
    def before_end(self) -> list[Heard]:
        return [m for m in notes_only(self.recorded) if m.frame < END * daw.FRAMES_PER_BEAT]

    @property
    def pairs(self) -> list[tuple[int, NoteStarted | NoteEnded]]:
        """Each recorded note-on and -off before `END`: its frame, and what the take says of it."""
        found: list[tuple[int, NoteStarted | NoteEnded]] = []
        notes = self.before_end
        for kind, wanted in ((NoteStarted, score_reader.is_on), (NoteEnded, score_reader.is_off)):
            told: dict[tuple[int, int], list[NoteStarted | NoteEnded]] = {}
            for fact in self.take.facts:
                if isinstance(fact, kind) and fact.beat < END:
                    told.setdefault((fact.channel, fact.pitch), []).append(fact)
            heard: dict[tuple[int, int], list[int]] = {}
            for message in filter(wanted, notes):
                cell = (score_reader.channel(message), message.data[1])
                heard.setdefault(cell, []).append(message.frame)
            for cell, frames in heard.items():
                found += zip(frames, told.get(cell, ()), strict=False)
        return found

    @property
    def errors(self) -> list[float]:
        """Frames between where a note was recorded and the beat that the take tells, in order."""
        beat = daw.FRAMES_PER_BEAT
        return sorted(
            abs(frame - fact.beat * beat) for frame, fact in self.pairs if self._judged(fact.at)
        )

    def _judged(self, at: float) -> bool:
        return not any(-BEFORE < at - xrun < AFTER for xrun in self.xruns)

    @property
    def good(self) -> bool:
        """Whether it is what it should be; else it is worth asking whether JACK was to blame."""
        errors = self.errors
        enough = len(errors) >= JUDGED * len(self.before_end)
        return enough and len(self.pairs) == len(self.before_end) and errors[-1] <= PERIOD


def session(folder: Path, bundle: Path, server: JackServer) -> Session:
    """Ardour rolls for `BARS` bars, and we with it."""
    settings = load_preset("trading-fours").settings
    settings = replace(settings, bpm=daw.BPM, sync=Sync(source=ClockSource.MIDI))
    folder.mkdir()
    stage = replace(stage_of(folder, bundle, settings, guest=None), seed=seed_of())
    running = Show(stage)
    try:
        running.until(lambda t: "(" in t.model, "a model")
        with ardour(server, folder, OUT, tells=IN) as its:
            its.roll()
            missed = Missed(server)
            running.until(lambda t: missed.look(t.beat > 4 * BARS), "the end", 2.5 * BARS + 30)
            recorded = its.stop()
            running.until(lambda t: not t.playing, "a stop with Ardour's")
    finally:
        running.client.close()
    return Session(recorded, running.take(), missed.moments)


class Missed:
    """When the server has missed a period, as it tells itself."""

    def __init__(self, server: JackServer) -> None:
        self._server = server
        self._count = self._told()
        self.moments: list[float] = []

    def _told(self) -> int:
        return self._server.log.read_text(errors="replace").count("XRun")

    def look(self, over: bool) -> bool:
        """Notice what is new; to be called many times a second."""
        before, self._count = self._count, self._told()
        if self._count > before:
            self.moments.append(time.perf_counter())
        return over


@pytest.fixture(scope="module")
def played(
    tmp_path_factory: pytest.TempPathFactory, shipped: Path, jack_session: JackServer
) -> Session:
    folder = tmp_path_factory.mktemp("ardour")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in jack_session.environment.items():
            patch.setenv(name, value)
        for attempt in range(TRIES):
            found = session(folder / f"{attempt}", shipped, jack_session)
            if not found.xruns or found.good:
                break
    return found


def test_all_notes_are_recorded_and_closed(played: Session) -> None:
    notes = notes_only(played.recorded)
    assert len(ons(notes)) > 2 * BARS, "hardly anything was recorded"
    assert score_reader.hanging(notes) == []
    assert score_reader.unpaired(notes) == []
    assert len(played.pairs) == len(played.before_end)


def test_every_note_lies_on_its_beat_within_a_period(played: Session) -> None:
    errors = played.errors
    print(
        f"{len(errors)} messages; from their beats {errors[len(errors) // 2]:.0f} frames in the "
        f"median, {errors[-1]:.0f} at most; a period is {PERIOD}; JACK has missed periods "
        f"{len(played.xruns)} times, {len(played.pairs) - len(errors)} notes near them not judged"
    )
    assert len(errors) >= JUDGED * len(played.before_end), "JACK cannot keep up on this machine"
    assert errors[-1] <= PERIOD


def test_they_trade_fours_in_ardours_bars(played: Session) -> None:
    """The machine answers in every other four bars, and nowhere else."""
    mine = [f for f in played.take.facts if isinstance(f, NoteStarted) and f.source is Source.MODEL]
    turns = {int(note.beat // FOUR) for note in mine}
    assert turns <= set(range(1, int(4 * BARS // FOUR) + 1, 2)), "it spoke out of turn"
    assert len(turns) >= BARS // 8
    begins = [f.beat for f in played.take.facts if isinstance(f, Marked) and f.mark is ANSWER]
    assert begins and all(abs(beat / 4 - round(beat / 4)) < 0.02 for beat in begins)


ANSWER = Mark.ANSWER_BEGINS
