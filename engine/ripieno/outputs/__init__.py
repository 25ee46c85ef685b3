"""Where the notes go: one file for each kind of output, all with the same few calls."""

from __future__ import annotations

from typing import Protocol


class Output(Protocol):
    """Something that sounds or records. Channels 0…15, pitches and values 0…127.

    Calls come from one thread, in order, with every note-off that is due: an output keeps no
    ledger of its own. None of them may block, and none raises after it was opened: an output that
    fails says so once through `problem` and stays silent.
    """

    name: str
    """For the player, such as 'port "ripieno:out"' or 'FluidSynth (jack), ripieno.sf2'."""

    @property
    def problem(self) -> str:
        """What went wrong since it was opened, in a sentence for the player; '' if nothing."""

    def note_on(self, channel: int, pitch: int, velocity: int) -> None: ...

    def note_off(self, channel: int, pitch: int) -> None: ...

    def control(self, channel: int, controller: int, value: int) -> None: ...

    def program(self, channel: int, program: int) -> None: ...

    def silence(self) -> None:
        """All notes off and all sound off, on every channel: for panic, not for every day."""

    def check(self) -> None:
        """Look whether it is still there; called once a second, and quick."""

    def close(self) -> None: ...
