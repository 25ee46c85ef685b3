"""What inference did, done again from what a take knows of it: the same steps come out."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ripieno.channel import Closed
from ripieno.cli.regenerate import steps_differ
from ripieno.clock import Beats, Clock, Seconds
from ripieno.errors import BundleError
from ripieno.events import InferenceMessage, Planned, Request, Rung, Served
from ripieno.inference.bundle import load_manifest
from ripieno.inference.computer import manifest_hash
from ripieno.inference.generate import Generator
from ripieno.inference.model import Model
from ripieno.inference.opening import open_model
from ripieno.inference.process import Desk
from ripieno.inference.regenerate import Done, first_difference, paired, regenerate
from ripieno.settings import Horizon, Sampling, Settings
from ripieno.takes.facts import Asked, Fact, RequestServed, StepPlanned
from ripieno.takes.take import Take

from tests.engine.asking import SCALE, request
from tests.engine.bundles import Recipe, write_bundle
from tests.engine.cached_bundles import CachedRecipe, write_cached_bundle
from tests.engine.slow import RunClock, SlowModel
from tests.engine.test_take import HEADER

KINDS = ("snapshot", "decision", "frame")
NOW = Seconds(0.0)
HASTY = Settings(sampling=Sampling(candidates=6, seed=5), horizon=Horizon(budget_ms=40.0))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("bundles")
    small = write_bundle(place / "snapshot", Recipe(hidden=8, int8=True))
    made = {"snapshot": small}
    for per in ("decision", "frame"):
        made[per] = write_cached_bundle(place / per, CachedRecipe(context=64, int8=True, per=per))
    return made


@pytest.fixture(scope="module")
def models(folders: dict[str, Path]) -> dict[str, Model]:
    return {kind: open_model(load_manifest(folder), "int8") for kind, folder in folders.items()}


class Ticking:
    """Brings requests by and by, as a player makes them: each after so many looks."""

    def __init__(self, requests: list[Request], looks: list[int]) -> None:
        self._left = list(zip(looks, requests, strict=True))
        self._ready, bell = multiprocessing.Pipe(duplex=False)
        bell.send_bytes(b"!")  # never taken out: whoever waits is woken, and looks again

    def fileno(self) -> int:
        return self._ready.fileno()

    def receive(self) -> Iterator[Request]:
        if not self._left:
            raise Closed
        looks, asked = self._left.pop(0)
        if looks:
            self._left.insert(0, (looks - 1, asked))
        else:
            yield asked


def live(
    generator: Generator, requests: list[Request], looks: list[int], clock: Clock
) -> list[InferenceMessage]:
    """A desk serves `requests` that come while it is at work; all that it says."""
    answers = Kept()
    desk = Desk(generator, Ticking(requests, looks), answers, clock)  # type: ignore[arg-type]
    with pytest.raises(Closed):
        desk.serve()
    return answers.messages


class Kept:
    """A Sender that keeps what is sent."""

    full = False

    def __init__(self) -> None:
        self.messages: list[InferenceMessage] = []

    def send(self, fact: InferenceMessage) -> None:
        self.messages.append(fact)


@st.composite
def performances(draw: st.DrawFn) -> tuple[list[Request], list[int]]:
    """Requests that overtake each other, with candidates, hand-overs and changes of mind."""
    requests: list[Request] = []
    epoch, end = 1, 0.0
    for number in range(1, draw(st.integers(1, 8)) + 1):
        epoch += draw(st.integers(0, 1))
        since = max(0.0, end - draw(st.sampled_from([0.0, 0.25, 1.0, 3.0])))
        begin = since + draw(st.sampled_from([0.0, 0.0, 0.5, 2.0]))
        end = begin + draw(st.sampled_from([0.0, 0.5, 1.0, 4.0]))
        given_voices = draw(st.sampled_from([(), (0,), (0, 1, 2, 3)]))
        requests.append(
            request(
                since,
                begin,
                end,
                epoch=epoch,
                number=number,
                heard=SCALE if given_voices else (),
                given=given_voices,
                player=draw(st.sampled_from([(), (0,), (1, 3)])),
                settings=Settings(
                    sampling=Sampling(candidates=draw(st.sampled_from([1, 1, 4, 8]))),
                    horizon=Horizon(budget_ms=40.0),
                ),
                fresh=number == 1,
                density=draw(st.sampled_from([None, 0.5, 2.0])),
            )
        )
    return requests, [draw(st.integers(0, 9)) for _ in requests]


def told(messages: list[InferenceMessage], requests: list[Request]) -> list[Done]:
    return paired(
        requests,
        [m for m in messages if isinstance(m, Served)],
        [m for m in messages if isinstance(m, Planned)],
    )


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(performance=performances(), costs=st.lists(st.sampled_from([1, 8, 30, 300]), min_size=1))
def test_a_live_desk_is_done_again_step_by_step(
    kind: str,
    models: dict[str, Model],
    performance: tuple[list[Request], list[int]],
    costs: list[int],
) -> None:
    """Requests overtake each other, and the model has good moments and bad ones."""
    requests, looks = performance
    clock = RunClock()
    large = SlowModel(models[kind], clock)

    def moody(run: int) -> str:
        clock.seconds += costs[run % len(costs)] / 10_000
        return ""

    large.harm = moody
    messages = live(Generator(large, fallback=lambda: models["snapshot"]), requests, looks, clock)
    served = [m for m in messages if isinstance(m, Served)]
    assert [s.request for s in served] == [r.number for r in requests]
    done = told(messages, requests)
    assert sum(s.steps for s in served) == sum(len(d.steps) for d in done)
    again = Generator(models[kind], fallback=lambda: models["snapshot"])
    pairs = list(regenerate(again, done))
    assert len(pairs) == sum(len(d.steps) for d in done)
    for was, now in pairs:
        assert was == now


def test_what_is_compared_is_not_empty_and_knows_all_rungs(models: dict[str, Model]) -> None:
    """The property above would hold of nothing; here its material is looked at."""
    clock = RunClock()
    large = SlowModel(models["decision"], clock, 0.0001)
    generator = Generator(large, fallback=lambda: models["snapshot"])
    wishes = Settings(sampling=Sampling(candidates=6, seed=5), horizon=Horizon(budget_ms=40.0))
    requests: list[Request] = []
    messages: list[InferenceMessage] = []
    costs = [0.0001] * 20 + [0.009] * 20 + [0.05] * 20 + [0.0001] * 60
    for beat, cost in enumerate(costs):
        large.cost = cost
        asked = request(beat, beat, beat + 1, number=beat + 1, settings=wishes, fresh=beat == 0)
        requests.append(asked)
        messages += live(generator, [asked], [0], clock)
    done = told(messages, requests)
    steps = [step for each in done for step in each.steps]
    assert {step.rung for step in steps} >= {
        Rung.FULL,
        Rung.FEWER,
        Rung.SHORTER,
        Rung.SMALLER,
        Rung.HOLD,
    }
    assert any(not step.served and step.decided for step in steps)
    again = Generator(models["decision"], fallback=lambda: models["snapshot"])
    pairs = list(regenerate(again, done))
    assert len(pairs) == len(steps) == 4 * len(costs)
    assert all(was == now for was, now in pairs)


@pytest.mark.parametrize("kind", KINDS)
def test_an_overtaken_request_is_done_again_as_far_as_it_came(
    kind: str, models: dict[str, Model]
) -> None:
    clock = RunClock()
    requests = [
        request(0, 0, 8, number=1, fresh=True),
        request(1, 1, 1.5, number=2, epoch=2, heard=SCALE, given=(0,)),
        request(1, 1, 3, number=3, epoch=3),
        request(2, 2, 6, number=4, epoch=4),
    ]
    messages = live(Generator(models[kind]), requests, [0, 5, 0, 3], clock)
    served = [m for m in messages if isinstance(m, Served)]
    # the first is left in the middle, the second is void before it is begun: two came at once
    assert [(s.request, s.void) for s in served] == [(1, True), (2, True), (3, True), (4, False)]
    assert 0 < served[0].steps < 32
    assert [s.steps for s in served[1:]] == [0, 3, 16]
    pairs = list(regenerate(Generator(models[kind]), told(messages, requests)))
    assert len(pairs) == sum(s.steps for s in served)
    assert all(was == now for was, now in pairs)


def one_take(models: dict[str, Model], kind: str) -> list[Done]:
    clock = RunClock()
    generator = Generator(SlowModel(models[kind], clock))
    requests = [
        request(0, 4, 8, number=1, fresh=True, heard=SCALE, given=(0,)),
        request(8, 8, 12, number=2),
    ]
    return told(live(generator, requests, [0, 0], clock), requests)


def test_a_take_in_which_the_smaller_model_played_is_done_again(
    folders: dict[str, Path], models: dict[str, Model]
) -> None:
    clock = RunClock()
    large = SlowModel(models["decision"], clock)
    generator = Generator(large, fallback=lambda: models["snapshot"])
    facts: list[Fact] = []
    for beat in range(24):
        large.cost = 0.009 if 8 <= beat < 16 else 0.0001
        asked = request(beat, beat, beat + 1, number=beat + 1, settings=HASTY, fresh=beat == 0)
        facts.append(Asked(asked, NOW))
        for message in live(generator, [asked], [0], clock):
            if isinstance(message, Served):
                facts.append(RequestServed(message.request, message.steps, message.void, NOW))
            elif isinstance(message, Planned):
                facts.append(StepPlanned.of(message, NOW))
    assert any(isinstance(fact, StepPlanned) and fact.begun is Rung.SMALLER for fact in facts)
    small = folders["snapshot"]
    header = replace(
        HEADER,
        model=str(folders["decision"]),
        precision="int8",
        bundle=manifest_hash(folders["decision"]),
        smaller=str(small),
        smaller_bundle=manifest_hash(small),
    )
    played = Take("x", header, tuple(facts), torn=False)
    assert steps_differ(played, folders["decision"]) is None
    forgotten = replace(header, smaller="")
    assert steps_differ(replace(played, header=forgotten), folders["decision"]) is not None
    another = replace(header, smaller_bundle="of another one")
    with pytest.raises(BundleError, match="not the model that the take was played with"):
        steps_differ(replace(played, header=another), folders["decision"])


def test_the_first_difference_is_named(models: dict[str, Model]) -> None:
    done = one_take(models, "snapshot")
    assert first_difference(regenerate(Generator(models["snapshot"]), done)) is None
    wrong = list(done[1].steps)
    voices = list(wrong[5].voices)
    voices[2] = replace(voices[2], velocity=1)
    wrong[5] = replace(wrong[5], voices=tuple(voices))
    changed = [done[0], replace(done[1], steps=tuple(wrong))]
    found = first_difference(regenerate(Generator(models["snapshot"]), changed))
    assert found is not None
    assert found[0].begin == found[1].begin == Beats(9.25)
    assert found[0].voices[2].velocity == 1 != found[1].voices[2].velocity


def test_another_seed_is_a_difference(models: dict[str, Model]) -> None:
    done = one_take(models, "snapshot")
    other = [
        replace(
            each,
            request=replace(each.request, settings=Settings(sampling=Sampling(seed=99))),
        )
        for each in done
    ]
    assert first_difference(regenerate(Generator(models["snapshot"]), other)) is not None


def test_what_was_never_served_is_left_out() -> None:
    asked = [request(0, 0, 1, number=n) for n in (1, 2, 3)]
    served = [Served(1, 0, False), Served(2, 0, True), Served(9, 4, False)]
    assert [each.request.number for each in paired(asked, served, [])] == [1, 2]
