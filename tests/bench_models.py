"""`make bench-models`: our models' speed beside that of others, paired in one run, as one table.

`python -m tests.bench_models [--quick] [--write] [--only PART …]`. Weights are random, of the right
shape, and the same for all that are compared; llama.cpp and transformers are compared with where
they are installed. It tells what was met and what was missed, and never fails for that.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tests.bench_table import Findings, load, machine, page
from tests.bench_turns import Stopwatch
from tests.live.show import best_bundle

PAGE = Path(__file__).resolve().parents[1] / "docs" / "bench-models.md"
INTRODUCTION = """\
# How fast the models run

Written by `make bench-models ARGS=--write`. Everything runs on one thread; every row and its
comparison were taken in the same run, in turns, back to back unless a row says otherwise. All times
are milliseconds, {clock}; p99 of n values is the value that 99 % of them stay below. Weights are
random, and the same on both sides (transformers has its own). "A token at 512" is one step after
512 others. The better of our two 8-bit graphs is what calibration would pick.
"""
RIVALS = ("torch", "transformers", "llama-cpp-python")
THREADS = {
    name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TOKENIZERS_PARALLELISM")
}


def _lstm(place: Path, quick: bool) -> Findings:
    from tests.bench_lstm import lstm

    return lstm(place, quick)


def _six(place: Path, quick: bool) -> Findings:
    from tests.bench_decoders import SIX, decoder

    return decoder(place, SIX, quick)


def _thirty(place: Path, quick: bool) -> Findings:
    from tests.bench_decoders import THIRTY, decoder

    return decoder(place, THIRTY, quick)


def _engine(place: Path, quick: bool) -> Findings:
    from tests.bench_model import engine_step

    return engine_step(best_bundle(place / "bundle"), quick)


def _process(place: Path, quick: bool) -> Findings:
    from tests.bench_process import process

    return process(place, quick)


PARTS: dict[str, Callable[[Path, bool], Findings]] = {
    "lstm": _lstm,
    "6.6M": _six,
    "34M": _thirty,
    "engine": _engine,
    "process": _process,
}


def main() -> int:
    """Measure, print, and, if asked, keep the table."""
    options = _options()
    if any(os.environ.get(name) != count for name, count in THREADS.items()):
        # The libraries read it when they are loaded, which has happened in part.
        words = [sys.executable, "-m", "tests.bench_models", *sys.argv[1:]]
        os.execve(sys.executable, words, {**os.environ, **THREADS})
    if options.cpu:
        Stopwatch.now = time.thread_time
    clock = "of the thread's processor time" if options.cpu else "by the wall's clock"
    told = machine("random weights" + (", a short run" if options.quick else ""))
    told.insert(2, "compared with " + ", ".join(map(_installed, RIVALS)))
    findings = []
    with tempfile.TemporaryDirectory() as place:
        for part in options.only or PARTS:
            print(f"measuring: {part} …", file=sys.stderr, flush=True)
            findings.append(PARTS[part](Path(place), options.quick))
    told.append(f"load at the end: {load()}")
    text = page(findings, told, INTRODUCTION.format(clock=clock))
    print(text)
    for target in (target for found in findings for target in found.targets):
        print(target)
    if options.write:
        PAGE.write_text(text)
        print(f"written to {PAGE.relative_to(PAGE.parents[1])}")
    return 0


def _installed(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"no {package} (not installed)"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-models", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds: a look at everything")
    parser.add_argument("--cpu", action="store_true", help="processor time: for a busy machine")
    parser.add_argument("--write", action="store_true", help="write docs/bench-models.md")
    parser.add_argument("--only", nargs="+", choices=PARTS, help="measure these parts only")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
