"""POP909: pop songs arranged for piano, warped onto their beats, cut where a bar is not whole.

The arrangements are under the MIT licence, the songs are other people's: what is learned from them
is measured and never shipped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

from ripieno.grammar.lead_sheet import Chord

from ripieno_models.corpora.json_lines import records, split_table
from ripieno_models.corpora.lieder import FEWEST_BARS, LARGEST_OFF_GRID, off_grid, without_twins
from ripieno_models.lead.sheet import Change, Sheet
from ripieno_models.piece import Split, transposed_fifths
from ripieno_models.tokens.tune import MELODY, PIANO, Note, Tune, one_line

FOLDER = Path("pop909")
FILE, SPLITS = FOLDER / "pop909_aligned.jsonl.gz", FOLDER / "splits.json"
NAME = "POP909, warped onto its beats"
LICENCE = "MIT for the arrangements; the songs are copyrighted compositions"
EARLY = 60
"""Ticks: half a sixteenth."""
TRACKS = {"MELODY": MELODY, "PIANO": PIANO}
"""The third track, a second melody, is left out."""
LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
KINDS = {
    "maj": "", "min": "m", "7": "7", "min7": "m7", "maj7": "maj7", "maj6": "6", "min6": "m6",
    "dim": "dim", "dim7": "dim7", "hdim7": "m7b5", "aug": "aug", "sus4": "sus4", "sus2": "sus4",
    "sus4(b7)": "sus4", "minmaj7": "m",
}  # fmt: skip
"""Which kind of chord each of the corpus's kinds is taken for."""


def pieces(data: Path) -> Iterator[Tune]:
    """The songs below the folder `data`, melody and piano, cut into stretches of whole bars.

    Raises RipienoError.
    """
    splits = split_table(data / SPLITS)
    for record in records(data / FILE):
        meter = (int(record["beats_per_bar"]), 4)
        for number, (begin, end) in enumerate(stretches(record)):
            told = {name: within(record["tracks"][name], begin, end) for name in TRACKS}
            places = [(note[0] - begin) * per_tick(record) for note in told["PIANO"]]
            if not told["PIANO"] or off_grid(places) > LARGEST_OFF_GRID:
                continue
            notes = [
                note_of(note, begin, part, per_tick(record))
                for name, part in TRACKS.items()
                for note in told[name]
            ]
            melody = one_line([note for note in notes if note.part == MELODY])
            piano = without_twins([note for note in notes if note.part == PIANO])
            name = f"{record['id']}-{number}"
            told_key = fifths_of(record["key"])
            yield Tune(name, tuple(sorted(melody + piano)), meter, told_key, splits[record["id"]])


def melodies(data: Path) -> Iterator[Tune]:
    """The melodies of the songs, where a stretch has one. Raises RipienoError."""
    for tune in pieces(data):
        if line := tune.of(MELODY):
            yield Tune(tune.name, line, tune.meter, tune.fifths, tune.split)


def sheets(data: Path) -> Iterator[Sheet]:
    """The songs as lead sheets: their melodies, and the chords that the corpus tells of each beat.

    Raises RipienoError.
    """
    splits = split_table(data / SPLITS)
    for record in records(data / FILE):
        for number, (begin, end) in enumerate(stretches(record)):
            sheet = sheet_of(record, begin, end, f"{record['id']}-{number}", splits[record["id"]])
            if sheet.melody and any(chord for _, chord in sheet.chords):
                yield sheet


def sheet_of(record: Mapping[str, Any], begin: int, end: int, name: str, split: Split) -> Sheet:
    """The stretch from tick `begin` to `end` as a lead sheet."""
    meter = (int(record["beats_per_bar"]), 4)
    scale = per_tick(record)
    told = within(record["tracks"]["MELODY"], begin, end)
    melody = one_line([note_of(note, begin, MELODY, scale) for note in told])
    sounding = [
        (round((on - begin) * scale), chord_of(symbol))
        for on, _, symbol in record["chords"]
        if begin - EARLY <= on < end - EARLY
    ]
    changes: list[Change] = [next(same) for _, same in groupby(sounding, key=lambda at: at[1])]
    length = round((end - begin) * scale)
    fifths = fifths_of(record["key"])
    return Sheet(name, tuple(melody), tuple(changes), length, meter, fifths, split)


def stretches(record: Mapping[str, Any]) -> Iterator[tuple[int, int]]:
    """(first tick, end) of each run of whole bars, of at least `FEWEST_BARS`."""
    bar = record["beats_per_bar"] * record["ticks_per_beat"]
    lines: list[int] = record["downbeats"]
    begin = lines[0]
    for line, following in pairwise([*lines, None]):
        if line is not None and (following is None or following - line != bar):
            # The last one of all ends with its own bar; one that is cut short ends before it.
            end = line + bar if following is None else line
            if end - begin >= FEWEST_BARS * bar:
                yield begin, end
            begin = end if following is None else following


def per_tick(record: Mapping[str, Any]) -> float:
    """Sixteenths in a tick."""
    return 4 / float(record["ticks_per_beat"])


def within(notes: Sequence[Sequence[int]], begin: int, end: int) -> list[Sequence[int]]:
    """The notes (onset, duration, pitch, velocity) of the sixteenths from `begin` to before `end`:
    played notes come a little before their place, too."""
    return [note for note in notes if begin - EARLY <= note[0] < end - EARLY]


def note_of(told: Sequence[int], begin: int, part: int, scale: float) -> Note:
    """A note on the grid; `scale` is sixteenths in a tick."""
    on, length, pitch, velocity = told
    return Note(
        round((on - begin) * scale), part, pitch, max(1, round(length * scale)), max(1, velocity)
    )


def chord_of(symbol: str) -> Chord | None:
    """The chord that a symbol tells, as `Gb:min7/b3`; its bass is not kept. None for N."""
    if symbol == "N":
        return None
    root, _, kind = symbol.partition(":")
    return Chord(root_of(root), KINDS[kind.partition("/")[0]])


def fifths_of(keys: Sequence[str]) -> int | None:
    """The key signature of a song in one key; None where it has several."""
    if len(keys) != 1:
        return None
    tonic, _, mode = keys[0].partition(":")
    major = root_of(tonic) + (3 if mode.startswith("min") else 0)
    return transposed_fifths(0, major)


def root_of(name: str) -> int:
    """The pitch class of a note's name, as `Gb`. Raises KeyError."""
    return (LETTERS[name[0]] + name.count("#") - name.count("b")) % 12
