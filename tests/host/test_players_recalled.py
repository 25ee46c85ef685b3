"""A recall of other players: what is waited for, when they come, what if they cannot."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from ripieno import resources
from ripieno.clock import Beats, Meter, Seconds
from ripieno.commands import Recall, Turn
from ripieno.ensemble import Member, Seated
from ripieno.errors import BundleError
from ripieno.events import InferenceFailed
from ripieno.inference.hosts import Hosts
from ripieno.inference.link import ModelSpec
from ripieno.routing import Routing
from ripieno.scenes import Scenes
from ripieno.seating import Seating
from ripieno.settings import ClockSource, Mode, Settings, Sync
from ripieno.takes.history import History

from tests.engine.test_model_change import OLD, Scripted
from tests.fakes import FakeStage
from tests.live.show import stage_of

SOLO = Settings(mode=Mode.SOLO, bpm=120.0)
HERE = Path("nowhere")


class Shelf:
    """Instruments: what was prepared, whether it is open, when it took over."""

    def __init__(self) -> None:
        self.loading = False
        self.prepared: list[tuple[str, bool]] = []
        self.taken_over: list[Seconds] = []

    def prepare(
        self, name: str, routing: Routing | None, now: Seconds, *, as_written: bool = False
    ) -> None:
        self.prepared.append((name, as_written))

    def take_over(self, now: Seconds) -> None:
        self.taken_over.append(now)


class Recalled(FakeStage):
    """A stage of one, with hosts of scripted models, instruments and a seating."""

    def __init__(self, folder: Path, settings: Settings = SOLO) -> None:
        super().__init__(settings)
        self.links: list[Scripted] = []
        history = History(self.recorder)
        self.show.sound._recorder = history
        stage = stage_of(folder, HERE, settings, routing=Routing())
        self.hosts = Hosts(stage, history, self.clock.now, self.started)  # type: ignore[arg-type]
        self.show.front.acting.ask = self.hosts.asks[0]
        self.hosts.join(self.show, self.show.play)
        self.shelf = Shelf()
        self.scenes = Scenes(self.show, self.show.wish, lambda name: None, self.hosts)
        self.seating = Seating(stage, self.show, self.hosts, self.shelf, self.scenes)
        self.links[0].load()
        self.settle()

    def started(self, spec: ModelSpec, log: Path) -> Scripted:
        self.links.append(Scripted(OLD))
        return self.links[-1]

    def settle(self) -> None:
        for _ in range(4):
            if hasattr(self, "seating"):
                self.hosts.read(self.clock.now)
                self.seating.look(self.clock.now())
            self.show.advance(self.clock.now())

    def run_to(self, beat: float) -> None:
        """In small steps: the loop of realtime goes round thirty times a second at least."""
        while self.beat < beat - 1e-6:
            wake = self.seating.wake()
            soon = float(self.beat) + 0.05
            if wake is not None and wake > self.clock.now():
                soon = min(soon, float(self.show.beat(wake)))
            super().run_to(min(beat, max(soon, float(self.beat) + 1e-4)))
            self.settle()

    def recall(self, what: Recall) -> None:
        self.seating.recall(what, self.clock.now())
        self.settle()

    @property
    def names(self) -> list[str]:
        return [partner.name for partner in self.show.partners]

    @property
    def told(self) -> list[str]:
        return [notice.text for notice in self.show.notices]


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recalled:
    monkeypatch.setattr(resources, "bundle_folder", folder_of)
    found = Recalled(tmp_path)
    found.run_to(1.0)
    return found


def folder_of(name: str) -> Path:
    if name == "away":
        raise BundleError("there is no model called 'away'")
    return HERE / name


def recall_of(*names: str, settings: Settings = SOLO, model: str = "m", first: int = 0) -> Recall:
    players = tuple(
        Seated(
            member=Member(name=name, settings=settings),
            model=model,
            fallback="",
            precision="auto",
            routing=Routing(channels=tuple(range(4 * place, 4 * place + 4)), thru_channel=15),
        )
        for place, name in enumerate(names, first)
    )
    return Recall("-".join(names), settings, players=players)


DUO = recall_of("a", "b")


def test_it_comes_when_all_models_and_instruments_are_there(stage: Recalled) -> None:
    stage.recall(DUO)
    assert (stage.seating.coming, stage.names) == ("a-b", [""])
    stage.run_to(4.5)
    assert len(stage.links) == 3, "both are started, one after the other"
    stage.links[1].load()
    stage.run_to(8.5)
    assert stage.names == [""], "one is not there yet"
    stage.shelf.loading = True
    stage.links[2].load()
    stage.run_to(12.5)
    assert stage.names == [""] and stage.shelf.taken_over == [], "an instrument is not open yet"
    stage.shelf.loading = False
    stage.run_to(15.9)
    assert stage.names == [""], "so soon it is not done"
    assert stage.show.inviting and stage.links[1]._queue == [], "asked, and served, ahead of time"
    stage.run_to(16.1)
    assert stage.names == ["a", "b"]
    assert (stage.seating.coming, stage.scenes.current) == ("", "a-b")
    line = stage.show.tempo.seconds(Beats(16.0))
    (taken_over,) = stage.shelf.taken_over
    assert line - 0.02 < taken_over < line
    assert stage.shelf.prepared == [("a-b", True)]
    assert stage.links[0].dismissed and not stage.links[1].dismissed
    stage.run_to(20.1)
    assert stage.show.missed == 0
    begun = [(f.partner, f.beat) for f in stage.recorder.started]
    assert (
        max(beat for partner, beat in begun if not partner)
        < 16
        <= min(beat for partner, beat in begun if partner)
    )
    assert sorted(stage.hosts.titles) == [1, 2]


@pytest.mark.parametrize("how", ["fails", "dies", "is away"])
def test_what_plays_goes_on_where_one_cannot_come(stage: Recalled, how: str) -> None:
    stage.recall(recall_of("a", "b", model="away" if how == "is away" else "m"))
    stage.run_to(4.5)
    if how != "is away":
        stage.links[1].load()
        if how == "fails":
            stage.links[2].said.append(InferenceFailed("there is no graph"))
        else:
            stage.links[2].dying = True
    stage.run_to(9.0)
    (sentence,) = [text for text in stage.told if "cannot come in" in text]
    assert sentence.startswith("a-b cannot come in, what plays goes on. ")
    why = {
        "fails": "b: there is no graph",
        "dies": "b: the model stopped while",
        "is away": "there is no model called",
    }
    assert why[how] in sentence
    assert (stage.seating.coming, stage.names) == ("", [""])
    assert all(link.dismissed for link in stage.links[1:])
    assert not stage.links[0].dismissed and stage.show.missed == 0


def test_another_recall_takes_the_place_of_one_that_is_loading(stage: Recalled) -> None:
    stage.recall(DUO)
    stage.run_to(3.0)
    stage.recall(recall_of("c", "d"))
    stage.run_to(6.0)
    assert [link.dismissed for link in stage.links] == [False, True, True, False, False]
    for link in stage.links[3:]:
        link.load()
    stage.run_to(12.1)
    assert stage.names == ["c", "d"] and stage.scenes.current == "c-d"


def test_what_is_recalled_when_others_are_all_but_here_comes_after_them(stage: Recalled) -> None:
    stage.recall(DUO)
    stage.run_to(3.0)
    for link in stage.links[1:]:
        link.load()
    stage.run_to(6.5)
    assert stage.show.inviting
    last = recall_of("c", "d")
    assert stage.seating.concerns(last)
    stage.recall(last)
    assert (stage.seating.coming, stage.seating.waiting()) == ("c-d", None)
    stage.run_to(8.1)
    assert stage.names == ["a", "b"]
    assert stage.seating.waiting() is last and stage.seating.waiting() is None


def test_who_played_comes_back_by_name_as_they_played(stage: Recalled) -> None:
    stage.recall(DUO)
    stage.run_to(3.0)
    for link in stage.links[1:]:
        link.load()
    stage.run_to(8.5)
    stage.show.wish(Turn("temperature", 1.3), stage.clock.now())
    first = stage.hosts.specs
    one = recall_of("", settings=replace(SOLO, velocity=33))
    assert stage.seating.concerns(one), "one comes for several"
    stage.recall(one)
    stage.run_to(11.0)
    stage.links[3].load()
    stage.run_to(16.1)
    assert stage.names == [""] and stage.show.settings.velocity == 33
    assert not stage.seating.concerns(one), "one for one is a scene"
    back = Recall("a-b", SOLO)
    assert stage.seating.concerns(back)
    stage.recall(back)
    stage.run_to(19.0)
    for link in stage.links[4:]:
        link.load()
    stage.run_to(24.1)
    assert stage.names == ["a", "b"] and stage.hosts.specs == first
    assert stage.show.settings.sampling.temperature == 1.3


def test_bars_of_both_meters_begin_on_the_line(stage: Recalled) -> None:
    stage.recall(recall_of("a", "b", settings=replace(SOLO, meter=Meter(3, 4))))
    stage.run_to(3.0)
    for link in stage.links[1:]:
        link.load()
    stage.run_to(11.9)
    assert stage.names == [""]
    stage.run_to(12.1)
    assert stage.names == ["a", "b"]


def test_while_nothing_plays_they_come_as_soon_as_they_are_there(stage: Recalled) -> None:
    stage.show.stop(stage.clock.now())
    stage.recall(DUO)
    for _ in range(30):
        stage.clock.sleep_until(Seconds(stage.clock.now() + 0.05))
        stage.settle()
        for link in stage.links[1:]:
            if not link.said and stage.names == [""]:
                link.load()
    assert stage.names == ["a", "b"] and len(stage.shelf.taken_over) == 1


def test_the_clock_that_is_followed_stays_and_its_tempo(stage: Recalled) -> None:
    front = stage.show.front.conductor.moment
    front.settings = replace(front.settings, bpm=97.0, sync=Sync(source=ClockSource.MIDI))
    stage.recall(recall_of("a", "b", settings=replace(SOLO, bpm=140.0)))
    assert stage.hosts.arrival is not None
    coming = stage.seating._coming
    assert coming is not None
    for seat in coming.seats:
        assert seat.member.settings.bpm == 97.0
        assert seat.member.settings.sync.source is ClockSource.MIDI
