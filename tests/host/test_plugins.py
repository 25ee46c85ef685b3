"""Parts of other packages: listed without being imported, played, and got rid of when they fail."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import mido
import pytest
from ripieno import plugins
from ripieno.commands import Choose, KeyPlayed, Quit
from ripieno.errors import PluginError
from ripieno.inference import foreign_rules as foreign
from ripieno.inference.constraints import ANY
from ripieno.modes.foreign_process import PATIENCE
from ripieno.render import render
from ripieno.routing import OutputKind, OutputSpec, Routing
from ripieno.settings import Mode, Rules, Settings
from ripieno.takes import take
from ripieno.takes.facts import Asked, Sent

from tests.engine.bundles import Recipe, write_bundle
from tests.host.strangers import BROKEN, STRANGERS, fresh_list
from tests.live.show import Show, quick, show, stage_of

EXAMPLES = Path(__file__).parents[2] / "examples" / "plugins"
SILENCE = Routing(outputs=(OutputSpec(OutputKind.NONE),), inputs=())


def ripieno(place: Path, *words: str) -> str:
    """What the command line says with the packages of `place` installed."""
    done = subprocess.run(
        [sys.executable, "-m", "ripieno", *words],
        env={**os.environ, "PYTHONPATH": str(place), "XDG_DATA_HOME": str(place / "data")},
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout


# ---- the example package, installed as anybody would


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("examples")
    words = ["-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--target"]
    subprocess.run(
        [sys.executable, *words, str(place), str(EXAMPLES)], check=True, capture_output=True
    )
    return place


def notes(file: Path, track: str) -> list[int]:
    (found,) = (t for t in mido.MidiFile(file).tracks if t.name == track)
    return [m.note for m in found if m.type == "note_on" and m.velocity]


def test_the_examples_are_listed_and_can_be_imported(installed: Path) -> None:
    told = ripieno(installed, "plugins", "--check").splitlines()
    theirs = [line.split() for line in told if "ripieno-examples" in line]
    assert [(kind, name) for kind, name, *_ in theirs] == [
        ("constraint", "no_tritones"),
        ("grammar", "pulse"),
        ("mode", "canon"),
        ("output", "diary"),
    ]
    assert all("can be imported" in line for line in told)


def test_the_grammar_plays_its_own_model(installed: Path) -> None:
    pulse = installed / "pulse"
    subprocess.run(
        [sys.executable, "-m", "ripieno_examples.make_pulse", str(pulse)],
        env={**os.environ, "PYTHONPATH": str(installed)},
        check=True,
    )
    assert "This model can play here" in ripieno(installed, "models", "check", str(pulse))
    words = ["--model", str(pulse), "--mode", "solo", "--phrase", "", "--bars", "6"]
    ripieno(installed, "render", *words, "--out", "pulse.mid")
    heard = notes(installed / "pulse.mid", "soprano")
    assert len(heard) >= 20
    assert all(60 <= pitch <= 71 for pitch in heard)
    assert {(b - a) % 12 for a, b in pairwise(heard)} & {5, 7}


@pytest.mark.usefixtures("patient")
def test_the_mode_sings_what_was_played(installed: Path) -> None:
    words = ["--mode", "canon", "--phrase", "old-hundredth", "--bars", "9"]
    ripieno(installed, "render", *words, "--out", "canon.mid")
    you = notes(installed / "canon.mid", "you")
    (tenor,) = (
        notes(installed / "canon.mid", t.name)
        for t in mido.MidiFile(installed / "canon.mid").tracks
        if "tenor" in t.name
    )
    assert len(tenor) > 12
    assert tenor == [pitch - 12 for pitch in you][: len(tenor)]


def test_the_rule_binds_every_voice(installed: Path) -> None:
    """Without it the test's model leaps by tritones; with it, it never does."""
    bundle = write_bundle(installed / "wild", Recipe(hidden=8, spread=0.5, hold_bias=-2.0))

    def tritones(rules: str) -> int:
        preset = installed / "wild.toml"
        preset.write_text(f'[play]\nmode = "solo"\n[rules]\nmax_leap = 12\n{rules}\n')
        words = ["--preset", str(preset), "--model", str(bundle), "--phrase", "", "--bars", "12"]
        ripieno(installed, "render", *words, "--out", "wild.mid")
        count = 0
        for voice in ("soprano", "alto", "tenor", "bass"):
            heard = notes(installed / "wild.mid", voice)
            count += sum(abs(b - a) == 6 for a, b in pairwise(heard))
        return count

    assert tritones("") > 5
    assert tritones('more_hard = ["no_tritones"]') == 0


