"""One voice of a real chorale is a player's, the engine adds the other three, a beat behind him.

What the player does is known a beat ahead, as it is where the machine answers a beat late, or plays
along with what is written. The engine knows no future, so it draws each sixteenth several times
under its rules; the model goes on from each for a beat while the player's voice does what it will
do; and one is taken with a probability in proportion to how likely that made the player's voice:
sampling with pilots (Lin, Chen & Liu: Lookahead Strategies for Sequential Monte Carlo, 2013).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from time import perf_counter
from typing import Any

import numpy as np
import torch
from ripieno.clock import VirtualClock
from ripieno.events import Note, Request
from ripieno.grammar.grid import FIRST_PITCH, HOLD, VOICES, pitch_of
from ripieno.inference.generate import Generator
from ripieno.inference.heard import step_of
from torch import Tensor

from ripieno_models import waiting
from ripieno_models.branches import Branches, Heard
from ripieno_models.families.chorale_transformer import ChoraleTransformer
from ripieno_models.faults import faults
from ripieno_models.harmonise import VELOCITY, harmonised, requests
from ripieno_models.look_ahead import BEAT, others_of
from ripieno_models.piece import Piece
from ripieno_models.played import beats, token
from ripieno_models.tensor_cursor import Cursors

DRAWS, CONTINUATIONS = 4, 8
"""How often a sixteenth is drawn, and how often the model goes on from each different one."""
Chord = tuple[int, ...]
"""The tokens of soprano, alto, tenor, bass in one sixteenth."""


@dataclass(frozen=True, slots=True)
class Effort:
    """candidates: of the engine, for each draw. draws, continuations: see `DRAWS`."""

    candidates: int
    draws: int = DRAWS
    continuations: int = CONTINUATIONS


class Foresight:
    """Follows a piece as it is written, and says of what could be written next how likely it makes
    what the given voice does in the beat after it."""

    def __init__(
        self, model: ChoraleTransformer, piece: Piece, given: int, continuations: int, seed: int
    ) -> None:
        self._model, self._given, self._count = model, given, continuations
        self._random = torch.Generator().manual_seed(seed)
        self._line = torch.from_numpy(piece.tokens[:, given])
        self._settings = torch.from_numpy(piece.settings())
        self._cursors = Cursors.fresh(1)
        self._heard = Heard(model.frame, self._cursors.features(given, self._settings[:1]))

    @torch.inference_mode()
    def weigh(self, chords: Sequence[Chord]) -> Tensor:
        """[len(chords)]: log-likelihoods of the given voice's next beat after each."""
        step, many = len(self._heard) - 1, len(chords) * self._count
        branches = self._branches(self._cursors.repeated(many))
        branches.write(torch.tensor(chords).repeat_interleave(self._count, 0), self._order())
        told = torch.zeros(many)
        last = min(step + BEAT, len(self._line) - 1)
        for here in range(step + 1, last + 1):
            line, settings = self._line[here].expand(many), self._settings[here].expand(many, -1)
            told = told + branches.foretell(self._given, settings, line)
            if here < last:
                others = others_of(self._given)
                branches.finish(self._given, line, others, settings, self._random)
        return told.view(len(chords), -1).logsumexp(1)

    @torch.inference_mode()
    def go_on(self, chord: Chord) -> None:
        """The sixteenth is written so. Not to be said of the piece's last one."""
        step = len(self._heard)
        branches = self._branches(self._cursors)
        branches.write(torch.tensor([chord]), self._order())
        branches.hear(self._cursors.features(self._given, self._settings[step : step + 1]))
        self._heard.take(branches, 0)

    def _branches(self, cursors: Cursors) -> Branches:
        starts = torch.full((len(cursors.sounding),), len(self._heard) - 1)
        return Branches(self._model, self._heard, starts, cursors)

    def _order(self) -> list[int]:
        return [self._given, *others_of(self._given)]


