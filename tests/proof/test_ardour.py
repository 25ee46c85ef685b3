"""A real DAW records two minutes of trading fours; what it has is what the take says."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from statistics import median

import pytest
from ripieno.events import Play, Stop
from ripieno.preset import load_preset
from ripieno.settings import ClockSource, Sync
from ripieno.take import NoteEnded, NoteStarted, Take

from tests.engine.jackd import PERIOD, RATE, Heard, JackServer
from tests.live import score_reader
from tests.live.show import IN, OUT, Show, seed_of, show, stage_of
from tests.proof import ardour as daw
from tests.proof.ardour import ardour
from tests.proof.reader import notes_only, ons

pytestmark = [pytest.mark.real_part, pytest.mark.timeout(400)]

BARS = int(os.environ.get("RIPIENO_PROOF_BARS", "60"))
"""Two minutes at 120 quarter notes a minute."""


def test_ardour_records_what_the_take_says(
    tmp_path: Path, shipped: Path, mortal_jackd: JackServer
) -> None:
    """Our clock: the recording lies on the take's moments, but for one distance between them."""
    settings = replace(load_preset("trading-fours").settings, bpm=daw.BPM)
    stage = replace(stage_of(tmp_path, shipped, settings, guest=None), seed=seed_of())
    with show(stage) as running:
        running.send(Stop())
        running.until(lambda t: not t.playing, "a stop")
        with ardour(mortal_jackd, tmp_path, OUT) as session:
            session.roll()
            running.send(Play())
            running.until(lambda t: t.beat > 4 * BARS, "the end", 3 * BARS + 30)
            running.send(Stop())
            running.until(lambda t: not t.playing, "a stop")
            recorded = session.stop()
    pairs = paired(recorded, running.take())
    distances = [frame / RATE - fact.at for frame, fact in pairs]
    middle = median(distances)
    worst = max(abs(distance - middle) for distance in distances)
    print(f"{len(pairs)} messages, at most {1000 * worst:.2f} ms from where the take says")
    assert worst <= PERIOD / RATE


def paired(recorded: list[Heard], journal: Take) -> list[tuple[int, NoteStarted | NoteEnded]]:
    """Each recorded note-on and -off, its frame, and what the take says of it.

    Pitch by pitch the last ones of both are the same; of what was played before the recording began
    only the take knows.
    """
    notes = notes_only(recorded)
    assert score_reader.hanging(notes) == []
    assert score_reader.unpaired(notes) == []
    assert len(ons(notes)) > 4 * BARS, "hardly anything was recorded"
    found: list[tuple[int, NoteStarted | NoteEnded]] = []
    for kind, wanted in ((NoteStarted, score_reader.is_on), (NoteEnded, score_reader.is_off)):
        cells: dict[tuple[int, int], list[int]] = {}
        for message in filter(wanted, notes):
            cell = (score_reader.channel(message), message.data[1])
            cells.setdefault(cell, []).append(message.frame)
        for (channel, pitch), frames in cells.items():
            facts = [
                fact
                for fact in journal.facts
                if isinstance(fact, kind) and (fact.channel, fact.pitch) == (channel, pitch)
            ]
            assert len(facts) >= len(frames), f"{pitch} on channel {channel} is not in the take"
            found += zip(frames, facts[-len(frames) :], strict=True)
    return found


def test_under_ardours_own_clock_every_note_lies_on_its_beat(
    tmp_path: Path, shipped: Path, mortal_jackd: JackServer
) -> None:
    """Its clock: the take's beats are its own, counted from the session's start."""
    settings = load_preset("trading-fours").settings
    settings = replace(settings, bpm=daw.BPM, sync=Sync(source=ClockSource.MIDI))
    stage = replace(stage_of(tmp_path, shipped, settings, guest=None), seed=seed_of())
    running = Show(stage)
    try:
        running.until(lambda t: "(" in t.model, "a model")
        with ardour(mortal_jackd, tmp_path, OUT, tells=IN) as session:
            session.roll()
            running.until(lambda t: t.beat > 4 * BARS, "the end", 3 * BARS + 30)
            recorded = session.stop()
            running.until(lambda t: not t.playing, "a stop with Ardour's")
    finally:
        running.client.close()
    pairs = paired(recorded, running.take())
    errors = sorted(abs(frame - fact.beat * daw.FRAMES_PER_BEAT) for frame, fact in pairs)
    print(f"{len(pairs)} messages, {errors[len(errors) // 2]:.0f} frames from their beat in the ")
    print(f"median, {errors[-1]:.0f} at most; a period is {PERIOD}")
    assert errors[-1] <= PERIOD
