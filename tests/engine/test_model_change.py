"""A model that is changed while it plays: the other one takes over at a bar line, no step lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ripieno import plugins
from ripieno.clock import Beats, Seconds
from ripieno.events import InferenceMessage, InferenceReady, Served, Sounding
from ripieno.inference.host import ModelHost
from ripieno.inference.link import ModelSpec
from ripieno.inference.witness import Part
from ripieno.settings import Horizon, Mode, Settings
from ripieno.takes.facts import ModelReady, Restarted, StepMissed
from ripieno.takes.history import History

from tests.fakes import FakeInference, FakeStage

OLD, NEW = (72, 67, 60, 48), (74, 69, 62, 50)
HERE = Path("nowhere")


class Scripted(FakeInference):
    """Answers as every fake does; with messages, and with a chord of its own."""

    def __init__(self, chord: tuple[int, ...]) -> None:
        super().__init__(lambda r, step, v: Sounding(v, chord[v], step % 1.0 == 0.0, 80))
        self.alive, self.ready, self.dismissed = True, False, False
        self.deaf = False
        """It takes in requests, and does not get to them."""
        self.stuck = self.killed = self.closed = False
        self.dying = False
        """It is dead, which the next who listens finds out."""
        self.blamed: Part | None = None
        self.said: list[InferenceMessage] = []

    def receive(self) -> Iterator[InferenceMessage]:
        said, self.said = self.said, []
        yield from said
        if self.dying:
            self.alive = False
        if self.deaf or self.dying:
            return
        numbers = [request.number for request in self._queue]
        yield from self.answers()
        for number in numbers:
            yield Served(number, 0, False)

    def load(self) -> None:
        self.said.append(InferenceReady("other", "fp32", Seconds(0.1)))

    def dismiss(self) -> None:
        self.alive, self.dismissed = False, True

    def kill(self) -> None:
        self.alive, self.killed = False, True

    def look(self, now: Seconds) -> bool:
        return self.stuck

    def close(self) -> None:
        self.alive, self.closed = False, True

    def gone(self) -> bool:
        return True


class Hosted(FakeStage):
    """A stage with a host of scripted models in the place of the one that answers."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.links = [Scripted(OLD), Scripted(NEW), Scripted(OLD)]
        self.specs: list[ModelSpec] = []
        self.history = History(self.recorder)
        self.show.sound._recorder = self.history
        self.host = ModelHost(
            ModelSpec(HERE, "auto"),
            HERE,
            self.history,
            now=self.clock.now,
            link=self.started,  # type: ignore[arg-type]
        )
        self.show.front.acting.ask = self.host.ask
        self.host.join(self.show, self.show.play)
        self.links[0].load()
        self.settle()

    def started(self, spec: ModelSpec, log: Path) -> Scripted:
        """The next process, started by `spec`."""
        self.specs.append(spec)
        return self.links[len(self.specs) - 1]

    def settle(self) -> None:
        for _ in range(4):
            if hasattr(self, "host"):
                self.host.read(self.clock.now)
            self.show.advance(self.clock.now())

    def run_to(self, beat: float) -> None:
        """As every stage, and also when the host wants to be woken."""
        while self.beat < beat - 1e-6:
            wake = self.host.wake()
            until = beat if wake is None else float(self.show.tempo.beats(wake))
            step = Beats(self.beat + 0.05)
            super().run_to(min(beat, max(until, step) if until < step else step))
            self.settle()

    def change(self) -> None:
        self.host.switch(Path("other"), self.clock.now())
        self.links[1].load()
        self.settle()


def hosted(mode: Mode = Mode.SOLO, **horizon: float) -> Hosted:
    bounds = Horizon(
        commit=Beats(horizon.get("commit", 0.25)), lookahead=Beats(horizon.get("lookahead", 2.0))
    )
    return Hosted(Settings(mode=mode, bpm=120, horizon=bounds))


def chords(stage: Hosted) -> dict[float, set[int]]:
    """The pitches that the machine struck at each beat."""
    found: dict[float, set[int]] = {}
    for _, pitch, beat in stage.machine():
        found.setdefault(beat, set()).add(pitch)
    return found


@pytest.mark.parametrize("asked_at", [0.5, 2.9, 4.3, 6.1, 7.99])
@pytest.mark.parametrize("lookahead", [0.25, 2.0, 6.0])
@pytest.mark.parametrize("commit", [0.0, 0.25])
def test_the_other_one_plays_from_a_bar_line_on_and_no_step_is_lost(
    asked_at: float, lookahead: float, commit: float
) -> None:
    stage = hosted(lookahead=lookahead, commit=commit)
    stage.run_to(asked_at)
    stage.change()
    stage.run_to(20.1)
    heard = chords(stage)
    assert sorted(heard) == [float(beat) for beat in range(21)], "every beat is struck once"
    new = [beat for beat, pitches in heard.items() if pitches == set(NEW)]
    old = [beat for beat, pitches in heard.items() if pitches == set(OLD)]
    assert len(old) + len(new) == 21
    assert max(old) < min(new)
    assert min(new) % 4 == 0
    assert asked_at < min(new) <= asked_at + 8.25
    assert not [f for f in stage.recorder.facts if isinstance(f, StepMissed)]
    assert stage.links[0].dismissed


