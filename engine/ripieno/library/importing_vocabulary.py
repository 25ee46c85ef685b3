"""The base tokens of a MidiTok tokenizer, in the order of their ids, from its configuration.

A tokenizer that was not trained saves its configuration alone; which ids it has follows from that
(MidiTok 3, Fradet et al., 2021). A test holds each list equal to MidiTok's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ripieno.grammar.tokens.vocabulary import Scheme

Config = Mapping[str, Any]
_INCLUSIVE = (3, 0, 6)
"""From this version of MidiTok on, the upper end of a range of pitches belongs to it."""
_CLASSES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_SWITCHES = frozenset((65, 66, 68, 69, 122))
_CONTINUOUS = frozenset((1, 2, 4, 5, 7, 8, 10, 11, 64, 67, *range(71, 79), *range(91, 96)))
"""MIDI controllers of which MidiTok keeps two values, and some; it keeps all of the others'."""
_NEVER_IN_STRUCTURED = (
    *("use_chords", "use_rests", "use_tempos", "use_time_signatures", "use_sustain_pedals"),
    *("use_pitch_bends", "use_control_changes", "use_pitch_intervals", "use_key_signatures"),
    "program_changes",
)


def effective(config: Config, scheme: Scheme) -> Config:
    """`config` as MidiTok takes it: what a scheme cannot tell is off, whatever the file says."""
    told = dict(config)
    if scheme is Scheme.STRUCTURED:
        told |= dict.fromkeys(_NEVER_IN_STRUCTURED, False)
    programs = {int(program) for program in told.get("use_note_duration_programs", range(-1, 128))}
    if told.get("use_rests") and len(programs) < len(range(-1, 128)):
        known = {int(program) for program in told.get("programs", ())}
        told["use_rests"] = bool(told.get("use_programs")) and known <= programs
    if told.get("use_control_changes") and 64 in told.get("control_change_numbers", ()):
        told |= {"use_sustain_pedals": False, "sustain_pedal_duration": False}
    return told


def base_tokens(config: Config, scheme: Scheme, version: tuple[int, ...]) -> list[str]:
    """All base tokens, as 'Type_Value', in the order of their ids.

    config: `effective`. version: of the MidiTok that wrote it. Raises KeyError, TypeError and
    ValueError where something is missing or wrong in it.
    """
    line = [*config["special_tokens"], *_bars(config, scheme)]
    line += _notes(config, scheme, version)
    durations = _lengths(config["beat_res"])
    if scheme is Scheme.REMI:
        beats = max(top for top, _ in meters(config))
        line += [f"Position_{place}" for place in range(beats * positions(config))]
    else:
        line += ["TimeShift_0.0.1"] if scheme is Scheme.STRUCTURED else []
        line += [f"TimeShift_{length}" for length in durations]
    line += _further(config, scheme, version)
    if not (config.get("use_programs") and config.get("one_token_stream_for_programs")):
        line += _controls(config)
    return list(dict.fromkeys(line))


def positions(config: Config) -> int:
    """Positions to a beat."""
    return max(int(finest) for finest in config["beat_res"].values())


def meters(config: Config) -> list[tuple[int, int]]:
    """The metres that it tells; 4/4 where it tells none."""
    if not config.get("use_time_signatures"):
        return [(4, 4)]
    told = config["time_signature_range"].items()
    return [(int(top), int(bottom)) for bottom, tops in told for top in tops]


def _bars(config: Config, scheme: Scheme) -> Iterator[str]:
    if scheme is not Scheme.REMI:
        return
    more = config.get("additional_params", {})
    most = more.get("max_bar_embedding")
    yield from ["Bar_None"] if most is None else [f"Bar_{number}" for number in range(int(most))]
    if more.get("use_bar_end_tokens"):
        yield "Bar_End"


def _notes(config: Config, scheme: Scheme, version: tuple[int, ...]) -> Iterator[str]:
    pitches = _range(config["pitch_range"], version)
    durations = bool(config.get("use_note_duration_programs", True))
    if scheme is Scheme.MIDI_LIKE:
        yield from (f"NoteOn_{pitch}" for pitch in pitches)
        yield from (f"NoteOff_{pitch}" for pitch in pitches if durations)
    else:
        yield from (f"Pitch_{pitch}" for pitch in pitches)
    if config["use_velocities"]:
        bins = np.linspace(0, 127, int(config["num_velocities"]) + 1, dtype=np.intc)[1:]
        yield from (f"Velocity_{velocity}" for velocity in bins)
    told = durations and scheme is not Scheme.MIDI_LIKE
    if told or config.get("sustain_pedal_duration"):
        yield from (f"Duration_{length}" for length in _lengths(config["beat_res"]))


def _range(told: Any, version: tuple[int, ...]) -> range:
    low, high = (int(pitch) for pitch in told)
    return range(low, high + 1 if version >= _INCLUSIVE else high)


def _lengths(resolutions: Mapping[str, Any]) -> list[str]:
    """Lengths as 'beats.positions.resolution', from the shortest on. Keys: 'from_to' in beats."""
    spans = {tuple(map(int, key.split("_"))): int(value) for key, value in resolutions.items()}
    lengths = [
        f"{beat}.{place}.{finest}"
        for (begin, end), finest in spans.items()
        for beat in range(begin, end)
        for place in range(finest)
    ]
    farthest = max(spans)
    return [*lengths[1:], f"{max(farthest)}.0.{spans[farthest]}"]


