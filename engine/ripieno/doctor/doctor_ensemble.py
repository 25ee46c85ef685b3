"""What the doctor finds about a preset of several who play: each of them, while all are at work.

They share the processor, so what one of them needs alone says little.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from ripieno import resources
from ripieno.clock import FASTEST, SLOWEST
from ripieno.doctor import feasible
from ripieno.doctor.finding import Finding, Health
from ripieno.ensemble import Seated
from ripieno.errors import RipienoError
from ripieno.grammar.grid import STEPS_PER_BEAT
from ripieno.preset.preset import Preset


def playing_together(preset: Preset, log: Path) -> Iterator[Finding]:
    """Each member's model, and how fast it answers while the others are asked as well."""
    from ripieno.doctor import pace

    wanted: list[tuple[Path, str]] = []
    for seat in preset.ensemble:
        finding, folder = model_of(seat)
        yield finding
        if folder is not None:
            wanted.append((folder, seat.precision))
    if len(wanted) < len(preset.ensemble):
        return
    try:
        trips = pace.at_once(wanted, log)
    except RipienoError as error:
        advice = "`ripieno doctor --model NAME` tries one of them alone."
        yield Finding("Ensemble", Health.BROKEN, str(error), advice)
        return
    for seat, seconds in zip(preset.ensemble, trips, strict=True):
        yield keeping_up_together(seat, seconds, len(wanted))


def model_of(seat: Seated) -> tuple[Finding, Path | None]:
    """Whether the models of that member are whole, and the folder of its first one if so."""
    from ripieno.inference.bundle import check

    name = seat.member.name
    try:
        folder = resources.bundle_folder(seat.model)
        manifest = check(folder)
        graph = manifest.graph(seat.precision)
        if seat.fallback:
            check(resources.bundle_folder(seat.fallback))
    except RipienoError as error:
        advice = "`ripieno models` lists the models that are installed."
        return Finding("Model", Health.BROKEN, f"{name}: {error}", advice), None
    smaller = f", else {seat.fallback}" if seat.fallback else ""
    found = f"{name}: {manifest.name} {graph.precision}{smaller}, all files whole"
    return Finding("Model", Health.GOOD, found), folder


def keeping_up_together(seat: Seated, trips: Sequence[float], players: int) -> Finding:
    """Whether a member whose model takes `trips` seconds for a sixteenth keeps up, with as many
    `players` at work."""
    from ripieno.measure import quantile

    settings, slow = seat.member.settings, quantile(trips, 0.95)
    step, budget = feasible.step_seconds(settings.bpm), settings.horizon.budget_ms / 1000
    cores = os.cpu_count() or 1
    found = (
        f"{seat.member.name}: with all {players} at work on {cores} cores a sixteenth is decided "
        f"in {1000 * quantile(trips, 0.5):.1f} ms (95 % within {1000 * slow:.1f} ms)"
    )
    fastest = 60 / STEPS_PER_BEAT / slow
    if slow > step:
        slower = f"Play at {fastest:.0f} bpm or below, or" if fastest >= SLOWEST else "Here,"
        advice = f"{slower} give {seat.member.name} a smaller model."
        return Finding("Pace", Health.FAIR, f"{found}; at {settings.bpm:g} bpm it is late", advice)
    if slow > budget:
        advice = (
            f"Give {seat.member.name} a budget_ms of {1000 * slow:.0f} or more, or a smaller model."
        )
        told = f"{found}; its budget is {1000 * budget:g} ms, so it will often hold"
        return Finding("Pace", Health.FAIR, told, advice)
    enough = f"fast enough up to {min(FASTEST, fastest):.0f} bpm"
    return Finding("Pace", Health.GOOD, f"{found}; {enough}")


def ends(preset: Preset, soundfont: Path) -> Finding:
    """Where it comes from and goes to: each is opened, and closed again."""
    from ripieno.midi.input import open_input
    from ripieno.outputs.opening import open_outputs
    from ripieno.routing import InputKind

    routing = preset.routing
    outputs, problems = open_outputs(routing, soundfont)
    names = [output.name for output in outputs]
    for output in outputs:
        output.close()
    for number, spec in enumerate(routing.inputs):
        if spec.kind is InputKind.FILE:
            continue
        try:
            source = open_input(spec, routing.client, lambda stamped: None, number)
        except RipienoError as error:
            problems.append(str(error))
            continue
        names.append(source.name)
        source.close()
    found = ", ".join(names) or "none"
    health = Health.FAIR if problems else Health.GOOD
    return Finding("Ends", health, f"{preset.name} plays on {found}", " ".join(problems))
