"""Decoders of 6.6 and 34 million weights against torch, transformers, a cache that grows, and
llama.cpp: the same weights on one thread; and what only ours can do at once."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ripieno.inference.bundle import load_manifest
from ripieno.inference.cached_model import CachedModel
from ripieno.inference.model import Row as Tokens
from ripieno.inference.opening import open_model
from ripieno.inference.sampling import pick
from ripieno.settings import Sampling
from ripieno_models.decoder_graphs import Shape, random_weights

from tests.bench_llama import Llama, write_gguf
from tests.bench_table import Findings, Row, Sample, Target, at_most, quantile
from tests.bench_torch_decoder import Generate, Growing, Static
from tests.bench_turns import Way, at_least, in_turns, interval, no_more, times, versus, with_gaps
from tests.bench_weights import streamed
from tests.decoder_bundles import LARGE, SMALL, write_decoder_bundle

CONTEXTS = (64, 512, 2048)
AIMED = 512
PRECISIONS = ("int8", "q8", "fp32")
SIBLINGS, VOICES = 20, 4
TOKEN = 5
OVERHEAD_US = 40.0


@dataclass(frozen=True)
class Aims:
    """How many times faster than which, at context 512; `llama` and the rest: at most so many
    times as long."""

    name: str
    shape: Shape
    static: float
    generate: float
    growing: float
    llama: float


SIX = Aims("6.6 M", SMALL, static=8, generate=10, growing=3, llama=0.8)
THIRTY = Aims("34 M", LARGE, static=4.5, generate=5, growing=3, llama=1.1)


class Players:
    """One model in our engine, in all its precisions, and in all that it is compared with."""

    def __init__(self, place: Path, aims: Aims) -> None:
        weights, self.shape = random_weights(aims.shape), aims.shape
        folder = place / aims.name.replace(" ", "")
        if not folder.is_dir():
            write_decoder_bundle(folder, self.shape, weights)
        manifest = load_manifest(folder)
        self.ours: dict[str, CachedModel] = {}
        for precision in PRECISIONS:
            model = open_model(manifest, precision)
            assert isinstance(model, CachedModel)
            self.ours[precision] = model
        rng = np.random.default_rng(1)
        self.tokens = [int(token) for token in rng.integers(0, self.shape.vocabulary, 2304)]
        self.static = Static(weights, self.shape)
        self.growing = Growing(weights, self.shape, place / "growing.onnx")
        self.llama = None
        if importlib.util.find_spec("llama_cpp") and importlib.util.find_spec("gguf"):
            write_gguf(weights, self.shape, place / "model.gguf")
            self.llama = Llama(place / "model.gguf", self.shape)

    def rows(self, count: int) -> list[Tokens]:
        return [(token,) for token in self.tokens[:count]]

    def hear(self, length: int) -> None:
        """All of them have heard the same `length` tokens."""
        for model in self.ours.values():
            model.reset()
            model.feed(self.rows(length), [])
        self.static.rewind(0)
        self.static.feed(self.tokens[:length])
        self.growing.fill(self.static, length)
        if self.llama:
            self.llama.rewind(0)
            self.llama.feed(self.tokens[:length])

    def differences(self) -> str:
        """How far the logits of all are from our fp32 graph's, after 64 tokens and one more."""
        self.hear(64)
        right = self.ours["fp32"].step((TOKEN,)).copy()
        told: dict[str, Any] = {
            "torch": self.static.feed([TOKEN]),
            "the cache that grows": self.growing.step(TOKEN),
        }
        if self.llama:
            self.llama.feed([TOKEN])
            told["llama.cpp in 8 bits"] = self.llama.logits()
        told |= {p: self.ours[p].step((TOKEN,)) for p in ("int8", "q8")}
        found = (f"{name} {np.abs(one - right).max():.1e}" for name, one in told.items())
        return (
            f"largest distance from our fp32 graph's logits (std {right.std():.2f}): "
            + ", ".join(found)
        )

    def ways(self, length: int) -> list[Way]:
        """A step of each from `length` tokens on."""
        static, growing = self.static, self.growing
        made = [
            Way(p, lambda m=m: m.step((TOKEN,)), lambda m=m: m.rewind(length))  # type: ignore[misc]
            for p, m in self.ours.items()
        ]
        made.append(Way("torch, static cache", lambda: static.feed([TOKEN]),
                        lambda: static.rewind(length)))  # fmt: skip
        made.append(Way("ONNX, cache that grows", lambda: growing.step(TOKEN)))
        llama = self.llama
        if llama:
            made.append(Way("llama.cpp Q8_0", lambda: llama.feed([TOKEN]),
                            lambda: llama.rewind(length)))  # fmt: skip
        return made


