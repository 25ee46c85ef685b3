"""How a VST3 instrument is found to live, to hang, to have died, or to be without loudspeakers."""

from __future__ import annotations

import multiprocessing
import time
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from ripieno.clock import Seconds
from ripieno.errors import SoundError
from ripieno.outputs.vst3 import AGAIN, DEATHS, SILENT, Vst3Output
from ripieno.outputs.vst3_process import Alive, Ready, Refused, Report, Unheard

READY = Ready("Kars", Seconds(0.016))


class Nobody:
    """Stands in for the process: what it says, the test says."""

    pid = 1

    def kill(self) -> None:
        """Nobody is hurt."""

    def join(self, patience: float) -> None:
        """Nobody is waited for."""

    def is_alive(self) -> bool:
        return False


class Told(Vst3Output):
    """Whose process is the test itself: `reports` is its voice, `words` what it hears."""

    starts = 0
    reports: Connection

    def _start(self) -> None:
        words, self._words = multiprocessing.Pipe(duplex=False)
        self._reports, self.reports = multiprocessing.Pipe(duplex=False)
        self.words = words
        self._process = Nobody()  # type: ignore[assignment]
        self._started = time.monotonic()
        self._still = self._idle = self._made = self._wanted = 0
        self.starts += 1
        if self.starts == 1:
            self.reports.send(READY)

    def look(self, *reports: Report) -> bool:
        for report in reports:
            self.reports.send(report)
        return self.check()


@pytest.fixture
def output(tmp_path: Path) -> Told:
    path = tmp_path / "Kars.vst3"
    path.mkdir()
    told = Told(str(path))
    assert told.ready and told.lead == READY.lead and told.name == "VST3 Kars"
    return told


def test_one_that_makes_what_is_asked_for_lives(output: Told) -> None:
    for number in range(1, 20):
        output.look(Alive(187 * number, 187 * number, late=number // 3))
        assert output.ready and output.problem == ""
    assert output.late == 6


@pytest.mark.parametrize("answers", [True, False])
def test_one_that_makes_nothing_of_it_hangs(output: Told, answers: bool) -> None:
    output.look(Alive(187, 187, 0))
    for number in range(2, 2 + SILENT):
        assert output.ready
        output.look(*([Alive(187, 187 * number, 0)] if answers else []))
    assert not output.ready
    assert output.problem.startswith("VST3 Kars makes no more sound. It is started again")


def test_one_that_nobody_asks_for_sound_is_not_to_blame(output: Told) -> None:
    for _ in range(2 + SILENT):
        output.look(Alive(187, 187, 0))
    assert not output.ready
    assert "takes no more sound" in output.problem
    assert output.starts == 1
    for _ in range(AGAIN):
        output.check()
    assert output.starts == 2


def test_one_that_dies_is_started_three_times_and_no_more(output: Told) -> None:
    for number in range(1, 1 + DEATHS):
        output.reports.close()
        assert not output.check()
        assert "has ended its process. It is started again" in output.problem
        output.check()
        assert output.starts == 1 + number
        assert output.look(READY), "it is to be told its volumes again"
        assert output.ready and output.problem == ""
    output.reports.close()
    output.check()
    assert "once too often" in output.problem and "takes its place" in output.problem
    assert not output.check()
    assert (output.starts, output.process) == (1 + DEATHS, None)


def test_a_server_that_takes_it_along_costs_no_life(output: Told) -> None:
    for _ in range(2 * DEATHS):
        output.reports.close()  # it ends with its server …
        output.check()
        output.check()
        output.look(Unheard("no audio device."))  # … and the next one finds none
        assert output.problem == "VST3 Kars: no audio device."
        for _ in range(AGAIN):
            output.check()
        output.look(READY)
        assert output.ready


def test_one_that_cannot_be_played_is_not_started_again(output: Told) -> None:
    output.look(Refused("this plug-in is an effect."))
    assert output.problem.startswith("VST3 Kars: this plug-in is an effect.")
    assert "takes its place" in output.problem
    for _ in range(10):
        output.check()
    assert output.starts == 1 and not output.ready


def test_who_waits_for_it_is_told_why_it_does_not_come(output: Told) -> None:
    output.ready = False
    output.reports.send(Refused("this plug-in is an effect."))
    with pytest.raises(SoundError, match="is an effect"):
        output.wait()
