"""Rules and grammars that are stuck where no signal is heard are found out and left out.

The process of inference is a real one; what realtime would do with it is done here.
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import pytest
from ripieno import plugins
from ripieno.clock import Seconds
from ripieno.errors import PluginError
from ripieno.events import InferenceSaid, Planned
from ripieno.inference.link import InferenceLink, ModelSpec
from ripieno.inference.witness import ASLEEP, Onlooker, Part, Witness
from ripieno.library.plugin_trial import try_import
from ripieno.settings import Rules, Settings

from tests.engine.asking import request
from tests.engine.jackd import until
from tests.host.strangers import of_theirs


def asked_for_ever(link: InferenceLink, settings: Settings, beats: int = 40) -> list[object]:
    """Ask for beat after beat, until all has come or the process has ended."""
    heard: list[object] = []
    for beat in range(beats):
        link.ask(replace(request(0, beat, beat + 1), settings=settings, number=beat + 1))

    def over() -> bool:
        heard.extend(link.receive())
        if link.look(Seconds(perf_counter())):
            link.kill()
        return not link.alive or sum(isinstance(m, Planned) for m in heard) >= 4 * beats

    until(over, "the end of it", 60.0)
    return heard


@pytest.mark.parametrize("name", ["deaf", "still", "falls"])
def test_a_rule_that_is_stuck_inside_c_is_found_out_and_left_out(
    name: str, strangers: Path, tmp_path: Path, tiny: Path
) -> None:
    settings = Settings(rules=Rules(more_hard=(name,)))
    spec = ModelSpec(tiny, "auto", rules=(name,))
    link = InferenceLink(spec, tmp_path / "log")
    heard = asked_for_ever(link, settings)
    assert sum(isinstance(m, Planned) for m in heard) > 4, "it played before"
    link.close()
    assert link.blamed == Part(plugins.CONSTRAINTS, name)
    again = InferenceLink(replace(spec, barred=(link.blamed,)), tmp_path / "log")
    heard = asked_for_ever(again, settings)
    again.close()
    assert sum(isinstance(m, Planned) for m in heard) == 160
    assert not [m for m in heard if isinstance(m, InferenceSaid)], "the player has heard of it"


def test_a_rule_that_never_comes_back_from_its_import(
    strangers: Path, tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = ModelSpec(tiny, "auto", rules=("deaf_import",))
    link = InferenceLink(spec, tmp_path / "log")
    until(lambda: link.calling is not None, "that it is watched")
    assert link.pid
    os.kill(link.pid, signal.SIGPROF)  # what the system would do, ten seconds of work later
    heard = asked_for_ever(link, Settings())
    link.close()
    assert not heard
    assert link.blamed == Part(plugins.CONSTRAINTS, "deaf_import")


def test_a_grammar_that_is_stuck_inside_c_is_found_out_and_left_out(
    strangers: Path, tmp_path: Path, tiny: Path
) -> None:
    spec = ModelSpec(of_theirs(tmp_path / "theirs", "deaf"), "auto", fallback=tiny)
    link = InferenceLink(spec, tmp_path / "log")
    asked_for_ever(link, Settings())
    link.close()
    assert link.blamed == Part(plugins.GRAMMARS, "deaf")
    again = InferenceLink(replace(spec, barred=(link.blamed,)), tmp_path / "log")
    heard = asked_for_ever(again, Settings())
    again.close()
    steps = [m for m in heard if isinstance(m, Planned)]
    assert len(steps) == 160
    assert any(told.pitch is not None for step in steps for told in step.voices)
    (said,) = (m.sentence for m in heard if isinstance(m, InferenceSaid))
    assert said == "The grammar 'deaf' of strangers does not return: the smaller model takes over"


def test_who_is_killed_by_others_blames_nobody(strangers: Path, tmp_path: Path, tiny: Path) -> None:
    """Also in the middle of a call: the part has done nothing."""
    spec = ModelSpec(tiny, "auto", rules=("deaf_import",))
    link = InferenceLink(spec, tmp_path / "log")
    until(lambda: link.calling is not None, "that it is watched")
    assert link.pid
    os.kill(link.pid, signal.SIGKILL)
    assert not asked_for_ever(link, Settings())
    link.close()
    assert link.blamed is None


def test_one_that_is_barred_cannot_be_loaded(strangers: Path) -> None:
    plugins.bar(plugins.CONSTRAINTS, "raises")
    with pytest.raises(PluginError, match=r"'raises' of strangers does not return"):
        plugins.load(plugins.CONSTRAINTS, "raises")
    plugins.forget()
    assert not plugins.is_barred(plugins.CONSTRAINTS, "raises")


@pytest.mark.parametrize(
    ("name", "told"), [("deaf_import", "does not return"), ("broken", "cannot be imported")]
)
def test_an_import_is_tried_in_a_process(name: str, told: str, strangers: Path) -> None:
    with pytest.raises(PluginError, match=f"'{name}' of strangers {told}"):
        try_import(plugins.find(plugins.CONSTRAINTS, name), seconds=1.5)


def test_what_can_be_imported_is_not_imported_here(strangers: Path) -> None:
    try_import(plugins.find(plugins.MODES, "their_solo"))
    assert "strangers_modes" not in sys.modules


# ---- the witness, alone


def plugin(name: str) -> plugins.Plugin:
    return plugins.Plugin(plugins.GRAMMARS, name, "theirs", "1")


def test_it_knows_the_innermost_call() -> None:
    witness = Witness()
    assert witness.part is None
    with witness.watching(plugin("outer"), 1.0):
        outer = witness.calls
        with witness.watching(plugin("in"), 0.5):
            assert witness.part == Part(plugins.GRAMMARS, "in")
            assert witness.seconds == 0.5 + ASLEEP
        assert witness.part == Part(plugins.GRAMMARS, "outer")
        assert witness.seconds == 1.0 + ASLEEP
        assert witness.calls > outer, "the outer one has made progress"
    assert witness.part is None


def test_a_call_that_raises_is_over() -> None:
    witness = Witness()
    with pytest.raises(ValueError, match="no"), witness.watching(plugin("raises"), 1.0):
        raise ValueError("no")
    assert witness.part is None
    assert signal.getitimer(signal.ITIMER_PROF)[0] == 0.0


def test_the_same_call_for_too_long_is_stuck_and_many_short_ones_are_not() -> None:
    witness = Witness()
    onlooker = Onlooker(witness)
    now = 100.0
    for _ in range(40):
        with witness.watching(plugin("short"), 0.5):
            assert not onlooker.stuck(Seconds(now))
        now += 0.5
    assert not onlooker.stuck(Seconds(now))
    with witness.watching(plugin("long"), 0.5):
        looks = [onlooker.stuck(Seconds(now + 0.5 * i)) for i in range(8)]
        assert looks == [False] * 6 + [True] * 2
        assert not onlooker.stuck(Seconds(now + 1000.0)), "nobody looked: the machine slept"
