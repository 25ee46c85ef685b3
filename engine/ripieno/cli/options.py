"""From options to a performance: the preset, and what the command line says instead."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ripieno import knobs, plugins, resources
from ripieno.commands import Seed
from ripieno.ensemble import in_common
from ripieno.errors import SettingError, SoundError, nearest_name
from ripieno.inference.bundle import check
from ripieno.preset.phrases import describe_phrase
from ripieno.preset.preset import DEFAULT, Preset, load_preset
from ripieno.preset.values import input_spec, output_spec, precision_from
from ripieno.routing import InputKind, OutputKind, Routing
from ripieno.settings import Mode, Settings
from ripieno.stage import Seat, model_spec


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be played: everything was found and looks right."""

    preset: Preset
    folder: Path
    fallback: Path | None
    """The model's."""
    seats: tuple[Seat, ...]
    """All who play, where they are several."""
    seed: Seed | None
    soundfont: Path

    def guest(self, screen: bool) -> int | None:
        """How often the phrase is played in as if by a player; None: whenever nobody plays.

        Where nobody can be at the keys, a guest keeps the conversation going.
        """
        if self.preset.settings.mode is Mode.SOLO or self.seed is None:
            return 0
        if any(spec.kind is InputKind.FILE for spec in self.preset.routing.inputs):
            return 0
        return int(self.preset.opening) if screen else None


def asked(options: Namespace) -> Asked:
    """Read the preset, apply the options, and look whether all of it is there.

    Raises PresetError, SettingError, PhraseError, BundleError, SoundError or PortError.
    """
    preset = load_preset(options.preset or DEFAULT)
    preset = replace(preset, **_given(options, "model", "phrase"))
    if options.precision is not None:
        preset = replace(preset, precision=precision_from("--precision", options.precision))
    phrase = describe_phrase(preset.phrase) if preset.phrase else None
    settings = preset.settings
    if options.phrase and phrase and phrase.meter:  # a phrase of your choice brings its own meter
        settings = replace(settings, meter=phrase.meter)
    settings = _settings(settings, options)
    preset = replace(preset, settings=settings, routing=_routing(preset.routing, options))
    folder = resources.bundle_folder(preset.model)
    check(folder).graph(preset.precision)
    fallback = resources.bundle_folder(preset.fallback) if preset.fallback else None
    if fallback is not None:
        check(fallback)
    seed = phrase.seed if phrase else None
    seats = tuple(_seats(preset))
    return Asked(preset, folder, fallback, seats, seed, soundfont_of(preset.routing.soundfont))


def _seats(preset: Preset) -> Iterator[Seat]:
    """All of an ensemble; the first plays what the preset says now, and the others by it what they
    have in common. Raises BundleError."""
    for number, each in enumerate(preset.ensemble):
        member, name, precision = each.member, each.model, each.precision
        settings, fallback = in_common(member.settings, preset.settings), each.fallback
        if number == 0:
            settings, name, precision = preset.settings, preset.model, preset.precision
        folder = resources.bundle_folder(name)
        check(folder).graph(precision)
        smaller = resources.bundle_folder(fallback) if fallback else None
        if smaller is not None:
            check(smaller)
        yield Seat(
            member=replace(member, settings=settings),
            model=model_spec(folder, precision, smaller, settings),
            routing=each.routing,
        )


def soundfont_of(name: str) -> Path:
    """The soundfont `name`; where none was named and ours is gone, any that is installed.

    With none at all it is the place where ours should be: the outputs then tell what is missing,
    and the performance goes on without them. Raises SoundError for one that was named.
    """
    for choice in (name,) if name else ("", resources.GENERAL_MIDI):
        try:
            return resources.soundfont_path(choice)
        except SoundError:
            if name:
                raise
    return resources.shipped(resources.Kind.SOUNDFONTS) / "ripieno.sf2"


def _given(options: Namespace, *names: str) -> dict[str, Any]:
    return {name: getattr(options, name) for name in names if getattr(options, name) is not None}


def _settings(settings: Settings, options: Namespace) -> Settings:
    for name, value in _given(options, "mode", "meter", "key").items():
        if name == "mode" and (group := plugins.listed(plugins.MODES)):
            own = value in [each.name for each in group if not each.ours]
            settings = replace(settings, own_mode=value if own else "")
            if own:
                continue
        settings = knobs.choose(settings, name, value)
    for option, knob in (("bpm", "tempo"), ("temperature", "temperature"), ("seed", "seed")):
        if (value := getattr(options, option)) is not None:
            settings = knobs.turn(settings, knob, value)
    for text in options.set:
        settings = _turned(settings, text)
    return settings


def _turned(settings: Settings, text: str) -> Settings:
    """One `KNOB=VALUE` applied."""
    name, equals, value = (part.strip() for part in text.partition("="))
    if not equals:
        raise SettingError(f"--set {text!r} lacks a value", allowed="such as --set max_leap=7")
    if name in {switch.name for switch in knobs.SWITCHES}:
        return knobs.choose(settings, name, value)
    if name not in {knob.name for knob in knobs.KNOBS}:
        known = [knob.name for knob in knobs.KNOBS] + [switch.name for switch in knobs.SWITCHES]
        raise SettingError(
            f"--set: there is no knob called {name!r}",
            nearest=nearest_name(name, known) or "See ripieno presets --knobs.",
        )
    try:
        number = float(value)
    except ValueError:
        raise SettingError(f"--set {name}: {value!r} is not a number") from None
    return knobs.turn(settings, name, number)


def _routing(routing: Routing, options: Namespace) -> Routing:
    if options.inputs is not None:
        routing = replace(routing, inputs=tuple(input_spec(text) for text in options.inputs))
    if getattr(options, "outputs", None) is not None:
        routing = replace(routing, outputs=tuple(output_spec(text) for text in options.outputs))
    if options.soundfont is not None:
        routing = replace(routing, soundfont=options.soundfont)
    _check_files(routing)
    _check_ports(routing, options)
    return routing


def _check_files(routing: Routing) -> None:
    """Read each MIDI file that is to be played in. Raises PhraseError."""
    files = [spec.name for spec in routing.inputs if spec.kind is InputKind.FILE]
    if files:
        from ripieno.midi.midifile import FileInput

        for file in files:
            FileInput(file)


def _check_ports(routing: Routing, options: Namespace) -> None:
    """Ports that the command line names must be there; a preset's may come later."""
    inputs = [spec.name for spec in routing.inputs if spec.kind is InputKind.PORT]
    outputs = [spec.name for spec in routing.outputs if spec.kind is OutputKind.PORT]
    wanted_inputs = inputs if options.inputs is not None else []
    wanted_outputs = outputs if getattr(options, "outputs", None) is not None else []
    if not wanted_inputs and not wanted_outputs:
        return
    from ripieno.midi.rtmidi_ports import find_port, list_ports

    ports = list_ports()
    for name in wanted_inputs:
        find_port(name, ports.inputs)
    for name in wanted_outputs:
        find_port(name, ports.outputs)
