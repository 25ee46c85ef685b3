"""The schema and the loader: what one refuses, the other refuses, where a schema can say it.

What a schema cannot say stands in `ONLY_THE_LOADER`, with the reason.
"""

from __future__ import annotations

import copy
import json
import tomllib
import zipfile
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from ripieno.errors import BundleError, RipienoError
from ripieno.inference.bundle import check, parse_manifest
from ripieno.inference.bundle_graphs import Rewind
from ripieno.inference.manifest_table import Table
from ripieno.library.archive import unpack

from tests.engine.block_bundles import BlockRecipe, write_block_bundle
from tests.engine.bundles import Recipe, write_bundle
from tests.engine.cached_bundles import CachedRecipe, write_cached_bundle

ZOO = Path(__file__).parents[2] / "models" / "zoo"
SCHEMA = json.loads((files("ripieno.library") / "manifest.schema.json").read_text())
VALIDATOR = Draft202012Validator(SCHEMA)
ONLY_THE_LOADER = (
    "is missing",  # a file that the manifest names (a key that is missing, the schema says too)
    "above high",  # two numbers compared
    "tells one precision twice",  # two fields of different tables together
    "as rewind.context tells",  # a number that must equal one elsewhere
    "numbers together",  # a product or a sum
    "which nobody here can play",  # what is installed
    "names soprano, soprano",  # a voice twice
    "a whole number",  # JSON has no difference between 4 and 4.0
    "the name of a file",  # Windows' names
    "a finite number",
    "another than the player's",  # two numbers that must differ
    "output is logits float32[1",  # the width of the logits is the vocabulary's size
    "input is latent float32[1",  # sizes of a block that stand in [blocks] too
    "input is codes int64[1",
    "output is roll float32[1",
    "a share of size",  # numbers that must divide each other
)


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("bundles")
    return {
        "snapshot": write_bundle(place / "snapshot", Recipe(hidden=8, int8=True)),
        "decision": write_cached_bundle(place / "decision", CachedRecipe(layers=1)),
        "frame": write_cached_bundle(place / "frame", CachedRecipe(layers=1, per="frame")),
        "block": write_block_bundle(place / "block"),
        "codes": write_block_bundle(place / "codes", BlockRecipe(codes=True)),
    }


TOKENS: dict[str, Any] = {
    "scheme": "remi",
    "use": "accompaniment",
    "vocabulary": "CARD.md",
    "size": 48,
    "positions_per_beat": 4,
    "polyphony": 4,
    "start": ["BOS_None"],
    "prefix": ["Key"],
    "player_program": 52,
    "machine_program": 0,
}


def growing(content: dict[str, Any]) -> dict[str, Any]:
    """The manifest of a model with a cache turned into that of one whose cache grows."""
    content["rewind"] = {"kind": "growing", "context": content["rewind"]["context"], "chunk": 8}
    content["input"] = [
        {"name": "input_ids", "dtype": "int64", "shape": [1, "chunk"]},
        {"name": "attention_mask", "dtype": "int64", "shape": [1, "filled"]},
        {"name": "use_cache_branch", "dtype": "bool", "shape": [1]},
    ]
    content["tokens"] |= {"use": "piano"}
    del content["tokens"]["player_program"]
    return content


def of_tokens(content: dict[str, Any], kind: str) -> dict[str, Any]:
    """The manifest of a grid model turned into that of one of event tokens."""
    del content["grid"]
    fixed = kind == "snapshot"
    content |= {"grammar": "tokens", "tokens": copy.deepcopy(TOKENS)}
    content["voice"] = content["voice"][:1]
    content["input"][0] |= {"name": "tokens", "shape": [1, 1] if fixed else [1, "chunk"]}
    return content


def read(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "manifest.toml").read_text())


def manifest_of(kind: str, bundles: dict[str, Path]) -> dict[str, Any]:
    """A good manifest of this kind; 'tokens-decision' is one of event tokens, 'growing-decision'
    one of those whose cache grows."""
    grammar, _, rewind = kind.rpartition("-")
    content = read(bundles[rewind])
    content = of_tokens(content, rewind) if grammar else content
    return growing(content) if grammar == "growing" else content


def verdicts(folder: Path, content: dict[str, Any]) -> tuple[str, str]:
    """What the loader and the schema say: '' where they have nothing against it."""
    from ripieno.inference.bundle import _manifest

    loader = ""
    try:
        _manifest(folder, Table(copy.deepcopy(content), str(folder / "manifest.toml")))
    except BundleError as error:
        loader = str(error)
        assert "\n" not in loader
    problem = next(iter(VALIDATOR.iter_errors(content)), None)
    return loader, "" if problem is None else f"{problem.json_path}: {problem.message[:200]}"


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(
    "manifest", sorted(ZOO.glob("*/manifest.toml")), ids=lambda p: p.parent.name
)
def test_every_model_that_ships_keeps_the_contract(manifest: Path) -> None:
    assert list(VALIDATOR.iter_errors(tomllib.loads(manifest.read_text()))) == []
    check(manifest.parent)


