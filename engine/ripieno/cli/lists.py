"""`ripieno presets` and `ports`: what there is."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable, Sequence

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
        print_table(map(_phrase_row, phrase_names()))
    elif options.knobs:
        print_table(_knob_rows())
    elif options.name is not None:
        load_preset(options.name)  # a broken one is better told than shown
        print(resources.preset_path(options.name).read_text(encoding="utf-8"), end="")
    else:
        print_table(map(_preset_row, resources.presets()))
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


def ports(options: Namespace) -> int:
    """List MIDI ports, audio drivers and soundfonts, and what would bring more."""
    from ripieno.midi.listing import describe_ports

    found = describe_ports()
    _print_section("MIDI inputs (--in)", (port.name for port in found.inputs))
    _print_section("MIDI outputs (--out)", (port.name for port in found.outputs))
    _print_section("Audio (--out synth)", found.audio)
    _print_section("Audio devices (--out synth:NAME)", found.devices)
    _print_section("VST3 plug-ins (--out vst3:NAME)", (path.stem for path in found.instruments))
    _print_section("Soundfonts (--soundfont)", (str(font) for font in found.soundfonts))
    _print_section("Missing", found.missing)
    return 0


def _print_section(title: str, lines: Iterable[str]) -> None:
    print(title)
    for line in list(lines) or ["none"]:
        print(f"  {line}")


def print_table(rows: Iterable[Sequence[str]]) -> None:
    """Rows in columns, as wide as they need to be."""
    rows = list(rows)
    count = max(map(len, rows), default=0)
    widths = [
        max((len(row[i]) for row in rows if len(row) > i + 1), default=0) for i in range(count)
    ]
    for row in rows:
        cells = [f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False)]
        print("  ".join(cells).rstrip())
