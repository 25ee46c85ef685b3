"""What clients are told about a performance, gathered at most thirty times a second."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import chain

from ripieno.clock import Beats, Seconds
from ripieno.events import Look, PartnerState, RollNote, Telemetry, part_of
from ripieno.partner import Partner
from ripieno.performance import Performance
from ripieno.takes.history import History
from ripieno.timekeeper import Timekeeper

INTERVAL = Seconds(1 / 30)
PAST = Beats(12.0)
"""How much of the past the roll shows."""


class Observer:
    """Looks at a performance and says what it sees."""

    def __init__(
        self, performance: Performance, history: History, timekeeper: Timekeeper, take: str
    ) -> None:
        self._performance = performance
        self._history = history
        self._timekeeper = timekeeper
        self._take = take
        self.models: Mapping[int, str] = {}
        """The title of each partner's model, by the partner's place."""
        self.outputs: tuple[str, ...] = ()
        self.inputs: tuple[str, ...] = ()
        self.scene = self.coming = ""

    def telemetry(self, at: Seconds, *, ended: bool = False) -> Telemetry:
        """All that a screen shows, as it is at `at`."""
        show = self._performance
        beat = show.beat(at)
        mode, seed = show.conductor.mode, show.conductor.moment.seed
        committed, lookahead = mode.horizon(beat)
        heard = show.conductor.moment.heard_key
        past = self._history.roll(Beats(beat - PAST), beat, show.settings.player_voice)
        planned = chain.from_iterable(_planned(each, beat) for each in show.partners)
        front = show.front
        gauges = (show.sound.lateness, front.steps_cost, front.reply, front.handover)
        return Telemetry(
            at=at,
            beat=beat,
            playing=show.playing,
            settings=show.settings,
            phase=show.phase,
            phase_beats=mode.phase_beats(beat),
            phrase=seed.name if seed else "",
            committed=committed,
            lookahead=lookahead,
            roll=tuple(_in_order(note, show.partners[0].place) for note in (*past, *planned)),
            levels=front.section.levels(),
            latencies=tuple(gauge.latency() for gauge in gauges if gauge.count),
            steps=show.steps,
            missed=show.missed,
            relaxed=show.relaxed,
            sounding=show.sound.sounding,
            outputs=self.outputs,
            inputs=self.inputs,
            model=self.models.get(front.place, "loading …"),
            notices=tuple(show.notices),
            take=self._take,
            clock=self._timekeeper.state(),
            rung=show.rung,
            counting_in=show.pulse.until_music(beat),
            heard_key="" if heard is None else str(heard),
            programs=front.section.routing.programs,
            scene=self.scene,
            coming=self.coming,
            partners=tuple(map(self._state, show.partners)),
            front=show.partners.index(front),
            ended=ended,
        )

    def _state(self, partner: Partner) -> PartnerState:
        settings = partner.settings
        return PartnerState(
            name=partner.name,
            model=self.models.get(partner.place, ""),
            mode=settings.own_mode or settings.mode,
            phase=partner.phase,
            levels=partner.section.levels(),
            muted=settings.muted,
            rung=partner.rung,
            steps=partner.sequencer.steps,
            missed=partner.missed,
            hears=partner.member.hears,
            programs=partner.section.routing.programs,
            settings=settings,
        )


def _in_order(note: RollNote, first: int) -> RollNote:
    """`note` with its partner's number among those who play, of whom the `first` has this place."""
    return replace(note, partner=note.partner - first) if first <= note.partner else note


def _planned(partner: Partner, beat: Beats) -> Iterator[RollNote]:
    """The plan as notes: what is struck or held in each step that has not sounded yet."""
    committed, _ = partner.conductor.mode.horizon(beat)
    muted, place = partner.settings.muted, partner.place
    open_notes: dict[int, RollNote] = {}
    for planned, _ in partner.sequencer.schedule:
        look = Look.COMMITTED if planned.begin < committed else Look.PLANNED
        for voice in planned.voices:
            going_on = open_notes.get(voice.voice)
            if voice.pitch is None or part_of(voice.voice) in muted:
                open_notes.pop(voice.voice, None)
                yield from () if going_on is None else (going_on,)
                continue
            held = not voice.struck and going_on is not None and going_on.pitch == voice.pitch
            if held and going_on is not None and going_on.look is look:
                length = Beats(planned.end - going_on.onset)
                open_notes[voice.voice] = RollNote(
                    part_of(voice.voice), voice.pitch, going_on.onset, length, look, place
                )
                continue
            yield from () if going_on is None else (going_on,)
            length = Beats(planned.end - planned.begin)
            open_notes[voice.voice] = RollNote(
                part_of(voice.voice), voice.pitch, planned.begin, length, look, place
            )
    yield from open_notes.values()
