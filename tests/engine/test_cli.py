"""The command line as a player meets it: real processes, exit codes, one sentence for a mistake."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import mido
import pytest
from ripieno.cli import main
from ripieno.cli.arguments import COMMANDS
from ripieno.preset.page import page

from tests.engine.bundles import write_bundle

LIMIT = 60
MELODY = "\n".join(["67 0 0 0"] * 4 + ["69 0 0 0"] * 4 + ["71 0 0 0"] * 8)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model that decides at random, but really runs."""
    return write_bundle(tmp_path_factory.mktemp("zoo") / "tiny")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to play in, with the player's own folders in it."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "melody.txt").write_text(MELODY, encoding="utf-8")
    return tmp_path


def ripieno(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the real program, without a terminal."""
    return subprocess.run(
        [sys.executable, "-m", "ripieno", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )


def files_named(output: str) -> list[Path]:
    """The paths that a performance ends with."""
    return [Path(line) for line in output.splitlines() if line.endswith((".mid", ".wav"))]


def assert_told(code: int, output: str, errors: str, expected: Sequence[str]) -> None:
    """A mistake of the player's: nothing was done, and one sentence says why."""
    assert code == 2, errors
    assert "Traceback" not in errors
    assert len(errors.splitlines()) == 1, errors
    assert output == ""
    for part in expected:
        assert part in errors


class TestMistakes:
    """Exit code 2 and one sentence on stderr."""

    @pytest.fixture(autouse=True)
    def _bad_files(self, place: Path, model: Path) -> None:
        (place / "fake.mid").write_bytes(b"MThd or so it says")
        (place / "fake.sf2").write_bytes(b"RIFF....WAVE")
        (place / "deep.txt").write_text("12 0 0 0", encoding="utf-8")
        (place / "empty.txt").write_text("# nothing", encoding="utf-8")
        (place / "odd.toml").write_text("[play]\ntempo = 80\n", encoding="utf-8")
        (place / "torn.toml").write_text("[play\n", encoding="utf-8")
        (place / "fake.take").write_bytes(b"{}\n")
        (place / "nothing").mkdir()
        broken = write_bundle(place / "broken")
        graph = next(broken.glob("*.onnx"))
        graph.write_bytes(graph.read_bytes()[:-100])

    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            (["plya"], ["'plya'", "Did you mean 'play'?"]),
            (["play", "--theme", "lihgt"], ["--theme cannot be 'lihgt'", "Did you mean 'light'?"]),
            (["play", "--bmp", "90"], ["'--bmp'", "Did you mean '--bpm'?"]),
            (["play", "--bpm"], ["--bpm needs one value"]),
            (["play", "--bpm", "fast"], ["--bpm 'fast' is not a number"]),
            (["play", "--bpm", "0"], ["bpm = 0 is out of range", "The nearest is 20."]),
            (["play", "--bpm", "nan"], ["bpm = nan is out of range"]),
            (["play", "--bars", "-1"], ["--bars cannot be -1", "The nearest is 0."]),
            (["render", "--bars", "0"], ["--bars cannot be 0", "The nearest is 1."]),
            (["play", "--mode", "anwser"], ["mode cannot be 'anwser'", "Did you mean 'answer'?"]),
            (["play", "--key", "H major"], ["'H major' is not a key"]),
            (["play", "--meter", "waltz"], ["'waltz' is not a meter"]),
            (["play", "--temperature", "9"], ["temperature = 9 is out of range"]),
            (["play", "--seed", "-1"], ["seed = -1 is out of range"]),
            (["play", "--set", "max_leap"], ["--set 'max_leap' lacks a value"]),
            (["play", "--set", "max_lepa=3"], ["'max_lepa'", "Did you mean 'max_leap'?"]),
            (["play", "--set", "max_leap=big"], ["'big' is not a number"]),
            (["play", "--set", "key_lock=hard"], ["key_lock needs a key"]),
            (["play", "--preset", "frist-jam"], ["'frist-jam'", "Did you mean 'first-jam'?"]),
            (["play", "--preset", "odd.toml"], ["odd.toml, line 2", "'tempo'"]),
            (["play", "--preset", "torn.toml"], ["torn.toml", "not valid TOML"]),
            (["play", "--preset", "none.toml"], ["none.toml", "no such file"]),
            (["play", "--phrase", "deep.txt"], ["deep.txt, line 1", "pitch 12", "nearest is 21"]),
            (["play", "--phrase", "empty.txt"], ["empty.txt", "no note in it"]),
            (["play", "--phrase", "fake.mid"], ["fake.mid"]),
            (["play", "--phrase", "ode-to-yoy"], ["Did you mean 'ode-to-joy'?"]),
            (["play", "--in", "fake.mid"], ["fake.mid"]),
            (["play", "--in", "none.mid"], ["none.mid"]),
            (["play", "--in", "No Such Keyboard"], ["No Such Keyboard"]),
            (["play", "--out", "No Such Synth"], ["No Such Synth"]),
            (["play", "--soundfont", "fake.sf2"], ["fake.sf2", "not a soundfont"]),
            (["play", "--soundfont", "none.sf2"], ["none.sf2", "no such file"]),
            (["play", "--takes", "melody.txt"], ["melody.txt", "--takes"]),
            (["render", "--out", "song.mp3"], ["song.mp3", ".mid or .wav"]),
            (["render", "--out", "no/where/a.mid"], ["no such folder"]),
            (["takes", "fake.take"], ["fake.take", "not a take"]),
            (["takes", "none.take"], ["none.take"]),
            (["presets", "daww"], ["Did you mean 'daw'?"]),
            (["presets", "odd.toml"], ["odd.toml, line 2"]),
            (["models", "choral-lstm"], ["'choral-lstm'"]),
            (["doctor", "--precision", "int4"], ["int4", "Did you mean 'int8'?"]),
        ],
        ids=" ".join,
    )
    def test_is_told_in_one_sentence(
        self,
        arguments: list[str],
        expected: list[str],
        model: Path,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        if arguments[0] in ("play", "render"):
            arguments = [*arguments, "--model", str(model)]
        code = main(arguments)
        said = capsys.readouterr()
        assert_told(code, said.out, said.err, expected)

    @pytest.mark.parametrize("command", ["play", "render"])
    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("no-such-model", "there is no model called 'no-such-model'"),
            ("./nothing", "this is not a model"),
            ("./broken", "broken"),
        ],
    )
    def test_a_model_that_cannot_play(self, command: str, name: str, expected: str) -> None:
        result = ripieno(command, "--model", name)
        assert_told(result.returncode, result.stdout, result.stderr, [expected])

    def test_a_precision_that_the_model_has_not(self, model: Path) -> None:
        result = ripieno("play", "--model", str(model), "--precision", "int8")
        assert_told(result.returncode, result.stdout, result.stderr, ["int8", "fp32"])


