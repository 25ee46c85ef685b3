"""Every note of the player is joined by the other voices before the next one comes."""

from __future__ import annotations

from pathlib import Path

import pytest
from ripieno.events import Phase, Telemetry
from ripieno.settings import Mode, Sampling
from ripieno.takes.take import NoteStarted, Source

from tests.engine.jackd import Heard, JackServer
from tests.live import score_reader
from tests.live.player import phrase, player
from tests.live.show import IN, OUT, Show, quick, show, stage_of

pytestmark = pytest.mark.real_part

MELODY = (72, 71, 69, 67, 69, 71, 72, 74, 76, 74, 72, 71)


@pytest.fixture(scope="module")
def accompanied(
    tmp_path_factory: pytest.TempPathFactory, shipped: Path, jack_session: JackServer
) -> tuple[list[Heard], Show]:
    """A melody with three voices under it: what was heard on the port."""
    calm = Sampling(temperature=0.5)
    settings = quick(Mode.ACCOMPANY, 120.0, sampling=calm, follow=True)  # also who has just moved
    stage = stage_of(tmp_path_factory.mktemp("accompany"), shipped, settings)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in jack_session.environment.items():
            patch.setenv(name, value)
        with show(stage) as running, player() as hands, jack_session.dump("listener") as dump:
            jack_session.connect(OUT, dump.port)
            jack_session.connect(hands.port, IN)
            hands.play(*phrase(MELODY, 0.4))
            running.in_phase(Phase.ACCOMPANYING)
            running.in_phase(Phase.IDLE)
    return dump.heard, running


def replies(telemetry: Telemetry) -> int:
    """How many of the player's notes the others have joined."""
    return sum(each.count for each in telemetry.latencies if each.stage == "your note → others")


def stretches(heard: list[Heard]) -> list[list[Heard]]:
    """What came after each note of the player, up to the next one."""
    found: list[list[Heard]] = []
    for message in heard:
        if score_reader.is_on(message) and score_reader.channel(message) == score_reader.THRU:
            found.append([])
        elif found:
            found[-1].append(message)
    return found


def test_every_note_of_yours_is_joined(accompanied: tuple[list[Heard], Show]) -> None:
    heard, running = accompanied
    mine = score_reader.of_player(score_reader.notes(heard))
    assert [note.pitch for note in mine] == list(MELODY)
    assert replies(running.seen[-1]) == len(MELODY)


def test_before_your_next_note_the_others_stand_under_it(
    accompanied: tuple[list[Heard], Show],
) -> None:
    heard, _ = accompanied
    follow = stretches(heard)
    assert len(follow) == len(MELODY)
    struck = [{score_reader.channel(m) for m in part if score_reader.is_on(m)} for part in follow]
    assert struck[0] == {1, 2, 3}, "the first chord has all three voices"
    assert all(channels <= {1, 2, 3} for channels in struck), "your voice is yours alone"
    assert sum(bool(channels) for channels in struck) >= len(MELODY) / 2
    place = 0
    for part in follow[:-1]:
        place = heard.index(part[-1], place) + 1
        sounding = {channel for channel, _ in score_reader.hanging(heard[:place])}
        assert len(sounding & {1, 2, 3}) >= 2, f"hardly anybody sounds before message {place}"


def test_the_other_voices_keep_the_rules_with_yours_among_them(
    accompanied: tuple[list[Heard], Show],
) -> None:
    heard, running = accompanied
    sounded = score_reader.notes(heard)
    assert score_reader.broken_rules(score_reader.of_machine(sounded)) == []
    model = [f for f in running.take().facts if isinstance(f, NoteStarted)]
    assert {f.voice for f in model if f.source is Source.MODEL} == {1, 2, 3}


def test_no_voice_is_struck_above_yours(accompanied: tuple[list[Heard], Show]) -> None:
    heard, _ = accompanied
    yours: int | None = None
    for message in filter(score_reader.is_on, heard):
        if score_reader.channel(message) == score_reader.THRU:
            yours = message.data[1]
        else:
            assert yours is not None and message.data[1] <= yours


def test_afterwards_nothing_sounds(accompanied: tuple[list[Heard], Show]) -> None:
    heard, running = accompanied
    assert score_reader.hanging(heard) == []
    assert score_reader.unpaired(heard) == []
    assert running.seen[-1].sounding == 0
