"""What a manifest tells of a model of event tokens, and its vocabulary. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ripieno.errors import BundleError
from ripieno.grammar.grid import VOICES
from ripieno.grammar.tokens.vocabulary import LARGEST, Kind, Scheme, Vocabulary
from ripieno.inference.bundle_graphs import COUNTS, Rewind, Tensor, growing_input, tensors
from ripieno.inference.bundle_music import Music, voices_of
from ripieno.inference.manifest_table import Table, shown
from ripieno.inference.plain_file import plain_file

TOKENS = "tokens"
SPEC = "spec"
"""Under this key of `Manifest.own` lies the `Spec`."""
USES = ("melody", "piano", "accompaniment")
MOST_NOTES = 16
CONTROLS = ("Key", "Meter")
UNKNOWN = "unknown"
_INTEGERS, _FLOATS = "int64", "float32"
_LARGEST_FILE = 1 << 25


@dataclass(frozen=True, slots=True)
class Spec:
    """The table `[tokens]`: see docs/bundles.md.

    `part` 0…3 is the voice whose strip, channel and range the machine's notes have; at most
    `polyphony` of them sound at once. `programs`: the player's and the machine's, where the
    vocabulary tells them; but for an accompaniment, both are the same.
    """

    scheme: Scheme
    use: str
    vocabulary: str
    size: int
    positions: int
    polyphony: int
    start: tuple[str, ...]
    prefix: tuple[str, ...]
    programs: tuple[int, int] | None
    part: int


def tokens_music(table: Table, rewind: Rewind) -> Music:
    """What goes in and comes out of a model of event tokens. Raises BundleError."""
    told = table.table(TOKENS)
    voices = voices_of(table)
    if len(voices) != 1:
        raise table.error("voice", f"names {len(voices)} voices", "one, where the machine plays")
    part = VOICES.index(voices[0].name)
    spec = _spec(told, part)
    told.end()
    if rewind is Rewind.FRAMES:
        raise table.error("rewind.per", "is 'frame'", f"'{Rewind.DECISIONS.value}'")
    if rewind is Rewind.BLOCKS:
        raise table.error("rewind.kind", "is 'block'", "snapshot, length or growing")
    fixed = rewind is Rewind.SNAPSHOT
    shape: tuple[int | str, ...] = (1, 1) if fixed else (1, "chunk")
    out: tuple[int | str, ...] = (1, spec.size) if fixed else (1, "chunk", spec.size)
    counts = () if fixed else COUNTS
    if rewind is Rewind.GROWING:
        rows = growing_input(table)
    else:
        rows = tensors(table, "input", Tensor("tokens", _INTEGERS, shape), *counts)[0]
    logits = tensors(table, "output", Tensor("logits", _FLOATS, out))[0]
    return Music((part,), voices, rows, logits, {SPEC: spec})


def vocabulary(folder: Path, spec: Spec) -> Vocabulary:
    """The vocabulary in the bundle `folder`, held against what the manifest says of it. Raises
    BundleError."""
    path = folder / spec.vocabulary
    plain_file(path, _LARGEST_FILE)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BundleError(f"the vocabulary cannot be read ({error})", where=str(path)) from None
    found = Vocabulary.read(text, spec.scheme, spec.positions, where=str(path))
    if len(found) != spec.size:
        told = f"the model knows {spec.size} tokens, and the vocabulary {len(found)}"
        raise BundleError(told, where=str(path), nearest="Export the bundle again.")
    for name in spec.start:
        _need(found, name, path)
    for control in spec.prefix:
        _need(found, f"{control}_{UNKNOWN}", path)
    for program in spec.programs or ():
        _need(found, f"{Kind.PROGRAM.value}_{program}", path)
    return found


def _need(found: Vocabulary, name: str, path: Path) -> None:
    kind, _, value = name.partition("_")
    if (kind, value) not in found.ids:
        raise BundleError(f"the vocabulary has no {name!r}, which the model needs", where=str(path))


def _spec(told: Table, part: int) -> Spec:
    use = told.one_of("use", USES)
    polyphony = told.whole("polyphony", 1, MOST_NOTES)
    if use == USES[0] and polyphony != 1:
        raise told.error("polyphony", f"is {polyphony}", "1 for a melody")
    start, prefix = told.texts("start"), told.texts("prefix")
    if not start:
        raise told.error("start", "is empty", "one base token or more, such as 'BOS_None'")
    if not set(prefix) <= set(CONTROLS):
        raise told.error("prefix", f"is {shown(list(prefix))}", ", ".join(CONTROLS))
    programs = None
    if use == USES[2]:
        programs = tuple(told.whole(f"{who}_program", -1, 127) for who in ("player", "machine"))
        if programs[0] == programs[1]:
            raise told.error("machine_program", f"is {programs[1]}", "another than the player's")
    elif told.has("machine_program"):
        programs = (told.whole("machine_program", -1, 127),) * 2
    return Spec(
        scheme=Scheme(told.one_of("scheme", tuple(Scheme))),
        use=use,
        vocabulary=told.file("vocabulary"),
        size=told.whole("size", 1, LARGEST),
        positions=told.whole("positions_per_beat", 1, 96),
        polyphony=polyphony,
        start=start,
        prefix=prefix,
        programs=None if programs is None else (programs[0], programs[1]),
        part=part,
    )