def test_the_output_writes_its_diary(
    installed: Path, tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(installed))
    with fresh_list():
        spec = OutputSpec(OutputKind.PLUGIN, f"diary:{tmp_path / 'notes.txt'}")
        routing = replace(SILENCE, outputs=(spec,))
        stage = stage_of(tmp_path, tiny, quick(Mode.SOLO), routing=routing, bars=4)
        with show(stage) as running:
            running.until_over()
    lines = [line.split() for line in (tmp_path / "notes.txt").read_text().splitlines()]
    assert len(lines) > 16
    down: set[tuple[str, str]] = set()
    for what, channel, pitch, *_ in lines:
        if what == "on":
            assert (channel, pitch) not in down
            down.add((channel, pitch))
        else:
            down.discard((channel, pitch))
    assert not down


# ---- strangers that fail


def test_they_are_listed_without_being_imported(strangers: Path) -> None:
    listed = {part.name for part in plugins.listed() if part.package == "strangers"}
    assert listed == set(STRANGERS)
    assert not [name for name in sys.modules if name.startswith("strangers")]
    with pytest.raises(PluginError, match=r"'broken' of strangers cannot be imported"):
        plugins.load(plugins.CONSTRAINTS, BROKEN)


def test_one_that_is_not_there_has_a_nearest(strangers: Path) -> None:
    with pytest.raises(PluginError, match=r"no constraint called 'raisin'.*'raises'\?"):
        plugins.find(plugins.CONSTRAINTS, "raisin")


def goes_on(stage_settings: Settings, place: Path, bundle: Path, said: str) -> Show:
    """A live solo in which a stranger fails: it is named, and the music goes on on time."""
    stage = stage_of(place, bundle, stage_settings, routing=SILENCE)
    stage = replace(stage, model=replace(stage.model, rules=stage_settings.rules.more_hard))
    with show(stage) as running:
        running.until(lambda t: any(said in n.text for n in t.notices), said)
        steps = running.seen[-1].steps
        running.until(lambda t: t.steps >= steps + 32, "more steps of the model")
        running.send(Quit())
        running.until_over()
    assert "Traceback" not in stage.log.read_text(errors="replace")
    return running


RULES = {
    "broken": "'broken' of strangers cannot be imported",
    "raises": "'raises' of strangers failed (ValueError: in the middle of a bar)",
    "endless": "'endless' of strangers took longer than 2 ms",
    "asleep": "'asleep' of strangers took longer",
    "pattern": "'pattern' of strangers took longer",
    "nonsense": "'nonsense' of strangers returned no set of tokens",
}


@pytest.mark.parametrize("name", ["broken", "raises", "endless"])
def test_a_rule_that_fails(name: str, strangers: Path, tmp_path: Path, tiny: Path) -> None:
    settings = quick(Mode.SOLO, rules=Rules(more_hard=(name,)))
    goes_on(settings, tmp_path, tiny, RULES[name])


@pytest.mark.parametrize("name", sorted(RULES.keys() - {"broken"}))
def test_a_rule_that_has_failed_allows_anything(name: str, strangers: Path) -> None:
    rules = Rules(more_soft=(name,))
    (rule,) = foreign.foreign_rules(rules.more_soft, ANY)
    for _ in range(80):
        assert rule(None) == ANY
    (fault,) = foreign.foreign_faults(rules)
    assert RULES[name] in fault
    assert fault.endswith("it binds nobody any more")


MODES = {
    "raises": "'raises' of strangers failed (RuntimeError: in the middle of a bar): solo takes",
    "endless": "'endless' of strangers took longer than 20 ms: solo takes over",
    "nonsense": "'nonsense' of strangers returned no effects from advance(): solo takes over",
    "no_mode": "makes no mode. Solo plays instead",
    "pattern": "'pattern' of strangers took longer than 20 ms: solo takes over",
    "deaf": "'deaf' of strangers took longer than 20 ms: solo takes over",
    "asleep": "'asleep' of strangers does not answer: solo takes over",
    "crashes": "'crashes' of strangers has ended its process: solo takes over",
    "shrill": "'shrill' of strangers returned no effects from advance(): solo takes over",
    "own_words": "'own_words' of strangers told nonsense",
}