@contextmanager
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def decoder(place: Path, aims: Aims, quick: bool) -> Findings:
    """A token at contexts of 64, 512 and 2,048; the rest at 512."""
    count = 40 if quick else 200
    with one_thread():
        players = Players(place, aims)
        found: list[Findings] = [Findings(words=(f"{aims.name}: {players.differences()}.",))]
        generate = Generate(aims.shape) if importlib.util.find_spec("transformers") else None
        for length in CONTEXTS:
            players.hear(length)
            steps = in_turns(players.ways(length), count)
            if generate:
                name = "transformers.generate"
                rounds = 2 if quick else 5
                taken = [t for _ in range(rounds) for t in generate.tokens(length, 20)]
                steps[name] = Sample(name, tuple(taken))
            found.append(_compared(aims, length, steps))
        players.hear(AIMED)
        found.append(_after_rest(aims, players, 20 if quick else 100))
        found.append(_at_once(aims, players, count))
        found.append(_overhead(aims, players, count))
        found.append(_floor(aims, players, count))
        found.append(_slide(aims, players, 5 if quick else 20))
        if players.llama:
            players.llama.close()
    rows = tuple(row for each in found for row in each.rows)
    targets = tuple(target for each in found for target in each.targets)
    return Findings(rows, targets, tuple(word for each in found for word in each.words))


def best(steps: Mapping[str, Sample]) -> Sample:
    """The better of our 8-bit graphs, as calibration would pick."""
    return min((steps["int8"], steps["q8"]), key=lambda sample: sample.median)


def _compared(aims: Aims, length: int, steps: Mapping[str, Sample]) -> Findings:
    ours, title = best(steps), f"{aims.name}, a token at {length}"
    others = [sample for name, sample in steps.items() if sample is not ours]
    rows = tuple(versus(title, ours, other) for other in others)
    if length != AIMED:
        return Findings(rows)
    what = f"{aims.name} at {AIMED}"
    targets = [
        at_least(f"{what}, torch with a static cache", ours, steps["torch, static cache"],
                 aims.static),
        at_least(f"{what}, ONNX with a cache that grows", ours, steps["ONNX, cache that grows"],
                 aims.growing),
    ]  # fmt: skip
    for name, ratio in (("transformers.generate", aims.generate),):
        if name in steps:
            targets.append(at_least(f"{what}, {name}", ours, steps[name], ratio))
    if "llama.cpp Q8_0" in steps:
        llama = steps["llama.cpp Q8_0"]
        targets.append(no_more(f"{what}, llama.cpp Q8_0", ours, llama, aims.llama))
    return Findings(rows, tuple(targets))


def _after_rest(aims: Aims, players: Players, count: int) -> Findings:
    steps = with_gaps(players.ways(AIMED), count)
    ours = best(steps)
    title = f"{aims.name}, a token at {AIMED} after 10 ms of rest"
    return Findings(tuple(versus(title, ours, o) for o in steps.values() if o is not ours))


