"""An ensemble is saved from the screen: each member's changes in its own table, no comment lost."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from ripieno import knobs, resources
from ripieno.errors import PresetError
from ripieno.library import presets
from ripieno.preset.preset import Preset, load_preset
from ripieno.settings import Mode, Settings

BASE = "choir-and-fiddle"


@dataclass(frozen=True)
class Player:
    name: str
    settings: Settings
    programs: tuple[int, ...]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    return tmp_path / "ripieno" / "presets"


def as_it_is(preset: Preset) -> list[Player]:
    return [
        Player(seat.member.name, seat.member.settings, seat.routing.programs)
        for seat in preset.ensemble
    ]


def turned(player: Player, **values: float | str) -> Player:
    settings = player.settings
    for name, value in values.items():
        change = knobs.choose if isinstance(value, str) else knobs.turn
        settings = change(settings, name, value)  # type: ignore[arg-type]
    return replace(player, settings=settings)


def lines(before: str, after: str) -> tuple[list[str], list[str]]:
    """The lines that went, and those that came."""
    found = list(difflib.ndiff(before.splitlines(), after.splitlines()))
    return [f[2:] for f in found if f[:1] == "-"], [f[2:] for f in found if f[:1] == "+"]


def saved(players: list[Player], name: str = "mine", base: str = BASE) -> tuple[Preset, str]:
    settings, programs = players[0].settings, players[0].programs
    path = presets.save(base, name, settings, programs, "Mine", players)
    return load_preset(name), path.read_text()


def test_what_each_one_has_changed_is_in_its_own_table() -> None:
    base = load_preset(BASE)
    text = resources.preset_path(BASE).read_text()
    choir, fiddle = as_it_is(base)
    choir = turned(choir, temperature=1.1)
    fiddle = turned(fiddle, every_bars=8, max_leap=12, temperature=0.7, mode="solo")
    fiddle = replace(fiddle, programs=(41, 41, 41, 41))
    again, written = saved([choir, fiddle])
    assert [(s.member.settings, s.routing.programs) for s in again.ensemble] == [
        (p.settings, p.programs) for p in (choir, fiddle)
    ]
    gone, came = lines(text, written)
    assert sorted(gone) == sorted(
        [
            'title = "Choir and fiddle"',
            "temperature = 0.9",
            'mode = "answer"',
            "programs = 40               # the violin of General MIDI",
            "max_leap = 16",
            "every_bars = 4",
        ]
    )
    assert "programs = 41               # the violin of General MIDI" in came
    assert [line for line in text.splitlines() if "#" in line and "programs" not in line] == [
        line for line in written.splitlines() if "#" in line and "programs" not in line
    ]
    assert "[ensemble.fiddle.sampling]" in written


def test_what_all_share_stands_once() -> None:
    choir, fiddle = (turned(p, tempo=88, key="D minor") for p in as_it_is(load_preset(BASE)))
    again, written = saved([choir, fiddle])
    assert [seat.member.settings.bpm for seat in again.ensemble] == [88, 88]
    assert written.count("88") == written.count("D minor") == 1


def test_a_voice_that_is_muted_is_not_among_its_voices() -> None:
    """The one that you play for it is not given back to it, muted or not."""
    choir, fiddle = as_it_is(load_preset(BASE))
    quiet = replace(choir, settings=replace(choir.settings, muted=frozenset({0})))
    both = replace(fiddle, settings=replace(fiddle.settings, muted=frozenset({2, 3})))
    again, written = saved([quiet, both])
    assert [seat.member.settings.muted for seat in again.ensemble] == [{0, 3}, {2, 3}]
    assert 'voices = ["alto", "tenor"]' in written


def test_it_is_saved_again_and_again_and_only_what_differs_is_written() -> None:
    players = as_it_is(load_preset(BASE))
    _, first = saved(players)
    gone, came = lines(resources.preset_path(BASE).read_text(), first)
    assert (gone, came) == (['title = "Choir and fiddle"'], ['title = "Mine"'])
    players = [turned(players[0], candidates=3), players[1]]
    _, second = saved(players, base="mine")
    assert lines(first, second) == (["candidates = 8"], ["candidates = 3"])
    _, third = saved(players, base="mine")
    assert third == second


def test_the_differences_are_told_of_each() -> None:
    base = load_preset(BASE)
    choir, fiddle = as_it_is(base)
    told = presets.differences
    assert not list(told(base, choir.settings, choir.programs, [choir, fiddle]))
    choir, fiddle = turned(choir, tempo=90), turned(fiddle, tempo=90, after_beats=2)
    fiddle = turned(fiddle, mode="accompany")
    assert fiddle.settings.mode is Mode.ACCOMPANY
    assert sorted(told(base, choir.settings, choir.programs, [choir, fiddle])) == sorted(
        ["bpm 76 → 90", "fiddle: mode answer → accompany", "fiddle: after beats 1 → 2"]
    )


def test_others_than_those_of_the_preset_are_not_saved_into_it(home: Path) -> None:
    choir, _ = as_it_is(load_preset(BASE))
    with pytest.raises(PresetError, match="of others than those who play"):
        saved([choir])
    assert not home.exists()
