"""What each rule of the engine, and each term of the note sampler, is worth: a bundle writes the
same pieces with all of them, and with each of them off in turn.

Every condition has the same forms and the same chance, so a condition differs from the whole piece
by piece, and the interval is that of the differences.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tomlkit
from ripieno.clock import Beats
from ripieno.errors import RipienoError, SettingError
from ripieno.grammar.grid import HIGHEST, LOWEST, VOICES
from ripieno.inference import note_sampler
from ripieno.inference.bundle import check
from ripieno.inference.grammars import player_of
from ripieno.inference.opening import open_model
from ripieno.settings import Key, Rules, Strength

from ripieno_models import waiting
from ripieno_models.bundle_files import digest
from ripieno_models.corpora import Corpus
from ripieno_models.harness.compare import told_of
from ripieno_models.harness.intervals import bootstrap, mean
from ripieno_models.harness.kit import CHORALES
from ripieno_models.piece import Piece, Split
from ripieno_models.played import played, regular

FORMAT = 1
GRAMMARS = ("grid", "blocks")
"""Of bundles that write in four voices under the engine's rules."""
CANDIDATES = 20
"""Chords that the note sampler chooses from."""
WHOLE = "whole"
"""The condition that the others are held against."""
Results = dict[str, Any]

OFF: Mapping[str, Mapping[str, Any]] = {
    "voice_range": {"ranges": ((LOWEST, HIGHEST),) * len(VOICES)},
    "largest_leap": {"max_leap": 24},
    "crossing": {"crossing": Strength.OFF},
    "parallels": {"parallels": Strength.OFF},
    "spacing": {"spacing": Strength.OFF},
    "no_endless_rest": {"longest_rest": Beats(16.0)},
    "no_endless_loop": {"longest_loop": 16},
}
"""Each rule as loose as the engine lets it be, by its name there. Two cannot be switched off
whole: a leap is never larger than two octaves, a rest never longer than four bars."""
FREE = replace(Rules(), **{name: value for each in OFF.values() for name, value in each.items()})
LOCKED = Rules(key=Key(0, "major"), key_lock=Strength.HARD)
"""Only notes of the key, which each form tells."""


@dataclass(frozen=True, slots=True)
class Condition:
    """How pieces are written: under which `rules`, from how many `candidates`, and with which
    `weights` of the note sampler's terms; None: as the bundle has them."""

    name: str
    rules: Rules
    candidates: int = 1
    weights: tuple[float, ...] | None = None


def constraints() -> list[Condition]:
    """The engine's rules by default, each of them off, all of them off, and the lock of the key,
    which is off by default, on."""
    whole = Rules()
    single = [Condition(f"without {name}", replace(whole, **off)) for name, off in OFF.items()]
    return [
        Condition(WHOLE, whole),
        *single,
        Condition("without all of them", FREE),
        Condition("with key_lock", LOCKED),
    ]


def sampler(bundle: Path) -> list[Condition]:
    """All terms of the bundle's note sampler, each of them off, all of them off, and one candidate;
    no rule of the engine's does what a term does. Raises BundleError, SettingError."""
    if not (bundle / note_sampler.FILE).exists():
        raise SettingError(
            f"{bundle.name} has no note sampler",
            where=str(bundle),
            allowed=f"a bundle with {note_sampler.FILE}: of a smaller family, or of blocks",
        )
    weights = note_sampler.load(bundle).weights
    found = [Condition(WHOLE, FREE, CANDIDATES)]
    for number, term in enumerate(note_sampler.TERMS):
        left = tuple(0.0 if at == number else weight for at, weight in enumerate(weights))
        found.append(Condition(f"without {term.__name__}", FREE, CANDIDATES, left))
    nothing = (0.0,) * len(weights)
    found.append(Condition("without all of them", FREE, CANDIDATES, nothing))
    return [*found, Condition("one candidate", FREE, 1)]


def ablated(
    bundle: Path, what: str, corpus: Corpus, split: Split, pieces: int, seed: int
) -> Results:
    """Have `bundle` write `pieces` pieces under each condition of `what`, "constraints" or
    "sampler". Raises RipienoError where it cannot write such pieces, or there are no forms."""
    manifest = check(bundle)
    if manifest.grammar not in GRAMMARS:
        raise SettingError(
            f"{manifest.name} plays another grammar ({manifest.grammar})",
            where=str(bundle),
            allowed="a bundle of four voices: " + ", ".join(GRAMMARS),
        )
    held = regular(corpus.of(split))[:pieces]
    if len(held) < 2:
        raise RipienoError(f"{len(held)} {split} pieces", where=corpus.name, allowed="2 or more")
    conditions = constraints() if what == "constraints" else sampler(bundle)
    rows: list[Results] = []
    whole: list[Piece] = []
    for condition in conditions:
        music = written(bundle, condition, held, seed)
        whole = whole or music
        rows.append(row(condition, music, whole, held, seed))
    return {
        "format": FORMAT,
        "what": what,
        "bundle": manifest.name,
        "corpus": corpus.name,
        "split": split.value,
        "pieces": len(held),
        "seed": seed,
        "measures": {name: label for name, (label, _) in CHORALES.measures.items()},
        "real": told_of("held-out pieces", held, held, seed=seed)["measures"],
        "rows": rows,
    }


def written(bundle: Path, condition: Condition, held: Sequence[Piece], seed: int) -> list[Piece]:
    """A piece for each form, by the engine itself."""
    with reweighed(bundle, condition.weights) as folder:
        player = player_of(open_model(check(folder)))
        found = []
        for number, form in enumerate(waiting.each(held, f"Writing: {condition.name}")):
            player.reset()
            found.append(played(player, form, condition.rules, condition.candidates, seed + number))
    return found


def row(
    condition: Condition,
    music: Sequence[Piece],
    whole: Sequence[Piece],
    held: Sequence[Piece],
    seed: int,
) -> Results:
    """What is counted under one condition, and how it differs from the whole piece by piece."""
    told = told_of(condition.name, music, held, seed=seed)
    told["differences"] = {
        name: asdict(bootstrap(apart(music, whole, name), mean, seed)) for name in CHORALES.measures
    }
    told["candidates"] = condition.candidates
    return told


def apart(music: Sequence[Piece], whole: Sequence[Piece], measure: str) -> list[float]:
    """By how much each piece has more of a measure than the same one of the whole."""
    _, count = CHORALES.measures[measure]
    return [count(one) - count(other) for one, other in zip(music, whole, strict=True)]


@contextmanager
def reweighed(bundle: Path, weights: tuple[float, ...] | None) -> Iterator[Path]:
    """The folder of a copy of `bundle` whose note sampler has these `weights`; the bundle itself
    where they are None."""
    if weights is None:
        yield bundle
        return
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, bundle.name)
        shutil.copytree(bundle, folder)
        tables = folder / note_sampler.FILE
        with np.load(tables) as file:
            told = {name: file[name] for name in file.files}
        told["weights"] = np.array(weights, np.float32)
        np.savez_compressed(tables, **told)
        manifest = folder / "manifest.toml"
        document = tomlkit.parse(manifest.read_text(encoding="utf-8"))
        for file in document["file"]:
            if file["name"] == note_sampler.FILE:
                file["sha256"] = digest(tables)
        manifest.write_text(tomlkit.dumps(document), encoding="utf-8")
        yield folder
