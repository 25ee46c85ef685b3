"""Time from others and to others: a MIDI clock that is followed, clicks, and ticks that go out."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest
from ripieno.clock import Beats, Seconds
from ripieno.commands import Choose, Nudge, Turn
from ripieno.events import ClockMessage, ClockTick, ClockTransport, Phase, SongPosition, Transport
from ripieno.settings import ClockSource, Mode, OnLoss, Settings, Sync, Turns
from ripieno.takes.facts import NoteStarted, Source
from ripieno.timekeeper import Timekeeper

from tests.fakes import FakeStage

START, STOP = ClockTransport(Transport.START), ClockTransport(Transport.STOP)
CONTINUE = ClockTransport(Transport.CONTINUE)


@dataclass
class Daw:
    """Somebody else's clock, and the performance that follows it."""

    stage: FakeStage
    bpm: float = 120.0
    jitter: float = 0.0
    ticks: int = 0
    _random: random.Random = field(default_factory=lambda: random.Random(7))

    def __post_init__(self) -> None:
        self.timekeeper = Timekeeper(self.stage.show)
        self.timekeeper.look(self.stage.clock.now())
        self.stage.settle()
        self._next = Seconds(self.stage.clock.now() + 0.1)

    def say(self, *messages: ClockMessage) -> None:
        now = self.stage.clock.now()
        for message in messages:
            self.timekeeper.hear(now, message, now)
        self.stage.settle()

    def tick(self, count: int) -> None:
        """So many ticks pass, with everything that is due in between."""
        for _ in range(count):
            at = Seconds(self._next + self._random.uniform(-self.jitter, self.jitter))
            self._let_pass(at)
            self.say(ClockTick())
            self._next = Seconds(self._next + 60 / self.bpm / 24)

    def silence(self, seconds: float) -> None:
        self._let_pass(Seconds(self.stage.clock.now() + seconds))

    def _let_pass(self, until: Seconds) -> None:
        stage = self.stage
        while stage.clock.now() < until:
            wakes = (stage.show.wake(), self.timekeeper.wake(), until)
            soonest = min(wake for wake in wakes if wake is not None)
            stage.clock.sleep_until(max(soonest, Seconds(stage.clock.now() + 1e-4)))
            self.timekeeper.look(stage.clock.now())
            stage.settle()

    def struck(self) -> list[tuple[float, Seconds]]:
        """Beat and moment of what the soprano has struck."""
        return [(f.beat, f.at) for f in self.stage.recorder.started if f.voice == 0]


def solo(**sync: object) -> Daw:
    settings = Sync(source=ClockSource.MIDI, **sync)  # type: ignore[arg-type]
    return Daw(FakeStage(Settings(mode=Mode.SOLO, bpm=90, sync=settings)))


def test_the_music_begins_with_the_first_tick_and_not_a_bar_later() -> None:
    daw = solo()
    daw.tick(24)  # ticks alone tell the tempo and start nothing
    assert daw.struck() == []
    daw.say(START)
    daw.tick(24 * 4 + 1)
    assert [beat for beat, _ in daw.struck()] == [0, 1, 2, 3, 4]
    assert daw.stage.show.missed == 0
    assert daw.stage.show.settings.bpm == pytest.approx(120, rel=0.01)


