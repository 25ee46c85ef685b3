"""A MidiTok `tokenizer.json`, read as a stranger's file: a vocabulary that this engine plays.

Neither MidiTok nor the library of its merges is needed for it. What the engine does not play is
refused, or left out for ever, each with a sentence.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ripieno.errors import BundleError
from ripieno.grammar.tokens.vocabulary import Base, Kind, Merge, Scheme, Vocabulary, Words
from ripieno.inference.plain_file import plain_file
from ripieno.library.importing_vocabulary import Config, base_tokens, effective, positions

SCHEMES = {
    "REMI": Scheme.REMI,
    "TSD": Scheme.TSD,
    "MIDILike": Scheme.MIDI_LIKE,
    "Structured": Scheme.STRUCTURED,
}
"""MidiTok's classes that the engine plays."""
WORD: Base = ("Word", "None")
MOST_BYTES = 1 << 25
_UNSPOKEN = {
    "use_chords": "names of chords",
    "use_rests": "rests of their own",
    "use_tempos": "tempos",
    "use_key_signatures": "key signatures",
    "use_sustain_pedals": "pedals",
    "use_pitch_bends": "pitch bends",
    "use_control_changes": "controllers",
    "use_pitch_intervals": "intervals instead of pitches",
}
"""What a tokenizer may tell, and the engine never does."""


@dataclass(frozen=True, slots=True)
class Tokenizer:
    """What a tokenizer's file says. `remarks`: what is not played as it was trained, in sentences;
    `programs`: those that it tells, -1 for drums."""

    vocabulary: Vocabulary
    remarks: tuple[str, ...]
    programs: tuple[int, ...]


def read_tokenizer(path: Path, size: int) -> Tokenizer:
    """The tokenizer at `path` for a model that knows `size` tokens. Raises BundleError."""
    plain_file(path, MOST_BYTES)
    told = _json(path)
    name = told.get("tokenization")
    if not isinstance(name, str) or not isinstance(told.get("config"), dict):
        raise BundleError(
            "this is not a tokenizer that MidiTok has saved",
            where=str(path),
            allowed="a tokenizer.json with 'tokenization' and 'config' in it, of MidiTok 3",
            nearest="With tokenizer.save(path) MidiTok writes one.",
        )
    if name not in SCHEMES:
        raise BundleError(
            f"the tokenizer is of the kind {name[:40]!r}, which is not played here",
            where=str(path),
            allowed=", ".join(SCHEMES),
        )
    try:
        return _read(path, told, SCHEMES[name], size)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, IndexError) as error:
        what = f"the tokenizer's configuration is not whole ({type(error).__name__}: {error})"
        raise BundleError(what[:300], where=str(path), allowed="what MidiTok 3 saves") from None


def _json(path: Path) -> dict[str, Any]:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        raise BundleError(
            "the tokenizer cannot be read", where=str(path), allowed="JSON, as MidiTok saves it"
        ) from None
    return told if isinstance(told, dict) else {}


def _read(path: Path, told: Mapping[str, Any], scheme: Scheme, size: int) -> Tokenizer:
    config = effective(told["config"], scheme)
    for what, nearest in _refusals(config, scheme):
        raise BundleError(what, where=str(path), nearest=nearest)
    words, merges = Words.NONE, list[Merge]()
    if "_model" in told:
        tokens, merges, words = _trained(path, told, config)
    else:
        version = _version(told.get("miditok_version"))
        tokens = [(_base(name),) for name in base_tokens(config, scheme, version)]
    if len(tokens) > size:
        raise BundleError(
            f"the tokenizer has {len(tokens)} tokens, and the model knows {size}",
            where=str(path),
            nearest="It belongs to another model: take the one that this model was trained with.",
        )
    remarks = list(_remarks(config, scheme, words))
    if len(tokens) < size:
        count = size - len(tokens)
        remarks.append(f"The model knows {count} tokens that the tokenizer has not: left out.")
        tokens += [(("PAD", f"unused-{number}"),) for number in range(count)]
    known = Vocabulary(scheme, positions(config), tokens, merges, words=words, where=str(path))
    programs = tuple(event.value for event, _ in known.some(Kind.PROGRAM))
    return Tokenizer(known, tuple(remarks), programs)


