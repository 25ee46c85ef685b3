"""`ripieno models` and `ripieno plugins`: other people's models and parts, and ours."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

from ripieno import plugins as parts
from ripieno import resources
from ripieno.cli.lists import print_table
from ripieno.cli.models_arguments import ACTIONS
from ripieno.cli.models_check import looked_at
from ripieno.cli.models_import import bring_in
from ripieno.errors import RipienoError, SettingError, nearest_name

OK, REFUSED = 0, 2
LONGEST_LICENCE = 60
_BACK = {"growing": "by cutting a cache that grows, or hearing all again"}


def models(options: Namespace) -> int:
    """Do what was asked for with the installed models, or with one from elsewhere."""
    what, target = options.what or "list", options.target
    if what not in ACTIONS:
        if target is not None:
            raise SettingError(
                f"ripieno models does not know {what!r}",
                allowed=", ".join(ACTIONS),
                nearest=nearest_name(what, ACTIONS),
            )
        what, target = "inspect", what
    if target is None and what not in ("list", "bench"):
        raise SettingError(f"ripieno models {what} needs a name or a path after it")
    actions: dict[str, Callable[[], int]] = {
        "list": _list,
        "inspect": lambda: _inspect(target),
        "check": lambda: _check(target, options),
        "add": lambda: _add(target, options),
        "import": lambda: bring_in(target, options),
        "remove": lambda: _remove(target),
        "bench": lambda: _bench(target, options),
        "pack": lambda: _pack(target),
    }
    return actions[what]()


def _list() -> int:
    from ripieno.inference.bundle import load_manifest
    from ripieno.library.shelf import own_shelf

    rows: list[tuple[str, ...]] = []
    for name, folder in resources.bundles().items():
        try:
            manifest = load_manifest(folder)
        except RipienoError as error:
            rows.append((name, str(error)))
            continue
        precisions = "/".join(dict.fromkeys(graph.precision for graph in manifest.graphs))
        size = f"{manifest.bytes / 1e6:.1f} MB"
        yours = "yours" if folder.parent == own_shelf() else ""
        licence = manifest.licence[:LONGEST_LICENCE]
        rows.append((name, manifest.title, licence, f"{size} ({precisions})", yours))
    if not rows:
        print(f"No model is installed. They belong in {resources.shipped(resources.Kind.ZOO)}.")
    print_table(rows)
    return OK


def _inspect(name: str) -> int:
    from ripieno.inference.bundle import check
    from ripieno.library.shelf import opened

    with opened(name) as folder:
        manifest = check(folder)
    print(f"{manifest.name} {manifest.version}: {manifest.title}")
    training = manifest.training
    print_table(
        [
            ("folder", str(folder)),
            ("licence", manifest.licence),
            ("grammar", manifest.grammar),
            ("voices", ", ".join(f"{v.name} {v.low}…{v.high}" for v in manifest.voices)),
            ("goes back", _BACK.get(manifest.rewind.value, f"by {manifest.rewind.value}")),
            *(
                (graph.precision, f"{graph.bytes / 1e6:.1f} MB, {graph.role}, opset {graph.opset}")
                for graph in manifest.graphs
            ),
            *(
                ("data", f"{corpus.name}, {corpus.pieces} pieces, {corpus.licence}")
                for corpus in training.data
            ),
            ("trained", f"{training.minutes:.0f} minutes on {training.machine}"),
            ("again", training.command),
            *((name, f"{value:g}") for name, value in manifest.metrics),
        ]
    )
    print("All files are whole.")
    return OK


def _check(name: str, options: Namespace) -> int:
    """Each thing that is looked at in a line; the first that is wrong ends it."""
    from ripieno.library.shelf import opened

    with opened(name) as folder:
        for about, found in looked_at(folder, options):
            print(f"{about:<10} {found}", flush=True)
    print("This model can play here.")
    return OK


def _add(name: str, options: Namespace) -> int:
    from ripieno.library.shelf import add
    from ripieno.library.trial import trial

    def attempt(folder: Path) -> None:
        tried = trial(folder, options.precision)
        print(f"It plays: a sixteenth takes {tried.p99_ms:.1f} ms (p99) here.")

    shipped = resources.shipped(resources.Kind.ZOO)
    manifest = add(name, attempt, replace=options.replace)
    if (shipped / manifest.name).is_dir():
        print(f"It is played instead of the {manifest.name} that came with Ripieno.")
    print(f"{manifest.name} is in {manifest.folder}.")
    print(f"Play it with: ripieno play --model {manifest.name}")
    return OK


def _remove(name: str) -> int:
    from ripieno.library.shelf import remove

    print(f"{remove(name)} is gone.")
    return OK


def _bench(name: str | None, options: Namespace) -> int:
    from ripieno.library.shelf import opened
    from ripieno.library.trial import trial

    rows = [("model", "precision", "load", "median", "p99", "in time up to", "memory")]
    code = OK
    for each in [name] if name is not None else list(resources.bundles()):
        try:
            with opened(each) as folder:
                tried = trial(folder, options.precision)
        except RipienoError as error:
            print(error)
            code = REFUSED
            continue
        rows.append(
            (
                Path(each).name,
                tried.precision,
                f"{tried.load_seconds:.1f} s",
                f"{tried.median_ms:.1f} ms",
                f"{tried.p99_ms:.1f} ms",
                f"{tried.fastest:.0f} bpm",
                f"{tried.memory_mib:.0f} MiB",
            )
        )
    if len(rows) > 1:
        print_table(rows)
    return code


def _pack(name: str) -> int:
    from ripieno.inference.bundle import check
    from ripieno.library.archive import SUFFIX, pack

    folder = resources.bundle_folder(name)
    target = Path(check(folder).name + SUFFIX)
    pack(folder, target)
    print(f"{target} has all of it ({target.stat().st_size / 1e6:.1f} MB).")
    return OK


def plugins(options: Namespace) -> int:
    """List what other packages bring and what is ours, by name; import it only to check it."""
    from ripieno.library.plugin_trial import try_import

    rows: list[tuple[str, ...]] = []
    code = OK
    for part in parts.listed():
        state = ""
        if options.check:
            try:
                try_import(part)
                state = "can be imported"
            except RipienoError as error:
                state, code = str(error), REFUSED
        rows.append((part.kind, part.name, f"{part.package} {part.version}", state))
    print_table(rows)
    return code
