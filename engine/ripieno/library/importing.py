"""A model as others export it, made into a bundle: a folder with an ONNX graph and a tokenizer.

What Hugging Face's optimum writes for a causal decoder, with its cache or without, and MidiTok's
`tokenizer.json`. The graph is read, not run; it goes into the bundle as it is.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from ripieno.errors import BundleError
from ripieno.inference.bundle import MANIFEST, check
from ripieno.inference.graph_file import STANDARD, Contents, contents
from ripieno.inference.manifest_table import shown
from ripieno.inference.plain_file import LARGEST, plain_file
from ripieno.library.importing_graph import shape_of
from ripieno.library.importing_items import USES, Found, Imported, Wish
from ripieno.library.importing_manifest import CARD, VOCABULARY, card, manifest_text
from ripieno.library.importing_tokenizer import read_tokenizer

GRAPHS = (
    "model.onnx",
    "decoder_model_merged.onnx",
    "decoder_with_past_model.onnx",
    "decoder_model.onnx",
    "model_quantized.onnx",
)
"""What optimum calls a decoder's graph, the best to have first."""
TOKENIZER = "tokenizer.json"
_LONGEST_CONFIG = 1 << 20
_QUANTISED = ("MatMulInteger", "DynamicQuantizeMatMul", "QLinearMatMul", "DynamicQuantizeLinear")


def take_in(source: Path, target: Path, wish: Wish) -> Imported:
    """Make the model in the folder `source` a bundle in the folder `target`, which is empty.

    Raises BundleError.
    """
    if wish.use not in USES:
        raise BundleError(f"{wish.use!r} is no use of a model", allowed=", ".join(USES))
    found, remarks = _found(source, wish)
    name = wish.name or _name(source)
    target.mkdir(parents=True, exist_ok=True)
    hashes: dict[str, str] = {}
    for path in (found.graph, *found.beside):
        hashes[path.name] = _copy(path, target / path.name)
    written = {VOCABULARY: found.tokenizer.vocabulary.write()}
    table, more = manifest_text(name, found, wish, hashes)
    written[CARD] = card(name, found, (*remarks, *more))
    for file, text in written.items():
        (target / file).write_text(text, encoding="utf-8")
        hashes[file] = hashlib.sha256(text.encode()).hexdigest()
    files = [*(path.name for path in found.beside), *written]
    tables = [f'[[file]]\nname = "{file}"\nsha256 = "{hashes[file]}"\n' for file in files]
    (target / MANIFEST).write_text("\n".join([table, *tables]), encoding="utf-8")
    return Imported(check(target), (*remarks, *more))


def _found(source: Path, wish: Wish) -> tuple[Found, list[str]]:
    """What lies in `source`, all of it looked at. Raises BundleError."""
    if not source.is_dir():
        raise BundleError(
            "there is no such folder",
            where=str(source),
            allowed="a folder that optimum-cli export onnx has written",
        )
    graph = _graph(source)
    plain_file(graph, LARGEST)
    inside = contents(graph)
    shape = shape_of(graph)
    config = _config(source)
    tokenizer = read_tokenizer(_tokenizer(source, wish), shape.size)
    licence, remarks = _licence(source, wish), list(tokenizer.remarks)
    if not licence:
        licence = "unknown"
        remarks.append("Nobody says under which licence its weights are: --licence does.")
    if not shape.caches:
        remarks.append(
            "It has no cache, so it hears everything again for each token: exported with one "
            "(--task text-generation-with-past) it is many times faster."
        )
    found = Found(
        graph=graph,
        precision=_precision(inside),
        opset=max((inside.opsets.get(domain, 0) for domain in STANDARD), default=0),
        beside=tuple(_beside(graph, name) for name in sorted(inside.elsewhere)),
        shape=shape,
        config=config,
        tokenizer=tokenizer,
        licence=licence,
    )
    return found, remarks


def _graph(source: Path) -> Path:
    """The graph to take: in the folder itself, or in `onnx` inside."""
    for folder in (source, source / "onnx"):
        for name in GRAPHS:
            if (folder / name).exists():
                return folder / name
    others = sorted(path.name for path in source.glob("*.onnx"))
    if len(others) == 1:
        return source / others[0]
    weights = [*source.glob("*.safetensors"), *source.glob("pytorch_model*.bin")]
    how = "optimum-cli export onnx --model FOLDER --task text-generation-with-past TARGET"
    raise BundleError(
        "there is no ONNX graph in it" if not others else f"there are {len(others)} graphs in it",
        where=str(source),
        allowed=", ".join(GRAPHS[:-1]),
        nearest=f"These are torch's weights. Export them first: {how}" if weights else "",
    )


def _beside(graph: Path, name: str) -> Path:
    """Where the graph keeps weights outside of itself: nowhere but beside it. Raises BundleError
    before anything is copied, because what a stranger names may be a secret of the player's."""
    plain = {PurePosixPath(name).name, PureWindowsPath(name).name} == {name}
    if not plain or name in (graph.name, MANIFEST, VOCABULARY, CARD, "", ".", ".."):
        raise BundleError(
            f"the graph takes weights from {shown(name)}",
            where=str(graph),
            allowed="a file of their own beside it",
        )
    return graph.parent / name


def _tokenizer(source: Path, wish: Wish) -> Path:
    if wish.tokenizer is not None:
        return wish.tokenizer
    path = source / TOKENIZER
    if not path.exists():
        raise BundleError(
            f"there is no {TOKENIZER} in it, so nobody knows what its tokens mean",
            where=str(source),
            allowed="the file that MidiTok's tokenizer.save() has written",
            nearest="Copy it there, or name it with --tokenizer PATH.",
        )
    return path


def _config(source: Path) -> Mapping[str, Any]:
    """What config.json tells; nothing where it is not there or cannot be read."""
    path = source / "config.json"
    if not path.exists():
        return {}
    plain_file(path, _LONGEST_CONFIG)
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _licence(source: Path, wish: Wish) -> str:
    """As wished, or as the head of a model card on Hugging Face tells it."""
    if wish.licence:
        return wish.licence
    path = source / "README.md"
    try:
        plain_file(path, _LONGEST_CONFIG)
        head = path.read_text(encoding="utf-8")[:4000]
    except (BundleError, OSError, UnicodeDecodeError):
        return ""
    told = re.search(r"(?m)^licen[cs]e:[ \t]*['\"]?([\w .+-]{1,60}?)['\"]?[ \t]*$", head)
    return told[1] if told and head.startswith("---") else ""


def _precision(inside: Contents) -> str:
    kinds = {kind for _, kind in inside.operators}
    if "MatMulNBits" in kinds:
        return "q8"
    return "int8" if kinds.intersection(_QUANTISED) else "fp32"


def _name(source: Path) -> str:
    """The folder's name, as far as a bundle can have it."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", source.resolve().name).strip("-._")
    return plain[:64] or "imported"


def _copy(path: Path, target: Path) -> str:
    """Copy a file, and tell its SHA-256. Raises BundleError."""
    plain_file(path, LARGEST)
    try:
        shutil.copyfile(path, target, follow_symlinks=False)
        with target.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BundleError(f"it cannot be copied ({error})", where=str(path)) from None
