"""A mode in a process of its own does what it does in ours: the same calls, the same effects."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from ripieno.clock import Beats, Seconds
from ripieno.commands import Become, Loop, Mutate, Seed, SeedFromPlayed, Turn, Undo
from ripieno.events import Note, Planned, Sounding
from ripieno.modes.conductor import Conductor
from ripieno.modes.effects import Ask, Effect, Retempo
from ripieno.modes.foreign_process import PATIENCE, thinking_seconds
from ripieno.modes.foreign_words import LONGEST, unfit
from ripieno.settings import Mode, Settings, Sync

from tests.live.show import quick

pytestmark = pytest.mark.usefixtures("patient")
TUNE = Seed("a tune", (Note(0, 67, 90, Beats(0.0), Beats(1.0)), Note(0, 69, 90, Beats(1.0), None)))


class Two:
    """A conductor of ours, and one whose mode is the same one of a stranger."""

    def __init__(self, mode: Mode, settings: Settings) -> None:
        theirs = replace(settings, own_mode=f"their_{mode}")
        self.both = Conductor(settings, TUNE), Conductor(theirs, TUNE)
        assert not self.both[1].told
        self.effects: list[Effect] = []

    def do(self, name: str, *args: Any) -> None:
        """The same call of both modes has the same effects, and leaves both the same."""
        ours, theirs = (getattr(c.mode, name)(*args) for c in self.both)
        self.same(name, ours, theirs)

    def same(self, name: str, ours: object, theirs: object) -> None:
        one, other = self.both
        for effect in ours if isinstance(ours, tuple) else ():
            self.effects.append(effect)
            if isinstance(effect, Ask):
                for conductor in self.both:
                    conductor.moment.complete(effect.request, Beats(0.0))
        mine = f"own_mode={other.settings.own_mode!r}"
        assert repr(theirs).replace(mine, "own_mode=''") == repr(ours), name
        for conductor in self.both:
            conductor.moment.machine = ()
        assert one.moment.epoch == other.moment.epoch
        assert one.mode.phase is other.mode.phase
        assert one.mode.wake() == other.mode.wake()
        assert one.mode.ideal == other.mode.ideal
        assert (one.mode.plan is None) == (other.mode.plan is None)
        assert replace(other.settings, own_mode="") == one.settings
        assert one.moment.seed == other.moment.seed
        assert one.moment.ear.phrase_start == other.moment.ear.phrase_start
        assert repr(one.moment.ear.notes) == repr(other.moment.ear.notes)

    def wish(self, wish: Any, beat: float) -> None:
        if isinstance(wish, Become):  # what a preset says of the mode is the mode that plays
            ours, theirs = (
                c.wish(
                    Become(replace(wish.settings, own_mode=c.settings.own_mode)), Beats(beat), True
                )
                for c in self.both
            )
        else:
            ours, theirs = (c.wish(wish, Beats(beat), True) for c in self.both)
        self.same(type(wish).__name__, ours, theirs)


def step_for(request: Any, chance: Random) -> Planned:
    pitch = chance.choice([None, 60, 64, 67])
    voices = (Sounding(0, pitch, pitch is not None, 80),)
    end = Beats(request.begin + 0.25)
    costs = Seconds(0.0), Seconds(0.0)
    return Planned(request.epoch, request.begin, end, voices, False, *costs, True)


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_is_played_both_do_the_same(mode: Mode, seed: int, strangers: Path) -> None:
    chance, beat = Random(seed), 0.0
    settings = quick(mode, 120.0, sync=Sync(from_phrase=True))
    two = Two(mode, settings)
    two.do("start", Beats(0.0))
    held: list[int] = []
    for number in range(150):
        beat += chance.choice([0.05, 0.24, 0.26, 0.31, 1.1])
        match chance.randrange(9):
            case 0 | 1 | 2:
                held.append(chance.randrange(50, 80))
                two.do("note_on", held[-1], 80, Beats(beat), 0)
            case 3 | 4 if held:
                two.do("note_off", held.pop(0), Beats(beat), 0)
            case 5:
                two.do("pedal", chance.random() < 0.5, Beats(beat), 0)
            case 6:
                asks = [e.request for e in two.effects[-9:] if isinstance(e, Ask)]
                if asks and asks[-1].end > asks[-1].begin:
                    two.do("planned", step_for(asks[-1], chance))
            case 7:
                wishes = (Turn("temperature", 0.5 + number / 200), Loop(), Mutate(), Undo())
                two.wish(chance.choice(wishes), beat)
            case _:
                two.do("advance", Beats(beat))
        if number % 40 == 39:
            for conductor in two.both:
                conductor.moved(Beats(0.5))
            beat += 0.5
            two.do("expects", Beats(beat))
            two.do("horizon", Beats(beat))
            two.do("settled", Beats(beat + 1.0), Beats(beat))
    two.wish(SeedFromPlayed(), beat)
    for each in two.both:
        each.located(Beats(32.0), True)
    two.do("advance", Beats(32.5))
    for each in two.both:
        each.stop()
        each.moment.ear.release_all(Beats(33.0))
    two.do("arm", Beats(36.0))
    two.wish(Become(replace(settings, velocity=33)), 36.5)
    two.do("note_on", 60, 80, Beats(37.0), 0)
    two.do("leave", Beats(38.0))
    assert len(two.effects) > 20


def test_a_tempo_that_the_players_phrase_tells_is_taken(strangers: Path) -> None:
    """The score is stretched there and here, and the settings and the ear with it."""
    two = Two(Mode.ANSWER, quick(Mode.ANSWER, 120.0, sync=Sync(from_phrase=True)))
    two.do("start", Beats(0.0))
    for number in range(8):
        beat = 0.8 * number
        two.do("note_on", 60 + number, 80, Beats(beat), 0)
        two.do("note_off", 60 + number, Beats(beat + 0.6), 0)
        two.do("advance", Beats(beat + 0.7))
    for number in range(12):
        two.do("advance", Beats(6.5 + 0.25 * number))
    assert [e.bpm for e in two.effects if isinstance(e, Retempo)]
    assert two.both[1].settings.bpm == pytest.approx(150.0, rel=0.02)


@pytest.mark.parametrize(
    ("told", "seconds"), [("0.5", 0.5), ("0", 0.02), ("99", 0.02), ("x", 0.02)]
)
def test_its_time_can_be_told(told: str, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PATIENCE, told)
    assert thinking_seconds() == seconds


# ---- what is not let out


NAN = float("nan")
BAD: dict[str, tuple[str, object]] = {
    "a list": ("advance", []),
    "no effect": ("advance", (42,)),
    "no request": ("advance", (Ask(None),)),  # type: ignore[arg-type]
    "nowhere": ("moved_on", (Retempo(NAN, Beats(0.0)),)),
    "too fast": ("advance", (Retempo(1e9, Beats(0.0)),)),
    "no beat": ("wake", NAN),
    "a word": ("anchor", "here"),
    "one number": ("horizon", (1.0,)),
    "perhaps": ("expects", None),
    "no baton": ("leave", (0.0, True)),
    "no step": ("planned", Sounding(0, 60, True, 80)),
}


@pytest.mark.parametrize("name", BAD)
def test_nonsense_is_refused(name: str) -> None:
    called, result = BAD[name]
    assert unfit(called, result).endswith(f"from {called}()")


def test_an_endless_request_is_refused() -> None:
    begin = Beats(0.0)
    fine = two_requests(begin, Beats(begin + LONGEST))
    assert unfit("advance", fine) == ""
    assert unfit("advance", two_requests(begin, Beats(begin + LONGEST + 1.0)))
    assert unfit("advance", two_requests(Beats(1.0), begin))


def two_requests(begin: Beats, end: Beats) -> tuple[Ask, ...]:
    from tests.engine.asking import request

    return tuple(Ask(replace(request(0, 0, 1), begin=begin, end=end)) for _ in range(2))
