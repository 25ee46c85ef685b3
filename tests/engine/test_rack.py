"""A scene brings other instruments: opened beside those that play, they take over on its line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from ripieno.clock import Beats
from ripieno.commands import Mix, Recall
from ripieno.errors import SoundError
from ripieno.instruments import Instruments
from ripieno.outputs.lane import Lane, velocity_table
from ripieno.outputs.opening import Slot
from ripieno.rack import TAIL, Rack
from ripieno.routing import OutputKind, OutputSpec, Routing
from ripieno.scenes import Scenes
from ripieno.settings import Horizon, Mode, Settings
from ripieno.sound import Sound

from tests.engine.test_scenes import LOADED, run_to
from tests.fakes import FakeOutput, FakeStage

SETTINGS = Settings(mode=Mode.SOLO, bpm=120.0, horizon=Horizon(lookahead=Beats(2.0)))
SYNTH, PORT = OutputSpec(OutputKind.SYNTH), OutputSpec(OutputKind.VIRTUAL)
EPIANO = OutputSpec(OutputKind.LV2, "urn:epiano")
BASS, YOURS = 3, 4
FONT = Path("start.sf2")


class Plugin(FakeOutput):
    """An instrument in a process of its own."""

    ready = True


class Studio:
    """A performance, what it is heard through, and what its scenes have opened."""

    def __init__(self, *specs: OutputSpec, stays: bool = False) -> None:
        self.stage = FakeStage(SETTINGS)
        self.first = [FakeOutput() for _ in specs]
        slots = [
            Slot(spec, Lane(output, channels=spec.channels))
            for spec, output in zip(specs, self.first, strict=True)
        ]
        self.instruments = Instruments([slot.lane for slot in slots], [], [], slots=slots)
        for lane in self.instruments.lanes:
            self.sound.join(lane)
        self.work: list[Callable[[], None]] = []
        self.opened: dict[str, FakeOutput] = {}
        self.told: list[str] = []
        routing = Routing(outputs=specs)
        self.rack = Rack(
            self.instruments,
            self.sound,
            routing,
            FONT,
            self.told.append,
            stays=stays,
            open_one=self._open,
            beside=self.work.append,
        )
        show = self.stage.show
        self.scenes = Scenes(show, show.wish, lambda _: None, LOADED, self.rack, ("A", routing))

    @property
    def sound(self) -> Sound:
        return self.stage.show.sound

    def _open(self, spec: OutputSpec, client: str, soundfont: Path) -> Lane:
        if "nothing" in spec.name:
            raise SoundError("there is no such instrument")
        plugin = spec.kind is not OutputKind.SYNTH
        output = self.opened[f"{spec.kind} {spec.name or soundfont.stem}"] = (
            Plugin() if plugin else FakeOutput()
        )
        return Lane(output, velocities=velocity_table(spec.velocity), channels=spec.channels)

    def recall(self, name: str, *specs: OutputSpec, font: str = "") -> None:
        """Recall a scene that sounds through these."""
        routing = Routing(outputs=specs, soundfont=font)
        self.scenes.recall(Recall(name, SETTINGS, routing=routing), self.stage.clock.now())

    def load(self) -> None:
        """What is done beside the music is done now."""
        work, self.work[:] = self.work[:], []
        for each in work:
            each()
        self.look()

    def look(self) -> None:
        """As the music's loop does all the time."""
        now = self.stage.clock.now()
        self.rack.look(now)
        self.scenes.look(now)

    def run_to(self, beat: float) -> None:
        self.look()
        run_to(self.stage, self.scenes, beat)
        self.look()


def struck(output: FakeOutput) -> list[tuple[int, int]]:
    """Channel and pitch of each note that began there, in order."""
    return [(channel, pitch) for kind, channel, pitch in output.calls if kind == "on"]


def assert_pairs(output: FakeOutput) -> None:
    """Every note that began there has ended there, once for each time, or sounds there now."""
    open_now: list[tuple[int, int]] = []
    for kind, channel, pitch in output.calls:
        if kind == "on":
            open_now.append((channel, pitch))
        elif kind == "off" and (channel, pitch) in open_now:
            open_now.remove((channel, pitch))
    assert sorted(open_now) == sorted(output.sounding)


