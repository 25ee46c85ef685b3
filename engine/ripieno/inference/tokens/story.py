"""What happened, in sixteenths: every voice a line of notes, told or played, which can be taken
back to any step. The tokens that a model hears are written from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ripieno.events import Sounding

LONGEST = 4096
"""Notes that are remembered in each voice."""


@dataclass(slots=True)
class Played:
    """A note of `voice` from the step `onset`.

    planned: where the machine means to end it, None if only hearing tells. heard: it sounded up to
    here for certain. end: where it ended, None as far as nothing contradicts the plan.
    """

    voice: int
    pitch: int
    velocity: int
    onset: int
    planned: int | None = None
    heard: int = 0
    end: int | None = None

    @property
    def known(self) -> int | None:
        """Where it ends, None if that is open."""
        if self.end is not None or self.planned is None:
            return self.end
        return max(self.planned, self.heard)

    @property
    def reach(self) -> int:
        """The first step of which nobody knows that it sounds there."""
        known = self.known
        return max(self.heard, self.onset) if known is None else known


class Story:
    """The lines of all voices, up to the step `decided`, before which all is told or decided."""

    def __init__(self) -> None:
        self.lines: dict[int, list[Played]] = {}
        self.decided: int | None = None
        self._plans: dict[tuple[int, int, int], int] = {}

    def clear(self) -> None:
        self.lines.clear()
        self._plans.clear()
        self.decided = None

    def notes(self, since: int, until: int) -> list[Played]:
        """All notes with onsets in [since, until), by onset, voice and pitch."""
        found = [n for line in self.lines.values() for n in _after(line, since) if n.onset < until]
        return sorted(found, key=lambda n: (n.onset, n.voice, n.pitch))

    def last(self, voices: Iterable[int], before: int) -> Played | None:
        """The note of these voices that began last, before a step."""
        lasts = (self._covering(voice, before - 1) for voice in voices)
        return max((n for n in lasts if n is not None), key=lambda n: n.onset, default=None)

    def sounding(self, voice: int, step: int) -> Played | None:
        """What `voice` sounds at `step`, as far as is known."""
        note = self._covering(voice, step)
        return note if note is not None and note.reach > step else None

    def state(self, voice: int, step: int) -> Sounding:
        note = self.sounding(voice, step)
        if note is None:
            return Sounding(voice, None, False, 0)
        return Sounding(voice, note.pitch, note.onset == step, note.velocity)

    def agrees(self, step: int, told: Iterable[Sounding]) -> bool:
        """All of `told` is known of `step`, which was told or decided before."""
        if self.decided is None or step >= self.decided:
            return False
        states = ((self.state(t.voice, step), t) for t in told)
        return all((s.pitch, s.struck) == (t.pitch, t.struck) for s, t in states)

    def rewind(self, step: int) -> bool:
        """Forget `step` and all after it; whether there was anything to forget. What is planned
        for the step that comes next is kept when the story goes on from there."""
        if self.decided is None or self.decided == step:
            return False
        if self.decided < step:
            self.drop(self.lines, self.decided)
            return True
        self.drop(self.lines, step)
        for line in self.lines.values():
            if line:
                last = line[-1]
                last.heard = min(last.heard, step)
                if last.end is not None and last.end >= step:
                    last.end = None
        self.decided = step
        return True

    def drop(self, voices: Iterable[int], step: int) -> bool:
        """Forget the notes of `voices` that begin at `step` or later; whether there were any."""
        dropped = False
        for voice in voices:
            line = self.lines.get(voice, [])
            while line and line[-1].onset >= step:
                gone, dropped = line.pop(), True
                if gone.planned is not None:
                    self._plans[voice, gone.onset, gone.pitch] = gone.planned
        return dropped

    def tell(self, step: int, told: Sounding) -> bool:
        """A voice did this in `step`; whether that is news: an onset, or an end not as planned."""
        note = self.sounding(told.voice, step) or self._open(told.voice, step)
        if told.pitch is None:
            return self._ended(note, step)
        goes_on = note is not None and note.pitch == told.pitch and not told.struck
        if note is not None and goes_on:
            longer = note.planned is not None and note.planned <= step
            note.heard = max(note.heard, step + 1)
            return longer
        self._ended(note, step)
        planned = self._plans.get((told.voice, step, told.pitch))
        self.add(Played(told.voice, told.pitch, told.velocity, step, planned, step + 1))
        return True

    def close(self, voice: int, step: int) -> bool:
        """A voice whose note has no planned end falls silent at `step`."""
        note = self._open(voice, step)
        return self._ended(note, step) if note is not None and note.planned is None else False

    def add(self, note: Played) -> None:
        """A new note, the last of its voice."""
        line = self.lines.setdefault(note.voice, [])
        line.append(note)
        if len(line) > LONGEST:
            del line[: LONGEST // 2]
            first = line[0].onset
            self._plans = {k: v for k, v in self._plans.items() if k[1] >= first}

    def hold(self, voice: int, step: int) -> None:
        """What sounded until `step` goes on through it."""
        note = self._covering(voice, step)
        if note is not None and note.reach >= step:
            note.heard = max(note.heard, step + 1)

    def _ended(self, note: Played | None, step: int) -> bool:
        if note is None or note.end is not None or note.known == step:
            return False
        note.end = max(step, note.onset + 1)
        return True

    def _open(self, voice: int, step: int) -> Played | None:
        """The note of `voice` whose end nobody has told, if it began before `step`."""
        note = self._covering(voice, step)
        return note if note is not None and note.known is None else None

    def _covering(self, voice: int, step: int) -> Played | None:
        """The last note of `voice` that began at `step` or before."""
        return next((n for n in reversed(self.lines.get(voice, ())) if n.onset <= step), None)


def _after(line: list[Played], since: int) -> Iterator[Played]:
    for place in range(len(line) - 1, -1, -1):
        if line[place].onset < since:
            return
        yield line[place]
