"""The bundle of a tuned model: the shipped one's manifest, with other weights and other figures."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit
from ripieno.errors import BundleError
from ripieno.inference.bundle import MANIFEST, check
from tomlkit.items import AoT

from ripieno_models import export, export_framed
from ripieno_models.bundle_files import THEN, Checked, digest, in_one_line
from ripieno_models.corpora import OWNER
from ripieno_models.dataset import whole
from ripieno_models.families.chorale_transformer import ChoraleTransformer
from ripieno_models.tokens import export as token_export
from ripieno_models.train_keeping import put_folder
from ripieno_models.tune_bundle import REFERENCE, Shipped
from ripieno_models.tune_learning import Tuned

CARD = "CARD.md"
SAMPLES = ("before.mid", "after.mid")
TEXT = """\
# {name}

`{before}`, tuned on a player's own music: {data}. Everything else of it, and what it does badly, is
as `{before}`'s card says.

| {unit} | as it shipped | tuned |
|---|---|---|
{rows}

Tuned in {minutes:.1f} minutes; {way} did best on the pieces that it was chosen by ({ways}). The
held-out pieces were neither learned nor chosen by. `before.mid` and `after.mid` were written in the
metre and key of a held-out piece, at temperature 1, without the engine's rules.

The weights belong to what they were made of: the shipped ones are under {licence}, and what they
have learned since is as the owner of the files says.
"""


@dataclass(frozen=True, slots=True)
class Told:
    """What came of it, after `learned` pieces.

    `ways`: by way, on the pieces to choose by; `own`: the player's held-out pieces; `style`: pieces
    of what the model had learned from before, None where there are none.
    """

    way: str
    unit: str
    ways: dict[str, float]
    minutes: float
    chosen_by_before: float
    chosen_by_after: float
    learned: int
    own_before: float
    own_after: float
    own_pieces: int
    style_before: float | None
    style_after: float | None
    style_pieces: int

    def rows(self) -> list[str]:
        """Before and after as rows of a table."""
        told = [(f"your {self.own_pieces} held-out pieces", self.own_before, self.own_after)]
        if self.style_before is not None and self.style_after is not None:
            label = f"{self.style_pieces} pieces of the style that it came with"
            told.append((label, self.style_before, self.style_after))
        return [f"| {label} | {before:.4f} | {after:.4f} |" for label, before, after in told]


def write(
    shipped: Shipped,
    tuned: Tuned,
    told: Told,
    name: str,
    data: str,
    checked_on: Sequence[Any],
    folder: Path,
) -> Path:
    """Write the bundle `name` to `folder`, all of it checked before it is put there.

    `checked_on`: pieces on which its graphs are held against torch, and 8 bits against 32. Raises
    RipienoError.
    """
    with tempfile.TemporaryDirectory() as place:
        made = Path(place, name)
        made.mkdir()
        graphs, checked = write_graphs(shipped, tuned, checked_on, made)
        listed = {graph.file for graph in shipped.manifest.graphs}
        for path in made.glob("*.onnx"):
            if path.name not in listed:
                path.unlink()
        if listed - graphs:
            missing = ", ".join(sorted(listed - graphs))
            raise BundleError(f"{missing} cannot be written anew", where=str(folder))
        copy_kept(shipped, made)
        for sample in SAMPLES:
            if (folder / sample).exists():
                shutil.copy(folder / sample, made / sample)
        (made / CARD).write_text(card(shipped, told, name, data), encoding="utf-8")
        manifest = manifest_of(shipped, told, checked, name, data, made)
        (made / MANIFEST).write_text(manifest, encoding="utf-8")
        check(made)
        return put_folder(made, folder / name)


def write_graphs(
    shipped: Shipped, tuned: Tuned, pieces: Sequence[Any], made: Path
) -> tuple[set[str], Checked]:
    """The graphs and the reference of a tuned model. Raises BundleError where they are not it."""
    model = tuned.model
    if shipped.scheme is not None:
        lines = token_export.lines_of(
            [replaced(piece) for piece in pieces], shipped.scheme, shipped.options
        )
        layout, checked = token_export.write_graphs(model, made, lines)
        token_export.write_reference(model, lines[0], made / REFERENCE)
        return {file for _, _, file in layout.graphs}, checked
    valid = whole(pieces, batch=1)
    if isinstance(model, ChoraleTransformer):
        export_framed.write_graphs(model, shipped.options, made)
        checked = export_framed.gate(model, made, valid)
    else:
        fp32, int8 = made / export.FP32, made / export.INT8
        export.write_graphs(model, shipped.options, fp32, int8)
        checked = export.gate(model, fp32, int8, valid)
    export.write_reference(model, valid, made / REFERENCE)
    return {path.name for path in made.glob("*.onnx")}, checked


def replaced(piece: Any) -> Any:
    """A piece as the exporter looks for it."""
    from dataclasses import replace

    from ripieno_models.piece import Split

    return replace(piece, split=Split.VALID)


def copy_kept(shipped: Shipped, made: Path) -> None:
    """Copy what is the same for the tuned model: its vocabulary, statistics, and the like."""
    for extra in shipped.manifest.files:
        if extra.name.endswith((".json", ".npz")) and extra.name != REFERENCE:
            shutil.copy(shipped.manifest.folder / extra.name, made / extra.name)


def card(shipped: Shipped, told: Told, name: str, data: str) -> str:
    """What the bundle tells people."""
    return TEXT.format(
        name=name,
        before=shipped.manifest.name,
        data=f"`{data}`",
        unit=told.unit,
        rows="\n".join(told.rows()),
        minutes=told.minutes,
        way=told.way,
        ways=", ".join(f"{way} {nll:.4f}" for way, nll in told.ways.items()),
        licence=shipped.manifest.licence,
    )


def manifest_of(
    shipped: Shipped, told: Told, checked: Checked, name: str, data: str, made: Path
) -> str:
    """The shipped manifest with what is other now."""
    before = shipped.manifest
    top = tomlkit.parse((before.folder / MANIFEST).read_text(encoding="utf-8"))
    top["name"], top["title"] = name, f"{before.title}, tuned"
    top["licence"] = f"{before.licence}; what it was tuned on: {OWNER}"
    graphs = top["graph"]
    assert isinstance(graphs, AoT)
    for graph in graphs:
        graph["sha256"] = digest(made / str(graph["file"]))
    training: Any = top["training"]
    used: Any = training["data"]
    used.append({"name": f"a player's own ({data})", "licence": OWNER, "pieces": told.learned})
    command = f"ripieno-models tune {before.name} --data {data} --name {name}"
    training["command"] = in_one_line([*before.training.command.split(THEN), command])
    training["minutes"] = round(before.training.minutes + told.minutes, 1)
    metrics = {
        "nll_own_before": told.own_before,
        "nll_own_after": told.own_after,
        "nll_style_before": told.style_before,
        "nll_style_after": told.style_after,
        "largest_logit_difference": checked.difference,
        "int8_loss_percent": 100 * checked.loss,
    }
    top["metrics"] = {key: round(v, 6) for key, v in metrics.items() if v is not None}
    others = [path for path in sorted(made.iterdir()) if path.suffix not in (".onnx", ".toml")]
    files = tomlkit.aot()
    for path in others:
        files.append(tomlkit.item({"name": path.name, "sha256": digest(path)}))
    top["file"] = files
    return tomlkit.dumps(top)
