"""Has a model put chords under melodies as it does live: it sees the melody up to the sixteenth
that sounds, and its own chords."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import mean

import torch
from ripieno.clock import Meter
from ripieno.events import Sounding
from ripieno.grammar.lead_sheet import CHORD, KINDS, MELODY, STAY, Chord, Hand, features
from ripieno.inference.lead.choose import Wish, chord_of
from ripieno.inference.lead.hands import Hands
from ripieno.settings import Sampling, Settings
from torch import nn

from ripieno_models.lead.sheet import Change, Sheet, sheet_of, tokens
from ripieno_models.tokens.tune import PIANO, Note, Tune

MAJOR = {kind for kind, intervals in KINDS.items() if 4 in intervals}
PLAYED = (1.0, 0.9)
"""Temperature and top-p of the preset that plays such a model."""


@torch.inference_mode()
def accompanied(model: nn.Module, sheet: Sheet, sampling: Sampling) -> Sheet:
    """The melody of a `sheet` with chords that `model` drew for it."""
    settings = Settings(meter=Meter(*sheet.meter), sampling=sampling)
    hand, state = Hand(), None
    melody, _ = tokens(sheet)
    chords: list[int] = []
    for step, token in enumerate(melody):
        frame = sheet.frame(step)
        seen = [features(MELODY, hand, frame)]
        hand = hand.melody(token)
        seen.append(features(CHORD, hand, frame))
        logits, state = model(torch.tensor([seen]), state)
        chosen = chord_of(logits[0, -1].float().numpy(), hand, Wish(step, frame, settings, 0))
        hand = hand.harmony(chosen)
        chords.append(chosen)
    return replace(
        sheet_of(sheet.name, melody, chords, sheet.meter, sheet.fifths), split=sheet.split
    )


def sounding(sheet: Sheet) -> list[Chord | None]:
    """The chord of each sixteenth."""
    _, chords = tokens(sheet)
    hand, found = Hand(), []
    for token in chords:
        hand = hand.harmony(token)
        found.append(hand.chord)
    return found


@dataclass(frozen=True, slots=True)
class Agreement:
    """Shares of the sixteenths that have a printed chord: `root`, the same root; `family`, the same
    root and third; `chord`, the same symbol."""

    root: float
    family: float
    chord: float


def agreement(made: Sequence[Sheet], printed: Sequence[Sheet]) -> Agreement:
    """How often two chords for the same melody agree."""
    pairs = [
        (mine, theirs)
        for one, other in zip(made, printed, strict=True)
        for mine, theirs in zip(sounding(one), sounding(other), strict=True)
        if theirs is not None
    ]
    return Agreement(
        mean(m is not None and m.root == t.root for m, t in pairs),
        mean(m is not None and _family(m) == _family(t) for m, t in pairs),
        mean(m == t for m, t in pairs),
    )


def _family(chord: Chord) -> tuple[int, bool]:
    return chord.root, chord.kind in MAJOR


@dataclass(frozen=True, slots=True)
class Harmony:
    """Counts over sheets: `changes` of the chord per bar; the share of them `on_bar` lines and
    `on_beat`; the share of the melody's time that is `chordal`, a note of the chord that sounds;
    how many different chords there are in a song (`different`)."""

    changes: float
    on_bar: float
    on_beat: float
    chordal: float
    different: float


def harmony(sheets: Sequence[Sheet]) -> Harmony:
    """The counts of `sheets`. Raises ValueError where no chord changes."""
    told = [(sheet, tokens(sheet)[1]) for sheet in sheets]
    places = [
        (step % sheet.bar, 4 if sheet.meter[1] == 4 else 6)
        for sheet, chords in told
        for step, token in enumerate(chords)
        if token != STAY
    ]
    if not places:
        raise ValueError("there is no chord")
    return Harmony(
        changes=len(places) / sum(sheet.length // sheet.bar for sheet in sheets),
        on_bar=mean(place == 0 for place, _ in places),
        on_beat=mean(place % beat == 0 for place, beat in places),
        chordal=mean(in_chord for sheet in sheets for in_chord in chordal(sheet)),
        different=mean(len(set(sounding(sheet)) - {None}) for sheet in sheets),
    )


def chordal(sheet: Sheet) -> list[bool]:
    """For each sixteenth with a melody and a chord, whether the note belongs to the chord."""
    chords = sounding(sheet)
    return [
        note.pitch % 12 in chord.classes
        for note in sheet.melody
        for chord in chords[note.onset : note.onset + note.duration]
        if chord is not None
    ]


def played(sheet: Sheet) -> Tune:
    """A sheet as notes: its melody, and its chords as the engine's voices play them."""
    pitches = {
        step: note.pitch
        for note in sheet.melody
        for step in range(note.onset, min(note.onset + note.duration, sheet.length))
    }
    onsets = {note.onset for note in sheet.melody}
    settings, before = Settings(), tuple[Sounding, ...]()
    notes = list(sheet.melody)
    open_notes: dict[int, Note] = {}
    for step, chord in enumerate(sounding(sheet)):
        melody = pitches.get(step), step in onsets
        lead = Sounding(0, melody[0], melody[1], 80)
        before = Hands(settings, 0, melody, 64).play(before, {0: lead}, chord, follows=False)
        for state in before:
            note = open_notes.get(state.voice)
            if note is not None and (state.struck or state.pitch is None):
                notes.append(open_notes.pop(state.voice))
            elif note is not None:
                open_notes[state.voice] = replace(note, duration=note.duration + 1)
            if state.pitch is not None and state.struck:
                open_notes[state.voice] = Note(step, PIANO, state.pitch, 1, 64)
    notes += open_notes.values()
    return Tune(sheet.name, tuple(sorted(notes)), sheet.meter, sheet.fifths)


__all__ = ["Agreement", "Change", "Harmony", "accompanied", "agreement", "harmony", "played"]
