"""The folder of a bundle: graphs, manifest and card, written in one go."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import tomlkit
from ripieno.grammar.grid import FEATURES, HIGHEST, LOWEST, STEPS_PER_BEAT, VOCABULARY, VOICES
from ripieno.inference.manifest_table import LONGEST_TEXT
from tomlkit.items import AoT, Table

from ripieno_models import card, family_card, report
from ripieno_models.card_parts import runs_before
from ripieno_models.pictures import ROLLS
from ripieno_models.piece import RANGES
from ripieno_models.runs import JUDGEMENT, RECORD, SAMPLES, read
from ripieno_models.train_keeping import put_folder

VERSION = "1.0.0"
THEN = " && "
"""Between commands that were run one after the other."""
TITLE = "Bach chorales in four voices"
ORDER = ("soprano", "bass", "alto", "tenor")
"""The order of decisions with the fewest crossings; see the card."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What the gate measured: largest |difference| of logits in fp32, nats per decision of both."""

    difference: float
    nll_fp32: float
    nll_int8: float

    @property
    def loss(self) -> float:
        """How much worse int8 is than fp32, as a share."""
        return self.nll_int8 / self.nll_fp32 - 1


@dataclass(frozen=True, slots=True)
class Layout:
    """What the manifest tells of the graphs: `graphs` as (role, precision, file), the tables of
    `tensors` by their keys in the manifest, and how the state is rewound."""

    graphs: tuple[tuple[str, str, str], ...]
    tensors: dict[str, list[dict[str, Any]]]
    rewind: dict[str, Any]


@dataclass(frozen=True, slots=True)
class About:
    """What a manifest tells of a model beside its graphs: the table `rules` of its `grammar`, whom
    it hears (`given`, `heard`), its voices, and in which `unit` its figures are."""

    name: str
    title: str
    grammar: str
    rules: Table
    voices: list[dict[str, Any]]
    unit: str
    given: str = "any"
    heard: str = "which voices a player may give"


def write(
    run: Path,
    layout: Layout,
    told: dict[str, float],
    checked: Checked,
    made: Path,
    zoo: Path,
) -> Path:
    """Add card, picture and manifest to the graphs of the grid in `made`, and put it in the zoo."""
    record = read(run, RECORD)
    metrics = {**told, "largest_logit_difference": checked.difference}
    if any(precision == "int8" for _, precision, _ in layout.graphs):
        metrics["nll_valid_natural_int8"] = checked.nll_int8
        metrics["int8_loss_percent"] = 100 * checked.loss
    if record["family"] in family_card.ABOUT:
        words = family_card.text(record, metrics)
    else:
        words = card.text(record, metrics, read(run, SAMPLES), read(run, JUDGEMENT))
    decorate(run, made, report.GRID, words)
    unit = "nll: nats per decision, each told in CARD.md"
    about = About(record["family"], TITLE, "grid", grid(), voices(), unit)
    return put(run, about, layout, metrics, made, zoo)


def decorate(run: Path, made: Path, curves: report.Curves, words: str) -> None:
    """Add what is for people to `made`: the card's `words`, the curves, and samples of the run with
    their picture where there are any."""
    shutil.copy(curves.draw(run), made / "curves.svg")
    for path in (*sorted(run.glob("sample-*.mid")), run / ROLLS):
        if path.exists():
            shutil.copy(path, made / path.name)
    (made / "CARD.md").write_text(words, encoding="utf-8")


def put(
    run: Path, about: About, layout: Layout, metrics: dict[str, float], made: Path, zoo: Path
) -> Path:
    """Write the manifest of the files in `made`, and put all of them in the zoo."""
    manifest = tomlkit.dumps(manifest_of(about, layout, read(run, RECORD), metrics, made))
    (made / "manifest.toml").write_text(manifest, encoding="utf-8")
    return put_folder(made, zoo / about.name)


