"""Everything on the screen and every key, explained. Read from the table that the keys obey."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

from ripieno.events import Telemetry
from textual import events
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from ripieno_app.keys import ANSWER, KEYS, Action, Deed, Key, Layer, action_of, key_name, turns_back
from ripieno_app.messages import Words

Part = tuple[str, str]
TEXT, INDENT = 72, 14
"""Columns of the page, and of its signs and keys."""
_SCROLLING = frozenset({"up", "down", "pageup", "pagedown", "home", "end"})

FIRST_MINUTE = """\
No gear is needed. The letters are two rows of piano keys: z is C4, s is C#4, x is D4, and so on; \
q is C5, one octave up. Play a few of them, then wait: after a short silence the machine answers \
with four voices. Play again and it yields at once. Shift makes a note louder. A terminal never \
tells when a key is let go, so a note lasts one beat (n changes that), as long as you hold the \
key, or, with latch, until you press the key again."""

ON_THE_SCREEN: tuple[tuple[str, str], ...] = (
    ("▶ 12.3", "playing, at beat 3 of bar 12; ■ is stopped"),
    ("-1.4", "the count-in: beat 4 of the bar before the first"),
    ("‹84›", "a value: click its left half to lower it, its right half to raise it"),
    ("○  ●", "after a value: asked for, not confirmed yet; confirmed, not heard yet"),
    ("listening", "how long it has been listening, or how much of its answer is left"),
    ("▼ ┃", "now. What has sounded lies to the left, the plan to the right"),
    ("┊", "the horizon: up to here the plan is committed and cannot change any more"),
    ("○ temp 1.05", "above the roll: from this place on, the new value is heard"),
    ("▙▄▄▄", "your notes: a head that fills the cell"),
    ("▗▄▄▄", "the model's notes that sounded, one colour for each voice"),
    ("▖▖▖▖", "committed: they will sound as they stand"),
    ("⣤⣤⣤⣤", "planned: they may still change"),
    ("C4", "middle C. On a low screen the roll shows staff positions, else semitones"),
    ("▮▮▮▯", "how hard a voice sounds now; behind it, the range that it may use"),
    ("{C4}–G5", "a voice's range. In braces the note that { and } turn; V the next, R its other"),
    ("missed", "steps whose deadline passed: the chord was held, the beat was kept"),
    ("ladder", "time is short, so it draws fewer candidates, looks less far back, or holds"),
    ("relaxed", "how often a soft rule gave way because nothing else was left"),
    ("p50/p99", "half of the latencies are below the first, 99 of 100 below the second"),
    ("late", "scheduler: how late a note of the machine leaves"),
    ("model", "model step: what one step of the model costs"),
    ("reply", "from your note to the other voices, when it accompanies"),
    ("turn", "hand-over: how far from its moment an answer begins"),
    ("clock", "who keeps the time. ± is how unsteady a MIDI clock's ticks are"),
    ("! 7", "notices, numbered; those that need you stand out. This page has them in full"),
)


class HelpScreen(ModalScreen[Action | None]):
    """The help. Panic and leaving work as everywhere, and close it."""

    def __init__(self, spoken: Sequence[Words] = (), telemetry: Telemetry | None = None) -> None:
        """`spoken` are the notices of the performance, the newest first, to be read in full;
        `telemetry` is how it fares."""
        super().__init__()
        self._spoken, self._telemetry = tuple(spoken), telemetry
        self._left = False

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="help"):
            yield Static(help_text(self._spoken, self._telemetry), id="help-text")

    def on_key(self, event: events.Key) -> None:
        name = key_name(event)
        action = action_of(name, Layer.COMMAND)
        if name in _SCROLLING:
            return
        event.stop()
        event.prevent_default()
        if action is Deed.PANIC or (action is Deed.QUIT and name != "q"):
            self._leave(action)
        elif name == "q" or action in (Deed.HELP, ANSWER):
            self._leave(None)
        elif event.key.startswith("f") and event.key[1:].isdigit():
            self._leave(action)  # to a shelf at once

    def _leave(self, action: Action | None) -> None:
        """Close, once: a key that comes while it closes must not close what is below."""
        if not self._left:
            self._left = True
            self.dismiss(action)


def help_text(spoken: Sequence[Words] = (), telemetry: Telemetry | None = None) -> Content:
    """The whole page, with what was said in the performance and how it fares at its head."""
    parts: list[Part] = [
        ("Ripieno", "bold $accent"),
        ("   ? or q closes · Esc silences and closes · ↓ reads on\n", "$label"),
        *_notices(spoken),
        *(_figures(telemetry) if telemetry is not None else ()),
        _title("The first minute"),
        ("\n".join(wrap(FIRST_MINUTE, TEXT)) + "\n", ""),
        _title("On the screen"),
    ]
    for sign, meaning in ON_THE_SCREEN:
        parts += _row(sign, meaning)
    parts += [_title("Keys, everywhere")]
    for key in KEYS:
        if key.everywhere:
            parts += _row(key.label, key.does)
    parts += [_title("Keys, in the command layer (Tab)")]
    for key in _without_backward():
        parts += _row(key.label, key.does)
    parts.append(("\nA letter goes up or on; the same letter with Shift goes down or back.", ""))
    return Content.assemble(*parts)


def _notices(spoken: Sequence[Words]) -> list[Part]:
    numbered = [words for words in spoken if words.number is not None]
    parts = [_title("Notices")] if numbered else []
    for words in numbered:
        parts += _row(f"{'! ' if words.urgent else ''}{words.number}", words.text)
    return parts


def _figures(telemetry: Telemetry) -> list[Part]:
    """All latencies in full, as the line for them has no room for on a small screen."""
    timed = [latency for latency in telemetry.latencies if latency.count]
    if not timed:
        return []
    parts = [_title("How it fares: milliseconds in the median, of 95, and of 99 in 100")]
    for latency in timed:
        figures = f"{latency.p50:9.2f} {latency.p95:9.2f} {latency.p99:9.2f}   of {latency.count}"
        parts += [(f"  {latency.stage:<20}", "bold"), (f"{figures}\n", "")]
    budget = telemetry.settings.horizon.budget_ms
    return [*parts, (f"  A step of the model may take {budget:g} ms.\n", "")]


def _without_backward() -> list[Key]:
    return [key for key in KEYS if not key.everywhere and not turns_back(key)]


def _title(text: str) -> Part:
    return f"\n{text}\n", "bold $command"


def _row(sign: str, meaning: str) -> list[Part]:
    first, *rest = wrap(meaning, TEXT - INDENT)
    more = "".join(f"{'':{INDENT}}{line}\n" for line in rest)
    return [(f"  {sign:<{INDENT - 2}}", "bold"), (f"{first}\n{more}", "")]
