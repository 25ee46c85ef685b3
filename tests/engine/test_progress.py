"""What a performance without a screen says: one line a bar, or one line that renews itself."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from ripieno.cli.progress import Progress, bar_number
from ripieno.clock import Beats, Seconds
from ripieno.events import Notice, Phase, Telemetry
from ripieno.settings import Settings

SHOWN = Telemetry(
    at=Seconds(0.0),
    beat=Beats(0.0),
    playing=True,
    settings=Settings(bpm=84),
    phase=Phase.LISTENING,
    phase_beats=Beats(0.0),
    phrase="",
    committed=Beats(0.0),
    lookahead=Beats(0.0),
    roll=(),
    levels=(0, 0, 0, 0),
    latencies=(),
    steps=0,
    missed=0,
    relaxed=0,
    sounding=0,
    outputs=("none",),
    inputs=(),
    model="tiny (fp32)",
    notices=(),
    take="",
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def at_beat(beat: float, telemetry: Telemetry = SHOWN) -> Telemetry:
    return replace(telemetry, beat=Beats(beat))


def test_a_file_gets_one_line_for_each_bar() -> None:
    stream = io.StringIO()
    progress = Progress(stream, bars=2)
    for beat in (-0.5, 0.0, 1.0, 3.9, 4.0, 7.9, 8.0):
        progress.show(at_beat(beat))
    progress.close()
    assert stream.getvalue().splitlines() == [
        "It plays into the take only.",
        "bar 1 of 2  listening  84 bpm",
        "bar 2 of 2  listening  84 bpm",
    ]


def test_a_terminal_gets_one_line_that_renews_itself() -> None:
    stream = Terminal()
    progress = Progress(stream, bars=None)
    progress.show(at_beat(0.0, replace(SHOWN, steps=12, missed=3)))
    progress.show(at_beat(4.0))
    progress.close()
    last = stream.getvalue().rpartition("\r")[2]
    assert stream.getvalue().count("\n") == 2  # where it plays, and the end of the line
    assert "bar 1  listening  84 bpm  12 sixteenths by tiny (fp32)  3 too late" in stream.getvalue()
    assert last.strip() == "bar 2  listening  84 bpm"
    assert len(last.rstrip("\n")) >= len("bar 1  listening  84 bpm  12 sixteenths"), "no leftovers"


def test_each_notice_is_told_once() -> None:
    stream = io.StringIO()
    progress = Progress(stream, bars=None)
    first, second = Notice(0, "No sound here.", False), Notice(1, "The port has gone.", True)
    progress.show(replace(SHOWN, notices=(first,)))
    progress.show(replace(SHOWN, notices=(first, second)))
    progress.show(replace(SHOWN, notices=(second,)))
    lines = stream.getvalue().splitlines()
    assert [line for line in lines if not line.startswith(("bar", "It"))] == [
        "No sound here.",
        "! The port has gone.",
    ]


def test_the_ends_are_told_again_when_they_change() -> None:
    stream = io.StringIO()
    progress = Progress(stream, bars=None)
    open_ends = replace(SHOWN, outputs=("none", 'port "ripieno:out"'), inputs=('port "Keys"',))
    for telemetry in (SHOWN, open_ends, open_ends):
        progress.show(replace(telemetry, playing=False))
    assert stream.getvalue().splitlines() == [
        "It plays into the take only.",
        'It plays to port "ripieno:out", hears port "Keys".',
    ]


@pytest.mark.parametrize(("beat", "bar"), [(-0.5, 0), (0.0, 1), (3.999, 1), (4.0, 2), (63.9, 16)])
def test_bars_are_counted_from_one(beat: float, bar: int) -> None:
    assert bar_number(at_beat(beat)) == bar
