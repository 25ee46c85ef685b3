"""The way to one output: its own queue, its latency made up for, its velocities bent."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from ripieno.clock import Seconds
from ripieno.outputs import Output, Revoking
from ripieno.outputs.messages import (
    CONTROL,
    NOTE_OFF,
    NOTE_ON,
    PROGRAM,
    SILENCE,
    SYSTEM,
    Message,
)
from ripieno.outputs.pacing import Pacing, is_off

MIX = (0, 7, 10, 32)
"""The controllers for bank, volume and place, as the MIDI 1.0 specification numbers them."""
GAP = Seconds(0.001)
"""Between two messages of one note: a note that is struck again has ended so long before."""
AS_PLAYED = bytes(range(128))
"""The velocity table that changes nothing."""


class Lane:
    """Messages on their way to `output`; moments are those at which they should sound.

    The instrument behind it takes `latency` to sound, and is told so much earlier. `velocities`
    has 128 bytes: what is sent for each velocity that is played. What is on other channels than
    `channels` is not for it, unless it stands in for another one; () is all.
    """

    def __init__(
        self,
        output: Output,
        latency: Seconds = Seconds(0.0),
        velocities: bytes = AS_PLAYED,
        channels: tuple[int, ...] = (),
    ) -> None:
        self.output = output
        self._latency = latency
        self._velocities = velocities
        self.channels = frozenset(channels or range(16))
        """What it may be told of."""
        self.begins = self.channels
        """On which channels notes begin; may be changed while music plays. A note that has begun
        is told its end."""
        self._touched = self.begins  # on which channels something may have begun
        self._pacing = Pacing(GAP)
        self._revoked: set[tuple[int, int]] = set()  # notes that were cancelled
        self._leaves = False

    @property
    def lead(self) -> Seconds:
        """How long before it sounds a message must be put here."""
        return Seconds(self.output.lead + self._latency)

    def put(self, at: Seconds, message: Message) -> None:
        """Let `message` sound at `at`, or as soon as can be."""
        if message[0] < SYSTEM and not self._hears(message):
            return
        if message[0] & 0xF0 == NOTE_ON:
            message = (message[0], message[1], self._velocities[message[2]])
        self._pacing.put(at - self._latency, message)

    def _hears(self, message: Message) -> bool:
        """Whether a message of a channel is for it."""
        channel = message[0] & 0x0F
        if channel in self.begins:
            self._touched |= {channel}
            return True
        if channel not in self._touched or message[0] & 0xF0 == NOTE_ON:
            return False
        return not self._leaves or not _is_patch(message)

    def tune(self, channels: tuple[int, ...], velocities: bytes) -> None:
        """Begin notes on these channels from now on, () for all, and bend their velocities so."""
        self.channels = self.begins = frozenset(channels or range(16))
        self._velocities, self._leaves = velocities, False

    def leave(self) -> None:
        """Begin nothing any more, and keep the sound: what sounds is told its end, and no more."""
        self.begins, self._leaves = frozenset(), True

    @property
    def idle(self) -> bool:
        """Whether nothing sounds here, or is on its way."""
        return self._pacing.idle

    def cancel(self, channel: int, pitch: int, now: Seconds) -> None:
        """This note does not begin any more, or else ends now."""
        self._pacing.cancel(channel, pitch, now)
        self._revoked.add((channel, pitch))

    def silence(self, now: Seconds) -> None:
        """Silence every channel, behind all note-offs that are on their way."""
        ends = self._pacing.notes_end
        at = Seconds(now + self.output.lead)
        self._pacing.put(at if ends is None else max(at, ends), SILENCE)
        self.pump(now)

    def pump(self, now: Seconds) -> None:
        """Hand over what is due."""
        for at, message in self._pacing.due(now + self.output.lead, now):
            self._hand(message, Seconds(at))

    def _hand(self, message: Message, at: Seconds) -> None:
        if message[0] & 0xF0 in (NOTE_ON, NOTE_OFF):
            cell = (message[0] & 0x0F, message[1])
            revoked = cell in self._revoked
            self._revoked.discard(cell)
            if revoked and is_off(message) and isinstance(self.output, Revoking):
                self.output.revoke(*cell, at)
                return
        _tell(self.output, message, at)

    def wake(self) -> Seconds | None:
        """When `pump` has something to do; None when nothing waits."""
        at = self._pacing.next
        return None if at is None else Seconds(at - self.output.lead)

    def gone(self, channel: int, pitch: int) -> Seconds | None:
        """When this note has surely ended for the listener; None while it has not."""
        if self._pacing.busy(channel, pitch):
            return None
        left = self._pacing.left(channel, pitch)
        return Seconds(float("-inf") if left is None else left + self.output.lead)


def _is_patch(message: Message) -> bool:
    """Whether it sets the sound, bank, volume or place of a channel."""
    kind = message[0] & 0xF0
    return kind == PROGRAM or (kind == CONTROL and message[1] in MIX)


def _tell(output: Output, message: Message, at: Seconds) -> None:
    channel = message[0] & 0x0F
    match message[0] & 0xF0:
        case 0x90:
            output.note_on(channel, message[1], message[2], at)
        case 0x80:
            output.note_off(channel, message[1], at)
        case 0xB0:
            output.control(channel, message[1], message[2], at)
        case 0xC0:
            output.program(channel, message[1], at)
        case 0xE0:
            output.bend(channel, (message[1] | message[2] << 7) - 8192, at)
        case _ if message == SILENCE:
            output.silence(at)
        case _:
            output.clock(message, at)


def velocity_table(points: Sequence[tuple[int, int]]) -> bytes:
    """What is sent for each velocity 0…127: straight lines between `points` (played, sent).

    Points are 1…127, the first numbers rising; below the first and above the last point its
    value is sent. Without points all is sent as played. A note-on never becomes a note-off.
    """
    if not points:
        return AS_PLAYED
    return bytes(min(127, max(1, round(_between(points, played)))) for played in range(128))


def _between(points: Sequence[tuple[int, int]], played: int) -> float:
    if played <= points[0][0]:
        return points[0][1]
    for (low, from_), (high, to) in pairwise(points):
        if played <= high:
            return from_ + (to - from_) * (played - low) / (high - low)
    return points[-1][1]