def _refusals(config: Config, scheme: Scheme) -> Iterator[tuple[str, str]]:
    """What cannot be played, and what to do about it."""
    again = "A model with another tokenizer is needed."
    if config.get("additional_params", {}).get("max_bar_embedding") is not None:
        yield "the tokenizer numbers its bars (max_bar_embedding), which do not begin again", again
    programs = config.get("use_programs")
    if programs and config.get("program_changes"):
        yield "the tokenizer tells programs where they change, not with each note", again
    if programs and scheme is Scheme.MIDI_LIKE:
        yield "a MIDI-like tokenizer with programs is not played here", again
    if scheme is not Scheme.MIDI_LIKE:
        lasting = {int(number) for number in config.get("use_note_duration_programs", [0])}
        if 0 not in lasting and not (programs and lasting):
            yield "the tokenizer tells no durations of notes", again
    elif not config.get("use_note_duration_programs", True):
        yield "the tokenizer tells no ends of notes", again


def _remarks(config: Config, scheme: Scheme, words: Words) -> Iterator[str]:
    """What is not as in training."""
    unspoken = [what for key, what in _UNSPOKEN.items() if config.get(key)]
    if unspoken:
        yield f"It also tells {', '.join(unspoken)}: these are left out here."
    if config.get("use_time_signatures") and scheme is not Scheme.REMI:
        yield "It is told that everything is in 4/4: only REMI tells each bar's metre."
    if words is not Words.NONE:
        yield f"Its merges reach over notes, inside a {words}; a player's note is told by itself."


def _version(told: object) -> tuple[int, ...]:
    """Of the MidiTok that wrote the file; where it does not say, a late one."""
    parts = told.split(".") if isinstance(told, str) else []
    return tuple(int(part) for part in parts[:3] if part.isdigit()) or (3, 1, 0)


def _base(name: str) -> Base:
    kind, _, value = name.partition("_")
    return kind, value or "None"


# ---- merges


def _trained(
    path: Path, told: Mapping[str, Any], config: Config
) -> tuple[list[tuple[Base, ...]], list[Merge], Words]:
    """The tokens of each id, the merges, and where words begin."""
    whole = json.loads(told["_model"])
    model = whole["model"]
    if model["type"] != "BPE":
        raise BundleError(
            f"the tokenizer was trained as {str(model['type'])[:40]!r}",
            where=str(path),
            allowed="BPE, or a tokenizer without training",
        )
    spelled = {letter: _base(name) for letter, name in told["_vocab_base_byte_to_token"].items()}
    marks, words = _marks(whole, config)
    spelled |= dict.fromkeys(marks, WORD)
    numbers: dict[str, int] = dict(model["vocab"])
    for added in whole.get("added_tokens") or ():
        numbers.setdefault(added["content"], added["id"])
    if sorted(numbers.values()) != list(range(len(numbers))):
        raise ValueError("its ids have gaps")
    line = sorted(numbers, key=lambda word: numbers[word])
    tokens = [tuple(spelled[letter] for letter in word) for word in line]
    merges = [_merge(pair, numbers) for pair in model["merges"]]
    return tokens, merges, words


def _marks(whole: Mapping[str, Any], config: Config) -> tuple[Sequence[str], Words]:
    """What stands before the first letter of a word, and where words begin."""
    before = whole.get("pre_tokenizer")
    if before is None:
        return (), Words.NONE
    if before["type"] != "Metaspace" or len(before["replacement"]) != 1:
        raise ValueError(f"its words are split by {str(before['type'])[:40]}")
    return (before["replacement"],), Words(config.get("encode_ids_split", "bar"))


def _merge(pair: Any, numbers: Mapping[str, int]) -> Merge:
    left, right = pair if isinstance(pair, list) else pair.split(" ")
    return Merge(numbers[left], numbers[right], numbers[left + right])