def manifest_of(
    about: About, layout: Layout, record: dict[str, Any], metrics: dict[str, float], made: Path
) -> tomlkit.TOMLDocument:
    """The manifest of the files in `made`."""
    top = tomlkit.document()
    top.add(tomlkit.comment("What the engine must know of this model; it checks all of it."))
    for name, value, comment in (
        ("format", 1, "of this manifest"),
        ("name", about.name, None),
        ("version", VERSION, None),
        ("title", about.title, None),
        ("licence", "Apache-2.0", "of the weights"),
        ("grammar", about.grammar, "how tokens become music"),
        ("given", about.given, about.heard),
    ):
        top.add(name, commented(value, comment))
    top.add(about.grammar, about.rules)
    top.add("voice", tables(about.voices))
    top.add("graph", tables(graphs(layout, made)))
    for name, rows in layout.tensors.items():
        top.add(name, tables(rows))
    top.add("rewind", table(layout.rewind))
    top.add("training", training(record))
    top.add("metrics", table({name: round(value, 6) for name, value in metrics.items()}))
    top["metrics"].comment(about.unit)
    others = [p for p in sorted(made.iterdir()) if p.suffix not in (".onnx", ".toml")]
    top.add("file", tables([{"name": p.name, "sha256": digest(p)} for p in others]))
    return top


def grid() -> Table:
    return table(
        {
            "steps_per_beat": STEPS_PER_BEAT,
            "lowest": LOWEST,
            "highest": HIGHEST,
            "vocabulary": VOCABULARY,
            "order": list(ORDER),
            "features": [feature.name for feature in FEATURES],
        },
        steps_per_beat="a step is a sixteenth",
        lowest="MIDI numbers",
        vocabulary="hold, rest, and the pitches",
        order="in which the voices decide, where no voice is given",
    )


def voices() -> list[dict[str, Any]]:
    pairs = zip(VOICES, RANGES, strict=True)
    return [{"name": name, "low": low, "high": high} for name, (low, high) in pairs]


def graphs(layout: Layout, made: Path) -> list[dict[str, Any]]:
    return [
        {
            "role": role,
            "precision": precision,
            "file": file,
            "sha256": digest(made / file),
            "opset": opset_of(made / file),
        }
        for role, precision, file in layout.graphs
    ]


def opset_of(path: Path) -> int:
    """The version of the standard operators that a graph asks for."""
    import onnx

    graph = onnx.load(path, load_external_data=False)
    return next(int(o.version) for o in graph.opset_import if o.domain in ("", "ai.onnx"))


def tensor(name: str, dtype: str, shape: list[int | str]) -> dict[str, Any]:
    """A tensor; a size that may vary is told by a word."""
    return {"name": name, "dtype": dtype, "shape": shape}


def training(record: dict[str, Any]) -> Table:
    pieces = record["pieces"]["train"]
    used = [{"name": record["data"], "licence": record["licence"], "pieces": pieces}]
    runs = runs_before(record)
    used += [run["also"] for run in runs if run.get("also")]
    return table(
        {
            "data": used,
            "command": in_one_line([run["command"] for run in runs]),
            "seed": record["options"]["seed"],
            "minutes": round(sum(run["minutes"] for run in runs), 1),
            "machine": record["machine"],
        },
        command="see CARD.md",
    )


def in_one_line(commands: Sequence[str]) -> str:
    """Commands that were run one after the other, as a manifest tells them: the first and as many
    of the last as there is room for, with `…` for what is left out; the card tells all."""
    first, rest = commands[0], list(commands[1:])
    told = THEN.join(commands)
    while len(told) > LONGEST_TEXT and len(rest) > 1:
        del rest[0]
        told = THEN.join((first, "…", *rest))
    return told


def table(values: dict[str, Any], **comments: str) -> Table:
    made = tomlkit.table()
    for name, value in values.items():
        made.add(name, commented(value, comments.get(name)))
    return made


def tables(rows: list[dict[str, Any]]) -> AoT:
    made = tomlkit.aot()
    for row in rows:
        made.append(table(row))
    return made


def commented(value: Any, comment: str | None) -> Any:
    item = tomlkit.item(value)
    return item.comment(comment) if comment else item


def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    return sha256(path.read_bytes()).hexdigest()
