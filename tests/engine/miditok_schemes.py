"""MidiTok's tokenizers, and what the engine makes of their vocabularies."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import miditok
from ripieno.grammar.tokens.vocabulary import Base, Merge, Scheme, Vocabulary
from symusic import Note, Score, TimeSignature, Track

POSITIONS = 4
_CLASSES = {
    Scheme.REMI: miditok.REMI,
    Scheme.TSD: miditok.TSD,
    Scheme.MIDI_LIKE: miditok.MIDILike,
    Scheme.STRUCTURED: miditok.Structured,
}


@dataclass(frozen=True)
class Kit:
    """A tokenizer as MidiTok has it, and as the engine has it."""

    tokenizer: Any
    vocabulary: Vocabulary

    def notes(self, ids: list[int]) -> list[tuple[float, float, int, int, int]]:
        """What MidiTok's own decoding tells: onset and duration in quarters, pitch, velocity,
        program; sorted."""
        one_stream = self.tokenizer.config.one_token_stream_for_programs
        line = miditok.TokSequence(ids=list(ids), are_ids_encoded=self.tokenizer.is_trained)
        score = self.tokenizer.decode(line if one_stream else [line])
        quarter = score.ticks_per_quarter
        return sorted(
            (n.time / quarter, n.duration / quarter, n.pitch, n.velocity, t.program)
            for t in score.tracks
            for n in t.notes
        )


@cache
def kit(
    scheme: Scheme,
    *,
    merges: int = 0,
    velocities: bool = True,
    programs: bool = False,
    meters: bool = False,
) -> Kit:
    """A tokenizer of `scheme`; `merges`: how large BPE makes its vocabulary, 0 for none."""
    config = miditok.TokenizerConfig(
        pitch_range=(48, 84),
        beat_res={(0, 4): POSITIONS},
        special_tokens=["PAD", "BOS", "EOS", "Key_unknown", *(f"Key_{n}" for n in range(-7, 8))],
        num_velocities=4,
        use_velocities=velocities,
        use_time_signatures=meters,
        time_signature_range={4: [3, 4], 8: [6]} if meters else {4: [4]},
        use_programs=programs,
        programs=[0, 1],
        one_token_stream_for_programs=programs,
        use_pitchdrum_tokens=False,
        encode_ids_split="no",
    )
    tokenizer = _CLASSES[scheme](config)
    if merges:
        with tempfile.TemporaryDirectory() as folder:
            tokenizer.train(vocab_size=merges, files_paths=tunes(Path(folder)))
    return Kit(tokenizer, vocabulary_of(tokenizer, scheme))


def vocabulary_of(tokenizer: Any, scheme: Scheme) -> Vocabulary:
    """What a tokenizer's own file says, as the engine reads it."""
    base: dict[int, Base] = {n: _base(name) for name, n in tokenizer.vocab.items()}
    tokens = [[base[number]] for number in range(len(base))]
    merges: list[Merge] = []
    if tokenizer.is_trained:
        with tempfile.TemporaryDirectory() as folder:
            tokenizer.save(Path(folder) / "tokenizer.json")
            saved = json.loads((Path(folder) / "tokenizer.json").read_text())
        model = json.loads(saved["_model"])["model"]
        symbols = {symbol: n for n, symbol in tokenizer._vocab_base_id_to_byte.items()}
        for word, number in sorted(model["vocab"].items(), key=lambda item: item[1]):
            if number >= len(base):
                tokens.append([base[symbols[letter]] for letter in word])
        for pair in model["merges"]:
            left, right = pair if isinstance(pair, list) else pair.split(" ")
            vocab = model["vocab"]
            merges.append(Merge(vocab[left], vocab[right], vocab[left + right]))
    return Vocabulary(scheme, POSITIONS, tokens, merges)


def _base(name: str) -> Base:
    kind, value = name.split("_", 1)
    return kind, value


def tunes(folder: Path) -> list[Path]:
    """A few random tunes for merges to be learned from."""
    paths = []
    for number in range(6):
        score = Score(POSITIONS)
        score.time_signatures.append(TimeSignature(0, 4, 4))
        track = Track("tune", 0, False)
        chance = Random(number)
        for step in range(200):
            pitch, velocity = chance.randint(55, 79), chance.choice((31, 63, 95))
            track.notes.append(Note(step * 2, chance.choice((1, 2, 2, 4)), pitch, velocity))
            if step % 4 == 0:
                track.notes.append(Note(step * 2, 4, chance.randint(48, 54), velocity))
        score.tracks.append(track)
        path = folder / f"{number}.mid"
        score.dump_midi(path)
        paths.append(path)
    return paths
