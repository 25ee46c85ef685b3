"""A processor without AVX is found out before anything runs that would die on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ripieno import processor
from ripieno.cli import main
from ripieno.errors import RipienoError

OLD = "processor\t: 0\nflags\t\t: fpu sse sse2 ssse3 sse4_1 sse4_2 popcnt\n"
NEW = "processor\t: 0\nflags\t\t: fpu sse sse2 sse4_2 avx avx2 fma\n"
DIES = "import os, signal; os.kill(os.getpid(), signal.SIGILL)"


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An old processor, as Linux tells of it."""
    file = tmp_path / "cpuinfo"
    file.write_text(OLD)
    monkeypatch.setattr(processor, "CPUINFO", file)
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    yield file


def test_avx_is_read_from_what_the_system_tells(old: Path, tmp_path: Path) -> None:
    assert processor.lacks_avx()
    old.write_text(NEW)
    assert not processor.lacks_avx()
    old.write_text("nothing of use\n")
    assert not processor.lacks_avx()
    old.unlink()
    assert not processor.lacks_avx()


def test_other_processors_have_no_avx_and_need_none(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    assert not processor.lacks_avx()


def test_libraries_that_run_without_it_may(old: Path) -> None:
    processor.refuse_what_cannot_compute()  # the installed ones do live in a process here


def test_libraries_that_die_are_refused_in_a_sentence(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processor, "TRIAL", DIES)
    with pytest.raises(RipienoError, match="has no AVX") as refused:
        processor.refuse_what_cannot_compute()
    assert "\n" not in str(refused.value)
    old.write_text(NEW)
    processor.refuse_what_cannot_compute()


@pytest.mark.parametrize("command", ["play", "render"])
def test_nothing_is_started(
    command: str, old: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(processor, "TRIAL", DIES)
    out, bars = old.with_name("never.mid"), ["--bars", "1"]
    words = ["play", "--headless"] if command == "play" else ["render", "--out", str(out)]
    assert main([*words, *bars]) == 2
    assert "has no AVX" in capsys.readouterr().err
    assert not out.exists()


def test_the_doctor_says_so_and_examines_the_rest(
    old: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(processor, "TRIAL", DIES)
    assert main(["doctor"]) == 1
    told = capsys.readouterr().out
    assert "✗ Processor" in told and "has no AVX" in told
    assert "Terminal" in told and "✓ Model" not in told