def harmonised_ahead(
    generator: Generator,
    model: ChoraleTransformer,
    piece: Piece,
    given: int,
    effort: Effort,
    seed: int,
) -> Piece:
    """`piece` with its voice `given` and three new ones, under the engine's rules."""
    foresight = Foresight(model, piece, given, effort.continuations, seed)
    random = np.random.default_rng(seed)
    rows: list[Chord] = []
    sounding: dict[int, Note] = {}
    for request in sixteenths(piece, given, effort.candidates, seed):
        own = tuple(note for voice, note in sounding.items() if voice != given)
        asked = replace(request, heard=(*request.heard, *own))
        line = int(piece.tokens[len(rows), given])
        drawn = [drawn_once(generator, asked, given, line)]
        asked = replace(asked, fresh=False)
        drawn += [drawn_once(generator, asked, given, line) for _ in range(effort.draws - 1)]
        chord = chosen(drawn, foresight.weigh, random)
        rows.append(chord)
        if len(rows) < len(piece):
            foresight.go_on(chord)
        for voice, each in enumerate(chord):
            go_on(sounding, voice, each, step_of(request.begin))
    name = f"{VOICES[given]} of {piece.name}, a beat ahead"
    return replace(piece, name=name, tokens=np.array(rows, dtype=np.int64))


def sixteenths(piece: Piece, given: int, candidates: int, seed: int) -> Iterator[Request]:
    """One request for each sixteenth; it tells of the given voice what is heard by then."""
    for phrase in requests(piece, given, candidates, seed):
        for step in range(step_of(phrase.begin), step_of(phrase.end)):
            begin, end = beats(step), beats(step + 1)
            fresh = phrase.fresh and begin == phrase.begin
            heard = tuple(note for note in phrase.heard if note.onset < end)
            since = begin if fresh else beats(step - 1)
            yield replace(phrase, since=since, begin=begin, end=end, heard=heard, fresh=fresh)


def drawn_once(generator: Generator, request: Request, given: int, line: int) -> Chord:
    """The tokens that the engine would play in the sixteenth of `request`, with the given one."""
    (planned,) = generator.plan(request, VirtualClock())
    return tuple(line if v == given else token(planned, v) for v in range(len(VOICES)))


def chosen(
    drawn: Sequence[Chord],
    weigh: Callable[[Sequence[Chord]], Tensor],
    random: np.random.Generator,
) -> Chord:
    """One of what was drawn, by its weight; what was drawn twice counts twice."""
    different = sorted(set(drawn))
    if len(different) == 1:
        return different[0]
    told = weigh(different).double()
    weights = (told - told.max()).exp().numpy() * [drawn.count(chord) for chord in different]
    return different[int(random.choice(len(different), p=weights / weights.sum()))]


def go_on(sounding: dict[int, Note], voice: int, token: int, step: int) -> None:
    """Keep the note that `voice` sounds in `step`, as far as it is known."""
    if token >= FIRST_PITCH:
        sounding[voice] = Note(voice, pitch_of(token), VELOCITY, beats(step), beats(1))
    elif token == HOLD:
        note = sounding[voice]
        sounding[voice] = replace(note, duration=beats(step + 1 - step_of(note.onset)))
    else:
        sounding.pop(voice, None)


def judge(
    generator: Generator,
    model: ChoraleTransformer,
    pieces: Sequence[Piece],
    effort: Effort,
    seed: int,
) -> dict[str, Any]:
    """For each voice that is given, what is counted of all `pieces` (see `faults`) with nothing
    known ahead and with a beat, and milliseconds per sixteenth of both."""
    ways: dict[str, Callable[[Piece, int, int], Piece]] = {
        "live": lambda piece, given, seed: harmonised(
            generator, piece, given, effort.candidates, seed
        ),
        "ahead": lambda piece, given, seed: harmonised_ahead(
            generator, model, piece, given, effort, seed
        ),
    }
    told: dict[str, Any] = {}
    for way, write in ways.items():
        told[way], began = {}, perf_counter()
        for given, voice in enumerate(VOICES):
            numbered = list(enumerate(pieces))
            written = [
                write(piece, given, seed + number)
                for number, piece in waiting.each(numbered, f"Harmonising, {way}: {voice}")
            ]
            told[way][voice] = asdict(faults(written))
        steps = len(VOICES) * sum(map(len, pieces))
        told[way]["milliseconds"] = 1000 * (perf_counter() - began) / steps
    return told