@pytest.fixture
def fonts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any name is a soundfont, but one."""

    def path(name: str = "") -> Path:
        if name == "gone":
            raise SoundError("there is no soundfont called 'gone'")
        return Path(f"{name}.sf2")

    monkeypatch.setattr("ripieno.rack.resources.soundfont_path", path)


def test_another_soundfont_takes_over_on_the_bar_line(fonts: None) -> None:
    studio = Studio(SYNTH)
    studio.stage.play()
    studio.run_to(1.3)
    studio.recall("B", SYNTH, font="strings")
    studio.load()
    (old,), new = studio.first, studio.opened["synth strings"]
    assert new.programs == {channel: 19 for channel in range(5)}, "it knows the sounds"
    studio.run_to(3.9)
    assert struck(new) == [] and studio.scenes.coming == "B"
    studio.run_to(8.1)
    line = studio.stage.show.tempo.seconds(Beats(4.0))
    before, after = (
        [fact for fact in studio.stage.recorder.started if (fact.at >= line - 1e-9) is late]
        for late in (False, True)
    )
    assert struck(old) == [(fact.channel, fact.pitch) for fact in before]
    assert struck(new) == [(fact.channel, fact.pitch) for fact in after]
    assert len(after) >= 16 and studio.stage.show.missed == 0, "no gap"
    assert_pairs(old)
    assert not old.sounding


def test_what_sounds_across_the_line_ends_where_it_began(fonts: None) -> None:
    studio = Studio(SYNTH)
    studio.stage.play()
    studio.run_to(3.0)
    studio.stage.strike(76)
    studio.recall("B", SYNTH, font="strings")
    studio.load()
    studio.run_to(5.0)
    (old,), new = studio.first, studio.opened["synth strings"]
    assert set(old.sounding) == {(YOURS, 76)}, "your note is held in the old one"
    studio.stage.strike(79)
    assert (YOURS, 79) in new.sounding and (YOURS, 79) not in old.sounding
    studio.stage.release(76)
    studio.stage.release(79)
    studio.run_to(5.1)
    assert not old.sounding and (YOURS, 79) not in new.sounding
    assert (YOURS, 76) not in struck(new)
    studio.stage.show.stop(studio.stage.clock.now())
    studio.stage.settle()
    assert not old.sounding and not new.sounding
    assert studio.stage.ledger.sounding() == []


def test_its_patch_is_told_to_the_new_one_alone(fonts: None) -> None:
    studio = Studio(SYNTH)
    studio.stage.play()
    routing = Routing(outputs=(SYNTH,), soundfont="strings")
    mix = Mix(volumes=(90, None, None, None))
    recall = Recall("B", SETTINGS, (48, 19, 19, 6), mix=mix, routing=routing)
    studio.scenes.recall(recall, studio.stage.clock.now())
    studio.load()
    studio.run_to(6.0)
    (old,), new = studio.first, studio.opened["synth strings"]
    assert new.programs == {0: 48, 1: 19, 2: 19, 3: 6, 4: 19}
    assert old.programs == {channel: 19 for channel in range(5)}
    assert ("control", 7, 90) in new.calls and ("control", 7, 90) not in old.calls
    at = [moment for *_, moment in new.chosen if moment is not None]
    assert len(at) == 2 and all(moment < studio.stage.clock.now() for moment in at)


def test_a_scene_waits_until_its_instruments_are_open(fonts: None) -> None:
    studio = Studio(SYNTH)
    studio.stage.play()
    studio.recall("B", SYNTH, font="strings")
    studio.run_to(9.0)
    assert studio.scenes.coming == "B" and not studio.opened
    studio.load()
    studio.run_to(12.1)
    assert studio.scenes.current == "B"
    assert struck(studio.opened["synth strings"])


def test_one_voice_gets_an_instrument_and_the_others_stay_where_they_are() -> None:
    studio = Studio(SYNTH)
    studio.stage.play()
    studio.run_to(1.3)
    others = tuple(channel for channel in range(16) if channel != BASS)
    studio.recall("B", replace(SYNTH, channels=others), replace(EPIANO, channels=(BASS,)))
    studio.load()
    studio.run_to(4.0 - 0.1)
    (synth,), epiano = studio.first, studio.opened["lv2 urn:epiano"]
    known = len(struck(synth))
    assert BASS in {channel for channel, _ in struck(synth)}
    studio.run_to(12.0)
    assert {channel for channel, _ in struck(epiano)} == {BASS}
    assert {channel for channel, _ in struck(synth)[known:]} == {0, 1, 2}
    assert_pairs(synth)
    assert list(studio.opened) == ["lv2 urn:epiano"], "the synthesiser is the same"


def test_for_others_who_come_in_channels_stay_as_they_wrote_them() -> None:
    """A scene's voices go where they are here; others bring sections of their own."""
    for as_written, expected in ((True, frozenset({9, 12})), (False, frozenset({0, YOURS}))):
        studio = Studio(SYNTH)
        theirs = Routing(
            outputs=(replace(EPIANO, channels=(9, 12)), SYNTH),
            channels=(9, 10, 11, 13),
            thru_channel=12,
            click_channel=2,
        )
        now = studio.stage.clock.now()
        studio.rack.prepare("duo", theirs, now, as_written=as_written)
        studio.load()
        studio.rack.take_over(now)
        (lane,) = (each.lane for each in studio.instruments.slots if each.spec.kind is EPIANO.kind)
        assert lane.channels == expected


