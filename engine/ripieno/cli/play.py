"""`ripieno play` and `ripieno render`."""

from __future__ import annotations

import os
import select
import signal
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Protocol

from ripieno import resources
from ripieno.channel import Closed
from ripieno.cli.arguments import HEADLESS_BARS
from ripieno.cli.options import Asked, asked
from ripieno.cli.progress import Progress
from ripieno.cli.takes import export
from ripieno.commands import Command, Play, Quit
from ripieno.errors import PhraseError, SettingError
from ripieno.events import Telemetry
from ripieno.library.items import Looks
from ripieno.library.presets import recalls
from ripieno.library.shelves import Shelves
from ripieno.library.takes import keep_ratings
from ripieno.osc.address import LOOPBACK, OscSpec, address_from
from ripieno.processor import refuse_what_cannot_compute
from ripieno.takes.ratings import FILE as RATINGS
from ripieno.takes.take import forsake_take_path, new_take_path

if TYPE_CHECKING:
    from ripieno.stage import Stage

SCREEN = "ripieno.screen"
"""The group of entry points where a screen says that it is there."""
PATIENCE = 3.0
"""Seconds that the engine gets to end in order, once told to."""


class Client(Protocol):
    """The engine, seen from a player without a screen."""

    def send(self, command: Command) -> None: ...

    def fileno(self) -> int: ...

    def latest(self) -> Telemetry | None: ...

    def close(self) -> None: ...


Screen = Callable[..., int]
"""run(client, shelves=…, looks=…) → exit code."""


def play(options: Namespace) -> int:
    """Play until the player ends it, or for `--bars`. Returns the exit code."""
    what = asked(options)
    refuse_what_cannot_compute()
    screen = None if options.headless or not _on_terminal() else find_screen()
    bars = options.bars
    if bars is None and screen is None:
        bars = HEADLESS_BARS
    shelves = Shelves(Path(options.takes).expanduser())
    guide = screen is not None and options.preset is None and not shelves.welcomed()
    guest = 0 if guide else what.guest(screen is not None)  # in the first minute only you play
    stage = _stage(what, options.takes, bars or None, guest, _osc(options))
    by_hand = options.outputs is not None or options.soundfont is not None
    stage = replace(stage, instruments_stay=by_hand)
    from ripieno.client import Client

    title = what.preset.title or what.preset.name
    try:
        with closing(Client(stage)) as client:
            if screen is not None:
                show: Screen = screen.load()  # only now, while the engine is starting
                looks = Looks(what.preset.name, title, options.theme, options.compact, guide=guide)
                code = show(client, shelves=shelves, looks=looks)
            else:
                print(f"{title}. {what.preset.about}".strip())
                code = perform(client, stage.bars)
    finally:
        forsake_take_path(stage.take)
    if stage.take.exists():
        print("Writing the take …", flush=True)
        _tell(export(stage.take, stage.soundfont, wav=not options.no_wav))
        if keep_ratings(stage.take):
            _tell([stage.take.parent / RATINGS])
    return code


def render(options: Namespace) -> int:
    """Play `--bars` bars in virtual time, into files."""
    what = asked(options)
    out = Path(options.out).expanduser() if options.out else None
    if out is not None and out.suffix not in (".mid", ".wav"):
        raise SettingError(f"--out {options.out!r} is not a name for music", allowed=".mid or .wav")
    if out is not None and not out.parent.is_dir():
        raise PhraseError("there is no such folder", where=str(out.parent))
    refuse_what_cannot_compute()
    from ripieno.inference.supervised import supervised
    from ripieno.render import render_anew

    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        takes = folder if out is not None else options.takes
        stage = _stage(what, takes, options.bars, what.guest(screen=False))
        try:
            rendered = supervised(render_anew, stage, say=print)
        finally:
            forsake_take_path(stage.take)
        wav = out.suffix == ".wav" if out is not None else not options.no_wav
        files = export(stage.take, stage.soundfont, wav=wav, out=out)
    for notice in rendered.notices:
        print(notice.text)
    print(f"{options.bars} bars, {rendered.steps} steps, {time.monotonic() - started:.1f} s")
    _tell(files)
    return 0


def perform(client: Client, bars: int | None) -> int:
    """Follow a performance on standard output to its end. Ctrl-C ends it in order."""
    progress = Progress(sys.stdout, bars)
    print(f"{bars or 'Endless'} bars; Ctrl-C ends it and keeps the take.", flush=True)
    stopped: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.append(number)
        client.send(Quit())

    before = {each: signal.signal(each, stop) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        client.send(Play())
        _follow(client, progress, stopped)
    except Closed:
        progress.close()
        print("The engine has stopped by itself; what was played is kept.", file=sys.stderr)
        return 1
    finally:
        progress.close()
        for number, handler in before.items():
            signal.signal(number, handler)
    return 128 + stopped[0] if stopped else 0


def _follow(client: Client, progress: Progress, stopped: Sequence[int]) -> None:
    """Show telemetry until the engine says that it has ended. Raises Closed if it just dies."""
    deadline: float | None = None
    while True:
        if stopped and deadline is None:
            deadline = time.monotonic() + PATIENCE
        if deadline is not None and time.monotonic() > deadline:
            return
        select.select([client], [], [], 0.25)
        telemetry = client.latest()
        if telemetry is None:
            continue
        progress.show(telemetry)
        if telemetry.ended:
            return


def find_screen() -> EntryPoint | None:
    """The first installed screen, not yet loaded, or None: the engine never imports one itself."""
    return next(iter(entry_points(group=SCREEN)), None)


def _on_terminal() -> bool:
    if os.environ.get("TEXTUAL_DRIVER"):  # `textual serve`: the terminal is in a browser
        return True
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def _stage(
    what: Asked, takes: str, bars: int | None, guest: int | None, osc: OscSpec | None = None
) -> Stage:
    from ripieno.stage import Stage, model_spec

    log = resources.cache_home() / "engine.log"
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
    except OSError:
        log = Path(os.devnull)
    set_list = recalls()
    return Stage(
        preset=what.preset,
        model=model_spec(what.folder, what.preset.precision, what.fallback, what.preset.settings),
        ensemble=what.seats,
        seed=what.seed,
        soundfont=what.soundfont,
        take=new_take_path(Path(takes).expanduser(), _stem(what.preset.name)),
        log=log,
        guest=guest,
        bars=bars,
        set_list=set_list,
        osc=osc,
    )


def _osc(options: Namespace) -> OscSpec | None:
    """Where OSC is heard and told, if it was asked for. Raises SettingError."""
    if options.osc is None and not options.osc_to:
        return None
    hear = (LOOPBACK, 0) if options.osc is None else address_from(options.osc)
    return OscSpec(hear, tuple(map(address_from, options.osc_to)))


def _stem(preset: str) -> str:
    return f"{time.strftime('%Y-%m-%d-%H%M')}-{preset}"


def _tell(files: Sequence[Path]) -> None:
    for file in files:
        print(file)