def test_the_other_one_is_told_what_was_heard_and_what_is_planned_up_to_the_line() -> None:
    stage = hosted()
    stage.run_to(4.3)
    stage.change()
    stage.run_to(9.0)
    told, first, *_ = stage.links[1].asked
    assert told.fresh
    assert (told.since, told.begin, told.end) == (0.0, 8.0, 8.0)
    assert first.begin == 8.0
    soprano = [note for note in told.heard if note.voice == 0]
    assert [note.onset for note in soprano] == [float(beat) for beat in range(8)]
    assert [note.duration for note in soprano] == [1.0] * 8, "a held note is one note"


def test_in_accompany_the_last_step_before_the_line_is_the_old_ones() -> None:
    stage = hosted(Mode.ACCOMPANY, commit=0.0, lookahead=1.0)
    stage.run_to(0.0)
    stage.strike(72)
    stage.run_to(1.6)
    stage.change()
    stage.run_to(8.1)
    heard = chords(stage)
    assert {beat for beat, pitches in heard.items() if pitches <= set(OLD)} == {0, 1, 2, 3}
    assert {beat for beat, pitches in heard.items() if pitches <= set(NEW)} == {4, 5, 6, 7, 8}
    assert not [f for f in stage.recorder.facts if isinstance(f, StepMissed)]


def test_an_old_one_that_has_stopped_answering_holds_nobody_up() -> None:
    stage = hosted()
    stage.run_to(4.3)
    stage.links[0].deaf = True
    stage.change()
    stage.run_to(12.1)
    heard = chords(stage)
    assert heard[9.0] == heard[10.0] == set(NEW)


def test_an_old_one_that_dies_while_the_other_waits_is_replaced_at_once() -> None:
    stage = hosted()
    stage.run_to(4.3)
    stage.change()
    stage.links[0].alive = False
    stage.settle()
    stage.run_to(7.1)
    assert set(NEW) in [chords(stage).get(beat) for beat in (5.0, 6.0, 7.0)]


def test_when_both_die_at_one_look_the_old_one_is_started_again() -> None:
    stage = hosted()
    stage.run_to(4.3)
    stage.change()
    stage.links[0].dying = stage.links[1].dying = True
    stage.settle()
    assert len(stage.specs) == 3
    stage.links[2].load()
    stage.run_to(9.1)
    assert set(OLD) in [chords(stage).get(beat) for beat in (7.0, 8.0, 9.0)]


def test_one_that_hangs_is_ended_and_its_end_is_not_waited_for() -> None:
    stage = hosted()
    stage.run_to(4.3)
    stage.links[0].stuck = True
    stage.settle()
    assert stage.links[0].killed and not stage.links[0].closed
    assert len(stage.specs) == 2
    stage.links[1].load()
    stage.run_to(9.1)
    assert set(NEW) in [chords(stage).get(beat) for beat in (7.0, 8.0, 9.0)]


def test_one_that_dies_of_the_same_part_again_has_died_by_itself() -> None:
    stage = hosted()
    stage.run_to(4.3)
    for link in stage.links[:2]:
        link.dying, link.blamed = True, Part(plugins.GRAMMARS, "grid")
        stage.settle()
    assert len(stage.specs) == 3
    assert stage.specs[2].barred == (Part(plugins.GRAMMARS, "grid"),)
    assert stage.host._deaths == 1


def test_one_that_dies_of_a_rule_is_started_without_that_rule() -> None:
    stage = hosted()
    stage.run_to(4.3)
    stage.links[0].dying = True
    stage.links[0].blamed = Part(plugins.GRAMMARS, "grid")
    stage.settle()
    assert [spec.barred for spec in stage.specs] == [(), (Part(plugins.GRAMMARS, "grid"),)]
    told = [notice.text for notice in stage.show.notices]
    assert "The grammar 'grid' of ripieno does not return: it is switched off" in told


def test_while_nothing_plays_it_takes_over_at_once() -> None:
    stage = hosted()
    stage.run_to(1.0)
    stage.show.stop(stage.clock.now())
    stage.change()
    assert [f.model for f in stage.recorder.facts if isinstance(f, ModelReady)] == ["other"] * 2


def test_the_take_says_from_which_line_on() -> None:
    stage = hosted()
    stage.run_to(4.3)
    stage.change()
    stage.run_to(9.0)
    (told,) = (f for f in stage.recorder.facts if isinstance(f, Restarted))
    assert told.line == 8.0
