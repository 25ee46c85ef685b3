"""Four-voice music made up by rule, as files that a player could have."""

from __future__ import annotations

import random
from pathlib import Path

import mido
from ripieno_models.corpora.splits import split_by_name
from ripieno_models.piece import Split

CHORDS = ((72, 67, 60, 48), (72, 65, 57, 53), (71, 67, 62, 43), (72, 64, 60, 45), (74, 65, 59, 50))
BEAT = 480


def names(train: int, valid: int = 2) -> list[str]:
    """Names of pieces, so many of which the trainer learns from and validates on."""
    found: dict[Split, list[str]] = {split: [] for split in Split}
    for number in range(1000):
        name = f"piece {number}"
        found[split_by_name(name)].append(name)
    return found[Split.TRAIN][:train] + found[Split.VALID][:valid]


def columns(seed: int, chords: int = 12) -> str:
    """A piece as text in four columns."""
    drawn = random.Random(seed)
    rows = [drawn.choice(CHORDS) for _ in range(chords)]
    return "".join(" ".join(map(str, row)) + "\n" for row in rows for _ in range(4))


def write_texts(folder: Path, train: int = 6, valid: int = 2) -> None:
    """A folder of them."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed, name in enumerate(names(train, valid)):
        (folder / f"{name}.txt").write_text(columns(seed))


def midi(
    path: Path, lines: list[list[tuple[int, int]]], channel: int = 0, quarter: int = BEAT
) -> None:
    """A MIDI file with a track for each line of (pitch, ticks); no tempo and no metre."""
    file = mido.MidiFile(ticks_per_beat=quarter)
    for line in lines:
        track = file.add_track()
        for pitch, ticks in line:
            track.append(mido.Message("note_on", channel=channel, note=pitch, velocity=70))
            track.append(mido.Message("note_off", channel=channel, note=pitch, time=ticks))
    file.save(path)


def four_lines(chords: int = 16, ticks: int = BEAT, seed: int = 1) -> list[list[tuple[int, int]]]:
    """Chords in four lines, one after the other."""
    drawn = random.Random(seed)
    rows = [drawn.choice(CHORDS) for _ in range(chords)]
    return [[(row[voice], ticks) for row in rows] for voice in range(4)]