def test_an_instrument_that_is_away_is_stood_in_for() -> None:
    studio = Studio(SYNTH)
    studio.stage.play()
    studio.run_to(1.3)
    others = tuple(channel for channel in range(16) if channel != BASS)
    studio.recall("B", replace(SYNTH, channels=others), replace(EPIANO, channels=(BASS,)))
    studio.load()
    (synth,), epiano = studio.first, studio.opened["lv2 urn:epiano"]
    assert isinstance(epiano, Plugin)
    epiano.ready = False
    studio.run_to(8.1)
    assert not struck(epiano) and BASS in dict(struck(synth)[-4:])
    epiano.ready = True
    studio.instruments.check()
    studio.run_to(12.1)
    assert {channel for channel, _ in struck(epiano)} == {BASS}
    assert_pairs(synth)


def test_one_that_does_not_open_is_told_and_the_built_in_sound_plays() -> None:
    studio = Studio(SYNTH)
    studio.stage.play()
    gone = OutputSpec(OutputKind.LV2, "urn:nothing", channels=(BASS,))
    others = tuple(channel for channel in range(16) if channel != BASS)
    studio.recall("B", replace(SYNTH, channels=others), gone)
    studio.load()
    studio.run_to(8.1)
    assert studio.told == [
        "No LV2 instrument: there is no such instrument.",
        "The built-in sound plays instead.",
    ]
    assert {channel for channel, _ in struck(studio.first[0])[-8:]} == {0, 1, 2, 3}


def test_a_soundfont_that_is_gone_leaves_the_one_that_plays(fonts: None) -> None:
    studio = Studio(SYNTH)
    studio.stage.play()
    studio.recall("B", SYNTH, font="gone")
    studio.load()
    studio.run_to(8.1)
    assert studio.scenes.current == "B"
    assert studio.told == ["The soundfont stays as it is: there is no soundfont called 'gone'."]
    assert len(struck(studio.first[0])) > 20
    studio.recall("A2", SYNTH)
    assert not studio.work, "that is what plays"


def test_who_left_is_closed_when_it_has_rung_out(fonts: None) -> None:
    studio = Studio(SYNTH)
    studio.stage.play()
    studio.recall("B", SYNTH, font="strings")
    studio.load()
    studio.run_to(4.5)
    (old,) = studio.first
    assert studio.instruments.output_names == ("fake",)
    assert len(studio.instruments.lanes) == 2
    studio.load()
    assert not old.closed
    studio.run_to(4.5 + 2 * TAIL + 1)
    studio.load()
    assert old.closed and len(studio.instruments.lanes) == 1
    assert old not in studio.sound.outputs


def test_one_that_a_pedal_holds_is_not_closed(fonts: None) -> None:
    studio = Studio(SYNTH)
    studio.stage.play()
    studio.sound.thru_control(64, 127, studio.stage.show._when(studio.stage.clock.now()))
    studio.recall("B", SYNTH, font="strings")
    studio.load()
    studio.run_to(4.5 + 2 * TAIL + 1)
    studio.load()
    (old,), new = studio.first, studio.opened["synth strings"]
    assert not old.closed
    assert new.calls.count(("control", 64, 127)) == 1, "it knows of the pedal"
    studio.sound.thru_control(64, 0, studio.stage.show._when(studio.stage.clock.now()))
    assert ("control", 64, 0) in old.calls
    studio.load()
    studio.load()
    assert old.closed


