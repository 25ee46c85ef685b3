"""The manifest and the card of a bundle that was made from somebody else's model."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ripieno.errors import BundleError
from ripieno.grammar.tokens.vocabulary import Base, Kind, Scheme, Vocabulary
from ripieno.inference.bundle_graphs import ASIDE
from ripieno.library.importing_graph import LOGITS, TOKENS
from ripieno.library.importing_items import Found, Wish

VOCABULARY, CARD = "vocabulary.json", "CARD.md"
CONTEXT, WHOLE_CONTEXT, LEAST_CONTEXT = 512, 256, 64
"""Positions that a model is given at most, without a cache, and at least."""
_PARTS = {"melody": "soprano", "piano": "bass", "accompaniment": "bass"}
_POLYPHONY = {"melody": 1, "piano": 8, "accompaniment": 8}
_STARTS = ("BOS", "SOS")
_PAD: Base = ("PAD", "None")
_LENGTHS = ("max_position_embeddings", "n_positions", "n_ctx", "max_seq_len")
_LONGEST = 1 << 20


def manifest_text(
    name: str, found: Found, wish: Wish, hashes: Mapping[str, str]
) -> tuple[str, tuple[str, ...]]:
    """The manifest without its list of files, and what the player should know. Raises
    BundleError."""
    known = found.tokenizer.vocabulary
    start, remarks = _start(found)
    context = _context(found, wish)
    lines = [
        "format = 1",
        *(_line(key, value) for key, value in _about(name, found, wish).items()),
        "",
        "[tokens]",
        *(_line(key, value) for key, value in _tokens(found, wish, start).items()),
        *_voice(known, wish),
        *_graph(found, hashes),
        *_tensors(found, context),
        "",
        "[rewind]",
        *(_line(*pair) for pair in _rewind(found, wish, context)),
        "",
        "[training]",
        'data = [{name = "unknown", licence = "unknown", pieces = 0}]',
        'command = "imported by ripieno models import"',
        "seed = 0",
        "minutes = 0.0",
        'machine = "unknown"',
        "",
        "[metrics]",
        f"tokens = {found.shape.size}",
        "",
    ]
    return "\n".join(lines), remarks


def card(name: str, found: Found, remarks: tuple[str, ...]) -> str:
    """What a player reads of the model."""
    kind = _kind(found)
    told = "".join(f"- {remark}\n" for remark in remarks)
    cache = f"{len(found.shape.caches)} tensors, growing" if found.shape.caches else "none"
    return (
        f"# {name}\n\nAn imported model: {kind}, exported to ONNX, with a MidiTok tokenizer "
        f"({found.tokenizer.vocabulary.scheme}).\n\n"
        f"- Tokens: {found.shape.size}\n- Cache: {cache}\n- Licence of its weights: "
        f"{found.licence}\n- Training data: not told\n{told}"
    )


def _line(key: str, value: object) -> str:
    return f"{key} = {json.dumps(value, ensure_ascii=False)}"


def _kind(found: Found) -> str:
    told = found.config.get("model_type")
    return told if isinstance(told, str) and told.isidentifier() else "a causal decoder"


def _about(name: str, found: Found, wish: Wish) -> dict[str, Any]:
    return {
        "name": name,
        "version": "1.0.0",
        "title": f"{name}: {_kind(found)} of event tokens, imported",
        "licence": found.licence,
        "grammar": "tokens",
        "given": "any" if wish.use == "accompaniment" else "none",
    }


def _tokens(found: Found, wish: Wish, start: list[str]) -> dict[str, Any]:
    known = found.tokenizer.vocabulary
    told: dict[str, Any] = {
        "scheme": str(known.scheme),
        "use": wish.use,
        "vocabulary": VOCABULARY,
        "size": found.shape.size,
        "positions_per_beat": known.positions,
        "polyphony": _POLYPHONY[wish.use],
        "start": start,
        "prefix": [],
    }
    return told | _programs(found, wish)


def _programs(found: Found, wish: Wish) -> dict[str, int]:
    """Whose notes have which program. Raises BundleError for one that there is not."""
    there = [program for program in found.tokenizer.programs if program >= 0]
    apart = wish.use == "accompaniment"
    if not there:
        if apart or wish.programs is not None:
            raise BundleError(
                "its tokenizer does not tell instruments apart",
                where=str(found.graph.parent),
                nearest="Import it with --use piano, without programs.",
            )
        return {}
    asked = wish.programs or (there[-1] if apart else there[0], there[0])
    for program in asked:
        if program not in there:
            raise BundleError(
                f"its tokenizer has no program {program}",
                where=str(found.graph.parent),
                allowed=", ".join(map(str, there[:20])) + (" …" if len(there) > 20 else ""),
            )
    if apart and asked[0] == asked[1]:
        raise BundleError(
            f"the player and the machine both have the program {asked[0]}",
            where=str(found.graph.parent),
            nearest="Tell two with --programs PLAYER MACHINE, or import it with --use piano.",
        )
    machine = {"machine_program": asked[1]}
    return machine | {"player_program": asked[0]} if apart else machine


def _start(found: Found) -> tuple[list[str], tuple[str, ...]]:
    """What stands before all music: what the model calls its beginning, as far as it is known."""
    known, remarks = found.tokenizer.vocabulary, tuple[str, ...]()
    begin = _begins(known, found.config.get("bos_token_id"))
    if begin is None:
        begin = next(((kind, "None") for kind in _STARTS if (kind, "None") in known.ids), None)
    if begin is None:
        begin = _PAD if _PAD in known.ids else _silent(known)
        remarks = (f"It has no token for a beginning: it hears {begin[0]} instead.",)
    line = ["_".join(begin)]
    if known.scheme is not Scheme.REMI and ("TimeSig", "4/4") in known.ids:
        line.append("TimeSig_4/4")
    return line, remarks


def _begins(known: Vocabulary, told: object) -> Base | None:
    """The token with the number `told`, if it is one that tells no music."""
    if not isinstance(told, int) or isinstance(told, bool) or not 0 <= told < len(known):
        return None
    token = known.tokens[told]
    special = len(token) == 1 and known.events[token[0]].kind is Kind.OTHER
    return token[0] if special and token[0][1] == "None" else None


def _silent(known: Vocabulary) -> Base:
    """Any token that tells no music. Raises BundleError if there is none."""
    silent = (base for base, event in known.events.items() if event.kind is Kind.OTHER)
    found = next(silent, None)
    if found is None:
        raise BundleError("its tokenizer has no token to begin with", where=known.where)
    return found


def _voice(known: Vocabulary, wish: Wish) -> list[str]:
    kind = Kind.NOTE_ON if known.scheme is Scheme.MIDI_LIKE else Kind.PITCH
    pitches = [event.value for event, _ in known.some(kind)]
    low, high = max(pitches[0], 0), min(pitches[-1], 127)
    voice = {"name": _PARTS[wish.use], "low": low, "high": high}
    return ["", "[[voice]]", *(_line(key, value) for key, value in voice.items())]


def _graph(found: Found, hashes: Mapping[str, str]) -> list[str]:
    graph = {
        "role": "step",
        "precision": found.precision,
        "file": found.graph.name,
        "sha256": hashes[found.graph.name],
        "opset": found.opset,
    }
    return ["", "[[graph]]", *(_line(key, value) for key, value in graph.items())]


def _tensors(found: Found, context: int) -> Iterator[str]:
    tensors: list[tuple[str, dict[str, Any]]] = [
        ("input", {"name": TOKENS, "dtype": "int64", "shape": [1, "chunk"]})
    ]
    for tensor in ASIDE:
        if tensor.name in found.shape.aside:
            shape = list(tensor.shape)
            told = {"name": tensor.name, "dtype": tensor.dtype, "shape": shape}
            tensors.append(("input", told))
    shape = [1, "chunk", found.shape.size]
    tensors.append(("output", {"name": LOGITS, "dtype": "float32", "shape": shape}))
    for pair in found.shape.caches:
        sizes = [1, pair.heads, context, pair.width]
        names = {"past": pair.past, "present": pair.present}
        tensors.append(("cache", names | {"dtype": "float32", "shape": sizes}))
    for table, keys in tensors:
        yield ""
        yield f"[[{table}]]"
        yield from (_line(key, value) for key, value in keys.items())


def _rewind(found: Found, wish: Wish, context: int) -> list[tuple[str, object]]:
    chunk = min(wish.chunk, context)
    return [("kind", "growing"), ("context", context), ("chunk", chunk)]


def _context(found: Found, wish: Wish) -> int:
    """Positions that it is given: as wished, or as it has, within reason. Raises BundleError."""
    told = (found.config.get(key) for key in _LENGTHS)
    lengths = [n for n in told if isinstance(n, int) and not isinstance(n, bool) and n > 0]
    most = min([*lengths, _LONGEST])
    if most < LEAST_CONTEXT:
        raise BundleError(
            f"it can hear {most} tokens at once, which is too few to play with",
            where=str(found.graph.parent),
            allowed=f"{LEAST_CONTEXT} and more",
        )
    if wish.context is not None:
        if not LEAST_CONTEXT <= wish.context <= most:
            raise BundleError(
                f"a context of {wish.context} positions is not for this model",
                where=str(found.graph.parent),
                allowed=f"{LEAST_CONTEXT}…{most}",
            )
        return wish.context
    return min(most, CONTEXT if found.shape.caches else WHOLE_CONTEXT)
