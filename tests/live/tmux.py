"""A real terminal that a script can see: tmux, with a server of our own, its pane read as text."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from tests.engine.jackd import until

PATIENCE = 60.0


class Pane:
    """The only pane of a tmux server called `name`. Everything is done by tmux's own commands."""

    def __init__(self, name: str) -> None:
        self._name = name

    def start(
        self, command: Sequence[str], variables: Mapping[str, str], size: tuple[int, int]
    ) -> None:
        """Run `command` in it; what it leaves on the terminal stays to be read."""
        width, height = map(str, size)
        where = ("-x", width, "-y", height)
        shell = f"{shlex.join(command)}; echo ended with $?; sleep 600"
        self._tmux("-f", os.devnull, "new-session", "-d", *where, shell, env=variables)
        self._tmux("set-option", "-g", "status", "off")  # its line is not the program's
        self.resize(size)

    def resize(self, size: tuple[int, int]) -> None:
        """Make the terminal another size, columns × rows, while the program runs."""
        width, height = map(str, size)
        self._tmux("resize-window", "-x", width, "-y", height)

    def keys(self, *names: str) -> None:
        """Type keys, by tmux's names for them: 'z', 'Enter', 'F3', 'Escape', 'Right'."""
        for name in names:
            self._tmux("send-keys", *(("-l", name) if len(name) == 1 else (name,)))

    def click(self, column: int, row: int) -> None:
        """Press and release the left mouse button, as terminals tell it (SGR), from 0."""
        place = f"{column + 1};{row + 1}"
        self._tmux("send-keys", "-l", f"\x1b[<0;{place}M\x1b[<0;{place}m")

    @property
    def text(self) -> str:
        """What stands on the screen now."""
        return self._tmux("capture-pane", "-p")

    @property
    def rows(self) -> list[str]:
        return self.text.split("\n")

    def shows(self, *words: str, seconds: float = PATIENCE) -> None:
        """Wait until all of `words` stand on the screen at once."""
        seen = ""

        def there() -> bool:
            nonlocal seen
            seen = self.text
            return all(word in seen for word in words)

        try:
            until(there, f"{words} on the screen", seconds)
        except BaseException:
            print(seen)
            raise

    def hides(self, word: str) -> None:
        """Wait until `word` does not stand on the screen any more."""
        until(lambda: word not in self.text, f"a screen without {word!r}", PATIENCE)

    def find(self, word: str) -> tuple[int, int]:
        """Column and row of a word that stands there."""
        for number, row in enumerate(self.rows):
            if word in row:
                return row.index(word), number
        raise AssertionError(f"{word!r} does not stand on the screen:\n{self.text}")

    def close(self) -> None:
        subprocess.run(["tmux", "-L", self._name, "kill-server"], capture_output=True, check=False)

    def _tmux(self, *words: str, env: Mapping[str, str] | None = None) -> str:
        command = ["tmux", "-L", self._name, *words]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=env)
        return done.stdout


@contextmanager
def pane(name: str) -> Iterator[Pane]:
    """A terminal for one program, gone afterwards with whatever still runs in it."""
    opened = Pane(f"{name}-{os.getpid()}")
    try:
        yield opened
    finally:
        opened.close()
