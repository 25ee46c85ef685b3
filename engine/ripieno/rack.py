"""The instruments that are open, and how a scene brings others.

They are opened beside those that play, in a thread of their own. Then they join, silent, and take
over on the scene's bar line: what sounds ends where it began, the next notes begin on the new ones.
Those that have left are closed when the last of their sound is over. Ports stay as they are.
"""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ripieno import resources
from ripieno.clock import Seconds
from ripieno.errors import RipienoError
from ripieno.instruments import Instruments
from ripieno.outputs import Replaceable
from ripieno.outputs.lane import Lane, velocity_table
from ripieno.outputs.opening import (
    INSTEAD,
    INSTRUMENTS,
    Slot,
    not_opened,
    open_lane,
    stand_in,
)
from ripieno.routing import OutputKind, OutputSpec, Routing, own_instruments
from ripieno.sound import Sound

SAME = "The soundfont stays as it is"
OWN = (OutputKind.SYNTH, OutputKind.PLUGIN, *INSTRUMENTS)
"""Outputs that a scene may change: those that make sound themselves."""
TAIL = Seconds(8.0)
"""How long an instrument that has left may ring."""
SWITCH = 0.0005
"""Seconds after which a thread that opens something lets the music go first."""

Open = Callable[[OutputSpec, str, Path], Lane]
Run = Callable[[Callable[[], None]], None]
"""Does something beside the music."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a scene sounds through. `font` is the soundfont's name; `lanes` has those that are open
    already, `spare` says that the synthesiser only stands in for others."""

    font: str
    specs: tuple[OutputSpec, ...]
    spare: bool
    lanes: tuple[Lane | None, ...]

    @property
    def missing(self) -> tuple[OutputSpec, ...]:
        """What is to be opened."""
        return tuple(spec for spec, lane in zip(self.specs, self.lanes, strict=True) if not lane)


Opened = tuple[Lane | str, ...]
"""For each that was missing the way to it, or the sentence that says why there is none."""


def in_a_thread(work: Callable[[], None]) -> None:
    """It must not hold up the end of the process: what it opens ends with that."""
    threading.Thread(target=work, name="rack", daemon=True).start()


