"""Where the notes go: one file for each kind of output, all with the same few calls."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from ripieno.clock import Seconds


class Output(Protocol):
    """Something that sounds or records. Channels 0…15, pitches and values 0…127.

    Calls come from one thread, in order, with every note-off that is due: an output keeps no
    ledger of its own. None of them may block, and none raises after it was opened: an output that
    fails says so once through `problem` and stays silent.

    `at` is when a message should sound, and None at once. Who calls does so `lead` before that;
    an output whose `lead` is 0 sounds what it is told, when it is told.
    """

    name: str
    """For the player, such as 'port "ripieno:out"' or 'FluidSynth (jack), ripieno.sf2'."""

    @property
    def problem(self) -> str:
        """What went wrong since it was opened, in a sentence for the player; '' if nothing."""

    @property
    def lead(self) -> Seconds:
        """How long before it sounds a message must be here to sound in time."""

    def note_on(
        self, channel: int, pitch: int, velocity: int, at: Seconds | None = None
    ) -> None: ...

    def note_off(self, channel: int, pitch: int, at: Seconds | None = None) -> None: ...

    def control(
        self, channel: int, controller: int, value: int, at: Seconds | None = None
    ) -> None: ...

    def program(self, channel: int, program: int, at: Seconds | None = None) -> None: ...

    def bend(self, channel: int, value: int, at: Seconds | None = None) -> None:
        """The pitch wheel: -8192…8191, 0 in the middle."""

    def clock(self, data: tuple[int, ...], at: Seconds | None = None) -> None:
        """The bytes of a clock message, for other programs; a synthesiser has no use for it."""

    def silence(self, at: Seconds | None = None) -> None:
        """All notes off and all sound off, on every channel: for panic, not for every day."""

    def check(self) -> bool:
        """Look whether it is still there; called once a second, and quick.

        Returns whether somebody listens since now, who has not been told programs and volumes.
        """

    def close(self) -> None: ...


@runtime_checkable
class Replaceable(Protocol):
    """An instrument in a process of its own, which may not be there yet, or no more: then the
    built-in sound stands in for it."""

    @property
    def ready(self) -> bool:
        """Whether it sounds what it is told, as far as is known since the last `check`."""


@runtime_checkable
class Revoking(Protocol):
    """An output that looks ahead, and can take back what has not sounded yet."""

    def revoke(self, channel: int, pitch: int, at: Seconds) -> None:
        """This note does not begin any more; if it has begun, it ends at `at`."""
