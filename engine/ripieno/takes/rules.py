"""An independent reader of the hard rules: it looks at notes that sounded, never at masks. Pure.

It shares no code with the enforcer in `constraints.py`. Judged is what one can hear: each note of
the model by its own voice, and against the other voices that the model sounds at that moment. What
a voice did before you took it over, a phrase that was filled in silently, or a step that was missed
is no part of its melody.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ripieno.clock import Beats
from ripieno.commands import KeyPlayed
from ripieno.events import part_of
from ripieno.grammar.grid import VOICES
from ripieno.modes.ear import STEP
from ripieno.settings import Key, Rules, Strength
from ripieno.takes.apart import apart
from ripieno.takes.facts import (
    Asked,
    Fact,
    Mark,
    Marked,
    NoteEnded,
    NoteStarted,
    Restarted,
    Sent,
    Source,
    StepMissed,
    StepPlanned,
    Wished,
)
from ripieno.takes.take import Take

_WIDEST = (12, 12, 24)
"""Semitones from each voice to the one below it."""
_DEGREES = {"major": {0, 2, 4, 5, 7, 9, 11}, "minor": {0, 2, 3, 5, 7, 8, 9, 10, 11}}
_NEW_MELODY = {Mark.PLAYED, Mark.STOPPED, Mark.ANSWER_BEGINS, Mark.ANSWER_ENDS}


@dataclass(frozen=True, slots=True)
class Violation:
    """A note of the model that breaks a hard rule."""

    note: NoteStarted
    what: str

    def __str__(self) -> str:
        voice = "?" if self.note.voice is None else VOICES[part_of(self.note.voice)]
        return f"beat {self.note.beat:g}, {voice}: {self.what}"


def violations(take: Take) -> tuple[Violation, ...]:
    """Every break of a hard rule in `take`, in order. The rules are those of each step's request,
    so that a rule that was changed binds what was planned from then on. In an ensemble each obeys
    its own, and none towards the others."""
    found: list[Violation] = []
    for chair, facts in zip(take.chairs, apart(take), strict=True):
        found += _violations(chair.settings.rules, facts)
    return tuple(found)


def _violations(rules: Rules, facts: Iterable[Fact]) -> tuple[Violation, ...]:
    reader = _Reader(rules)
    found: list[Violation] = []
    group: list[NoteStarted | NoteEnded] = []
    for fact in facts:
        if isinstance(fact, NoteStarted | NoteEnded) and fact.source is not Source.PLAYER:
            if group and (fact.beat, fact.at) != (group[0].beat, group[0].at):
                found += reader.read(group)
                group = []
            group.append(fact)
            continue
        if not isinstance(fact, Sent):  # which stand between the notes of one chord
            found += reader.read(group)
            group = []
            reader.notice(fact)
    return (*found, *reader.read(group))


@dataclass(slots=True)
class _Reader:
    """What is known so far: what sounds, each voice's last pitch, who asked for which step."""

    first: Rules
    sounding: dict[int, NoteStarted] = field(default_factory=dict)
    last: dict[int, int] = field(default_factory=dict)
    asked: dict[int, Rules] = field(default_factory=dict)
    steps: dict[int, int] = field(default_factory=dict)

    def notice(self, fact: Fact) -> None:
        match fact:
            case Asked(request, _):
                self.asked[request.number] = request.settings.rules
                for voice in (*request.given, *request.player):
                    self.last.pop(voice, None)
            case StepPlanned() if not fact.void:
                self.steps[_place(fact.beat)] = fact.request
            case Marked(mark) if mark in _NEW_MELODY:
                self.last.clear()
            case Wished(KeyPlayed()):
                return
            case StepMissed() | Restarted() | Wished():
                self.last.clear()

    def read(self, group: list[NoteStarted | NoteEnded]) -> Iterator[Violation]:
        """Judge what began and ended together."""
        before = {voice: note.pitch for voice, note in self.sounding.items()}
        begun: list[NoteStarted] = []
        for fact in group:
            if fact.voice is None:
                continue
            if isinstance(fact, NoteEnded):
                self.sounding.pop(fact.voice, None)
                continue
            if fact.source is Source.MODEL:
                begun.append(fact)
                if fact.voice in self.sounding:
                    yield Violation(fact, "sounds two notes at once")
            self.sounding[fact.voice] = fact
        for note in begun:
            rules = self._rules(note)
            for what in (*self._melody(note, rules), *self._harmony(note, rules, before)):
                yield Violation(note, what)
        for note in begun:
            assert note.voice is not None
            self.last[note.voice] = note.pitch

    def _rules(self, note: NoteStarted) -> Rules:
        request = self.steps.get(_place(note.beat), 0)
        return self.asked.get(request, self.first)

    def _melody(self, note: NoteStarted, rules: Rules) -> Iterator[str]:
        assert note.voice is not None
        low, high = rules.ranges[part_of(note.voice)]
        if not low <= note.pitch <= high:
            yield f"{note.pitch} lies outside {low}…{high}"
        if rules.key_lock is Strength.HARD and not _in_key(note.pitch, rules.key):
            yield f"{note.pitch} is not in {rules.key}"
        last = self.last.get(note.voice) if note.voice < len(VOICES) else None
        if last is not None and abs(note.pitch - last) > rules.max_leap:
            yield f"leaps from {last} to {note.pitch}"

    def _harmony(self, note: NoteStarted, rules: Rules, before: dict[int, int]) -> Iterator[str]:
        assert note.voice is not None
        for voice, other in self.sounding.items():
            slots = max(voice, note.voice) >= len(VOICES)  # chords of one part lead no voices
            if voice == note.voice or slots or other.source is not Source.MODEL:
                continue
            upper, lower = (note, other) if note.voice < voice else (other, note)
            gap = upper.pitch - lower.pitch
            if rules.crossing is Strength.HARD and gap < 0:
                yield f"{note.pitch} crosses the {VOICES[voice]} at {other.pitch}"
            place = min(note.voice, voice)
            neighbours = abs(note.voice - voice) == 1
            if rules.spacing is Strength.HARD and neighbours and gap > _WIDEST[place]:
                yield f"{note.pitch} lies {gap} from the {VOICES[voice]}"
            if rules.parallels is Strength.HARD and _parallel(upper, lower, before):
                yield f"goes in parallel with the {VOICES[voice]} to {note.pitch}"


