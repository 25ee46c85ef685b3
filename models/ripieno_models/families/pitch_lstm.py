"""`pitch-lstm`: pitch strings without rhythm, told as one number each, through three LSTMs.

What comes next is a word of `pitch_strings`, half a beat after the last one and half a beat long:
such a model knows no rhythm and no rest. Its input is the word's number in the vocabulary, scaled
to 0 … 1, as though words that stand beside each other there were alike.

In a bundle the words are spelled in event tokens: of all words that go on as the chord has begun,
the next pitch takes the sum of their probabilities. What is played to it is heard the same way.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor, nn

from ripieno_models.families import folk_transformer
from ripieno_models.families.decoder import TokenOptions
from ripieno_models.families.folk_transformer import HIGH, LOW
from ripieno_models.families.pitch_strings import CLASSES, Word, words
from ripieno_models.families.stepped import Stepped
from ripieno_models.options import default, option
from ripieno_models.tokens.scheme import POSITIONS_PER_BEAT, Scheme
from ripieno_models.tokens.shifts import Shifts

OTHER, PITCH, DURATION, SHIFT = range(4)
"""Kinds of tokens."""
STEP = POSITIONS_PER_BEAT // 2
"""The length of every word in sixteenths: half a beat."""
STIFFNESS = 3.0
"""Nats by which each sixteenth more or less than that is less likely."""
NEVER = -20.0
LEAST = 1e-8
"""The logit of a token that cannot come, and a probability that is as good as none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(TokenOptions):
    """Options of the family."""

    first: int = option(256, 2, 4096, "memory cells of the first LSTM")
    second: int = option(512, 2, 4096, "memory cells of the second LSTM")
    third: int = option(256, 2, 4096, "memory cells of the third LSTM")
    chords: int = option(3, 1, 4, "notes of the largest chord in the vocabulary; 1 is none")
    dropout: float = default("dropout", 0.3, TokenOptions)
    steps: int = default("steps", 1500)
    batch: int = default("batch", 32)
    crop: int = default("crop", 300)
    start_inside: float = default("start_inside", 1.0, TokenOptions)
    learning_rate: float = default("learning_rate", 1e-3)
    bf16: bool = default("bf16", False)


