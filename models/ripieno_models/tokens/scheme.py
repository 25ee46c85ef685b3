"""How MidiTok (Fradet et al., 2021) writes a tune as REMI tokens (Huang & Yang, 2020), and back.

The only file that imports MidiTok. Its positions and durations count in quarters of the metre's own
beat: sixteenths in n/4, thirty-seconds in n/8.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

from miditok import REMI, TokenizerConfig, TokSequence
from ripieno.errors import RipienoError
from symusic import Note as Sounded
from symusic import Score, TimeSignature, Track

from ripieno_models.tokens.tune import METERS, Note, Tune

POSITIONS_PER_BEAT, LONGEST_BEATS = 4, 12
TICKS_PER_SIXTEENTH = 2
"""MidiTok's own grid has eight ticks to a quarter where metres in eighths are in its vocabulary."""
PAD, START, END = "PAD_None", "BOS_None", "EOS_None"
KEYS = (*range(-7, 8), None)
BAR = "Bar_None"
NUMBERED = "numbered_bars"
PART = 8
"""Bars of a part of a dance tune. Where bars are numbered, `Bar_1` begins one, `Bar_8` is its last;
a first bar that is a pickup is told as the last one of a part before."""


class Scheme:
    """A vocabulary, and both ways between tunes and ids; with `parts`, each note's part is told.

    Its bars are `numbered` in parts of eight, or all alike.
    """

    telling = "remi"
    """What the engine calls this way of telling time."""

    def __init__(self, tokenizer: REMI, parts: bool) -> None:
        self.tokenizer, self.parts = tokenizer, parts
        self.numbered = bool(tokenizer.config.additional_params.get(NUMBERED))
        for place in range(1, PART + 1):
            # Not as special tokens of its settings: those never merge.
            if self.numbered and f"Bar_{place}" not in tokenizer.vocab:
                tokenizer.add_to_vocab(f"Bar_{place}")
        self.known: dict[tuple[int, ...], list[int]] = {}

    @classmethod
    def of(
        cls,
        low: int,
        high: int,
        parts: bool = False,
        velocities: int = 0,
        numbered: bool = False,
    ) -> Scheme:
        """The scheme without merges, for pitches `low`…`high`."""
        return cls(REMI(config(low, high, parts, velocities, numbered)), parts)

    @classmethod
    def read(cls, path: Path) -> Scheme:
        """The scheme that `write` left at `path`. Raises RipienoError."""
        try:
            tokenizer = REMI(params=path)
        except (OSError, ValueError, KeyError) as error:
            raise RipienoError("there is no vocabulary here", where=str(path)) from error
        return cls(tokenizer, tokenizer.config.use_programs)

    def write(self, path: Path) -> None:
        """Keep the scheme in MidiTok's own file."""
        self.tokenizer.save(path)

    def __len__(self) -> int:
        return int(self.tokenizer.vocab_size)

    @cached_property
    def base(self) -> dict[str, int]:
        """Base tokens by their names, TYPE_VALUE."""
        return dict(self.tokenizer.vocab)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the base tokens, by id."""
        return tuple(sorted(self.base, key=self.base.__getitem__))

    def merges(self) -> list[tuple[int, int, int]]:
        """Which two ids become which third one, in the order in which they were learned."""
        if not self.tokenizer.is_trained:
            return []
        told = self.learned()
        ids = told["vocab"]
        pairs = [line.split(" ") if isinstance(line, str) else line for line in told["merges"]]
        return [(ids[left], ids[right], ids[left + right]) for left, right in pairs]

    def learned(self) -> dict[str, Any]:
        """The model of merges as MidiTok keeps it: `vocab` and `merges`, in its own symbols."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "learned.json"
            self.tokenizer.save(path)
            told = json.loads(json.loads(path.read_text(encoding="utf-8"))["_model"])
        return dict(told["model"])

    @cached_property
    def spelled(self) -> tuple[tuple[int, ...], ...]:
        """For each id the base ids that it stands for: itself, or more of them after a merge."""
        own = [(number,) for number in range(len(self.names))]
        words = self.learned()["vocab"] if self.tokenizer.is_trained else {}
        merged = sorted((number, word) for word, number in words.items() if number >= len(own))
        by_symbol = {self.tokenizer._vocab_base_id_to_byte[i]: i for (i,) in own}
        return (*own, *(tuple(by_symbol[s] for s in word) for _, word in merged))

    @cached_property
    def ends_note(self) -> tuple[bool, ...]:
        """For each id whether a note ends with it."""
        return tuple(spelled[-1] in self.lasts for spelled in self.spelled)

    def machines(self, ids: Sequence[int]) -> list[bool]:
        """For each of `ids` whether it helps to tell one of the machine's own notes, or the end."""
        own: list[bool] = []
        theirs, begin = self.base.get("Program_0"), 0
        for place, number in enumerate(ids, 1):
            if self.ends_note[number] or place == len(ids):
                told = any(theirs in self.spelled[each] for each in ids[begin:place])
                own += [not told] * (place - begin)
                begin = place
        return own

    @cached_property
    def bars(self) -> tuple[int, ...]:
        """The ids that tell a bar line, in the order of a part where they are numbered."""
        names = [f"Bar_{place}" for place in range(1, PART + 1)] if self.numbered else [BAR]
        return tuple(self.base[name] for name in names)

    @cached_property
    def pitches(self) -> tuple[int, int]:
        """The ids of the lowest and the highest pitch; those between lie in order."""
        ids = [number for name, number in self.base.items() if name.startswith("Pitch_")]
        return min(ids), max(ids)

    def encode(self, tune: Tune) -> list[int]:
        """The base ids of a tune's notes, bar by bar: no start, no end, nothing told."""
        if not tune.notes:
            return []
        written = self.tokenizer.encode(self.score(tune), encode_ids=False)
        ids = list((written if self.parts else written[0]).ids)
        return self.counted(ids, tune) if self.numbered else ids

    def counted(self, ids: Sequence[int], tune: Tune) -> list[int]:
        """`ids` with the bars of `tune` numbered."""
        place = -1 if 2 * tune.notes[0].onset >= tune.bar else 0
        plain, found = self.base[BAR], []
        for number in ids:
            found.append(self.bars[place % PART] if number == plain else number)
            place += number == plain
        return found

    def merged(self, ids: Sequence[int]) -> list[int]:
        """Base ids with the merges applied, as MidiTok does it, to each note by itself."""
        return [number for group in self.groups(ids) for number in self.merged_group(group)]

    def merged_group(self, group: tuple[int, ...]) -> list[int]:
        """One note's base ids with the merges applied; what was asked before is remembered."""
        if not self.tokenizer.is_trained:
            return list(group)
        if group not in self.known:
            line = TokSequence(ids=list(group))
            self.tokenizer.complete_sequence(line)
            self.tokenizer.encode_token_ids(line)
            self.known[group] = list(line.ids)
        return self.known[group]

    def plain(self, ids: Sequence[int]) -> list[int]:
        """Ids with the merges undone."""
        return [base for number in ids for base in self.spelled[number]]

    def decode(self, ids: Sequence[int]) -> list[Note]:
        """The notes that ids tell; what is not music (start, end, key) is passed over."""
        told = ("PAD", "BOS", "EOS", "Key")
        names = [self.names[base] for base in self.plain(ids)]
        names = [BAR if name.startswith("Bar_") else name for name in names]
        kept = [self.base[name] for name in names if name.split("_")[0] not in told]
        line = TokSequence(ids=kept)
        score = self.tokenizer.decode(line if self.parts else [line])
        unit = score.ticks_per_quarter // 4
        return sorted(
            Note(n.time // unit, t.program, n.pitch, max(1, n.duration // unit), n.velocity)
            for t in score.tracks
            for n in t.notes
        )

    def score(self, tune: Tune) -> Score:
        """A tune as MidiTok reads it, on its own grid."""
        score = Score(4 * TICKS_PER_SIXTEENTH)
        score.time_signatures.append(TimeSignature(0, *tune.meter))
        longest = LONGEST_BEATS * 16 // tune.meter[1]
        for part in sorted({note.part for note in tune.notes}):
            track = Track(str(part), part, False)
            for note in tune.of(part):
                begin, length = note.onset, min(note.duration, longest)
                track.notes.append(
                    Sounded(
                        begin * TICKS_PER_SIXTEENTH,
                        length * TICKS_PER_SIXTEENTH,
                        note.pitch,
                        note.velocity,
                    )
                )
            score.tracks.append(track)
        return score

    def train(self, lines: Sequence[Sequence[int]], size: int) -> None:
        """Learn merges from base ids, until the vocabulary holds `size` tokens.

        They never reach from one note into the next, so that a played note can be told alone.
        """
        symbols = self.tokenizer._vocab_base_id_to_byte
        groups = [group for line in lines for group in self.groups(line)]
        if self.numbered:
            groups = [part for group in groups for part in self.apart(group)]
        words = [["".join(symbols[number] for number in group)] for group in groups]
        self.tokenizer.train(size, model="BPE", iterator=words)
        self.known.clear()
        for name in ("spelled", "ends_note"):
            self.__dict__.pop(name, None)

    def groups(self, ids: Sequence[int]) -> list[tuple[int, ...]]:
        """Base ids cut behind each note: bars, position, part, pitch and duration together."""
        groups: list[tuple[int, ...]] = []
        begin = 0
        for end, number in enumerate(ids, 1):
            if number in self.lasts:
                groups.append(tuple(ids[begin:end]))
                begin = end
        return groups + ([tuple(ids[begin:])] if begin < len(ids) else [])

    def apart(self, group: tuple[int, ...]) -> list[tuple[int, ...]]:
        """A note's ids, and each of the bars that are told before it: a number of the bar merges
        with the metre and no further, else a note would be another one in each bar of a part."""
        begins = [place for place, number in enumerate(group) if number in self.bars]
        places = [0, *begins[1:], begins[-1] + 2, len(group)] if begins else [0, len(group)]
        return [group[begin:end] for begin, end in pairwise(places)]

    @cached_property
    def lasts(self) -> frozenset[int]:
        """The base ids that a note ends with."""
        return frozenset(n for name, n in self.base.items() if name.startswith("Duration_"))


def key_name(fifths: int | None) -> str:
    """The token that tells a key signature, None where it is not known."""
    return f"Key_{'unknown' if fifths is None else fifths}"


def config(low: int, high: int, parts: bool, velocities: int, numbered: bool) -> TokenizerConfig:
    """MidiTok's settings: no rests and no tempo; a metre in each bar; the key at the start."""
    meters: dict[int, list[int]] = {}
    for numerator, denominator in METERS:
        meters.setdefault(denominator, []).append(numerator)
    return TokenizerConfig(
        pitch_range=(low, high),
        beat_res={(0, LONGEST_BEATS): POSITIONS_PER_BEAT},
        special_tokens=["PAD", "BOS", "EOS", *map(key_name, KEYS)],
        use_velocities=bool(velocities),
        num_velocities=velocities or 1,
        use_pitchdrum_tokens=False,
        use_time_signatures=True,
        time_signature_range=meters,
        use_programs=parts,
        programs=[0, 1],
        one_token_stream_for_programs=parts,
        # It is cut into notes here (groups): MidiTok's own cutting would be at bar lines.
        encode_ids_split="no",
        **({NUMBERED: True} if numbered else {}),
    )