class TestHelp:
    def test_every_command_is_explained(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main([]) == 0
        overview = capsys.readouterr().out
        for command in COMMANDS:
            assert f"    {command} " in overview
            with pytest.raises(SystemExit) as done:
                main([command, "--help"])
            assert done.value.code == 0
            assert f"usage: ripieno {command}" in capsys.readouterr().out

    def test_examples_in_the_help_are_understood(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Each example line parses, so that none of them goes stale."""
        import shlex

        from ripieno.cli.arguments import EXAMPLES, PLAY_EXAMPLES, parser_of

        lines = [
            line for line in (EXAMPLES + PLAY_EXAMPLES).splitlines() if line[:9] == "  ripieno"
        ]
        assert len(lines) >= 9
        for line in lines:
            command = line.strip().split("   ")[0]
            assert parser_of().parse_args(shlex.split(command)[1:]).module


class TestLists:
    def test_presets(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["presets"]) == 0
        names = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
        assert {"first-jam", "trading-fours", "daw"} <= set(names)
        assert names == sorted(names)

    def test_a_broken_preset_does_not_hide_the_others(
        self, place: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        own = place / "data" / "ripieno" / "presets"
        own.mkdir(parents=True)
        (own / "broken.toml").write_text("[play]\nbpm = 0", encoding="utf-8")
        assert main(["presets"]) == 0
        out = capsys.readouterr().out
        assert "bpm = 0 is out of range" in out
        assert "first-jam" in out

    def test_one_preset_is_its_file(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["presets", "daw"]) == 0
        file = Path(__file__).parents[2] / "presets" / "daw.toml"
        assert capsys.readouterr().out == file.read_text(encoding="utf-8")

    def test_phrases_knobs_and_keys(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["presets", "--phrases"]) == 0
        assert "Ode to Joy (Ludwig van Beethoven" in capsys.readouterr().out
        assert main(["presets", "--knobs"]) == 0
        assert "20…300 bpm" in capsys.readouterr().out
        assert main(["presets", "--keys"]) == 0
        assert capsys.readouterr().out == page()

    def test_models(self, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
        folder = write_bundle(place / "data" / "ripieno" / "zoo" / "tiny")
        assert main(["models"]) == 0
        assert [line.split()[0] for line in capsys.readouterr().out.splitlines()].count("tiny") == 1
        assert main(["models", "tiny"]) == 0
        told = capsys.readouterr().out
        assert str(folder) in told
        assert "All files are whole." in told

    def test_output_that_nobody_reads_any_more(self) -> None:
        command = f"{sys.executable} -m ripieno presets --keys | head -1"
        result = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False
        )
        assert (result.returncode, result.stdout, result.stderr) == (0, "# Presets\n", "")


class TestRender:
    def render(self, place: Path, model: Path, *rest: str) -> subprocess.CompletedProcess[str]:
        result = ripieno("render", "--model", str(model), "--phrase", "melody.txt", *rest)
        assert result.returncode == 0, result.stderr
        assert result.stderr == ""
        return result

    def test_the_same_seed_gives_the_same_bytes_and_another_one_others(
        self, place: Path, model: Path
    ) -> None:
        for name, seed in (("a.mid", "7"), ("b.mid", "7"), ("c.mid", "8")):
            self.render(place, model, "--bars", "4", "--seed", seed, "--out", name)
        one, same, other = ((place / name).read_bytes() for name in ("a.mid", "b.mid", "c.mid"))
        assert one == same
        assert one != other

    def test_notes_come_in_pairs(self, place: Path, model: Path) -> None:
        self.render(place, model, "--bars", "4", "--out", "a.mid")
        sounding: set[tuple[int, int]] = set()
        strikes = 0
        for message in mido.MidiFile(str(place / "a.mid")):
            if message.type == "note_on" and message.velocity:
                assert (message.channel, message.note) not in sounding
                sounding.add((message.channel, message.note))
                strikes += 1
            elif message.type in ("note_on", "note_off"):
                sounding.remove((message.channel, message.note))
        assert strikes > 10
        assert not sounding

    def test_without_out_the_take_is_kept(self, place: Path, model: Path) -> None:
        result = self.render(place, model, "--bars", "2", "--takes", "kept")
        files = files_named(result.stdout)
        assert [file.suffix for file in files] == [".mid", ".wav"]
        assert all(file.stat().st_size > 0 for file in files)
        assert len(list((place / "kept").glob("*.take"))) == 1

    def test_a_wav_alone(self, place: Path, model: Path) -> None:
        result = self.render(place, model, "--bars", "1", "--out", "a.wav")
        assert files_named(result.stdout) == [Path("a.wav")]
        assert (place / "a.wav").read_bytes()[:4] == b"RIFF"
        assert not list(place.glob("*.mid"))


@pytest.mark.real_part
class TestPlay:
    """Without a screen, at real tempo, in all the processes of a performance."""

    def test_plays_so_many_bars_and_names_the_files(self, place: Path, model: Path) -> None:
        result = ripieno(
            *("play", "--model", str(model), "--phrase", "melody.txt", "--bpm", "240"),
            *("--bars", "3", "--out", "none", "--takes", "kept"),
        )
        assert result.returncode == 0, result.stderr
        lines = result.stdout.splitlines()
        bars = [line.split("  ")[0] for line in lines if line.startswith("bar ")]
        assert bars == ["bar 1 of 3", "bar 2 of 3", "bar 3 of 3"]
        files = files_named(result.stdout)
        assert [file.suffix for file in files] == [".mid", ".wav"]
        notes = [m for m in mido.MidiFile(str(files[0])) if m.type == "note_on" and m.velocity]
        assert {67, 69, 71} <= {message.note for message in notes}

    @pytest.mark.parametrize(
        ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"]
    )
    def test_a_signal_ends_it_in_order(
        self, place: Path, model: Path, number: signal.Signals, code: int
    ) -> None:
        player = subprocess.Popen(
            [
                *(sys.executable, "-m", "ripieno", "play", "--model", str(model), "--bars", "0"),
                *("--phrase", "melody.txt", "--bpm", "240", "--out", "none", "--no-wav"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert player.stdout is not None
        for line in player.stdout:
            if line.startswith("bar 2"):
                break
        os.killpg(player.pid, number)
        rest, errors = player.communicate(timeout=LIMIT)
        assert player.returncode == code
        assert "Traceback" not in errors
        (midi,) = files_named(rest)
        opened = 0
        for message in mido.MidiFile(str(place / midi)):
            if message.type in ("note_on", "note_off"):
                opened += 1 if message.type == "note_on" and message.velocity else -1
        assert opened == 0

    def test_a_take_can_be_exported_again(self, place: Path, model: Path) -> None:
        played = ripieno(
            *("play", "--model", str(model), "--phrase", "melody.txt", "--bpm", "300"),
            *("--bars", "1", "--out", "none", "--no-wav"),
        )
        (midi,) = files_named(played.stdout)
        before = (place / midi).read_bytes()
        (place / midi).unlink()
        again = ripieno("takes", str(midi.with_suffix(".take")), "--no-wav")
        assert (again.returncode, again.stderr) == (0, "")
        assert files_named(again.stdout) == [midi]
        assert (place / midi).read_bytes() == before
        listed = ripieno("takes")
        assert str(midi.with_suffix(".take")) in listed.stdout


def test_what_nobody_foresaw_is_one_sentence_and_a_log(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> dict[str, Path]:
        raise ZeroDivisionError("by chance")

    monkeypatch.setattr("ripieno.resources.presets", broken)
    assert main(["presets"]) == 1
    told = capsys.readouterr().err
    log = place / "cache" / "ripieno" / "errors.log"
    assert told == f"Ripieno broke off: ZeroDivisionError. The details are in {log}.\n"
    assert "ZeroDivisionError: by chance" in log.read_text(encoding="utf-8")
