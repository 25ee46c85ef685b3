"""All ends of a performance, opened: instruments that are heard, outputs that sound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ripieno.errors import PortError, SettingError
from ripieno.events import Stamped
from ripieno.midi import controls_file
from ripieno.midi.input import Input, open_input
from ripieno.midi.rtmidi_ports import unnumbered
from ripieno.outputs import Output, Replaceable
from ripieno.outputs.lane import Lane
from ripieno.outputs.opening import Slot, open_with_stand_in
from ripieno.outputs.port import PortOutput
from ripieno.outputs.stand_in import StandIn
from ripieno.routing import InputKind, Routing


@dataclass(slots=True)
class Instruments:
    """What could be opened; `problems` says in sentences what could not, and what would help."""

    lanes: list[Lane]
    inputs: list[Input]
    problems: list[str]
    newcomers: list[Output] = field(default_factory=list)
    """Outputs with new listeners, or back again, since the last look: `Sound.greet` them."""
    lamps: list[PortOutput] = field(default_factory=list)
    """The ways back to controllers that have lamps or motors."""
    stand_in: StandIn | None = None
    """What plays for an instrument that is away."""
    slots: list[Slot] = field(default_factory=list)
    """What the outputs were opened for, of those that play."""
    resting: list[Lane] = field(default_factory=list)
    """Lanes that are open, and do not play yet or no more: nothing is told of them."""
    _met: set[int] = field(default_factory=set)
    """Outputs that were there once, by their identity."""
    _told: dict[int, str] = field(default_factory=dict)

    @classmethod
    def open(
        cls, routing: Routing, soundfont: Path, heard: Callable[[Stamped], None]
    ) -> Instruments:
        """Open all of it. A performance goes on with whatever there is."""
        slots, stand_in, problems = open_with_stand_in(routing, soundfont)
        lanes = [slot.lane for slot in slots]
        inputs: list[Input] = []
        for spec in routing.inputs:
            if spec.kind is InputKind.FILE:
                continue
            try:
                inputs.append(open_input(spec, routing.client, heard, len(inputs)))
            except PortError as error:
                problems.append(str(error))
        for lane in lanes:
            if isinstance(lane.output, PortOutput):
                lane.output.echoes = [source.echo for source in inputs]
        return cls(lanes, inputs, problems, stand_in=stand_in, slots=slots)

    def controllers(self, client: str) -> tuple[tuple[str, PortOutput | None], ...]:
        """All inputs by name, each with the way back to it: the port that its table in
        `controls.toml` names, or the one of its own name; None where there is none."""
        return tuple((source.name, self._open_lamps(source, client)) for source in self.inputs)

    def _open_lamps(self, source: Input, client: str) -> PortOutput | None:
        named = ""
        try:
            named = controls_file.lamps_of(source.name)
            wanted = named or unnumbered(source.target)
            if not wanted:
                return None
            own = f"{client}-lamps" + (f"-{len(self.lamps) + 1}" if self.lamps else "")
            lamps = PortOutput(own, wanted, virtual=False)
        except (PortError, SettingError) as error:
            if named:
                self.problems.append(str(error))
            return None
        self.lamps.append(lamps)
        return lamps

    @property
    def outputs(self) -> list[Output]:
        return [lane.output for lane in self.lanes]

    @property
    def output_names(self) -> tuple[str, ...]:
        """Those that play."""
        return tuple(lane.output.name for lane in self.lanes if lane not in self.resting)

    @property
    def input_names(self) -> tuple[str, ...]:
        return tuple(source.name for source in self.inputs)

    def check(self) -> list[str]:
        """What has gone or come back since the last look, in sentences."""
        news = [sentence for sentence in (source.check() for source in self.inputs) if sentence]
        self.newcomers = []
        for lane in self.lanes:
            output = lane.output
            if output.check():
                self.newcomers.append(output)
            if lane in self.resting:
                continue
            who = id(output)
            told, self._told[who] = self._told.get(who, ""), output.problem
            if output.problem != told:
                came = "back" if who in self._met else "there"
                news.append(output.problem or f"The output {output.name} is {came}.")
            if not isinstance(output, Replaceable) or output.ready:
                self._met.add(who)
        if self.stand_in is not None:
            self.stand_in.look()
        return news

    def dismiss(self, lane: Lane) -> None:
        """Have nothing to do with it any more; who dismisses it closes it."""
        self.lanes.remove(lane)
        self.resting.remove(lane)
        self._met.discard(id(lane.output))
        self._told.pop(id(lane.output), None)

    def close(self) -> None:
        for source in self.inputs:
            source.close()
        for output in self.outputs:
            output.close()
        for lamps in self.lamps:
            lamps.close()
