"""What `ripieno models check` looks at, one thing after the other."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path


def looked_at(folder: Path, options: Namespace) -> Iterator[tuple[str, str]]:
    """Each thing with what was found; the first that is wrong raises BundleError."""
    from ripieno.inference.bundle import check, load_manifest
    from ripieno.inference.graph_file import contents
    from ripieno.library.trial import trial

    manifest = load_manifest(folder)
    yield "manifest", f"{manifest.name} {manifest.version}, grammar {manifest.grammar!r}, format 1"
    check(folder)
    yield "files", f"{len(manifest.graphs) + len(manifest.files)}, all whole by their SHA-256"
    for graph in manifest.graphs:
        kinds = contents(folder / graph.file).operators
        others = sorted({domain for domain, _ in kinds if domain})
        beside = f" and of {', '.join(others)}" if others else ""
        yield "graph", f"{graph.file}: {len(kinds)} kinds of operators, opset {graph.opset}{beside}"
    tried = trial(folder, options.precision)
    yield "dry run", f"{tried.precision}, loaded in {tried.load_seconds:.1f} s, all numbers finite"
    yield "rewind", f"the same logits after going back (within {tried.rewind_difference:.1g})"
    yield (
        "speed",
        (
            f"a sixteenth takes {tried.median_ms:.1f} ms (p99 {tried.p99_ms:.1f} ms), "
            f"{tried.memory_mib:.0f} MiB in all"
        ),
    )
    fits = "fits" if tried.fastest >= options.bpm else "is too slow for"
    yield "tempo", f"{fits} {options.bpm:g} bpm; in time up to {tried.fastest:.0f} bpm here"
    yield "licence", manifest.licence
    for corpus in manifest.training.data:
        yield "data", f"{corpus.name}: {corpus.licence}"
