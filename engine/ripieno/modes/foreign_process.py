"""The process of a stranger's mode: a call comes in, the mode does it, a reply goes out.

It has a moment of its own, kept like realtime's. The system ends the process when a call has taken
more processor time than it may: inside a C library as well, where nothing else could.
"""

from __future__ import annotations

import os
import pickle
import select
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any, cast

from ripieno import plugins
from ripieno.channel import Closed, Receiver
from ripieno.clock import Beats
from ripieno.errors import PluginError, RipienoError
from ripieno.modes.effects import Move, Retempo
from ripieno.modes.encore import Encore
from ripieno.modes.foreign_words import Call, News, Reply, unfit
from ripieno.modes.mode import Mode
from ripieno.modes.moment import Moment
from ripieno.priority import MODE, rank

SECONDS, MOST = 0.02, 2.0
"""Processor time that a stranger's mode may take to think, and what it can be given at most; a
sixteenth at 300 lasts 0.05 s."""
PATIENCE = "RIPIENO_MODE_SECONDS"
"""This variable says how many seconds it may take instead."""
LOADING = 10.0
"""Processor time that it may take to be imported and made."""

Factory = Callable[[Moment, Encore], Mode]
"""What an entry point of `ripieno.modes` is: most often the class of a mode."""


def run(calls: Connection, replies: Connection, name: str, moment: Moment) -> None:
    """The main function of the process, to be started with `spawn`: until nobody calls any more.

    `moment` is a copy of realtime's. The first reply says whether the mode called `name` is there.
    """
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    try:
        _limit(LOADING)
        encore = Encore(moment)
        desk, fault = _Desk(_made(name, moment, encore), moment, encore), ""
    except RipienoError as error:
        fault = str(error)
    _limit(0.0)
    if fault:
        replies.send_bytes(pickle.dumps(Reply(fault=fault)))
        return
    rank(MODE)
    replies.send_bytes(pickle.dumps(desk.reply()))
    with suppress(Closed, OSError):
        _serve(Receiver(calls), replies, desk)


def _serve(calls: Receiver[Call], replies: Connection, desk: _Desk) -> None:
    seconds = thinking_seconds()
    while True:
        select.select([calls], [], [])
        for call in calls.receive():
            _limit(seconds)
            reply = desk.serve(call)
            _limit(0.0)
            replies.send_bytes(reply)


def _made(name: str, moment: Moment, encore: Encore) -> Mode:
    """Import and make it. Raises PluginError."""
    factory = cast(Factory, plugins.load(plugins.MODES, name))
    plugin = plugins.find(plugins.MODES, name)
    try:
        mode = factory(moment, encore)
    except Exception as error:
        raise plugins.failed(plugin, error, "failed") from error
    if not isinstance(mode, Mode):
        raise PluginError(f"{plugin} makes no mode")
    return mode


def thinking_seconds() -> float:
    """Seconds of processor time for one call: what `PATIENCE` says, if it is a number that goes."""
    try:
        told = float(os.environ.get(PATIENCE, SECONDS))
    except ValueError:
        return SECONDS
    return told if 0.0 < told <= MOST else SECONDS


def _limit(seconds: float) -> None:
    """From now on this process may compute for so long; 0 takes the limit away."""
    if sys.platform != "win32":
        signal.setitimer(signal.ITIMER_PROF, seconds)


class _Desk:
    """Where calls become calls of the mode."""

    def __init__(self, mode: Mode, moment: Moment, encore: Encore) -> None:
        self._mode, self._moment, self._encore = mode, moment, encore
        self._settings, self._seed = moment.settings, moment.seed

    def serve(self, call: Call) -> bytes:
        """The reply to `call`, whatever the mode does."""
        try:
            self._take_in(call.news)
            result = self._done(call.name, call.args)
            wrong = unfit(call.name, result)
            reply = Reply(fault=wrong) if wrong else self.reply(result)
            return pickle.dumps(reply, protocol=pickle.HIGHEST_PROTOCOL)
        except Exception as error:
            return pickle.dumps(Reply(fault=f"failed ({plugins.told(error)})"))

    def _take_in(self, news: News) -> None:
        moment = self._moment
        moment.epoch = news.epoch
        if news.settings is not None:
            moment.settings = self._settings = news.settings
        if news.seed is not None:
            moment.seed = self._seed = news.seed
        if news.machine is not None:
            moment.machine = news.machine
        if news.ear is not None:
            vars(moment.ear).update(vars(news.ear))

    def _done(self, name: str, args: tuple[Any, ...]) -> object:
        ear = self._moment.ear
        match name:
            case "moved":
                ear.moved(*args)
                self._encore.moved(*args)
            case "located":
                ear.located(*args)
            case "known":
                return self._mode.record.known(*args)
        return getattr(self._mode, name)(*args)

    def reply(self, result: object = None) -> Reply:
        """`result`, and how all stands now."""
        mode, moment = self._mode, self._moment
        wake = mode.wake()
        if wrong := unfit("wake", wake):
            return Reply(fault=wrong)
        stretched = isinstance(result, tuple) and any(isinstance(e, Move | Retempo) for e in result)
        changed = moment.settings is not self._settings
        sown = moment.seed is not self._seed
        self._settings, self._seed = moment.settings, moment.seed
        return Reply(
            result=result,
            epoch=moment.epoch,
            phase=mode.phase,
            ideal=mode.ideal,
            going=mode.plan is not None,
            wake=wake,
            phrase_start=Beats(moment.ear.phrase_start),
            settings=moment.settings if changed else None,
            seed=moment.seed if sown else None,
            ear=moment.ear if stretched else None,
        )
