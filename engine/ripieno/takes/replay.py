"""A take played again: exactly what went out, in the same order, at the same moments."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate

from ripieno.clock import Clock, Seconds
from ripieno.errors import PhraseError, SettingError
from ripieno.ledger import Ledger
from ripieno.outputs import Output, Revoking
from ripieno.outputs.messages import CONTROL, NOTE_OFF, NOTE_ON, SUSTAIN
from ripieno.takes.facts import Sent, Silenced
from ripieno.takes.take import Take

READY = Seconds(0.2)
"""From the start to the first note: what came before it (programs, volumes) goes out at once."""
SLOWEST, FASTEST = 0.1, 10.0
"""How much slower or faster than it was."""
EARLY = Seconds(0.05)
"""How much earlier than it must, an output is told that keeps moments: nothing can change here."""
NAP = Seconds(0.1)
"""How long a wait may last until `leave` is looked at again."""


def outgoing(take: Take) -> tuple[Sent | Silenced, ...]:
    """What went out in `take`. Raises PhraseError for a take that does not tell."""
    found = tuple(fact for fact in take.facts if isinstance(fact, Sent | Silenced))
    if not found:
        raise PhraseError(
            "this take does not tell what went out",
            where=take.name,
            nearest="It was made by an earlier Ripieno: `ripieno takes` makes a .mid of it.",
        )
    return found


def moments(sent: Sequence[Sent | Silenced], speed: float = 1.0) -> Iterator[Seconds]:
    """When each goes out again, from the start, at `speed` times (0.1…10) the first tempo.

    Raises SettingError.
    """
    if not SLOWEST <= speed <= FASTEST:
        raise SettingError(
            f"a speed of {speed:g} cannot be played", allowed=f"{SLOWEST:g}…{FASTEST:g}"
        )
    first = next((fact.at for fact in sent if _strikes(fact)), sent[0].at if sent else 0.0)
    for fact in sent:
        yield Seconds(max(0.0, fact.at - first) / speed + (READY if fact.at >= first else 0.0))


def replay(
    take: Take,
    outputs: Sequence[Output],
    clock: Clock,
    *,
    ledger: Ledger | None = None,
    speed: float = 1.0,
    leave: Callable[[], bool] = lambda: False,
) -> int:
    """Send what went out in `take` to `outputs` again; returns how many messages were sent.

    The `ledger` says at every moment what sounds. Whatever still does at the end, because the
    take was cut off or `leave` said so, is released. Raises PhraseError or SettingError.
    """
    sent = outgoing(take)
    start = clock.now()
    due = [Seconds(start + moment) for moment in moments(sent, speed)]
    farthest = max((output.lead for output in outputs), default=0.0)
    player = _Player(ledger or Ledger(), Seconds(2 * farthest))
    count = 0
    try:
        for until, output, place in _order(due, outputs):
            if not _wait(clock, until, leave):
                break
            player.send(sent[place], output, place, max(due[place], clock.now()))
            player.settle(clock.now())
            count += output is outputs[0]
        else:
            _wait(clock, max(due[-1], player.settled), leave)
    finally:
        player.settle(clock.now())
        player.release(outputs, clock.now())
    return count


def _order(due: Sequence[Seconds], outputs: Sequence[Output]) -> list[tuple[Seconds, Output, int]]:
    """When to tell which output which message: each as early as it needs it, and in order."""
    told = [
        (Seconds(at - (output.lead + EARLY if output.lead else 0.0)), output, place)
        for output in outputs
        for place, at in enumerate(accumulate(due, max))
    ]
    return sorted(told, key=lambda each: each[0])


def _wait(clock: Clock, until: Seconds, leave: Callable[[], bool]) -> bool:
    """Wait, but not for longer than somebody wants to."""
    while not leave():
        now = clock.now()
        if now >= until:
            return True
        clock.sleep_until(min(until, Seconds(now + NAP)))
    return False


def _strikes(fact: Sent | Silenced) -> bool:
    return isinstance(fact, Sent) and fact.bytes.startswith("9")


_Held = tuple[int, int | None]
"""A channel and a pitch that sounds on it, or None for its pedal."""


class _Player:
    """Puts recorded bytes back into the calls that they were, and knows what sounds.

    What is told early may still be lost, if we die: a note is in the ledger before its note-on is
    told, and until its note-off has left every output, `sure` after its moment.
    """

    def __init__(self, ledger: Ledger, sure: Seconds) -> None:
        self._ledger, self._sure = ledger, sure
        self._begun: dict[_Held, int] = {}  # the place in the take where it began last
        self._ending: deque[tuple[Seconds, int, _Held]] = deque()

    def send(self, fact: Sent | Silenced, output: Output, place: int, at: Seconds) -> None:
        """Tell `output` what stands at `place` in the take, and should sound at `at`."""
        if isinstance(fact, Silenced):
            output.silence(at)
            return
        status, *data = bytes.fromhex(fact.bytes)
        kind, channel = status & 0xF0, status & 0x0F
        pedal = kind == CONTROL and data[0] == SUSTAIN
        held: _Held = (channel, None if pedal else data[0] if data else None)
        begins = kind == NOTE_ON or (pedal and data[1] > 0)
        if begins:  # noted down before it sounds: whoever must release it knows of it
            self._begun[held] = max(place, self._begun.get(held, place))
            self._note(held, True)
        _send(output, status, data, at)
        if kind == NOTE_OFF or (pedal and not begins):
            self._ending.append((Seconds(at + self._sure), place, held))

    @property
    def settled(self) -> Seconds:
        """When all that was told to end has surely ended."""
        return max((at for at, _, _ in self._ending), default=Seconds(0.0))

    def settle(self, now: Seconds) -> None:
        """Forget what has surely ended, and has not begun again since."""
        waiting = self._ending
        self._ending = deque(each for each in waiting if each[0] > now)
        for at, place, held in waiting:
            if at <= now and self._begun.get(held, place) <= place:
                self._note(held, False)

    def _note(self, held: _Held, sounds: bool) -> None:
        channel, pitch = held
        if pitch is None:
            self._ledger.pedal(channel, sounds)
        elif sounds:
            self._ledger.strike(channel, pitch)
        else:
            self._ledger.release(channel, pitch)

    def release(self, outputs: Sequence[Output], now: Seconds) -> None:
        """Nothing goes on sounding, and nothing that was told early begins any more."""
        pedals, notes = self._ledger.pedals(), self._ledger.sounding()
        for output in outputs:
            for channel in pedals:
                output.control(channel, SUSTAIN, 0)
            for channel, pitch in notes:
                if isinstance(output, Revoking):
                    output.revoke(channel, pitch, now)
                else:
                    output.note_off(channel, pitch)
        for channel in pedals:
            self._ledger.pedal(channel, False)
        for channel, pitch in notes:
            self._ledger.release(channel, pitch)


def _send(output: Output, status: int, data: list[int], at: Seconds | None) -> None:
    channel = status & 0x0F
    match status & 0xF0:
        case 0x90:
            output.note_on(channel, data[0], data[1], at)
        case 0x80:
            output.note_off(channel, data[0], at)
        case 0xB0:
            output.control(channel, data[0], data[1], at)
        case 0xC0:
            output.program(channel, data[0], at)
        case 0xE0:
            output.bend(channel, (data[1] << 7 | data[0]) - 8192, at)
        case _:
            output.clock((status, *data), at)
