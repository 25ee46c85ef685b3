"""Other players are recalled in the middle of the music: real models, read where they sound."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from ripieno.commands import Quit, Recall
from ripieno.ensemble import Member, Seated
from ripieno.events import Telemetry
from ripieno.routing import Routing
from ripieno.settings import Mode, Settings
from ripieno.takes.facts import Invited, NoteEnded, NoteStarted, StepMissed, StepPlanned
from ripieno.takes.rerun import first_difference
from ripieno.takes.take import Take

from tests.engine.bundles import Recipe, write_bundle
from tests.engine.jackd import JackServer, until
from tests.live import score_reader
from tests.live.processes import children
from tests.live.show import OUT, quick, show, stage_of, virtual_ports
from tests.proof.reader import notes_only, ons

pytestmark = pytest.mark.real_part

SOLO = quick(Mode.SOLO)
CHANNELS = ((0, 1, 2, 3), (5, 6, 7, 8), (10, 11, 12, 13))
ONE, TWO, THREE = ("",), ("choir", "fiddle"), ("a", "b", "c")


def recall(name: str, who: tuple[str, ...], bundles: list[Path], settings: Settings) -> Recall:
    """The preset `name` of those who are called so, each on four channels of its own."""
    players = tuple(
        Seated(
            member=Member(name=each, settings=settings, hears=()),
            model=str(bundle),
            fallback="",
            precision="auto",
            routing=on_channels(place),
        )
        for place, (each, bundle) in enumerate(zip(who, bundles, strict=True))
    )
    return Recall(name, settings, routing=on_channels(0), players=players)


def on_channels(place: int) -> Routing:
    return replace(virtual_ports(), channels=CHANNELS[place])


def plays(told: Telemetry, what: Recall) -> bool:
    """Whether those of `what` play, each of them a good while."""
    here = tuple(partner.name for partner in told.partners)
    names = tuple(player.member.name for player in what.players)
    return here == names and all(partner.steps > 24 for partner in told.partners)


@pytest.mark.parametrize(
    ("before", "after"),
    [(ONE, TWO), (TWO, ONE), (TWO, THREE)],
    ids=["one, several", "several, one", "two, three"],
)
def test_who_is_recalled_comes_in_on_a_bar_line_and_who_played_ends_there(
    before: tuple[str, ...],
    after: tuple[str, ...],
    tmp_path: Path,
    tiny: Path,
    mortal_jackd: JackServer,
) -> None:
    other = write_bundle(tmp_path / "other", Recipe(seed=3, rest_bias=-4.0))
    start = recall("start", before, [tiny, other, tiny][: len(before)], SOLO)
    wanted = recall("wanted", after, [other, tiny, other][: len(after)], SOLO)
    stage = stage_of(tmp_path, tiny, SOLO)
    with show(stage) as running, mortal_jackd.dump("listener") as dump:
        mortal_jackd.connect(OUT, dump.port)
        if before != ONE:
            running.send(start)
            running.until(lambda t: plays(t, start), "those who play first")
        running.until(lambda t: t.beat > 6 and sum(map(bool, t.levels)) >= 3, "a chord")
        running.send(wanted)
        running.until(lambda t: t.coming == "wanted", "that they are coming")
        seen = running.until(lambda t: plays(t, wanted), "those who were recalled")
        assert (seen.scene, seen.coming) == ("wanted", "")
        until(lambda: len(children(running.realtime)) == len(after), "the old models to go", 60.0)
        running.send(Quit())
        running.until_over()
    heard = notes_only(dump.heard)
    assert {score_reader.channel(m) for m in ons(heard)} >= set(CHANNELS[len(after) - 1])
    assert score_reader.hanging(heard) == []
    assert score_reader.unpaired(heard) == []
    relieved_on_the_line(running.take(), len(after))


def relieved_on_the_line(take: Take, count: int) -> None:
    """Nobody of before begins anything from the last line on, nobody of after before it, and the
    first step of each who came was there for it."""
    *_, invited = (fact for fact in take.facts if isinstance(fact, Invited))
    line, first = invited.line, len(take.chairs) - count
    assert line % 4.0 == 0.0, "a bar line"
    begun = [(f.partner >= first, f.beat) for f in take.facts if isinstance(f, NoteStarted)]
    assert max(beat for new, beat in begun if not new) < line - 0.1
    assert min(beat for new, beat in begun if new) > line - 0.1
    ended = [f.beat for f in take.facts if isinstance(f, NoteEnded) and f.partner < first]
    assert line - 1e-6 < max(ended) < line + 0.1, "what sounded ended on the line, not before"
    planned = {(f.partner, f.beat) for f in take.facts if isinstance(f, StepPlanned) and not f.void}
    late = {(f.partner, f.beat) for f in take.facts if isinstance(f, StepMissed)}  # a busy machine
    assert {(first + place, line) for place in range(count)} <= planned | late, "no step is lost"
    assert first_difference(take) is None, "the take knows all of it"


def test_where_one_of_them_cannot_start_what_plays_goes_on(
    tmp_path: Path, tiny: Path, mortal_jackd: JackServer
) -> None:
    bundle = write_bundle(tmp_path / "other", Recipe(seed=3, rest_bias=-4.0))
    (bundle / "model.onnx").write_bytes(b"no model")
    wanted = recall("wanted", TWO, [tiny, bundle], SOLO)
    stage = stage_of(tmp_path, tiny, SOLO)
    with show(stage) as running, mortal_jackd.dump("listener") as dump:
        mortal_jackd.connect(OUT, dump.port)
        running.until(lambda t: t.beat > 6 and sum(map(bool, t.levels)) >= 3, "a chord")
        old = running.inference
        running.send(wanted)
        told = running.until(
            lambda t: any("wanted cannot come in" in n.text for n in t.notices), "the sentence"
        )
        (sentence,) = [n.text for n in told.notices if "cannot come in" in n.text]
        assert "what plays goes on" in sentence and "fiddle: " in sentence
        running.until(lambda t: t.steps > told.steps + 32, "that it goes on")
        assert [partner.name for partner in running.seen[-1].partners] == [""]
        until(lambda: children(running.realtime) == [old], "the others to go", 60.0)
        running.send(Quit())
        running.until_over()
    heard = notes_only(dump.heard)
    assert score_reader.hanging(heard) == []
    assert score_reader.unpaired(heard) == []
    take = running.take()
    assert not [fact for fact in take.facts if isinstance(fact, Invited)]
    assert first_difference(take) is None
