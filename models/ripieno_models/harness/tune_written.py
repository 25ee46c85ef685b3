"""Tunes that a bundle of tokens writes for the comparison, and how likely real ones are to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from time import perf_counter

import numpy as np
from ripieno.grammar.tokens.reading import Reader
from ripieno.grammar.tokens.states import Bounds, Told
from ripieno.grammar.tokens.vocabulary import Kind
from ripieno.grammar.tokens.writing import Writer
from ripieno.inference.model import Logits, Model
from ripieno.inference.tokens.manifest import SPEC, UNKNOWN, Spec, vocabulary

from ripieno_models.tokens.tune import MELODY, Note, Tune

OPENING, BARS = 2, 10
"""Bars of a real tune that a model goes on from, and how many there are in the end."""
ANSWERED = 4
"""Bars of what follows, when a model is asked whether it listens."""
NOTES = 96
"""Notes of a real tune that are looked at, so that all fits in every context."""
SPARE = 12
"""Positions of a context left free."""


def excerpt(tune: Tune, bars: int = BARS) -> Tune:
    """The first bars of a tune."""
    end = bars * tune.bar
    kept = tuple(
        replace(note, duration=min(note.duration, end - note.onset))
        for note in tune.notes
        if note.onset < end
    )
    return replace(tune, notes=kept[:NOTES])


class TuneWriter:
    """Reads and writes tunes with a bundle's `model`: what the grammar forbids is not drawn, and no
    rule of the engine's is kept; temperature 1.

    `seconds` and `decisions` tell what its steps have cost so far.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self.spec: Spec = model.manifest.own[SPEC]
        self.known = vocabulary(model.manifest.folder, self.spec)
        self.reader = Reader(self.known)
        self.writer = Writer(self.reader)
        self.seconds, self.decisions = 0.0, 0

    def nll(self, tune: Tune) -> tuple[int, float]:
        """(notes, nats per note) of a real tune, the key told where it can be."""
        logits = self.feed(self.head(tune))
        total = 0.0
        for token in self.ids(tune.notes, tune):
            told = logits.astype(np.float64)
            told -= told.max()
            total -= float(told[token] - np.log(np.exp(told).sum()))
            logits = self.step(token)
        return len(tune.notes), total / max(1, len(tune.notes))

    def write(self, form: Tune, seed: int) -> Tune:
        """A tune that goes on from the first bars of `form`, as long as that."""
        random = np.random.default_rng(seed)
        opening = excerpt(form, OPENING).notes
        logits = self.feed(self.head(form))
        ids = self.ids(opening, form)
        for token in ids:
            logits = self.step(token)
        begin, end = OPENING * form.bar, BARS * form.bar
        meter = self.writer.meter(form.meter)
        unit = self.known.quarter // 4
        state = self.writer.write(self.told(opening), 0, begin * unit, meter).state
        bounds = Bounds(
            self.reader.pitches, earliest=begin * unit, latest=end * unit - 1,
            most=self.spec.polyphony, grid=unit, meter=meter if self.bars else None,
        )  # fmt: skip
        found = list(opening)
        room = self.model.context - len(ids) - SPARE
        # Each note has its own draw, so that another opening changes what is likely and no more.
        for chance in random.random(int(min(room, 2048))).tolist():
            ways = dict(self.reader.onward(state, bounds))
            if not ways:
                break
            token = drawn(logits, sorted(ways), chance)
            state = ways[token]
            found += [note_of(told, unit, end) for told in (state.told,) if told]
            logits = self.step(token)
        return replace(form, name=f"goes on from {form.name}", notes=tuple(sorted(found)))

    @property
    def bars(self) -> bool:
        """Whether it tells metres."""
        return bool(self.known.some(Kind.METER))

    def head(self, tune: Tune) -> list[int]:
        """The start, and what is told before the notes."""
        told = [self.known.ids[told] for told in map(split, self.spec.start)]
        key = ("Key", str(tune.fifths))
        for kind in self.spec.prefix:
            wanted = key if kind == "Key" and key in self.known.ids else (kind, UNKNOWN)
            told.append(self.known.ids[wanted])
        return told

    def ids(self, notes: Sequence[Note], tune: Tune) -> list[int]:
        """Notes as the engine would have the model hear them."""
        meter = self.writer.meter(tune.meter)
        until = (self.known.quarter // 4) * tune.bars * tune.bar
        written = self.writer.write(self.told(notes), 0, until, meter)
        return [token for chunk in written.chunks for token in self.writer.merged(chunk)]

    def told(self, notes: Sequence[Note]) -> list[Told]:
        unit = self.known.quarter // 4
        return [
            Told(n.onset * unit, (n.onset + n.duration) * unit, n.pitch, n.velocity, 0)
            for n in notes
        ]

    def feed(self, ids: Sequence[int]) -> Logits:
        """The logits after `ids`, one or more, from nothing."""
        self.model.reset()
        for token in ids[:-1]:
            self.step(token)
        return self.step(ids[-1])

    def step(self, token: int) -> Logits:
        began = perf_counter()
        logits = self.model.step((token,))
        self.seconds += perf_counter() - began
        self.decisions += 1
        return logits


def split(name: str) -> tuple[str, str]:
    kind, _, value = name.partition("_")
    return kind, value


def note_of(told: Told, unit: int, end: int) -> Note:
    """A note that tokens tell, cut where the tune ends."""
    onset = told.onset // unit
    stop = end if told.end is None else min(end, told.end // unit)
    return Note(onset, MELODY, told.pitch, max(1, stop - onset))


def drawn(logits: Logits, legal: Sequence[int], chance: float) -> int:
    """One of the `legal` tokens by its probability; `chance` lies in 0 … 1."""
    told = logits[list(legal)].astype(np.float64)
    ladder = np.exp(told - told.max()).cumsum()
    place = int(ladder.searchsorted(chance * ladder[-1], side="right"))
    return legal[min(place, len(legal) - 1)]


def tune_answers(writer: TuneWriter, forms: Sequence[Tune], seed: int) -> list[Tune]:
    """What follows the openings of different tunes in one metre, with the same chance numbers: only
    what was heard differs. Four bars, before what was played may be forgotten."""
    first = forms[0]
    begin, end = OPENING * first.bar, (OPENING + ANSWERED) * first.bar
    told = []
    for form in forms:
        written = writer.write(replace(form, fifths=first.fifths), seed)
        after = tuple(note for note in written.notes if begin <= note.onset < end)
        told.append(replace(written, notes=after))
    return told