def _parallel(upper: NoteStarted, lower: NoteStarted, before: dict[int, int]) -> bool:
    """Whether both have moved from one fifth, octave or unison to another."""
    assert upper.voice is not None
    assert lower.voice is not None
    top, bottom = before.get(upper.voice), before.get(lower.voice)
    if top is None or bottom is None or top == upper.pitch or bottom == lower.pitch:
        return False
    return (top - bottom) % 12 == (upper.pitch - lower.pitch) % 12 in (0, 7)


def _in_key(pitch: int, key: Key | None) -> bool:
    return key is None or (pitch - key.tonic) % 12 in _DEGREES[key.scale]


def _place(beat: Beats) -> int:
    return round(beat / STEP)


def hung(take: Take) -> tuple[NoteStarted, ...]:
    """Notes that began and were never released, though the take has an end."""
    down: dict[tuple[Source, int | None, int, int], list[NoteStarted]] = {}
    for fact in take.facts:
        if isinstance(fact, NoteStarted):
            key = (fact.source, fact.voice, fact.channel, fact.pitch)
            down.setdefault(key, []).append(fact)
        elif isinstance(fact, NoteEnded):
            struck = down.get((fact.source, fact.voice, fact.channel, fact.pitch), [])
            if struck:
                struck.pop(0)
    return () if take.torn else tuple(note for notes in down.values() for note in notes)


def unended(take: Take) -> tuple[tuple[int, int], ...]:
    """Channel and pitch of each note-on that went out without a note-off, though the take has an
    end: the same question as `hung`, asked of the bytes."""
    down: set[tuple[int, int]] = set()
    for fact in take.facts:
        if isinstance(fact, Sent) and fact.bytes[0] in "89":
            status, pitch, _ = bytes.fromhex(fact.bytes)
            change = down.add if status & 0xF0 == 0x90 else down.discard
            change((status & 0x0F, pitch))
    return () if take.torn else tuple(sorted(down))
