"""A package of parts that fail, each in its own way, laid out as an installed one."""

from __future__ import annotations

from pathlib import Path

from ripieno import plugins
from ripieno.inference import foreign_rules as foreign

from tests.engine.bundles import Recipe, write_bundle

BROKEN = "broken"
PARTS = {
    "ripieno.constraints": {
        "broken": "strangers_broken:rule",
        "raises": "strangers_rules:raises",
        "endless": "strangers_rules:endless",
        "asleep": "strangers_rules:asleep",
        "nonsense": "strangers_rules:nonsense",
        "pattern": "strangers_rules:pattern",
        "deaf": "strangers_rules:deaf",
        "still": "strangers_rules:still",
        "falls": "strangers_rules:falls",
        "deaf_import": "strangers_deaf:rule",
    },
    "ripieno.modes": {
        "raises": "strangers_modes:Raises",
        "endless": "strangers_modes:Endless",
        "nonsense": "strangers_modes:Nonsense",
        "no_mode": "strangers_modes:no_mode",
        "quiet": "strangers_modes:Quiet",
        "pattern": "strangers_modes:Pattern",
        "deaf": "strangers_modes:Deaf",
        "asleep": "strangers_modes:Asleep",
        "crashes": "strangers_modes:Crashes",
        "shrill": "strangers_modes:Shrill",
        "own_words": "strangers_modes:OwnWords",
        "their_solo": "strangers_modes:TheirSolo",
        "their_answer": "strangers_modes:TheirAnswer",
        "their_accompany": "strangers_modes:TheirAccompany",
    },
    "ripieno.outputs": {
        "raises": "strangers_outputs:raises",
        "endless": "strangers_outputs:endless",
        "crashes": "strangers_outputs:crashes",
        "closed": "strangers_outputs:closed",
    },
    "ripieno.grammars": {
        "raises": "strangers_grammars:raises",
        "endless": "strangers_grammars:endless",
        "deaf": "strangers_grammars:deaf",
    },
}
STRANGERS = sorted({name for parts in PARTS.values() for name in parts})