def _further(config: Config, scheme: Scheme, version: tuple[int, ...]) -> Iterator[str]:
    """What else a tokenizer may tell, kind by kind."""
    programs = [*{int(program) for program in config["programs"]}]  # a set's order, as MidiTok's
    if config.get("use_pitch_intervals"):
        most = int(config["max_pitch_interval"])
        for kind in ("PitchIntervalTime", "PitchIntervalChord"):
            yield from (f"{kind}_{step}" for step in range(-most, most + 1))
    if config.get("use_pitchdrum_tokens"):
        drums = _range(config["drums_pitch_range"], version)
        kinds = ("DrumOn", "DrumOff") if scheme is Scheme.MIDI_LIKE else ("PitchDrum",)
        yield from (f"{kind}_{pitch}" for kind in kinds for pitch in drums)
    if config.get("use_chords"):
        yield from _chords(config)
    if config.get("use_rests"):
        yield from (f"Rest_{length}" for length in _lengths(config["beat_res_rest"]))
    if config.get("use_tempos"):
        spread = np.geomspace if config.get("log_tempos") else np.linspace
        low, high = (float(bpm) for bpm in config["tempo_range"])
        tempos = spread(low, high, int(config["num_tempos"])).round(2)
        yield from (f"Tempo_{tempo}" for tempo in tempos)
    if config.get("use_programs"):
        yield from (f"Program_{program}" for program in programs)
    if config.get("use_time_signatures"):
        yield from (f"TimeSig_{top}/{bottom}" for top, bottom in meters(config))
    if config.get("use_key_signatures"):
        yield from (f"KeySig_{fifths}:{minor}" for fifths in range(-7, 8) for minor in (0, 1))
    if config.get("use_sustain_pedals"):
        told = programs if config.get("use_programs") else [0]
        kinds = ("Pedal",) if config.get("sustain_pedal_duration") else ("Pedal", "PedalOff")
        yield from (f"{kind}_{program}" for kind in kinds for program in told)
    if config.get("use_pitch_bends"):
        low, high, count = (int(number) for number in config["pitch_bend_range"])
        yield from (f"PitchBend_{bend}" for bend in np.linspace(low, high, count, dtype=np.int32))
    if config.get("use_control_changes"):
        yield from _control_changes(config)


def _chords(config: Config) -> Iterator[str]:
    rooted = bool(config.get("chord_tokens_with_root_note"))
    known = config["chord_maps"]
    unknown = range(*(int(end) for end in config.get("chord_unknown") or (0, 0)))
    if not rooted:
        yield from (f"Chord_{quality}" for quality in known)
        yield from (f"Chord_{count}" for count in unknown)
        return
    yield from (f"Chord_{root}:{quality}" for quality in known for root in _CLASSES)
    yield from (f"Chord_{root}:ukn{count}" for count in unknown for root in _CLASSES)


def _control_changes(config: Config) -> Iterator[str]:
    some = np.rint(np.linspace(0, 127, int(config["control_change_n_bins"]))).astype(np.intc)
    for number in sorted({int(number) for number in config["control_change_numbers"]}):
        values: Any = range(128)
        if number in _CONTINUOUS:
            values = some
        elif number in _SWITCHES:
            values = (0, 127)
        yield from (f"ControlChange_{number}-{value}" for value in values)


def _controls(config: Config) -> Iterator[str]:
    """MidiTok's attribute controls, in the order in which it adds them."""
    polyphony = range(
        int(config.get("ac_polyphony_min", 1)), int(config.get("ac_polyphony_max", 6)) + 1
    )
    lengths = ("Whole", "Half", "Quarter", "Eight", "Sixteenth", "ThirtySecond")
    for where in ("Track", "Bar"):
        if config.get(f"ac_polyphony_{where.casefold()}"):
            for end in ("Min", "Max"):
                yield from (f"AC{where}OnsetPolyphony{end}_{count}" for count in polyphony)
    if config.get("ac_pitch_class_bar"):
        yield from (f"ACBarPitchClass_{number}" for number in range(12))
    if config.get("ac_note_density_track"):
        low, high = (int(config[f"ac_note_density_track_{end}"]) for end in ("min", "max"))
        for end in ("Min", "Max"):
            yield from (f"ACTrackNoteDensity{end}_{count}" for count in range(low, high))
        yield from (f"ACTrackNoteDensity{end}_{high}+" for end in ("Min", "Max"))
    if config.get("ac_note_density_bar"):
        most = int(config["ac_note_density_bar_max"])
        yield from (f"ACBarNoteDensity_{count}" for count in range(most))
        yield f"ACBarNoteDensity_{most}+"
    for where in ("Bar", "Track"):
        if config.get(f"ac_note_duration_{where.casefold()}"):
            yield from (
                f"AC{where}NoteDuration{name}_{told}" for name in lengths for told in (0, 1)
            )
    if config.get("ac_repetition_track"):
        bins = np.linspace(0, 1, int(config["ac_repetition_track_num_bins"]))
        yield from (f"ACTrackRepetition_{share:.2f}" for share in bins)
