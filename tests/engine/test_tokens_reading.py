"""The streaming decoder of event tokens against MidiTok's own, and what it lets through."""

from __future__ import annotations

from random import Random

import pytest
from ripieno.errors import BundleError
from ripieno.grammar.tokens.reading import Reader
from ripieno.grammar.tokens.states import Bounds, Next, State, Told
from ripieno.grammar.tokens.vocabulary import Event, Kind, Scheme, Vocabulary
from ripieno.grammar.tokens.writing import Writer
from symusic import Note, Score, TimeSignature, Track

from tests.engine.miditok_schemes import POSITIONS, Kit, kit

SEQUENCES, LENGTH = 1000, 14
EVERY = [
    *((scheme, merges, False, False) for scheme in Scheme for merges in (0, 400)),
    (Scheme.REMI, 0, False, True),
    (Scheme.REMI, 400, False, True),
    *((scheme, 0, True, False) for scheme in (Scheme.REMI, Scheme.TSD, Scheme.STRUCTURED)),
]


def through(reader: Reader, state: State, number: int, bounds: Bounds) -> list[State]:
    """The states that an id leads through; [] where it may not come."""
    states: list[State] = []
    for event in reader.vocabulary.spelled[number]:
        after = reader.advance(state, event, bounds)
        if after is None:
            return []
        state = after
        states.append(state)
    return states


def wander(reader: Reader, chance: Random, bounds: Bounds) -> tuple[list[int], list[Told]]:
    """A random legal sequence, and the whole notes that the reader took from it."""
    by_kind: dict[Kind, list[int]] = {}
    for number, events in enumerate(reader.vocabulary.spelled):
        by_kind.setdefault(events[0].kind, []).append(number)
    state, ids, notes = reader.start(), list[int](), list[Told]()
    while len(ids) < LENGTH:
        kind = chance.choice(list(by_kind))
        number = chance.choice(by_kind[kind])
        if kind is Kind.NOTE_OFF and state.sounding and chance.random() < 0.8:
            number = reader.vocabulary.ids["NoteOff", str(chance.choice(state.sounding).pitch)]
        states = through(reader, state, number, bounds)
        if states:
            ids.append(number)
            state = states[-1]
            notes += [s.told for s in states if s.told is not None and s.told.end is not None]
    return ids, notes


def as_miditok(made: Kit, notes: list[Told]) -> list[tuple[float, float, int, int, int]]:
    quarter = made.vocabulary.quarter
    return sorted(
        (n.onset / quarter, ((n.end or 0) - n.onset) / quarter, n.pitch, n.velocity, n.program)
        for n in notes
    )


@pytest.mark.parametrize(("scheme", "merges", "programs", "meters"), EVERY)
def test_miditok_reads_the_same_notes(
    scheme: Scheme, merges: int, programs: bool, meters: bool
) -> None:
    made = kit(scheme, merges=merges, programs=programs, meters=meters)
    reader, chance = Reader(made.vocabulary), Random(7)
    bounds = Bounds(reader.pitches)
    told = 0
    for _ in range(SEQUENCES):
        ids, notes = wander(reader, chance, bounds)
        told += len(notes)
        assert as_miditok(made, notes) == made.notes(ids), [made.vocabulary.tokens[i] for i in ids]
    assert told > SEQUENCES // 2