@pytest.mark.parametrize("name", MODES)
def test_a_mode_that_fails(
    name: str, strangers: Path, tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "20 ms" not in MODES[name]:  # it is another fault than slowness that it must be blamed for
        monkeypatch.setenv(PATIENCE, "2")
    settings = replace(quick(Mode.SOLO), own_mode=name)
    rendered = render(stage_of(tmp_path, tiny, settings, routing=SILENCE, bars=8))
    assert any(MODES[name] in notice.text for notice in rendered.notices)
    assert rendered.steps > 32  # it would have failed in the third bar
    assert not rendered.missed


def test_a_mode_that_never_returns_in_a_live_performance(
    strangers: Path, tmp_path: Path, tiny: Path
) -> None:
    """It is inside C, and hears no signal."""
    goes_on(replace(quick(Mode.SOLO), own_mode="deaf"), tmp_path, tiny, MODES["deaf"])
    assert not [name for name in sys.modules if name.startswith("strangers_modes")]


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("mode", list(Mode))
def test_a_mode_plays_in_its_own_process_what_it_plays_in_ours(
    mode: Mode, strangers: Path, tmp_path: Path, tiny: Path
) -> None:
    """The moment is the same there and here: ear, key, epoch, and what the machine sounds."""

    def played(folder: str, settings: Settings) -> list[str]:
        place = tmp_path / folder
        place.mkdir()
        stage = stage_of(place, tiny, settings, routing=SILENCE, bars=12, guest=2)
        assert not render(stage).missed
        facts = take.read(stage.take).facts
        return [repr(fact) for fact in facts if isinstance(fact, Asked | Sent)]

    ours = quick(mode)
    sent = played("ours", ours)
    theirs = played("theirs", replace(ours, own_mode=f"their_{mode}"))
    assert len(sent) > 60
    mine = f"own_mode='their_{mode}'"
    assert [fact.replace(mine, "own_mode=''") for fact in theirs] == sent


@pytest.mark.usefixtures("patient")
def test_another_mode_is_chosen_in_its_place(strangers: Path, tmp_path: Path, tiny: Path) -> None:
    """A stranger's mode that does its work can be left as any other."""
    settings = replace(quick(Mode.ANSWER), own_mode="quiet")
    stage = stage_of(tmp_path, tiny, settings, routing=SILENCE)
    with show(stage) as running:
        running.beats_on(6)
        assert running.seen[-1].steps == 0
        running.send(KeyPlayed(60, 80, True), KeyPlayed(60, 80, False))
        running.send(Choose("mode", "solo"))
        running.until(lambda t: t.steps > 8, "the other mode's music")
        running.send(Quit())
        running.until_over()
    assert running.seen[-1].settings.own_mode == ""


OUTPUTS = {
    "raises": "'raises' of strangers failed (OSError: no ink)",
    "endless": "'endless' of strangers does not answer",
    "crashes": "'crashes' of strangers has ended its process",
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_an_output_that_fails(name: str, strangers: Path, tmp_path: Path, tiny: Path) -> None:
    """It takes its own process with it; the built-in sound takes its place if it can be had."""
    outputs = (OutputSpec(OutputKind.PLUGIN, name), OutputSpec(OutputKind.NONE))
    routing = replace(SILENCE, outputs=outputs)
    stage = stage_of(tmp_path, tiny, quick(Mode.SOLO), routing=routing)
    with show(stage) as running:
        running.until(lambda t: any(OUTPUTS[name] in n.text for n in t.notices), OUTPUTS[name])
        told = next(text for text in running.notices if OUTPUTS[name] in text)
        assert "the built-in sound takes its place" in told
        steps = running.seen[-1].steps
        running.until(lambda t: t.steps >= steps + 32, "more steps of the model")
        running.send(Quit())
        running.until_over()


def test_an_output_that_does_not_open(strangers: Path, tmp_path: Path, tiny: Path) -> None:
    outputs = (OutputSpec(OutputKind.PLUGIN, "closed"), OutputSpec(OutputKind.NONE))
    stage = stage_of(
        tmp_path, tiny, quick(Mode.SOLO), routing=replace(SILENCE, outputs=outputs), bars=1
    )
    with show(stage) as running:
        running.until_over()
    assert any("No output of a plug-in: " in text for text in running.notices)


GRAMMARS = {
    "raises": "The grammar 'raises' of strangers failed (RuntimeError: lost): its voices rest",
    "endless": "The grammar 'endless' of strangers took longer than 1000 ms: its voices rest",
}


@pytest.mark.parametrize(("name", "smaller"), [("raises", True), ("endless", False)])
def test_a_grammar_that_fails(
    name: str, smaller: bool, strangers: Path, tmp_path: Path, tiny: Path
) -> None:
    bundle = write_bundle(tmp_path / "theirs", Recipe(hidden=8))
    manifest = bundle / "manifest.toml"
    text = manifest.read_text().replace('grammar = "grid"', f'grammar = "{name}"')
    manifest.write_text(text.replace("[grid]", f"[{name}]"))
    stage = stage_of(tmp_path, bundle, quick(Mode.SOLO), routing=SILENCE)
    stage = replace(stage, model=replace(stage.model, fallback=tiny if smaller else None))
    said = (
        GRAMMARS[name].replace("its voices rest", "the smaller model takes over")
        if smaller
        else GRAMMARS[name]
    )
    with show(stage) as running:
        running.until(lambda t: any(said in n.text for n in t.notices), said)
        steps = running.seen[-1].steps
        running.until(lambda t: t.steps >= steps + 32, "more steps")
        if smaller:
            running.until(lambda t: any(t.levels), "music")
        running.send(Quit())
        running.until_over()
