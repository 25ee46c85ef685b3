"""A voice with an instrument of its own: who is told what."""

from __future__ import annotations

from pathlib import Path

from ripieno.outputs.lane import Lane
from ripieno.preset.preset import load_preset
from ripieno.routing import OutputKind, OutputSpec

from tests.fakes import FakeOutput

EPIANO = "http://drobilla.net/plugins/mda/EPiano"


def test_one_voice_alone(tmp_path: Path) -> None:
    path = tmp_path / "bass.toml"
    path.write_text(f'[voices.bass]\ninstrument = "lv2:{EPIANO}"')
    synth, own = load_preset(str(path)).routing.outputs
    assert own == OutputSpec(OutputKind.LV2, EPIANO, channels=(3,))
    assert synth.kind is OutputKind.SYNTH
    assert synth.channels == (*range(3), *range(4, 16))


def test_a_lane_is_deaf_to_other_channels() -> None:
    output = FakeOutput()
    lane = Lane(output, channels=(3,))
    for channel in range(16):
        lane.put(0.0, (0x90 | channel, 60, 80))  # type: ignore[arg-type]
    lane.pump(1.0)  # type: ignore[arg-type]
    assert set(output.sounding) == {(3, 60)}
