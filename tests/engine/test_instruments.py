"""Instruments that go and come back are told each time, and each time only once."""

from __future__ import annotations

from ripieno.instruments import Instruments
from ripieno.outputs.lane import Lane

from tests.fakes import FakeOutput


def test_what_goes_and_comes_back_is_told_each_time() -> None:
    output = FakeOutput()
    instruments = Instruments([Lane(output)], [], [])
    assert instruments.check() == []
    for _ in range(2):
        output.problem = "The port is gone."
        assert instruments.check() == ["The port is gone."]
        assert instruments.check() == []
        output.problem = ""
        assert instruments.check() == ["The output fake is back."]
        assert instruments.check() == []


class Slow(FakeOutput):
    """An instrument that takes its time."""

    ready = False


def test_one_that_comes_for_the_first_time_is_not_back() -> None:
    output = Slow()
    instruments = Instruments([Lane(output)], [], [])
    output.problem = "It is still being loaded."
    assert instruments.check() == ["It is still being loaded."]
    output.problem, output.ready = "", True
    assert instruments.check() == ["The output fake is there."]
    output.problem = "It has ended."
    assert instruments.check() == ["It has ended."]
    output.problem = ""
    assert instruments.check() == ["The output fake is back."]


def test_who_listens_anew_is_known_until_the_next_look() -> None:
    output = FakeOutput()
    instruments = Instruments([Lane(output)], [], [])
    output.newcomer = True
    assert instruments.check() == []
    assert instruments.newcomers == [output]
    instruments.check()
    assert instruments.newcomers == []
