"""All controls of the screen, in the order in which they stand."""

from __future__ import annotations

from ripieno import knobs
from ripieno.grammar.grid import VOICES
from ripieno.settings import ClockSource

from ripieno_app.keys import ChangeLength, Cycle, Deed, Dial, MoveOctave, PickPhrase
from ripieno_app.messages import View
from ripieno_app.notation import beats_text
from ripieno_app.widgets.control import ControlSpec
from ripieno_app.wishes import PHRASE

_LONGEST_PHRASE = 18


def _knob(
    name: str, title: str, letter: str = "", form: str = "{:g}", keys: str = ""
) -> ControlSpec:
    knob = knobs.knob(name)

    def value(view: View) -> str:
        now = knob.read(view.controls.settings)
        return beats_text(now) if knob.unit == "beats" else form.format(now)

    return ControlSpec(name, title, letter, value, Dial(name, -1), Dial(name, 1), keys)


def _switch(name: str, title: str, letter: str = "", keys: str = "") -> ControlSpec:
    switch = knobs.switch(name)

    def value(view: View) -> str:
        return switch.read(view.controls.settings)

    return ControlSpec(name, title, letter, value, Cycle(name, -1), Cycle(name, 1), keys)


def _key(view: View) -> str:
    """The key that is set, and beside it the one that is heard, marked as a guess."""
    key = view.controls.settings.rules.key
    heard = view.telemetry.heard_key
    if key is None:
        return f"≈ {heard}" if heard else "none"
    return f"{key} ≈{_short(heard)}" if heard else str(key)


def _short(key: str) -> str:
    """'Em' for 'E minor', 'G' for 'G major'."""
    return key.replace(" minor", "m").replace(" major", "")


def _phrase(view: View) -> str:
    name = view.controls.phrase or "none"
    return name if len(name) <= _LONGEST_PHRASE else name[: _LONGEST_PHRASE - 1] + "…"


def _octave(view: View) -> str:
    return f"C{view.hands.octave}"


def _length(view: View) -> str:
    return "latch" if view.hands.latch else beats_text(view.hands.length)


def _voice(view: View) -> str:
    return VOICES[view.controls.settings.player_voice]


def _tempo(view: View) -> str:
    """To a tenth; whole where a clock is followed, whose line has the tenths."""
    settings = view.controls.settings
    followed = settings.sync.source is not ClockSource.INTERNAL
    return f"{settings.bpm:.{0 if followed else 1}f}".removesuffix(".0")


TRANSPORT_CONTROLS = (
    ControlSpec("tempo", "tempo", "", _tempo, Dial("tempo", -1), Dial("tempo", 1), "↑↓"),
    _switch("meter", "meter", "e"),
    _switch("mode", "mode", "m"),
)
FIRST_ROW = (
    _knob("temperature", "temp", form="{:.2f}", keys="←→"),
    _knob("stability", "stability", "i", "{:.2f}"),
    _knob("space", "space", "s", "{:.2f}"),
    ControlSpec("key", "key", "k", _key, Cycle("key", -1), Cycle("key", 1)),
    _switch("key_lock", "lock", "o"),
)
SECOND_ROW = (
    ControlSpec(PHRASE, "phrase", "p", _phrase, PickPhrase(-1), PickPhrase(1)),
    ControlSpec(
        "player_voice", "you", "y", _voice, Dial("player_voice", -1), Dial("player_voice", 1)
    ),
    ControlSpec("octave", "octave", "", _octave, MoveOctave(-1), MoveOctave(1), "[ ]"),
    ControlSpec("length", "notes", "n", _length, ChangeLength(-1), ChangeLength(1)),
    ControlSpec(
        "latch", "latch", "l", lambda v: "on" if v.hands.latch else "off", Deed.LATCH, Deed.LATCH
    ),
)
# the next two rows are to be seen where the screen is high enough
TURNS_ROW = (
    _switch("hand_over", "hand-over", "h"),
    _knob("top_p", "top-p", "t", "{:.2f}"),
    _knob("lookahead", "ahead", "a"),
    _knob("density", "density", form="{:.2f}", keys="( )"),
    _knob("candidates", "candidates", keys="+ -"),
)
TIME_ROW = (
    _switch("source", "clock", keys="d"),
    _knob("swing", "swing", form="{:.2f}", keys="f"),
    _knob("count_in", "count-in", "u"),
    _switch("metronome", "metronome", keys="."),
    _switch("send", "send", keys="8"),
    _knob("max_leap", "leap", keys=", ;"),
)