MODULES = {
    "strangers_broken": 'raise RuntimeError("not today")\n',
    "strangers_deaf": "import itertools\nall(itertools.repeat(True))\n",
    "strangers_rules": """
import ctypes, itertools, re, time
from ripieno.inference.constraints import ANY
calls = 0
def late():
    global calls
    calls += 1
    return calls > 60
def raises(here):
    if late():
        raise ValueError("in the middle of a bar")
    return ANY
def endless(here):
    while late():
        pass
    return ANY
def asleep(here):
    if late():
        time.sleep(3600)
    return ANY
def pattern(here):  # backtracks for longer than anybody lives
    if late():
        re.match(r"(a+)+$", "a" * 64 + "b")
    return ANY
def deaf(here):  # for ever inside C, where no signal is heard
    if late():
        all(itertools.repeat(True))
    return ANY
def still(here):  # sleeps inside C, and goes to sleep again after each signal
    if late():
        libc = ctypes.PyDLL(None)
        lock = ctypes.create_string_buffer(64)
        libc.pthread_mutex_lock(lock)
        libc.pthread_mutex_lock(lock)
    return ANY
def falls(here):
    if late():
        ctypes.string_at(0)
    return ANY
def nonsense(here):
    return "all" if late() else ANY
""",
    "strangers_modes": """
import itertools, os, re, time
from ripieno.clock import Beats, Seconds
from ripieno.events import Planned, Sounding
from ripieno.modes.accompany import Accompany
from ripieno.modes.answer import Answer
from ripieno.modes.effects import Say, Sow
from ripieno.modes.mode import Mode
from ripieno.modes.solo import Solo
from ripieno.events import Phase
class Raises(Solo):
    def note(self): ...
    def advance(self, beat):
        if beat > 9.3:
            raise RuntimeError("in the middle of a bar")
        return super().advance(beat)
class Endless(Solo):
    def advance(self, beat):
        while beat > 9.3:
            pass
        return super().advance(beat)
class Nonsense(Solo):
    def advance(self, beat):
        return None if beat > 9.3 else super().advance(beat)
class Late(Solo):
    def advance(self, beat):
        bad = self.bad(beat) if beat > 9.3 else None
        return super().advance(beat) if bad is None else bad
class Pattern(Late):  # backtracks for longer than anybody lives
    def bad(self, beat):
        re.match(r"(a+)+$", "a" * 64 + "b")
class Deaf(Late):  # for ever inside C, where no signal is heard
    def bad(self, beat):
        all(itertools.repeat(True))
class Asleep(Late):
    def bad(self, beat):
        time.sleep(3600)
class Crashes(Late):
    def bad(self, beat):
        os.abort()
class Shrill(Late):
    def bad(self, beat):
        voices = (Sounding(0, 400, True, 90),)
        end = Beats(beat + 0.25)
        return (Sow(Planned(0, beat, end, voices, False, Seconds(0.0), Seconds(0.0), True)),)
class Word(str):
    pass
class OwnWords(Late):
    def bad(self, beat):
        return (Say(Word("hello")),)
class TheirSolo(Solo):
    pass
class TheirAnswer(Answer):
    pass
class TheirAccompany(Accompany):
    def __init__(self, moment, encore):
        super().__init__(moment)
class Quiet(Mode):
    def __init__(self, moment, encore):
        super().__init__(moment)
def no_mode(moment, encore):
    return 42
""",
    "strangers_outputs": """
import os, time
from ripieno.outputs.null import NullOutput
class Late(NullOutput):
    def __init__(self, bad):
        self.bad, self.left = bad, 12
    def note_on(self, channel, pitch, velocity, at=None):
        self.left -= 1
        if self.left < 0:
            self.bad()
def fail():
    raise OSError("no ink")
def wait():
    time.sleep(3600)
def raises(spec, client, soundfont):
    return Late(fail)
def endless(spec, client, soundfont):
    return Late(wait)
def crashes(spec, client, soundfont):
    return Late(os.abort)
def closed(spec, client, soundfont):
    raise OSError("the door is locked")
""",
    "strangers_grammars": """
import itertools
from ripieno.inference.generate import Generator
class Late:
    def __init__(self, model, bad):
        self.faults, self.inner, self.bad, self.left = [], Generator(model), bad, 40
    def reset(self):
        self.inner.reset()
    def plan(self, request, clock, efforts=None):
        for step in self.inner.plan(request, clock, efforts):
            self.left -= 1
            if self.left < 0:
                self.bad()
            yield step
def fail():
    raise RuntimeError("lost")
def spin():
    while True:
        pass
def deaf(model, smaller):
    return Late(model, lambda: all(itertools.repeat(True)))
def raises(model, smaller):
    return Late(model, fail)
def endless(model, smaller):
    return Late(model, spin)
""",
}


def install_strangers(place: Path) -> Path:
    """Lay the package into `place`, as an installer would."""
    info = place / "strangers-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: strangers\nVersion: 1.0\n")
    lines = []
    for group, parts in PARTS.items():
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in parts.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    for name, text in MODULES.items():
        (place / f"{name}.py").write_text(text)
    return place


def of_theirs(folder: Path, grammar: str) -> Path:
    """A bundle of a stranger's grammar."""
    bundle = write_bundle(folder, Recipe(hidden=8))
    manifest = bundle / "manifest.toml"
    text = manifest.read_text().replace('grammar = "grid"', f'grammar = "{grammar}"')
    manifest.write_text(text.replace("[grid]", f"[{grammar}]"))
    return bundle


class fresh_list:
    """What is installed is looked for anew, inside and afterwards."""

    def __enter__(self) -> None:
        plugins.forget()
        foreign.forget()

    def __exit__(self, *why: object) -> None:
        plugins.forget()
        foreign.forget()