OWN = [each.value for each in Rewind if each is not Rewind.GROWING]
KINDS = sorted([*OWN, "codes", "tokens-snapshot", "tokens-decision", "growing-decision"])


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_keeps_the_contract(kind: str, bundles: dict[str, Path]) -> None:
    folder = bundles[kind.rpartition("-")[2]]
    assert verdicts(folder, manifest_of(kind, bundles)) == ("", "")


ODD: list[Any] = [
    *(None, True, -1, 0, 1, 3, 48, 1 << 30, 1 << 70, 0.5, 1e301, "", "x", "step", "none", "alto"),
    *("grid", "../x", "a\nb", "\x1b[2J", "y" * 3000, "int64", [], [[]], {}, [{}], {"a": 1}, [1, 2]),
    *(
        "melody",
        "remi",
        ["Key"],
        ["soprano"],
        "frame",
        "length",
        "chunk",
        "snapshot",
        "growing",
        "filled",
        "block",
        "latent",
        "codes",
        "roll",
        "decoder",
        "prior",
        "decision",
        "fp32",
        "f" * 64,
    ),
]


def places(content: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something stands, all the way down."""
    inside = content.items() if isinstance(content, dict) else enumerate(content)
    found: list[tuple[Any, ...]] = []
    for key, value in inside:
        found.append((*path, key))
        if isinstance(value, dict | list):
            found += places(value, (*path, key))
    return found


def changed(content: dict[str, Any], path: tuple[Any, ...], how: str, value: Any) -> dict[str, Any]:
    """The manifest with one thing in it removed, replaced, repeated or added."""
    content = copy.deepcopy(content)
    at: Any = content
    for key in path[:-1]:
        at = at[key]
    if how == "remove":
        del at[path[-1]]
    elif how == "repeat" and isinstance(at, list):
        at.append(copy.deepcopy(at[path[-1]]))
    elif how == "add" and isinstance(at[path[-1]], dict):
        at[path[-1]]["surprise"] = value
    else:
        at[path[-1]] = value
    return content


CHANGES = st.tuples(
    st.sampled_from(KINDS),
    st.integers(0, 10_000),
    st.sampled_from(["remove", "replace", "repeat", "add"]),
    st.sampled_from(range(len(ODD))),
)
QUICK = settings(
    max_examples=400,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@QUICK
@given(change=CHANGES)
@example(change=("snapshot", 0, "remove", 0))
@example(change=("frame", 104, "replace", 34))  # a width of the hidden row that is a name
def test_schema_and_loader_agree(
    change: tuple[str, int, str, int], bundles: dict[str, Path]
) -> None:
    kind, where, how, odd = change
    content = manifest_of(kind, bundles)
    spots = places(content)
    content = changed(content, spots[where % len(spots)], how, ODD[odd])
    loader, schema = verdicts(bundles[kind.rpartition("-")[2]], content)
    assert not schema or loader, f"only the schema refuses it: {schema}"
    if loader and not schema:
        assert any(word in loader for word in ONLY_THE_LOADER), f"only the loader: {loader}"


# ---- the fuzzer: whatever comes, a sentence or a manifest


@QUICK
@given(text=st.text(max_size=400))
@example(text="a" + ".a" * 5000 + " = 1")
@example(text="[" * 5000)
@example(text="x = " + "[" * 5000)
@example(text="x = " + "9" * 5000)
@example(text='format = 1\ngrammar = "' + "g" * 50000 + '"')
def test_any_text_is_refused_in_a_sentence(text: str, tmp_path: Path) -> None:
    with pytest.raises(BundleError) as error:
        parse_manifest(tmp_path, text)
    assert "\n" not in str(error.value).replace(str(tmp_path), "")
    assert len(str(error.value)) < 6000


@QUICK
@given(data=st.data())
def test_any_bytes_in_a_manifest_that_was_good(
    data: st.DataObject, bundles: dict[str, Path]
) -> None:
    folder = bundles[data.draw(st.sampled_from(sorted(bundles)))]
    whole = bytearray((folder / "manifest.toml").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at : at + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=8))
    try:
        parse_manifest(folder, whole.decode("utf-8", "replace"))
    except BundleError as error:
        assert "\n" not in str(error)


@settings(QUICK, max_examples=120)
@given(data=st.data())
def test_any_bytes_in_an_archive(
    data: st.DataObject, bundles: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A harmed archive is refused in a sentence, or what it unpacks is whole; never more."""
    place = tmp_path_factory.mktemp("zip")
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("manifest.toml", "CARD.md", "model.onnx"):
            archive.write(bundles["decision"] / name, name)
    whole = bytearray(packed.getvalue())
    begin = data.draw(st.sampled_from([0, max(0, len(whole) - 400)]))  # the directory is at the end
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(begin, len(whole) - 1))
        whole[at] = data.draw(st.integers(0, 255))
    path, out = place / "x.ripieno", place / "out"
    path.write_bytes(whole)
    out.mkdir()
    try:
        unpack(path, out)
        check(out)
    except RipienoError as error:
        assert "\n" not in str(error)
    assert {p.name for p in place.iterdir()} == {"x.ripieno", "out"}
    assert {p.name for p in out.iterdir()} <= {"manifest.toml", "CARD.md", "model.onnx"}
