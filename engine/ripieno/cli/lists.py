"""`ripieno presets`, `models` and `ports`: what there is."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable, Sequence
from pathlib import Path

from ripieno import knobs, resources
from ripieno.errors import RipienoError
from ripieno.preset.phrases import describe_phrase, phrase_names
from ripieno.preset.preset import load_preset


def presets(options: Namespace) -> int:
    """List presets, phrases or knobs, or show a preset's file."""
    if options.keys:
        from ripieno.preset.page import page

        print(page(), end="")
    elif options.phrases:
        _print_table(map(_phrase_row, phrase_names()))
    elif options.knobs:
        _print_table(_knob_rows())
    elif options.name is not None:
        load_preset(options.name)  # a broken one is better told than shown
        print(resources.preset_path(options.name).read_text(encoding="utf-8"), end="")
    else:
        _print_table(map(_preset_row, resources.presets()))
    return 0


def _preset_row(name: str) -> tuple[str, ...]:
    try:
        return name, load_preset(name).about
    except RipienoError as error:
        return name, str(error)


def _phrase_row(name: str) -> tuple[str, ...]:
    try:
        phrase = describe_phrase(name)
    except RipienoError as error:
        return name, str(error)
    about = ", ".join(part for part in (phrase.source, phrase.year) if part)
    return name, f"{phrase.title} ({about})" if about else phrase.title


def _knob_rows() -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [
        (knob.name, knob.title, f"{knob.low:g}…{knob.high:.10g} {knob.unit}".rstrip())
        for knob in knobs.KNOBS
    ]
    rows += [(each.name, each.title, ", ".join(each.values)) for each in knobs.SWITCHES]
    return rows


def models(options: Namespace) -> int:
    """List the installed models, or tell all about one."""
    if options.name is not None:
        return _tell_model(resources.bundle_folder(options.name))
    from ripieno.inference.bundle import load_manifest

    rows: list[tuple[str, ...]] = []
    for name, folder in resources.bundles().items():
        try:
            manifest = load_manifest(folder)
        except RipienoError as error:
            rows.append((name, str(error)))
            continue
        precisions = "/".join(graph.precision for graph in manifest.graphs)
        size = f"{manifest.bytes / 1e6:.1f} MB"
        rows.append((name, manifest.title, manifest.licence, f"{size} ({precisions})"))
    if not rows:
        print(f"No model is installed. They belong in {resources.shipped(resources.Kind.ZOO)}.")
    _print_table(rows)
    return 0


def _tell_model(folder: Path) -> int:
    from ripieno.inference.bundle import check

    manifest = check(folder)
    print(f"{manifest.name} {manifest.version}: {manifest.title}")
    training = manifest.training
    _print_table(
        [
            ("folder", str(folder)),
            ("licence", manifest.licence),
            ("voices", ", ".join(f"{v.name} {v.low}…{v.high}" for v in manifest.voices)),
            *((graph.precision, f"{graph.bytes / 1e6:.1f} MB") for graph in manifest.graphs),
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
    return 0


def ports(options: Namespace) -> int:
    """List MIDI ports, audio drivers and soundfonts, and what would bring more."""
    from ripieno.midi.listing import describe_ports

    found = describe_ports()
    _print_section("MIDI inputs (--in)", (port.name for port in found.inputs))
    _print_section("MIDI outputs (--out)", (port.name for port in found.outputs))
    _print_section("Audio (--out synth)", found.audio)
    _print_section("Audio devices (--out synth:NAME)", found.devices)
    _print_section("Soundfonts (--soundfont)", (str(font) for font in found.soundfonts))
    _print_section("Missing", found.missing)
    return 0


def _print_section(title: str, lines: Iterable[str]) -> None:
    print(title)
    for line in list(lines) or ["none"]:
        print(f"  {line}")


def _print_table(rows: Iterable[Sequence[str]]) -> None:
    """Rows in columns, as wide as they need to be."""
    rows = list(rows)
    count = max(map(len, rows), default=0)
    widths = [
        max((len(row[i]) for row in rows if len(row) > i + 1), default=0) for i in range(count)
    ]
    for row in rows:
        cells = [f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False)]
        print("  ".join(cells).rstrip())
