"""What clients are told about a performance, gathered at most thirty times a second."""

from __future__ import annotations

from collections.abc import Iterator

from ripieno.clock import Beats, Seconds
from ripieno.events import Look, RollNote, Telemetry, part_of
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
        self.model = "loading …"
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
        planned = _planned(show, committed)
        gauges = (show.sound.lateness, show.steps_cost, show.reply, show.handover)
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
            roll=(*past, *planned),
            levels=show.sound.levels(),
            latencies=tuple(gauge.latency() for gauge in gauges if gauge.count),
            steps=show.sequencer.steps,
            missed=show.missed,
            relaxed=show.relaxed,
            sounding=show.sound.sounding,
            outputs=self.outputs,
            inputs=self.inputs,
            model=self.model,
            notices=tuple(show.notices),
            take=self._take,
            clock=self._timekeeper.state(),
            rung=show.rung,
            counting_in=show.pulse.until_music(beat),
            heard_key="" if heard is None else str(heard),
            programs=show.sound.programs,
            scene=self.scene,
            coming=self.coming,
            ended=ended,
        )


def _planned(show: Performance, committed: Beats) -> Iterator[RollNote]:
    """The plan as notes: what is struck or held in each step that has not sounded yet."""
    open_notes: dict[int, RollNote] = {}
    for planned, _ in show.sequencer.schedule:
        look = Look.COMMITTED if planned.begin < committed else Look.PLANNED
        for voice in planned.voices:
            going_on = open_notes.get(voice.voice)
            if voice.pitch is None or part_of(voice.voice) in show.settings.muted:
                open_notes.pop(voice.voice, None)
                yield from () if going_on is None else (going_on,)
                continue
            held = not voice.struck and going_on is not None and going_on.pitch == voice.pitch
            if held and going_on is not None and going_on.look is look:
                length = Beats(planned.end - going_on.onset)
                open_notes[voice.voice] = RollNote(
                    part_of(voice.voice), voice.pitch, going_on.onset, length, look
                )
                continue
            yield from () if going_on is None else (going_on,)
            length = Beats(planned.end - planned.begin)
            open_notes[voice.voice] = RollNote(
                part_of(voice.voice), voice.pitch, planned.begin, length, look
            )
    yield from open_notes.values()
