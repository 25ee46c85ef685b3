"""What the families have in common that hear whole sixteenths.

Such a model hears, once per sixteenth, what every voice sounded in the last one, as five numbers
each. What it makes of that, the *summary*, goes to a head of two dense layers, which answers each
of the four decisions of this sixteenth. Run over whole pieces it is one pass; exported it is a
step whose memory goes in and comes out. Both give the same logits.

Shapes: B pieces, T sixteenths, K decisions each, N = T·K, F features, W sixteenths of a window.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import torch
from ripieno.grammar.grid import FEATURES, FIRST_PITCH, VOCABULARY, VOICES
from torch import Tensor, nn
from torch.nn import functional

from ripieno_models.families.note_encoding import CHROMATIC, FIFTHS, HEIGHT, NUMBERS, table
from ripieno_models.options import Training, default, option

NAMES = tuple(feature.name for feature in FEATURES)
VOICE, DECIDED = NAMES.index("voice"), NAMES.index("decided")
PITCHES = NAMES.index("pitch_soprano")
PLACES = tuple(NAMES.index(name) for name in ("place", "meter", "key", "cadence"))
VOICE_COUNT = len(VOICES)
FRAME = VOICE_COUNT * NUMBERS
"""Numbers that stand for a sixteenth: five for each voice."""
States = tuple[Tensor, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardOptions(Training):
    """Options of every family that hears whole sixteenths. Those that are yes or no switch a part
    of what it hears off, to find out what the part is worth."""

    dense: int = option(128, 4, 8192, "width of the head's inner layer")
    dropout: float = option(0.3, 0.0, 0.9, "share of the summary blanked in training")
    height: bool = option(True, 0, 1, "a pitch's height is among its numbers")
    chromatic: bool = option(True, 0, 1, "the chromatic circle is among a pitch's numbers")
    fifths: bool = option(True, 0, 1, "the circle of fifths is among a pitch's numbers")
    steps: int = default("steps", 1000)
    warmup: int = default("warmup", 50)
    all_voices: float = default("all_voices", 1.0)
    average: float = default("average", 0.99)
    bf16: bool = default("bf16", False)


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameOptions(HeardOptions):
    """The same where a head answers for all voices."""

    see_decided: bool = option(True, 0, 1, "the head sees what this sixteenth's other voices do")
    see_place: bool = option(True, 0, 1, "the head sees place, meter, key and cadence")


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowOptions(FrameOptions):
    """Options of the families that hear a window of the last sixteenths and nothing before it."""

    window: int = option(16, 1, 1024, "sixteenths that are heard")
    batch: int = default("batch", 8)
    crop: int = default("crop", 64)


class FrameModel(nn.Module):
    """Features in, a logit for each token of the grid out; subclasses say what is remembered."""

    head: nn.Module
    """Logits [B, N, 48] from the summary [B, N, S] and features [B, N, F]."""

    def __init__(self, options: HeardOptions) -> None:
        super().__init__()
        self.codes = Codes(options)

    @abstractmethod
    def remember(self, sounding: Tensor) -> Tensor:
        """The summary [B, T, S] of each sixteenth, from silence; `sounding` [B, T, 4] is what the
        voices sounded just before it, values of the grid."""

    @abstractmethod
    def states(self) -> dict[str, tuple[int, ...]]:
        """What it remembers from step to step: the shape of each state. Zeros are silence."""

    @abstractmethod
    def advance(self, sounding: Tensor, states: States) -> States:
        """The states after it has heard `sounding` [1, 4]."""

    @abstractmethod
    def recall(self, states: States) -> Tensor:
        """The summary [1, S] of `states`."""

    def forward(self, features: Tensor, state: None = None) -> tuple[Tensor, None]:
        """Logits [B, N, 48] for `features` [B, N, F] of whole sixteenths, from silence."""
        first = features[..., DECIDED] == 0
        each = features.shape[1] // int(first[0].sum())  # K
        summary = self.remember(sounded(features[:, ::each]))  # [B, T, S]
        return self.head(summary.repeat_interleave(each, dim=1), features), None

    def step(self, features: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        """Logits [1, 48] for one decision's `features` [1, F], and the states after it.

        The first decision of a sixteenth hears the last one; the other three hear nothing new.
        """
        after = self.advance(sounded(features), states)
        first = (features[0, DECIDED] == 0).to(torch.float32)
        kept = tuple(
            first * new + (1 - first) * old for new, old in zip(after, states, strict=True)
        )
        logits: Tensor = self.head(self.recall(kept)[:, None], features[:, None])  # [1, 1, 48]
        return logits[:, 0], *kept


class Codes(nn.Module):
    """Five numbers for what each voice sounds; what `options` switch off is zero."""

    def __init__(self, options: HeardOptions) -> None:
        super().__init__()
        codes = torch.from_numpy(table())
        parts = ((HEIGHT, options.height), (CHROMATIC, options.chromatic), (FIFTHS, options.fifths))
        for part, kept in parts:
            codes[..., part] *= kept
        self.register_buffer("codes", codes, persistent=False)  # [4, 48, 5]
        self.codes: Tensor

    def forward(self, sounding: Tensor) -> Tensor:
        """[..., 4, 5] for `sounding` [..., 4]."""
        told: Tensor = self.codes[torch.arange(VOICE_COUNT, device=sounding.device), sounding]
        return told


def sounded(features: Tensor) -> Tensor:
    """[..., 4]: what every voice sounds, for `features` [..., F]."""
    return features[..., PITCHES : PITCHES + VOICE_COUNT]


class Seen(nn.Module):
    """All that a head sees of a decision, side by side; `size` numbers."""

    def __init__(self, summary: int, codes: Codes, options: FrameOptions) -> None:
        super().__init__()
        self.codes = codes
        self.see_decided, self.see_place = options.see_decided, options.see_place
        self.places = [FEATURES[place].size for place in PLACES]
        sets = torch.arange(1 << VOICE_COUNT)[:, None]
        bits = (sets >> torch.arange(VOICE_COUNT) & 1).float()  # [16, 4]
        self.register_buffer("bits", bits, persistent=False)
        self.bits: Tensor
        self.size = summary + VOICE_COUNT
        self.size += 2 * VOICE_COUNT + FRAME if options.see_decided else 0
        self.size += sum(self.places) if options.see_place else 0

    def forward(self, summary: Tensor, features: Tensor) -> Tensor:
        """[B, N, size] from the `summary` [B, N, S] and `features` [B, N, F]."""
        seen = [summary, functional.one_hot(features[..., VOICE], VOICE_COUNT).float()]
        if self.see_decided:
            seen += self.decided(features)
        if self.see_place:
            seen += [
                functional.one_hot(features[..., place], size).float()
                for place, size in zip(PLACES, self.places, strict=True)
            ]
        return torch.cat(seen, dim=-1)

    def decided(self, features: Tensor) -> list[Tensor]:
        """What each voice does that has been decided in this sixteenth, and which ones these are;
        also which voices sound, so that a rest differs from a voice that is still to come."""
        done = self.bits[features[..., DECIDED]]  # [B, N, 4]
        sounding = sounded(features)
        heard = self.codes(sounding) * done[..., None]  # [B, N, 4, 5]
        return [heard.flatten(-2), done, (sounding >= FIRST_PITCH).float()]


class Head(nn.Module):
    """Two dense layers, and the logits of the voice that is asked."""

    def __init__(self, summary: int, codes: Codes, options: FrameOptions) -> None:
        super().__init__()
        self.seen = Seen(summary, codes, options)
        self.dropout = nn.Dropout(options.dropout)
        self.inner = nn.Linear(self.seen.size, options.dense)
        self.outer = nn.Linear(options.dense, VOICE_COUNT * VOCABULARY)

    def forward(self, summary: Tensor, features: Tensor) -> Tensor:
        """[B, N, 48] from the `summary` [B, N, S] and `features` [B, N, F]."""
        seen = self.seen(self.dropout(summary), features)
        inner = functional.relu(self.inner(seen))  # [B, N, dense]
        return asked(self.outer(inner), features)


def asked(outer: Tensor, features: Tensor) -> Tensor:
    """[B, N, 48]: of all voices' logits `outer` [B, N, 4 * 48], those of the one that is asked."""
    every = outer.view(*outer.shape[:2], VOICE_COUNT, VOCABULARY)
    index = features[..., VOICE, None, None].expand(*features.shape[:2], 1, VOCABULARY)
    return every.gather(2, index)[:, :, 0]