class PitchLstm(Stepped):
    """One number in, three LSTMs, the probabilities of words; and their spelling."""

    def __init__(self, options: Options, scheme: Scheme, vocabulary: list[Word]) -> None:
        super().__init__()
        self.options, self.vocabulary = options, vocabulary
        self.largest = max(len(word.pitches) for word in vocabulary)
        sizes = (1, options.first, options.second, options.third)
        self.lstms = nn.ModuleList(
            nn.LSTM(into, out, batch_first=True) for into, out in pairwise(sizes)
        )
        self.dropout = nn.Dropout(options.dropout)
        self.head = nn.Linear(options.third, len(vocabulary))
        for name, table in tables(scheme, vocabulary, self.largest).items():
            self.register_buffer(name, table, persistent=False)
        self.kinds: Tensor  # [V]: of each token
        self.rhythm: Tensor  # [V]: the logit of a duration, or of a shift
        self.begins: Tensor  # [V, W]: words that a pitch may begin
        self.fits: Tensor  # [V, W]: chords that a pitch may belong to
        self.spelled: Tensor  # [largest + 1, W, V]: the pitch at each place of a word
        self.lengths: Tensor  # [W]: how many pitches a word has
        self.numbers: Tensor  # [W]: what is told of a word, 0 … 1
        self.alone: Tensor  # [V]: what is told of a pitch that belongs to no word

    def read(self, tokens: Tensor) -> Tensor:
        kinds = self.kinds[tokens]  # [B, N]
        before = nn.functional.pad(kinds[:, :-1], (1, 0))
        closes = (kinds == SHIFT) & (before == DURATION)
        group = closes.cumsum(1)  # [B, N]: words that were heard to their end
        told = (kinds == PITCH).cumsum(1)
        place = told - (told * closes).cummax(1).values  # pitches of the present word
        alive = self.alive(tokens, kinds, group, place)  # [B, N, W]
        heard = self.number(tokens, alive, place)  # [B, N]
        shares = self.shares(heard, kinds, group)  # [B, G, W]
        index = group[..., None].expand(*group.shape, shares.shape[-1])
        return self.said(kinds, place, shares.gather(1, index) * alive)

    def alive(self, tokens: Tensor, kinds: Tensor, group: Tensor, place: Tensor) -> Tensor:
        """[B, N, W]: which words go on as the present one has begun."""
        width = int(group.max()) + 1
        pitches = tokens.new_zeros(len(tokens), width * self.largest + 1)
        spot = group * self.largest + place - 1
        real = (kinds == PITCH) & (place <= self.largest)
        pitches.scatter_(1, torch.where(real, spot, width * self.largest), tokens)
        kept = (place <= self.largest).float()[..., None].expand(-1, -1, len(self.vocabulary))
        for at in range(self.largest):
            pitch = pitches.gather(1, group * self.largest + at)
            table = self.fits if at else self.begins
            kept = kept * torch.where((at < place)[..., None], table[pitch], 1.0)
        return kept

    def number(self, tokens: Tensor, alive: Tensor, place: Tensor) -> Tensor:
        """[...]: what is told of the word that a pitch has completed."""
        whole = alive * (self.lengths == place[..., None])  # [..., W]: one of them, or none
        return whole @ self.numbers + (1 - whole.sum(-1)) * self.alone[tokens]

    def shares(self, heard: Tensor, kinds: Tensor, group: Tensor) -> Tensor:
        """[B, G, W]: the probabilities of each word, by the numbers of those before it."""
        width = int(group.max()) + 1
        places = torch.arange(heard.shape[1], device=heard.device).expand_as(group)
        lasts = torch.zeros(len(group), width, dtype=torch.long, device=heard.device)
        ends = torch.where(kinds == PITCH, places, 0)
        lasts = lasts.scatter_reduce(1, group, ends, "amax")  # [B, G]
        outputs = heard.gather(1, lasts)[:, :-1, None]  # [B, G - 1, 1]
        start = outputs.new_zeros(len(group), 1, self.options.third)
        if width > 1:
            for lstm in self.lstms:
                outputs = self.dropout(lstm(outputs)[0])
            start = torch.cat((start, outputs), dim=1)
        return torch.as_tensor(self.head(start)).softmax(-1)

    def said(self, kinds: Tensor, place: Tensor, mass: Tensor) -> Tensor:
        """Logits [..., V] after tokens of these `kinds` [...]; `mass` [..., W] are the shares of
        the words that are still possible, `place` [...] how many pitches have been told."""
        mass = mass / mass.sum(-1, keepdim=True).clamp(min=LEAST)
        pitch = sum(
            (place == at).float()[..., None] * (mass @ table)
            for at, table in enumerate(self.spelled)
        )
        done = (mass * (self.lengths == place[..., None])).sum(-1, keepdim=True)
        logs = torch.as_tensor(pitch).clamp(min=LEAST).log()
        times = done.clamp(min=LEAST).log() + self.rhythm
        after_pitch = (kinds == PITCH)[..., None]
        open_ = torch.where(self.kinds == PITCH, logs, NEVER)
        open_ = torch.where(self.kinds == SHIFT, times, open_)
        length = torch.where(self.kinds == DURATION, self.rhythm, NEVER)
        return torch.where(after_pitch, length, open_)

    def states(self) -> dict[str, tuple[int, ...]]:
        sizes = (self.options.first, self.options.second, self.options.third)
        told = {f"{kind}_{at}": (1, 1, size) for at, size in enumerate(sizes) for kind in "hc"}
        return told | {"dead": (1, len(self.vocabulary)), "place": (1,), "heard": (1,)}

    def step(self, tokens: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        *cells, dead, place, heard = states
        token = tokens[:, 0]  # [1]
        kinds = self.kinds[token]
        pitch = (kinds == PITCH).float()
        closes = ((kinds == SHIFT) & (place > 0)).float()
        kept, x = [], heard[:, None, None]
        for at, lstm in enumerate(self.lstms):
            old = cells[2 * at : 2 * at + 2]
            x, new = lstm(x, (old[0], old[1]))
            kept += [closes * n + (1 - closes) * o for n, o in zip(new, old, strict=True)]
        place = (1 - closes) * place + pitch
        table = torch.where((place > 1)[:, None], self.fits[token], self.begins[token])
        table = table * (place <= self.largest).float()[:, None]
        alive = (1 - dead * (1 - closes)[:, None]) * torch.where(pitch[:, None] > 0, table, 1.0)
        heard = torch.where(pitch > 0, self.number(token, alive, place), heard)
        shares = torch.as_tensor(self.head(kept[-2][:, 0])).softmax(-1)
        return self.said(kinds, place, shares * alive), *kept, 1 - alive, place, heard


def tables(scheme: Scheme, vocabulary: list[Word], largest: int) -> dict[str, Tensor]:
    """The constants of the spelling; see `PitchLstm`."""
    size, count = len(scheme), len(vocabulary)
    kinds, rhythm = torch.zeros(size, dtype=torch.long), torch.full((size,), NEVER)
    begins, fits = torch.zeros(size, count), torch.zeros(size, count)
    spelled, alone = torch.zeros(largest + 1, count, size), torch.zeros(size)
    numbers = (torch.arange(count) + 1) / count
    for number, name in enumerate(scheme.names):
        kind, _, value = name.partition("_")
        if kind in ("Duration", "TimeShift"):
            kinds[number] = DURATION if kind == "Duration" else SHIFT
            beats, places, _ = map(int, value.split("."))
            off = abs(beats * POSITIONS_PER_BEAT + places - STEP)
            rhythm[number] = max(NEVER, -STIFFNESS * off)
        elif kind == "Pitch":
            kinds[number] = PITCH
            for at, word in enumerate(vocabulary):
                single, same = len(word.pitches) == 1, int(value) in word.pitches
                fits[number, at] = float(not single and int(value) % CLASSES in word.classes)
                begins[number, at] = float(same) if single else fits[number, at]
                alone[number] = numbers[at] if single and same else alone[number]
    for at, word in enumerate(vocabulary):
        for place, played in enumerate(word.pitches):
            spelled[place, at, scheme.base[f"Pitch_{played}"]] = 1.0
    lengths = torch.tensor([len(word.pitches) for word in vocabulary])
    return {"kinds": kinds, "rhythm": rhythm, "begins": begins, "fits": fits,
            "spelled": spelled, "alone": alone, "numbers": numbers, "lengths": lengths}  # fmt: skip


def build(options: Options, vocabulary: int) -> PitchLstm:
    """The model for the family's own vocabulary, which has no merges."""
    return PitchLstm(options, Shifts.of(LOW, HIGH), words(LOW, HIGH, options.chords))


KIND = replace(
    folk_transformer.KIND,
    name="pitch-lstm",
    title="Fiddle tunes without rhythm, as strings of pitches",
    options=Options,
    build=build,
    numbered=False,
    written=Shifts,
)