@pytest.mark.parametrize("scheme", list(Scheme))
@pytest.mark.parametrize("merges", [0, 400])
def test_the_mask_is_what_each_id_alone_would_be_told(scheme: Scheme, merges: int) -> None:
    made = kit(scheme, merges=merges)
    reader, chance = Reader(made.vocabulary), Random(3)
    bounds = Bounds(reader.pitches, earliest=8, most=3, grid=made.vocabulary.quarter // 4)
    state = reader.start()
    for _ in range(60):
        legal = reader.legal(state, bounds)
        alone = [n for n in range(len(made.vocabulary)) if through(reader, state, n, bounds)]
        assert legal == alone
        assert legal, "something may always come"
        state = through(reader, state, chance.choice(legal), bounds)[-1]


@pytest.mark.parametrize("scheme", list(Scheme))
def test_what_is_let_through_moves_on_and_stays_within_bounds(scheme: Scheme) -> None:
    made = kit(scheme, merges=400)
    reader, unit = Reader(made.vocabulary), made.vocabulary.quarter // 4
    for seed in range(8):
        chance, state = Random(seed), reader.start()
        notes: list[Told] = []
        for _ in range(30):
            bounds = Bounds(
                frozenset(range(55, 70)), earliest=state.now, most=2, grid=unit, latest=10**6
            )
            before = state
            states = through(reader, state, chance.choice(reader.legal(state, bounds)), bounds)
            state = states[-1]
            assert state.now >= before.now
            notes += [s.told for s in states if s.told is not None and s.next is not before.next]
        for note in notes:
            assert 55 <= note.pitch < 70
            assert note.onset % unit == 0
        for note in notes:
            others = [n for n in notes if n.onset <= note.onset and n.sounds(note.onset)]
            cells = {(n.onset, n.pitch) for n in others}
            if scheme is not Scheme.MIDI_LIKE:  # there, a note is told twice: on and off
                assert len(cells) <= 2
                assert len({pitch for _, pitch in cells}) == len(cells)


def test_bars_are_not_longer_than_their_metre() -> None:
    reader = Reader(kit(Scheme.REMI, meters=True).vocabulary)
    quarter, bounds = reader.vocabulary.quarter, Bounds(reader.pitches)
    events = {(e.kind, e.value, e.meter): e for e in reader.vocabulary.events.values()}
    state = reader.start()
    for event in (
        events[Kind.BAR, 0, (4, 4)],
        events[Kind.METER, 0, (6, 8)],
    ):
        after = reader.advance(state, event, bounds)
        assert after is not None
        state = after
    assert state.next is Next.ANY
    beat = quarter // 2
    assert reader.bar_length((6, 8)) == 6 * beat
    last = reader.advance(state, Event(Kind.POSITION, 6 * POSITIONS - 1), bounds)
    assert last is not None and last.now == 6 * beat - beat // POSITIONS
    assert reader.advance(state, Event(Kind.POSITION, 6 * POSITIONS), bounds) is None


def random_notes(
    chance: Random, unit: int, programs: bool, velocities: bool, most: int
) -> list[Told]:
    """Notes in which no pitch of a program is struck while it sounds."""
    notes: list[Told] = []
    busy: dict[tuple[int, int], int] = {}
    at = chance.randint(0, 8)
    for _ in range(12):
        for _ in range(chance.choice((1, 1, 2, 3))):
            pitch, program = chance.randint(48, 84), chance.randint(0, 1) * programs
            length = chance.randint(1, 8)
            velocity = chance.choice((31, 63, 95, 127)) if velocities else 100
            if busy.get((program, pitch), -1) < at:
                busy[program, pitch] = at + length
                end = (at + length) * unit
                notes.append(Told(at * unit, end, pitch, velocity, program))
        at += chance.choice((1, 2, 4, 6, most))
    return notes


@pytest.mark.parametrize("scheme", list(Scheme))
@pytest.mark.parametrize("programs", [False, True])
def test_what_was_heard_is_written_as_miditok_writes_it(scheme: Scheme, programs: bool) -> None:
    meters = scheme is Scheme.REMI
    if scheme is Scheme.MIDI_LIKE and programs:
        return  # programs are not played in this scheme
    made = kit(scheme, programs=programs, meters=meters)
    reader = Reader(made.vocabulary)
    writer, unit = Writer(reader, player=0), made.vocabulary.quarter // 4
    for seed in range(60):
        chance = Random(seed)
        meter = chance.choice([(3, 4), (4, 4), (6, 8)]) if meters else (4, 4)
        far = 12 if scheme is Scheme.STRUCTURED else 20
        notes = random_notes(chance, unit, programs, velocities=True, most=far)
        score = Score(made.vocabulary.quarter)
        score.time_signatures.append(TimeSignature(0, *meter))
        for program in (0, 1):
            track = Track(str(program), program, False)
            for note in sorted(notes, key=lambda n: (n.onset, n.pitch)):
                if note.program == program:
                    length = (note.end or 0) - note.onset
                    track.notes.append(Note(note.onset, length, note.pitch, note.velocity))
            if track.notes:
                score.tracks.append(track)
        known = made.tokenizer.encode(score, encode_ids=False)
        want = list((known if programs else known[0]).ids)
        last = max(note.onset for note in notes)
        until = last if scheme is Scheme.MIDI_LIKE else 1 << 30
        got = [n for c in writer.write(notes, 0, until, meter).chunks for n in c]
        assert got == (want[: len(got)] if scheme is Scheme.MIDI_LIKE else want)


def test_a_reader_stands_where_the_writer_says() -> None:
    made = kit(Scheme.REMI, meters=True)
    reader = Reader(made.vocabulary)
    writer, bounds = Writer(reader), Bounds(reader.pitches)
    for seed in range(40):
        notes = random_notes(Random(seed), made.vocabulary.quarter // 4, False, True, 20)
        written = writer.write(notes, 0, 1 << 30, (3, 4))
        state = reader.start()
        for number in (n for chunk in written.chunks for n in chunk):
            state = through(reader, state, number, bounds)[-1]
        there, here = state, written.state
        assert (there.now, there.next, there.bar, there.top) == (
            here.now,
            here.next,
            here.bar,
            here.top,
        )
        assert sorted(there.sounding, key=str) == sorted(here.sounding, key=str)


def test_merges_stay_inside_a_chunk_and_say_the_same() -> None:
    made = kit(Scheme.REMI, merges=400)
    writer = Writer(Reader(made.vocabulary))
    notes = random_notes(Random(1), made.vocabulary.quarter // 4, False, True, 20)
    shorter = 0
    for chunk in writer.write(notes, 0, 1 << 30, (4, 4)).chunks:
        merged = writer.merged(chunk)
        assert tuple(b for n in merged for b in made.vocabulary.bases[n]) == chunk
        shorter += len(merged) < len(chunk)
    assert shorter


def test_a_pitch_outside_the_vocabulary_is_moved_by_octaves() -> None:
    writer = Writer(Reader(kit(Scheme.REMI).vocabulary))
    assert writer.pitch(60) == 60
    assert writer.pitch(100) == 76
    assert writer.pitch(30) == 54
    assert writer.pitch(127) == 79


def test_a_metre_that_is_not_there_is_told_as_the_nearest() -> None:
    writer = Writer(Reader(kit(Scheme.REMI, meters=True).vocabulary))
    assert writer.meter((6, 8)) == (6, 8)
    assert writer.meter((2, 2)) == (4, 4)
    assert writer.meter((5, 4)) == (4, 4)


@pytest.mark.parametrize(
    ("tokens", "sentence"),
    [
        ([[("Bar", "None")]], "has no Position and no Pitch and no Duration"),
        ([[("Bar", "None")], [("Bar", "None")]], "tells two ids alike"),
        ([[("Bar", "None"), ("Pitch", "60")]], "has no id for 'Bar_None' alone"),
        ([], "has 0 ids"),
    ],
)
def test_a_vocabulary_that_cannot_be_played_is_refused(
    tokens: list[list[tuple[str, str]]], sentence: str
) -> None:
    with pytest.raises(BundleError, match=sentence):
        Vocabulary(Scheme.REMI, POSITIONS, tokens)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 1}', '{"format": 2, "tokens": []}'])
def test_a_file_that_is_no_vocabulary_is_refused(text: str) -> None:
    with pytest.raises(BundleError, match="not a vocabulary"):
        Vocabulary.read(text, Scheme.REMI, POSITIONS)


def test_a_vocabulary_comes_back_from_its_file() -> None:
    made = kit(Scheme.REMI, merges=400).vocabulary
    again = Vocabulary.read(made.write(), Scheme.REMI, POSITIONS)
    assert (again.tokens, again.merges, again.quarter) == (made.tokens, made.merges, made.quarter)
