"""What it costs to import a model and to try it, for `make bench-host`."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from ripieno.library.importing import take_in
from ripieno.library.importing_items import Wish
from ripieno.library.trial import trial

from tests.bench_table import Findings, Row, Sample
from tests.host.imports import FAMILIES, FORMS, exported, tokenizer


def imported(place: Path, times: int) -> Findings:
    """Each family in each form made a bundle, with REMI and merges, and tried in a process of its
    own."""
    rows = []
    for name in (f"{family}-{form}" for family in FAMILIES for form in FORMS):
        source = exported(name, tokenizer("REMI", merges=True), place)
        taken, tried = list[float](), list[float]()
        for number in range(times):
            target = place / f"{name}-{number}"
            began = time.perf_counter()
            take_in(source, target, Wish())
            taken.append(1000.0 * (time.perf_counter() - began))
            began = time.perf_counter()
            trial(target)
            tried.append(1000.0 * (time.perf_counter() - began))
            shutil.rmtree(target)
        rows.append(Row(name, Sample("imported", tuple(taken))))
        rows.append(Row(name, Sample("tried in a process of its own", tuple(tried))))
    return Findings(tuple(rows))