class Rack:
    """What a performance sounds through, beside its ports; changed by one thread, the music's.

    `routing` and `soundfont` are those that it began with. A rack that `stays` was chosen by hand:
    no scene changes it. `say` tells the player.
    """

    def __init__(
        self,
        instruments: Instruments,
        sound: Sound,
        routing: Routing,
        soundfont: Path,
        say: Callable[[str], None],
        *,
        stays: bool = False,
        open_one: Open = open_lane,
        beside: Run = in_a_thread,
    ) -> None:
        self._instruments, self._sound, self._say = instruments, sound, say
        self._stays, self._open_one, self._beside = stays, open_one, beside
        self._fonts = {routing.soundfont: soundfont}
        self._font, self._spare = routing.soundfont, False
        self._client, self._number = routing.client, 1
        self._awaited: _Wanted | None = None
        self._coming: tuple[_Wanted, list[Slot], list[OutputSpec]] | None = None
        self._due = False  # it takes over as soon as it is open
        self._results: deque[tuple[int, Opened]] = deque()
        self._left: dict[int, Seconds] = {}  # when each lane that rests now has left
        self._spare = any(slot.spec.kind is OutputKind.SYNTH for slot in self._own()) and not any(
            spec.kind is OutputKind.SYNTH for spec in routing.outputs
        )

    @property
    def loading(self) -> bool:
        """Whether something is being opened."""
        return self._awaited is not None

    def _own(self) -> list[Slot]:
        return [slot for slot in self._instruments.slots if slot.spec.kind in OWN]

    # ---- what a scene wants

    def prepare(
        self, name: str, routing: Routing | None, now: Seconds, *, as_written: bool = False
    ) -> None:
        """Begin to open what the scene `name` sounds through, as far as it is not open yet; None
        for what plays now. Where others come in the channels stay `as_written`."""
        self._forsake(now)
        wanted = None if routing is None else self._wanted(name, routing, as_written)
        if wanted is None:
            return
        if self._stays:
            self._say(f"{name} is played on the instruments that were chosen at the start")
            return
        self._awaited = wanted
        self._number += 1
        missing = wanted.missing
        if not missing:
            self._join((), now)
            return
        sys.setswitchinterval(min(SWITCH, sys.getswitchinterval()))
        number, client = self._number, f"{self._client}-{self._number}"

        def work() -> None:
            self._results.append((number, self._open_all(missing, client, wanted.font)))

        self._beside(work)

    def _wanted(self, name: str, routing: Routing, as_written: bool) -> _Wanted | None:
        """What is to be changed for `routing`; None where all of it plays already."""
        mine = self._own()
        channels = {} if as_written else self._channels(routing)
        specs = [self._here(spec, channels) for spec in routing.outputs if spec.kind in OWN]
        if not mine or not specs:
            if named := own_instruments(routing):
                where = "that are open" if mine else "that the ports lead to"
                self._say(f"{name} is played on the instruments {where}, not on {named[0]}")
            return None
        kinds = {spec.kind for spec in specs}
        spare = OutputKind.SYNTH not in kinds and bool(kinds & set(INSTRUMENTS))
        if spare:
            specs.append(self._here(OutputSpec(OutputKind.SYNTH), channels))
        now = [(_key(slot.spec, self._font), slot.spec) for slot in mine]
        wanted = [(_key(spec, routing.soundfont), spec) for spec in specs]
        if (now, self._spare) == (wanted, spare):
            return None
        lanes: list[Lane | None] = []
        for key, _ in wanted:
            found = (s.lane for s in mine if _key(s.spec, self._font) == key)
            lanes.append(next((lane for lane in found if lane not in lanes), None))
        return _Wanted(routing.soundfont, tuple(specs), spare, tuple(lanes))

    def _channels(self, routing: Routing) -> dict[int, int]:
        """The channels that the voices have here, for those that they have in `routing`."""
        theirs = (*routing.channels, routing.thru_channel, routing.click_channel)
        return dict(zip(theirs, self._sound.channels, strict=True))

    def _here(self, spec: OutputSpec, channels: Mapping[int, int]) -> OutputSpec:
        """`spec` on the `channels` of here, and on the audio driver of here."""
        spec = replace(spec, channels=tuple(channels.get(each, each) for each in spec.channels))
        if spec.kind is OutputKind.SYNTH:
            names = (s.spec.name for s in self._own() if s.spec.kind is OutputKind.SYNTH)
            spec = replace(spec, name=next(names, ""))
        return spec

    def _forsake(self, now: Seconds) -> None:
        """What another scene was to bring is not wanted any more."""
        self._awaited, self._due = None, False
        if self._coming is not None:
            _, slots, _ = self._coming
            playing = [slot.lane for slot in self._instruments.slots]
            for slot in slots:
                if slot.lane not in playing:
                    self._leaves(slot.lane, now)
            self._coming = None

    # ---- opening, beside the music

    def _open_all(self, specs: Sequence[OutputSpec], client: str, font: str) -> Opened:
        opened: list[Lane | str] = []
        for number, spec in enumerate(specs):
            own = client if not number else f"{client}-{number}"
            try:
                soundfont = self._fonts.get(font) or resources.soundfont_path(font)
                opened.append(self._open_one(spec, own, soundfont))
            except RipienoError as error:
                synth = spec.kind is OutputKind.SYNTH
                sentence = f"{SAME}: {error}" if synth else not_opened(spec, error)
                opened.append(sentence)
        return tuple(opened)

    def look(self, now: Seconds) -> None:
        """Take in what is open by now, and let go of what has rung out."""
        while self._results:
            number, opened = self._results.popleft()
            if number == self._number and self._awaited is not None:
                self._join(opened, now)
            else:
                self._close([lane for lane in opened if isinstance(lane, Lane)])
        for lane in [each for each in self._instruments.resting if id(each) in self._left]:
            rung_out = now - self._left[id(lane)] >= TAIL and not self._sound.pedalled
            if rung_out and lane.idle:
                del self._left[id(lane)]
                self._sound.leave(lane)
                self._instruments.dismiss(lane)
                self._close([lane])

    def _join(self, opened: Opened, now: Seconds) -> None:
        """Those that are open now are told what they must know, and keep silent until the line."""
        wanted, self._awaited = self._awaited, None
        assert wanted is not None
        fresh = iter(opened)
        slots: list[Slot] = []
        lost: list[OutputSpec] = []
        for spec, kept in zip(wanted.specs, wanted.lanes, strict=True):
            lane = next(fresh) if kept is None else kept
            if isinstance(lane, str):
                self._say(lane)
                if spec.kind is OutputKind.SYNTH and self._synth is not None:
                    wanted = replace(wanted, font=self._font)
                    slots.append(Slot(spec, self._synth))
                else:
                    lost.append(spec)
                continue
            if kept is None:
                self._rest(lane)
            slots.append(Slot(spec, lane))
        self._coming = wanted, slots, lost
        if self._due:
            self._switch(now)

    def _rest(self, lane: Lane) -> None:
        """It is there, knows what it must, and is silent."""
        lane.begins = frozenset()
        self._instruments.lanes.append(lane)
        self._instruments.resting.append(lane)
        self._sound.join(lane)

    @property
    def _synth(self) -> Lane | None:
        """The synthesiser that plays now."""
        found = (slot.lane for slot in self._own() if slot.spec.kind is OutputKind.SYNTH)
        return next(found, None)

    # ---- taking over

    def take_over(self, now: Seconds) -> None:
        """From now on notes begin on what was prepared, or as soon as that is open."""
        if self._coming is not None:
            self._switch(now)
        else:
            self._due = self.loading

    def _switch(self, now: Seconds) -> None:
        assert self._coming is not None
        (wanted, slots, lost), self._coming, self._due = self._coming, None, False
        if not slots:
            return
        before, kept = self._own(), [slot.lane for slot in slots]
        for slot in before:
            if slot.lane not in kept:
                self._instruments.resting.append(slot.lane)
                self._leaves(slot.lane, now)
        for slot in slots:
            if slot.lane in self._instruments.resting:
                self._instruments.resting.remove(slot.lane)
                self._sound.hand_pedals(slot.lane, now)
            slot.lane.tune(slot.spec.channels, velocity_table(slot.spec.velocity))
        ports = [slot for slot in self._instruments.slots if slot not in before]
        self._instruments.slots = [*ports, *slots]
        self._font, self._spare = wanted.font, wanted.spare
        self._stand_in(lost)

    def _stand_in(self, lost: list[OutputSpec]) -> None:
        synth = self._synth
        lanes = [slot.lane for slot in self._instruments.slots]
        lost = [spec for spec in lost if spec.kind in INSTRUMENTS]
        self._instruments.stand_in = None
        if synth is None or not (lost or any(isinstance(e.output, Replaceable) for e in lanes)):
            return
        if self._spare:
            synth.begins = frozenset()
        if lost:
            self._say(INSTEAD)
        self._instruments.stand_in = stand_in(synth, lanes, lost)

    def _leaves(self, lane: Lane, now: Seconds) -> None:
        lane.leave()
        self._left[id(lane)] = now

    def _close(self, lanes: Sequence[Lane]) -> None:
        def work() -> None:
            for lane in lanes:
                lane.output.close()

        if lanes:
            self._beside(work)


def _key(spec: OutputSpec, font: str) -> tuple[object, ...]:
    """What makes an output another one, and not the same one differently played."""
    own_font = font if spec.kind in (OutputKind.SYNTH, OutputKind.PLUGIN) else ""
    return spec.kind, spec.name, spec.parameters, own_font
