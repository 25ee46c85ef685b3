"""`ripieno replay --regenerate`: compute a take anew, and name the first difference."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ripieno import resources
from ripieno.errors import BundleError
from ripieno.events import Planned, Rung, Sounding
from ripieno.grammar.grid import VOICES
from ripieno.inference.bundle import check
from ripieno.inference.computer import manifest_hash, this_computer
from ripieno.inference.grammars import player_of
from ripieno.inference.model import Model
from ripieno.inference.opening import open_model
from ripieno.inference.process import opener
from ripieno.inference.regenerate import first_difference as first_step
from ripieno.inference.regenerate import paired
from ripieno.inference.regenerate import regenerate as again
from ripieno.inference.supervised import supervised
from ripieno.takes.facts import Fact, StepPlanned
from ripieno.takes.rerun import Difference, first_difference
from ripieno.takes.sessions import Session, sessions
from ripieno.takes.take import Take

SAME, DIFFERENT = 0, 1


def regenerate(take: Take, model: str | None = None) -> int:
    """Compute both halves of `take` again: the performance, and the model's steps.

    Prints what came of it and returns 0 if all is the same, else 1. `model` names the bundle where
    it is not found under the take's own name. Raises PhraseError or BundleError.
    """
    played = first_difference(take)
    print(_performance(take, played))
    chosen = supervised(steps_differ, take, bundle_of(take, model), say=print)
    if chosen is None:
        count = sum(isinstance(fact, StepPlanned) for fact in take.facts)
        print(f"The model: {count} steps, the same again.")
    else:
        print(_steps(*chosen))
        if take.header.computer != this_computer():
            print(f"It was computed by: {take.header.computer or 'nobody knows what'}")
            print(f"and is now by:      {this_computer()}")
            print("Float sums differ from one processor or version to another: docs/takes.md")
    return SAME if played is None and chosen is None else DIFFERENT


def bundle_of(take: Take, model: str | None = None) -> Path:
    """The folder of the bundle that `take` began with. Raises BundleError if it is another now."""
    return _right(model or take.header.model, take.header.bundle)


def _right(model: str, bundle: str) -> Path:
    """The folder of the bundle called `model`, if its manifest has the SHA-256 `bundle`."""
    folder = resources.bundle_folder(model)
    if bundle and manifest_hash(folder) != bundle:
        raise BundleError(
            "this is not the model that the take was played with",
            where=str(folder),
            nearest="Name the right one with --model.",
        )
    return folder


def steps_differ(take: Take, folder: Path) -> tuple[Planned, Planned] | None:
    """The first step that is decided otherwise: then and now; None if there is none.

    `folder` is the bundle that the take began with; another one that took over while it was played
    is found by its name. Raises BundleError.
    """
    for session in sessions(take):
        first = session.partner == 0 and session.bundle == take.header.bundle
        manifest = check(folder if first else _right(session.model, session.bundle))
        model = open_model(manifest, session.precision)
        generator = player_of(model, _smaller(take, session))
        done = paired(session.requests, session.served, session.steps)
        found = first_step(again(generator, done))
        if found is not None:
            return found
    return None


def _smaller(take: Take, session: Session) -> Callable[[], Model] | None:
    """What opens the smaller model, if it has played. Raises BundleError if it is another now."""
    told = take.chairs[session.partner]
    if not told.smaller or all(step.begun is not Rung.SMALLER for step in session.steps):
        return None
    return opener(_right(told.smaller, told.smaller_bundle), session.precision)


def _performance(take: Take, found: Difference | None) -> str:
    if found is None:
        torn = ", up to where it was cut off" if take.torn else ""
        return f"The performance: {len(take.facts)} facts, the same again{torn}."
    return (
        f"The performance differs first in fact {found.number}:\n"
        f"  then {_told(found.recorded)}\n  now  {_told(found.again)}"
    )


def _told(fact: Fact | None) -> str:
    return "nothing" if fact is None else str(fact)


def _steps(then: Planned, now: Planned) -> str:
    return (
        f"The model differs first at beat {then.begin:g} (request {then.request}):\n"
        f"  then {_voices(then)}\n  now  {_voices(now)}"
    )


def _voices(step: Planned) -> str:
    voices = ", ".join(_voice(told) for told in step.voices)
    return f"{voices}; {step.rung.value}, {step.candidates} candidates"


def _voice(told: Sounding) -> str:
    if told.pitch is None:
        return f"{VOICES[told.voice]} rests"
    does = "strikes" if told.struck else "holds"
    return f"{VOICES[told.voice]} {does} {told.pitch} at velocity {told.velocity}"
