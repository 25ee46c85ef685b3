"""A model of event tokens with its vocabulary, and the line of ids that it follows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf

from ripieno.errors import BundleError
from ripieno.events import Request
from ripieno.grammar.grid import STEPS_PER_BEAT
from ripieno.grammar.tokens.reading import Reader
from ripieno.grammar.tokens.states import State, Told
from ripieno.grammar.tokens.vocabulary import Kind, Meter
from ripieno.grammar.tokens.writing import Chunk, Writer, Written
from ripieno.inference.model import Model
from ripieno.inference.tokens.manifest import SPEC, UNKNOWN, Spec, vocabulary
from ripieno.inference.tokens.story import Played, Story
from ripieno.inference.tokens.stream import Stream
from ripieno.preset.values import pitch_name
from ripieno.settings import Mode

SPARE = 48
"""Positions left free in a context for what a step may add."""
EARLY = 0.85
"""Share of a context that may be taken when there is time to make room."""
MOST_NOTES = 512
"""Notes that a model without a limit of its own is told at most; when it slides, half of them."""
SHORT = 192
"""Ids that a shortened context holds at most."""


@dataclass(frozen=True, slots=True)
class View:
    """As what a story is told: in which metre and key, and whether the player is told apart."""

    meter: Meter
    fifths: int | None
    apart: bool

    @classmethod
    def of(cls, request: Request, spec: Spec) -> View:
        settings = request.settings
        meter = settings.meter.numerator, settings.meter.denominator
        key = settings.rules.key
        known = spec.programs is not None and spec.programs[0] != spec.programs[1]
        apart = known and settings.mode is Mode.ACCOMPANY
        return cls(meter, None if key is None else key.fifths, apart)


class Speaker:
    """What the model has been told of a story, as ids; `state` is where they lead."""

    def __init__(self, model: Model) -> None:
        """Raises BundleError for a vocabulary that does not fit."""
        self.model = model
        self.spec: Spec = model.manifest.own[SPEC]
        known = vocabulary(model.manifest.folder, self.spec)
        player = self.spec.programs[0] if self.spec.programs else None
        self.reader = Reader(known)
        self.writer = Writer(self.reader, player)
        self.stream = Stream(model, known, self.writer)
        self.sixteenth = known.quarter // STEPS_PER_BEAT
        self.state: State = self.reader.start()
        self.short = False
        self.lost = False
        self.remarks: list[str] = []
        """What of the story could not be told as it is, each the end of a sentence."""
        self._since: int | None = None
        self._part: int | None = None
        self._refuse_coarse()

    def reset(self) -> None:
        self.stream.reset()
        self._since = self._part = None
        self.lost = False

    def fail(self) -> None:
        """The model has failed: what it remembers is worth nothing."""
        self.stream.forget()
        self.lost = True

    def meter(self, view: View) -> Meter:
        """The metre in which this model is told a piece."""
        return self.writer.meter(view.meter)

    def bar_steps(self, view: View) -> int:
        return self.reader.bar_length(self.meter(view)) // self.sixteenth

    def origin(self, view: View, step: int) -> int:
        """The step on which the first bar that the model is told begins, seen from `step`."""
        bar = self.bar_steps(view)
        return (step if self._since is None else self._since) // bar * bar

    def part(self, view: View, step: int) -> int:
        """The step on which a part of the music begins, from which bars are counted."""
        return self.origin(view, step) if self._part is None else self._part

    def tight(self, *, early: bool = False) -> bool:
        """Whether the context has no room for another step, or, `early`, soon will not."""
        most = self._most()
        return len(self.stream.ids) + SPARE > (most * EARLY if early else most)

    def follow(
        self, story: Story, step: int, view: View, *, keep: bool, slide: bool = False
    ) -> bool:
        """Have the model's line tell what happened before `step`; to `slide`, from a later bar on.

        What was drawn for later stays if `keep` and if all before it is as it was told: whether it
        did.
        """
        if self.tight() or self._since is None:
            keep = False
        head = self.head(view)
        notes, written = self._written(story, step, view)
        full = self._size(head, written.chunks) + SPARE > self._most() or self._too_many(notes)
        if notes and (full or slide):
            self._slide(notes, head, written.chunks, view)
            notes, written = self._written(story, step, view)
            keep = False
        kept = self.stream.follow(head, written.chunks, keep=keep)
        if not kept:
            self.state = written.state
        self.lost = False
        return kept

    def head(self, view: View) -> list[int]:
        """The ids before all music."""
        ids = self.reader.vocabulary.ids
        head = [ids[_base(name)] for name in self.spec.start]
        fifths = UNKNOWN if view.fifths is None else str(view.fifths)
        told = {"Key": fifths, "Meter": f"{view.meter[0]}/{view.meter[1]}"}
        for control in self.spec.prefix:
            known = (control, told[control]) in ids
            head.append(ids[control, told[control] if known else UNKNOWN])
        return head

    def _written(self, story: Story, step: int, view: View) -> tuple[list[Told], Written]:
        since = -(1 << 30) if self._since is None else self._since
        played = story.notes(since, step)
        if self._since is None:
            bar, first = self.bar_steps(view), played[0].onset if played else step
            self._since = first // bar * bar
            pickup = 2 * (first - self._since) >= bar
            self._part = self._since + bar if pickup else self._since
        notes = [self._told(note, view) for note in played]
        self.remarks = list(self._remarks(notes, view))
        if self.spec.polyphony == 1:
            notes = one_line(notes)
        origin, meter = self.origin(view, step), self.meter(view)
        until, unit = step * self.sixteenth, self.sixteenth
        part = self.part(view, step) * unit
        return notes, self.writer.write(notes, origin * unit, until, meter, part)

    def _remarks(self, notes: Sequence[Told], view: View) -> Iterator[str]:
        pitches, meter = self.reader.pitches, self.meter(view)
        if any(note.pitch not in pitches for note in notes):
            low, high = (pitch_name(pitch) for pitch in (min(pitches), max(pitches)))
            yield f"knows the notes {low} to {high}; it hears others an octave nearer"
        if meter[0] * view.meter[1] != view.meter[0] * meter[1]:
            told, known = (f"{top}/{bottom}" for top, bottom in (view.meter, meter))
            yield f"was not trained on {told}; it counts your bars as {known}"

    def _told(self, note: Played, view: View) -> Told:
        """A note in ticks. Where the player is told apart, it is not waited for how long the
        player's notes will be: all of them have the length of a beat."""
        onset, end = note.onset * self.sixteenth, note.known
        programs = self.spec.programs or (0, 0)
        theirs = view.apart and note.voice < len(_PLAYERS)
        program = programs[0] if theirs else programs[1]
        if theirs:
            beat = self.reader.beat(self.meter(view))
            return Told(onset, onset + beat, note.pitch, note.velocity, program)
        finish = None if end is None else end * self.sixteenth
        return Told(onset, finish, note.pitch, note.velocity, program)

    def _most(self) -> float:
        most = self.model.context
        return min(most, SHORT + SPARE) if self.short and most < inf else most

    def _too_many(self, notes: Sequence[Told]) -> bool:
        return self.model.context == inf and len(notes) > MOST_NOTES

    def _size(self, head: Sequence[int], chunks: Sequence[Chunk]) -> int:
        return len(head) + sum(len(self.writer.merged(chunk)) for chunk in chunks)

    def _slide(
        self, notes: Sequence[Told], head: Sequence[int], chunks: Sequence[Chunk], view: View
    ) -> None:
        """Begin at a later bar, so that half of what fits is taken at most."""
        bar = self.bar_steps(view)
        room = self._most() / 2 - len(head)
        begins = [note.onset // self.sixteenth // bar * bar for note in notes]
        kept = MOST_NOTES // 2 if room == inf else int(len(chunks) * room / self._size((), chunks))
        later = begins[-max(1, min(len(begins), kept)) :]
        self._since = later[0] if later[0] > begins[0] else begins[0] + bar

    def _refuse_coarse(self) -> None:
        """A vocabulary must have all sixteenths of a bar and the length of one."""
        known, unit = self.reader.vocabulary, self.sixteenth
        kind = Kind.SHIFT if not known.some(Kind.DURATION) else Kind.DURATION
        meters = [event.meter for event, _ in known.some(Kind.METER)] or [(4, 4)]
        for meter in meters:
            lengths = {event.value * 4 // meter[1] for event, _ in known.some(kind)}
            if unit not in lengths:
                told = f"{meter[0]}/{meter[1]}"
                raise BundleError(
                    f"the vocabulary has no sixteenth in {told}, and this engine plays sixteenths",
                    where=known.where,
                )


_PLAYERS = (0, 1, 2, 3)
"""Voices of a player; those of a machine that sounds several notes at once come after them."""


def one_line(notes: Sequence[Told]) -> list[Told]:
    """`notes` as a line: of those that begin together the highest, each cut by the next."""
    highest: dict[int, Told] = {}
    for note in notes:
        if note.onset not in highest or note.pitch > highest[note.onset].pitch:
            highest[note.onset] = note
    line = [highest[onset] for onset in sorted(highest)]
    ends = [note.onset for note in line[1:]]
    cut = [
        replace(note, end=end) if note.end is None or note.end > end else note
        for note, end in zip(line, ends, strict=False)
    ]
    return [*cut, *line[-1:]]


def _base(name: str) -> tuple[str, str]:
    kind, _, value = name.partition("_")
    return kind, value