def windows(frames: Tensor, size: int) -> Tensor:
    """[B, T, W, …] from `frames` [B, T, …]: at each place the last `size` frames, it the last one;
    zeros before the beginning."""
    before = frames.new_zeros(frames.shape[0], size - 1, *frames.shape[2:])
    padded = torch.cat((before, frames), dim=1)  # [B, W - 1 + T, …]
    return padded.unfold(1, size, 1).movedim(-1, 2)


class WindowModel(FrameModel):
    """A model of the last W sixteenths: they are all that it keeps."""

    def __init__(self, options: WindowOptions) -> None:
        super().__init__(options)
        self.window = options.window

    @abstractmethod
    def read(self, window: Tensor) -> Tensor:
        """The summary [M, S] of each `window` [M, W, 4, 5]."""

    def remember(self, sounding: Tensor) -> Tensor:
        every = windows(self.codes(sounding), self.window)  # [B, T, W, 4, 5]
        return self.read(every.flatten(0, 1)).view(*every.shape[:2], -1)

    def states(self) -> dict[str, tuple[int, ...]]:
        return {"window": (1, self.window, VOICE_COUNT, NUMBERS)}

    def advance(self, sounding: Tensor, states: States) -> States:
        return (torch.cat((states[0][:, 1:], self.codes(sounding)[:, None]), dim=1),)

    def recall(self, states: States) -> Tensor:
        return self.read(states[0])
