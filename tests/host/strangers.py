"""A package of parts that fail, each in its own way, laid out as an installed one."""

from __future__ import annotations

from pathlib import Path

BROKEN = "broken"
PARTS = {
    "ripieno.constraints": {
        "broken": "strangers_broken:rule",
        "raises": "strangers_rules:raises",
        "endless": "strangers_rules:endless",
        "asleep": "strangers_rules:asleep",
        "nonsense": "strangers_rules:nonsense",
    },
    "ripieno.modes": {
        "raises": "strangers_modes:Raises",
        "endless": "strangers_modes:Endless",
        "nonsense": "strangers_modes:Nonsense",
        "no_mode": "strangers_modes:no_mode",
        "quiet": "strangers_modes:Quiet",
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
    },
}
STRANGERS = sorted({name for parts in PARTS.values() for name in parts})

MODULES = {
    "strangers_broken": 'raise RuntimeError("not today")\n',
    "strangers_rules": """
import time
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
def nonsense(here):
    return "all" if late() else ANY
""",
    "strangers_modes": """
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
