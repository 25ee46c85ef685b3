"""The first minute: does sound come out, is there a MIDI port, play C to G; then a jam."""

from __future__ import annotations

from collections.abc import Callable

from ripieno.clock import Beats
from ripieno.commands import Audition, Play
from ripieno.events import Look, Note
from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from ripieno_app.desk import Desk
from ripieno_app.keys import Action, Deed, Layer, action_of, key_name
from ripieno_app.widgets.status import is_mute

SCALE = (0, 2, 4, 5, 7)
"""C D E F G, in semitones above C."""
HELLO = tuple(
    Note(0, 60 + step, 90, Beats(place * 0.5), Beats(0.5)) for place, step in enumerate(SCALE)
)
STEPS = 3
LETTERS = "z x c v b"
"""The keys of C to G."""


class Guide(ModalScreen[Action | None]):
    """Three questions, none of which stands in the way: Enter goes on, q leaves it."""

    def __init__(self, desk: Desk, press: Callable[[str], None]) -> None:
        """`press` plays a letter."""
        super().__init__()
        self.desk = desk
        self._press = press
        self._step = 0
        self._no_sound = self._left = False
        self._played: set[int] = set()

    def compose(self) -> ComposeResult:
        with Vertical(id="guide"):
            yield Static(id="guide-text")

    def on_mount(self) -> None:
        self.call_after_refresh(self.refresh_view)

    def refresh_view(self) -> None:
        """Show how far it is."""
        view = self.desk.view()
        if view is not None and self._step == STEPS - 1:
            self._played |= {
                note.pitch % 12
                for note in view.telemetry.roll
                if note.look is Look.PLAYER and note.pitch % 12 in SCALE
            } | {pitch % 12 for pitch in view.hands.sounding if pitch % 12 in SCALE}
        self.query_one("#guide-text", Static).update(self._text())

    def _text(self) -> Content:
        told = (self._sound, self._ports, self._scale)[self._step]()
        head = (f"The first minute, {self._step + 1} of {STEPS}\n\n", "bold $accent")
        foot = ("\n\nEnter goes on · q leaves this · Esc silences", "$label")
        return Content.assemble(head, *told, foot)

    def _sound(self) -> tuple[tuple[str, str], ...]:
        view = self.desk.view()
        if view is None:
            return (("The engine is starting …", ""),)
        if is_mute(view.telemetry):
            return (
                ("Nothing can sound on this machine yet.\n\n", "bold $urgent"),
                ("Connect a sound card, or start PipeWire or JACK, and start Ripieno again; "
                 "`ripieno doctor` says more. You can go on all the same: it plays in silence, "
                 "and leaves every take as a .mid and a .wav file.", ""),
            )  # fmt: skip
        outputs = ", ".join(view.telemetry.outputs)
        if self._no_sound:
            return (
                (f"It plays into {outputs}.\n\n", ""),
                ("Is the volume up, and the right device chosen? `ripieno doctor` looks at this "
                 "machine and says what would mend it. Without sound it still plays MIDI, and "
                 "leaves every take as a .wav file.", ""),
            )  # fmt: skip
        return (
            ("Press ", ""), ("p", "bold $command"),
            (f" to hear five notes.\n\nIt plays into {outputs}.\n\nYou hear nothing? ", ""),
            ("n", "bold $command"), (".", ""),
        )  # fmt: skip

    def _ports(self) -> tuple[tuple[str, str], ...]:
        view = self.desk.view()
        inputs = view.telemetry.inputs if view is not None else ()
        heard = ", ".join(inputs)
        found = f"It listens to {heard}." if inputs else "No MIDI port is there; no gear is needed."
        return (
            (f"{found}\n\n", ""),
            ("A MIDI keyboard: plug it in, and start with --in and a part of its name. "
             "`ripieno ports` lists what is there. The letters of the computer's keyboard play "
             "too, and that is enough to begin.", ""),
        )  # fmt: skip

    def _scale(self) -> tuple[tuple[str, str], ...]:
        done = sum(step in self._played for step in SCALE)
        signs = " ".join(
            f"{letter}{'✓' if step in self._played else '·'}"
            for letter, step in zip(LETTERS.split(), SCALE, strict=True)
        )
        words = "That is C to G. Enter, and jam: play a few notes, then wait."
        if done < len(SCALE):
            words = "Play C to G: these five letters, or your keyboard."
        view = self.desk.view()
        loading = view is not None and not view.telemetry.playing
        patience = "\n\nThe model is still loading; it answers what you play after that."
        return (
            (f"{words}\n\n", ""),
            (f"   {signs}   ", "bold $player"),
            (patience if loading else "", "$label"),
        )

    def on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        name = key_name(event)
        action = action_of(name, Layer.COMMAND)
        if action is Deed.PANIC or (action is Deed.QUIT and name != "q"):
            self._leave(action)
        elif name == "q":
            self._leave(None)
        elif event.key == "enter":
            self._go_on()
        elif self._step == 0 and name in ("p", "n"):
            self._no_sound = name == "n"
            if name == "p":
                self.desk.send(Audition(HELLO, 120.0))
        elif self._step == STEPS - 1:
            self._press(name)
        self.refresh_view()

    def _go_on(self) -> None:
        self._step += 1
        if self._step == STEPS:
            self._step = STEPS - 1
            view = self.desk.view()
            if view is not None and not view.controls.playing:
                self.desk.send(Play())
            self._leave(None)

    def _leave(self, action: Action | None) -> None:
        if self._left:  # a key that comes while it closes must not close what is below
            return
        self._left = True
        self.desk.library.remember_welcome()
        self.dismiss(action)