@pytest.mark.parametrize("jitter", [0.0, 0.003])
def test_notes_fall_on_the_clock(jitter: float) -> None:
    daw = solo()
    daw.jitter = jitter
    daw.tick(24)
    daw.say(START)
    first = daw._next
    daw.tick(24 * 32)
    off = sorted(abs(at - (first + beat * 0.5)) for beat, at in daw.struck() if beat >= 4)
    assert len(off) >= 27
    assert off[len(off) // 2] < 0.001 + jitter / 3
    beats = [beat for beat, _ in daw.struck()]
    assert beats == sorted(set(beats)), "no beat twice, none before another"


def test_a_step_of_tempo_is_followed_and_nothing_is_played_twice_or_left_out() -> None:
    daw = solo()
    daw.tick(24)
    daw.say(START)
    daw.tick(24 * 8)
    daw.bpm = 90
    daw.tick(24 * 8)
    daw.bpm = 150
    daw.tick(24 * 8)
    beats = [round(beat) for beat, _ in daw.struck()]
    assert beats == list(range(len(beats)))
    assert len(beats) in (24, 25)


def test_stop_is_silence_and_continue_goes_on_at_the_song_position() -> None:
    daw = solo()
    daw.tick(24)
    daw.say(START)
    daw.tick(24 * 3 + 12)
    daw.say(STOP)
    assert daw.stage.output.sounding == {}
    assert daw.stage.phase is Phase.STOPPED
    heard = len(daw.struck())
    daw.tick(24)
    assert len(daw.struck()) == heard
    daw.say(SongPosition(64), CONTINUE)
    daw.tick(25)
    assert [beat for beat, _ in daw.struck()][heard:] == [16, 17]
    assert daw.stage.show.missed == 0


def test_a_loop_jumps_cuts_and_does_not_burst() -> None:
    daw = solo()
    daw.tick(24)
    daw.say(START)
    daw.tick(24 * 8)
    before = len(daw.struck())
    daw.say(SongPosition(0), CONTINUE)
    daw.tick(24 * 4)
    again = daw.struck()[before:]
    assert len(again) in (4, 5)
    assert [round(beat) for beat, _ in again] == sorted({round(beat) for beat, _ in again})
    assert daw.stage.beat < 4.5
    assert len(daw.stage.output.sounding) <= 4


@pytest.mark.parametrize("on_loss", list(OnLoss))
def test_a_lost_clock_is_told_and_the_preset_says_what_happens(on_loss: OnLoss) -> None:
    daw = solo(on_loss=on_loss)
    daw.tick(24)
    daw.say(START)
    daw.tick(24 * 4)
    daw.silence(4.0)
    assert any("silent" in notice.text for notice in daw.stage.show.notices)
    assert not daw.timekeeper.state().locked
    if on_loss is OnLoss.STOP:
        assert daw.stage.output.sounding == {}
        assert not daw.stage.show.playing
    else:
        assert daw.stage.beat == pytest.approx(4 + 8, abs=0.3), "at the last tempo"
        assert len(daw.stage.output.sounding) == 4


def test_the_tempo_is_not_ours_while_a_clock_is_followed() -> None:
    daw = solo()
    daw.tick(24)
    daw.say(START)
    daw.tick(24)
    tempo = daw.stage.show.tempo
    daw.stage.show.wish(Turn("tempo", 200), daw.stage.clock.now())
    assert daw.stage.show.tempo == tempo
    assert "clock" in daw.stage.show.notices[-1].text
    daw.stage.show.play(daw.stage.clock.now())
    daw.stage.show.wish(Choose("source", "internal"), daw.stage.clock.now())
    daw.timekeeper.look(daw.stage.clock.now())
    daw.stage.show.wish(Turn("tempo", 60), daw.stage.clock.now())
    assert daw.stage.show.tempo.bpm == 60


def test_fours_are_traded_in_the_daws_bars() -> None:
    settings = Settings(
        mode=Mode.ANSWER, sync=Sync(source=ClockSource.MIDI), turns=Turns(every_bars=1, bars=1)
    )
    daw = Daw(FakeStage(settings))
    daw.tick(24)
    daw.say(START)
    daw.tick(12)
    daw.stage.strike(72)
    daw.tick(6)
    daw.stage.release(72)
    daw.tick(24 * 8)
    answered = [beat for beat, _ in daw.struck()]
    assert answered[0] == 4.0
    assert all(4 <= beat < 8 for beat in answered)


# ---- clicks and ticks of our own


def clicks(stage: FakeStage) -> list[tuple[float, int]]:
    return [
        (round(f.beat, 6), f.pitch)
        for f in stage.recorder.facts
        if isinstance(f, NoteStarted) and f.source is Source.CLICK
    ]


def test_a_count_in_clicks_its_bars_and_then_the_music_begins() -> None:
    stage = FakeStage(Settings(mode=Mode.SOLO, bpm=120, sync=Sync(count_in=1)))
    stage.play()
    stage.run_to(2.1)
    assert clicks(stage) == [(-4, 76), (-3, 77), (-2, 77), (-1, 77)]
    assert [beat for voice, _, beat in stage.machine() if voice == 0] == [0, 1, 2]
    assert stage.show.missed == 0


def test_the_metronome_clicks_every_beat_once() -> None:
    stage = FakeStage(Settings(mode=Mode.SOLO, bpm=120, sync=Sync(metronome=True)))
    stage.play()
    stage.run_to(8.1)
    assert [beat for beat, _ in clicks(stage)] == [0, 1, 2, 3, 4, 5, 6, 7, 8]
    assert [pitch for _, pitch in clicks(stage)] == [76, 77, 77, 77] * 2 + [76]
    ons = [f for f in stage.recorder.facts if isinstance(f, NoteStarted)]
    assert stage.output.sounding.keys() <= {(v, p) for v, p in enumerate((72, 67, 60, 48))} | {
        (9, 76)
    }
    assert len(ons) > 9


def test_ticks_go_out_24_to_the_beat_with_start_and_stop() -> None:
    stage = FakeStage(Settings(mode=Mode.SOLO, bpm=120, sync=Sync(send=True)))
    stage.play()
    stage.run_to(4.0)
    stage.show.stop(stage.clock.now())
    stage.settle()
    calls = zip(stage.output.calls, stage.output.moments, strict=True)
    clocked = [((status,), at) for (what, status, _), at in calls if what == "clock"]
    sent = [data for data, _ in clocked]
    start = sent.index((0xFA,))
    stop = sent.index((0xFC,))
    assert sent[start + 1 : stop].count((0xF8,)) in (96, 97)
    assert set(sent) == {(0xF8,), (0xFA,), (0xFC,)}
    first = next(at for data, at in clocked[start:] if data == (0xF8,))
    assert first == pytest.approx(stage.recorder.started[0].at, abs=2e-3), "tick 0 is beat 0"


def test_locate_goes_there_at_once_and_nothing_bursts() -> None:
    stage = FakeStage(Settings(mode=Mode.SOLO, bpm=120))
    stage.play()
    stage.run_to(3.2)
    before = len(stage.machine())
    stage.show.locate(Beats(32.0), stage.clock.now())
    stage.settle()
    stage.run_to(36.1)
    beats = [beat for voice, _, beat in stage.machine()[before:] if voice == 0]
    assert all(32 <= beat <= 36 for beat in beats)
    assert len(beats) in (4, 5)
    stage.show.stop(stage.clock.now())
    stage.show.locate(Beats(8.0), stage.clock.now())
    stage.play()
    at = stage.clock.now()
    stage.run_to(8.1)
    assert stage.clock.now() - at < 0.4
    assert stage.machine()[-1][2] == 8.0


def test_a_nudge_leans_into_the_beat() -> None:
    stage = FakeStage(Settings(mode=Mode.SOLO, bpm=60))
    stage.play()
    stage.run_to(2.5)
    stage.show.wish(Nudge(Beats(0.1)), stage.clock.now())
    at = stage.clock.now()
    stage.run_to(3.0)
    assert stage.clock.now() - at == pytest.approx(0.4, abs=1e-3)
    assert [beat for voice, _, beat in stage.machine() if voice == 0] == [0, 1, 2, 3]


def test_taps_set_the_tempo() -> None:
    stage = FakeStage(Settings(mode=Mode.SOLO, bpm=60))
    stage.play()
    timekeeper = Timekeeper(stage.show)
    for tap in range(5):
        at = Seconds(10 + 0.5 * tap)
        timekeeper.tap(at, at)
    assert stage.show.settings.bpm == pytest.approx(120)


def test_swing_leans_the_off_beats() -> None:
    stage = FakeStage(Settings(mode=Mode.SOLO, bpm=60, sync=Sync(swing=2 / 3)))
    stage.inference.decide = lambda request, step, voice: _every_eighth(step, voice)
    stage.play()
    stage.run_to(2.1)
    zero = stage.show.tempo.seconds(Beats(0.0))
    at = [round(f.at - zero, 3) for f in stage.recorder.started if f.voice == 0]
    assert at == pytest.approx([0, 0.667, 1, 1.667, 2], abs=2e-3)


def _every_eighth(step: Beats, voice: int):  # type: ignore[no-untyped-def]
    from ripieno.events import Sounding

    return Sounding(voice, (72, 67, 60, 48)[voice], step % 0.5 == 0.0, 80)
