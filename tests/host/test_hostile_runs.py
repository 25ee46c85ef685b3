"""Graphs that pass every look and do harm when they run: the limits hold, the music goes on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from ripieno.clock import Seconds
from ripieno.commands import Quit
from ripieno.errors import BundleError
from ripieno.events import InferenceReady, Served
from ripieno.inference.limits import PATIENCE
from ripieno.inference.patience import LOADING, SILENT, Patience
from ripieno.library.trial import trial
from ripieno.routing import OutputKind, OutputSpec, Routing
from ripieno.settings import Mode

from tests.host.hostile import (
    branching,
    grows,
    never_returns,
    no_numbers,
    takes_a_hundred_gigabytes,
    write_hostile,
)
from tests.live.show import Show, quick, show, stage_of

NAN, INF = float("nan"), float("inf")
SOON, LATER = 6, 120
"""After so many runs a graph shows what it is: in its trial, or only in the music."""
SILENCE = Routing(outputs=(OutputSpec(OutputKind.NONE),), inputs=())

ATTACKS = {
    "hundred gigabytes": (takes_a_hundred_gigabytes, "failed"),
    "no numbers": (no_numbers(NAN), "no finite numbers"),
    "one infinite logit": (no_numbers(INF, 20), "no finite numbers"),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_a_trial_refuses_it(name: str, tmp_path: Path) -> None:
    bad, told = ATTACKS[name]
    folder = write_hostile(tmp_path / "bundle", branching(SOON, bad))
    with pytest.raises(BundleError, match=told):
        trial(folder, steps=4)


def test_a_trial_ends_what_never_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PATIENCE, "1")
    folder = write_hostile(tmp_path / "bundle", branching(SOON, never_returns))
    with pytest.raises(BundleError, match="without an end, and was ended"):
        trial(folder, steps=4)


def played_on(folder: Path, bundle: Path) -> Show:
    """A solo performance, until the player has been told of trouble and music went on."""
    settings = replace(quick(Mode.SOLO), bpm=300.0)
    stage = stage_of(folder, bundle, settings, routing=SILENCE)
    with show(stage) as running:
        running.until(lambda t: any(n.urgent or "stopped" in n.text for n in t.notices), "trouble")
        missed = running.seen[-1].steps + running.seen[-1].missed
        running.until(lambda t: t.steps + t.missed >= missed + 32, "that the music goes on", 40)
        running.send(Quit())
        running.until_over()
    assert "Traceback" not in stage.log.read_text(errors="replace")
    return running


@pytest.mark.parametrize(
    "bad", [no_numbers(NAN), no_numbers(INF, 20), grows], ids=["nan", "one infinite", "grows"]
)
def test_the_music_goes_on(bad: object, tmp_path: Path) -> None:
    bundle = write_hostile(tmp_path / "bundle", branching(LATER, bad))  # type: ignore[arg-type]
    running = played_on(tmp_path, bundle)
    assert any("the music goes on" in text for text in running.notices), running.notices


def test_one_that_never_returns_is_ended_and_the_music_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PATIENCE, "1")
    bundle = write_hostile(tmp_path / "bundle", branching(LATER, never_returns))
    running = played_on(tmp_path, bundle)
    assert any("The model stopped" in text for text in running.notices)


# ---- the watch in realtime, without waiting


def test_patience_ends_when_nothing_comes() -> None:
    patience = Patience(Seconds(0.0))
    now = 0.0

    def looked(until: float) -> bool:
        nonlocal now
        over = False
        while now < until:
            now += 0.5
            over = over or patience.over(Seconds(now))
        return over

    assert not looked(LOADING - 1)
    patience.heard(InferenceReady("m", "int8", Seconds(1.0)), Seconds(now))
    assert not looked(now + 10 * SILENT)  # nobody has asked
    patience.ask(1, Seconds(now))
    assert not looked(now + SILENT - 1)
    patience.heard(Served(1, 4, False), Seconds(now))
    assert not looked(now + 10 * SILENT)
    patience.ask(2, Seconds(now))
    now += 1000  # the machine slept: nobody looked
    assert not patience.over(Seconds(now))
    assert looked(now + SILENT + 1)


def test_one_that_never_loads_is_given_up() -> None:
    patience, now = Patience(Seconds(0.0)), 0.0
    while now < LOADING:
        now += 1.0
        assert not patience.over(Seconds(now))
    assert patience.over(Seconds(now + 1.0))
