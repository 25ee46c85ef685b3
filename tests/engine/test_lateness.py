"""Notes that come too late: each policy does what its name says, and nothing ever bursts."""

from __future__ import annotations

import pytest
from ripieno.clock import Beats, Seconds
from ripieno.events import Phase, Planned, Sounding
from ripieno.settings import Horizon, Late, Mode, Settings
from ripieno.takes.take import NoteEnded, NoteStarted, Source

from tests.fakes import FakeStage

LATE = 0.05  # of the second that a beat lasts


class Show(FakeStage):
    """One voice that is struck on beat 1 and rests from beat 2; its steps come when told to."""

    def __init__(self, late: Late) -> None:
        super().__init__(Settings(mode=Mode.SOLO, bpm=60, horizon=Horizon(late=late)))
        self.inference.silent = True
        self.play()
        self.run_to(0.9)

    def step(self, begin: float, pitch: int | None, struck: bool) -> None:
        """Let a step come from inference, now."""
        request = next(r for r in reversed(self.inference.asked) if r.begin <= begin < r.end)
        end = Beats(begin + 0.25)
        voices = (Sounding(0, pitch, struck, 80),)
        cost = Seconds(0.0)
        self.show.planned(
            Planned(request.epoch, Beats(begin), end, voices, False, cost, cost, True),
            self.clock.now(),
        )

    def notes(self) -> list[tuple[str, float]]:
        """What was heard of the soprano: 'on' and 'off', in seconds from beat 0."""
        zero = self.show.tempo.seconds(Beats(0.0))
        told = {NoteStarted: "on", NoteEnded: "off"}
        return [
            (told[type(fact)], round(fact.at - zero, 3))
            for fact in self.recorder.facts
            if isinstance(fact, NoteStarted | NoteEnded) and fact.source is Source.MODEL
        ]


def late_note(late: Late) -> Show:
    """Steps 1, 1.25 (late), 1.5 and 1.75 hold a note that rests at 2."""
    show = Show(late)
    show.step(1.0, None, False)
    show.run_to(1.25 + LATE)
    show.step(1.25, 72, True)
    show.settle()
    show.step(1.5, 72, False)
    show.step(1.75, 72, False)
    show.step(2.0, None, False)
    show.run_to(2.2)
    return show


@pytest.mark.parametrize(
    ("late", "heard"),
    [
        (Late.PLAY, [("on", 1.3), ("off", 2.0)]),
        (Late.STRETCH, [("on", 1.3), ("off", 2.05)]),
        (Late.NEXT, [("on", 1.5), ("off", 2.0)]),
        (Late.DROP, []),
    ],
)
def test_a_late_note(late: Late, heard: list[tuple[str, float]]) -> None:
    show = late_note(late)
    assert [name for name, _ in show.notes()] == [name for name, _ in heard]
    assert [at for _, at in show.notes()] == pytest.approx([at for _, at in heard], abs=2e-3)


def test_what_was_dropped_is_silent_until_it_is_struck_anew() -> None:
    show = late_note(Late.DROP)
    show.step(2.25, 72, True)
    show.run_to(2.4)
    assert [name for name, _ in show.notes()] == ["on"]


def test_an_ending_that_is_late_still_ends_at_once() -> None:
    for late in (Late.PLAY, Late.STRETCH, Late.NEXT, Late.DROP):
        show = Show(late)
        show.step(1.0, 72, True)
        show.run_to(1.25 + LATE)
        show.step(1.25, None, False)
        show.settle()
        assert show.output.sounding == {}, late


@pytest.mark.parametrize("late", list(Late))
def test_steps_that_are_over_are_not_played_one_after_the_other(late: Late) -> None:
    stage = FakeStage(
        Settings(
            mode=Mode.SOLO,
            bpm=60,
            horizon=Horizon(late=late, commit=Beats(1.0), lookahead=Beats(4.0)),
        )
    )
    stage.play()
    stage.run_to(4.1)
    struck = len(stage.machine())
    stage.clock.sleep_until(Seconds(stage.clock.now() + 1.2))  # a stall, shorter than a sleep
    stage.settle()
    assert len(stage.machine()) - struck <= 4, "one chord at most, whatever was missed"
    stage.run_to(8.1)
    assert len(stage.output.sounding) == 4


def test_after_a_sleep_the_music_goes_on_where_it_was() -> None:
    stage = FakeStage(Settings(mode=Mode.SOLO, bpm=60))
    stage.play()
    stage.run_to(4.1)
    struck, beat = len(stage.machine()), stage.beat
    stage.clock.sleep_until(Seconds(stage.clock.now() + 3600))
    stage.settle()
    assert stage.beat == pytest.approx(beat)
    assert len(stage.machine()) == struck
    assert "slept" in stage.show.notices[-1].text
    stage.run_to(6.1)
    assert stage.phase is Phase.PLAYING
    assert [b for voice, _, b in stage.machine() if voice == 0] == [0, 1, 2, 3, 4, 5, 6]
    assert stage.show.missed == 0