def test_a_newer_scene_forsakes_what_the_older_one_opened(fonts: None) -> None:
    studio = Studio(SYNTH)
    studio.stage.play()
    studio.recall("B", SYNTH, font="strings")
    studio.load()
    studio.recall("C", SYNTH, font="winds")
    studio.recall("D", SYNTH, font="brass")
    studio.load()
    studio.run_to(8.1)
    studio.load()
    assert studio.scenes.current == "D"
    assert not struck(studio.opened["synth strings"]) and not struck(studio.opened["synth winds"])
    assert struck(studio.opened["synth brass"])
    assert studio.opened["synth winds"].closed, "it came too late"
    studio.run_to(8.1 + 2 * TAIL + 1)
    studio.load()
    assert studio.opened["synth strings"].closed and studio.first[0].closed
    assert not studio.opened["synth brass"].closed


def test_what_comes_back_has_the_instruments_that_it_had(fonts: None) -> None:
    studio = Studio(SYNTH)
    studio.stage.play()
    studio.recall("B", SYNTH, font="strings")
    studio.load()
    studio.run_to(5.0)
    studio.scenes.recall(Recall("A", SETTINGS), studio.stage.clock.now())
    studio.load()
    studio.run_to(12.1)
    assert struck(studio.opened["synth start"])
    assert studio.scenes.current == "A"


def test_while_nothing_plays_they_come_as_soon_as_they_are_open(fonts: None) -> None:
    studio = Studio(SYNTH)
    studio.recall("B", SYNTH, font="strings")
    assert studio.scenes.current == "B"
    studio.load()
    studio.stage.play()
    studio.run_to(2.0)
    assert not struck(studio.first[0]) and struck(studio.opened["synth strings"])


@pytest.mark.parametrize("stays", [True, False])
def test_ports_stay_and_so_does_what_was_chosen_by_hand(stays: bool, fonts: None) -> None:
    studio = Studio(SYNTH if stays else PORT, stays=stays)
    studio.stage.play()
    studio.recall("B", SYNTH, EPIANO)
    assert not studio.work
    studio.run_to(8.1)
    assert studio.scenes.current == "B"
    assert len(studio.told) == 1 and "B is played on the instruments that" in studio.told[0]
    assert len(struck(studio.first[0])) > 20


def test_the_same_instruments_are_not_opened_again() -> None:
    studio = Studio(SYNTH)
    studio.stage.play()
    studio.recall("B", SYNTH)
    studio.recall("C", PORT)
    assert not studio.work and not studio.told


def test_velocities_are_bent_as_the_scene_has_it() -> None:
    studio = Studio(SYNTH)
    studio.stage.play()
    studio.recall("B", replace(SYNTH, velocity=((1, 33), (127, 33))))
    studio.load()
    studio.run_to(4.2)
    assert set(studio.first[0].sounding.values()) == {33}


def test_two_voices_on_the_same_instrument_have_one_each() -> None:
    studio = Studio(SYNTH)
    studio.stage.play()
    both = [replace(EPIANO, channels=(voice,)) for voice in (0, 1)]
    studio.recall("B", replace(SYNTH, channels=(2, 3, YOURS)), *both)
    studio.load()
    studio.run_to(5.0)
    names = [slot.spec.name for slot in studio.instruments.slots]
    lanes = [slot.lane for slot in studio.instruments.slots]
    assert names == ["", "urn:epiano", "urn:epiano"]
    assert len({id(lane) for lane in lanes}) == 3
    studio.recall("C", *both)
    assert len(studio.work) == 0, "all of it is open: the synthesiser stands in"


def test_no_note_hangs_however_often_scenes_change(fonts: None) -> None:
    studio = Studio(SYNTH)
    studio.stage.play()
    names = ("strings", "winds", "", "brass")
    for number in range(12):
        studio.recall(f"scene {number}", SYNTH, font=names[number % 4])
        if number % 3:
            studio.load()
        studio.run_to(4.0 * number + 1.7)
        studio.load()
        pitch = 70 + number
        studio.stage.strike(pitch)
        studio.run_to(4.0 * number + 3.1)
        if number > 1:
            studio.stage.release(pitch - 2)
    studio.stage.show.stop(studio.stage.clock.now())
    studio.stage.settle()
    outputs = [*studio.first, *studio.opened.values()]
    for output in outputs:
        assert not output.sounding
        assert_pairs(output)
    assert studio.stage.ledger.sounding() == []
    began = [fact.at for fact in studio.stage.recorder.started]
    assert began == sorted(began)
    onsets = sorted({fact.at for fact in studio.stage.recorder.started if fact.voice == 0})
    assert max(b - a for a, b in pairwise(onsets)) < 0.6, "no gap at any line"
