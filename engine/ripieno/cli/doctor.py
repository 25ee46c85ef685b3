"""`ripieno doctor`."""

from __future__ import annotations

import os
from argparse import Namespace
from pathlib import Path

from ripieno.cli.options import soundfont_of
from ripieno.doctor.doctor import examine
from ripieno.doctor.finding import Health
from ripieno.preset.preset import DEFAULT, load_preset
from ripieno.preset.values import precision_from
from ripieno.resources import cache_home

_SIGNS = {Health.GOOD: "✓", Health.FAIR: "!", Health.BROKEN: "✗"}


def doctor(options: Namespace) -> int:
    """Print what was found about this machine; 1 when something is broken."""
    preset = load_preset(options.preset or DEFAULT)
    model = options.model or preset.model
    precision = precision_from("--precision", options.precision or preset.precision)
    log = cache_home() / "engine.log"
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
    except OSError:
        log = Path(os.devnull)
    counts = dict.fromkeys(Health, 0)
    asked = preset if options.preset else None
    font = soundfont_of(preset.routing.soundfont) if asked else None
    for finding in examine(model, precision, preset.settings.bpm, log, asked, font):
        counts[finding.health] += 1
        print(f"{_SIGNS[finding.health]} {finding.part:<13}{finding.found}", flush=True)
        for line in finding.table:
            print(f"  {'':<13}{line}".rstrip())
        if finding.advice:
            print(f"  {'':<13}→ {finding.advice}")
    if counts[Health.BROKEN]:
        print("Ripieno cannot play until what is marked ✗ is mended.")
        return 1
    better = " What is marked ! could be better." if counts[Health.FAIR] else ""
    print(f"Ripieno can play here.{better}")
    return 0