def _at_once(aims: Aims, players: Players, count: int) -> Findings:
    """Rewinding, an event of three tokens, twenty siblings, twenty chords of four voices."""
    model = players.ours["int8"]
    rows, alone = players.rows(SIBLINGS), [None] * SIBLINGS

    def back() -> None:
        model.rewind(AIMED)

    def far() -> None:
        model.rewind(AIMED + SIBLINGS)
        model.step((TOKEN,))

    def far_and_back() -> None:
        far()
        back()

    def rewound() -> None:
        back()
        model.step((TOKEN,))

    def chords() -> None:
        for voice in range(VOICES):
            before = SIBLINGS * (voice - 1)
            parents = alone if not voice else [before + number for number in range(SIBLINGS)]
            model.grow(rows, parents)
        model.keep(SIBLINGS * (VOICES - 1) + 7)

    model.feed(rows, [])
    step = Way("a step", lambda: model.step((TOKEN,)), far_and_back)
    ways = [
        step,
        Way("rewind and step", rewound, far),
        Way("an event of 3 tokens", lambda: model.feed(rows[:3], []), back),
        Way("20 siblings", lambda: model.grow(rows, alone), back),
        Way("20 chords of 4 voices, the best one kept", chords, back),
    ]
    found = in_turns(ways, count)
    one, title = found["a step"], f"{aims.name} int8 at {AIMED}"
    low, high = interval(found["rewind and step"], one)
    targets = (
        Target(f"{title}, rewind and step equals a step: 95 % of the ratio includes 1",
               f"{low:.3f} … {high:.3f}", low <= 1 <= high),
        no_more(f"{title}, an event of 3 tokens", found["an event of 3 tokens"], one, 1.3),
        no_more(f"{title}, 20 siblings", found["20 siblings"], one, 5.5),
    )  # fmt: skip
    rows_ = tuple(times(title, sample, one) for sample in found.values() if sample is not one)
    return Findings(rows_, targets)


def _overhead(aims: Aims, players: Players, count: int) -> Findings:
    """A step with its sampling, from Python numbers to a Python number, and its bare run."""
    model, wishes = players.ours["int8"], Sampling(temperature=0.9, top_p=0.95, seed=3)
    legal = np.arange(100, 188)  # as many as there are pitches
    bound = model._backbone._of(1)

    def back() -> None:
        model.rewind(AIMED)

    def whole() -> None:
        pick(model.step((TOKEN,)), legal, wishes, 0.5)

    found = in_turns([Way("step and draw", whole, back), Way("bare run", bound.run, back)], count)
    pairs = zip(found["step and draw"].values, found["bare run"].values, strict=True)
    extra = quantile([1000 * (one - other) for one, other in pairs], 0.5)
    title = f"{aims.name} int8 at {AIMED}"
    row = Row(title, found["step and draw"], found["bare run"], f"+{extra:.1f} µs")
    aim = f"{title}, a step and its draw ≤ {OVERHEAD_US:g} µs more than the bare run"
    return Findings((row,), (at_most(aim, extra, OVERHEAD_US, "µs"),))


def _floor(aims: Aims, players: Players, count: int) -> Findings:
    """fp32 and int8 at 64 against the time that reading as many bytes takes."""
    players.hear(64)
    parameters = aims.shape.parameters
    rows: list[Row] = []
    targets: list[Target] = []
    for precision, size, ratio in (("fp32", 4, 1.15), ("int8", 1, 2.2)):
        model = players.ours[precision]
        step = Way("a step", lambda m=model: m.step((TOKEN,)),  # type: ignore[misc]
                   lambda m=model: m.rewind(64))  # type: ignore[misc]  # fmt: skip
        read = Way("reading as many bytes", streamed(size * parameters))
        found = in_turns([step, read], count)
        title = f"{aims.name} {precision} at 64"
        rows.append(times(title, found["a step"], found["reading as many bytes"]))
        if aims is THIRTY:
            aim = f"{title}, against reading its weights from memory"
            targets.append(no_more(aim, found[step.name], found[read.name], ratio))
    players.hear(AIMED)
    return Findings(tuple(rows), tuple(targets))


def _slide(aims: Aims, players: Players, count: int) -> Findings:
    """A context that is full is told its newer half anew."""
    model, half = players.ours["int8"], players.rows(1024)
    way = Way("1,024 tokens heard anew", lambda: model.feed(half, []), model.reset)
    (sample,) = in_turns([way], count).values()
    note = f"{1000 * sample.median / len(half):.1f} µs a token"
    return Findings((Row(f"{aims.name} int8, the window slides", sample, None, note),))
