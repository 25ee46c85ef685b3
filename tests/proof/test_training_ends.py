"""A run that is ended, by whatever, goes on as if it had not been; and many processes are as one.

Real processes of the trainer: killed, interrupted, out of room, and two that train together.
"""

from __future__ import annotations

import csv
import random
import resource
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from ripieno_models.train import CURVE, LAST

from tests.engine.jackd import until
from tests.models.lines import write_texts

FLAGS = shlex.split(
    "--hidden 24 --embedding 4 --batch 4 --crop 32 --steps 64 --steps-per-epoch 8 --warmup 4 "
    "--learning-rate 0.01 --average 0.5 --no-bf16 --patience 99 --quiet"
)
INTERRUPTED, WRONG = 130, 2
PATIENCE = 240.0


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    write_texts(folder)
    return folder


def command(data: Path, out: Path, *more: str) -> list[str]:
    words = [sys.executable, "-m", "ripieno_models", "train", "chorale-lstm"]
    return [*words, "--data", str(data), "--out", str(out), *FLAGS, *more]


def run(data: Path, out: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(data, out, *more), capture_output=True, text=True, check=False)


def rows(folder: Path) -> list[str]:
    path = folder / CURVE
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


@pytest.fixture(scope="module")
def unbroken(data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The curve of a run that nobody ended."""
    folder = tmp_path_factory.mktemp("unbroken")
    done = run(data, folder)
    assert done.returncode == 0, done.stderr
    assert len(rows(folder)) == 9
    return rows(folder)


def started(data: Path, out: Path, *more: str, epochs: int) -> subprocess.Popen[str]:
    """A run that has come so far."""
    pipe = subprocess.PIPE
    process = subprocess.Popen(command(data, out, *more), stdout=pipe, stderr=pipe, text=True)
    until(lambda: len(rows(out)) > epochs or process.poll() is not None, "the run learns", PATIENCE)
    return process


@pytest.mark.real_part
@pytest.mark.timeout(600)
def test_whatever_ends_a_run_it_goes_on_to_the_same_curve(
    data: Path, unbroken: list[str], tmp_path: Path
) -> None:
    killed_at_any_moment(data, tmp_path)
    ended_by_a_signal(data, tmp_path)
    refused_by_a_full_disk(data, tmp_path)
    assert len(rows(tmp_path)) < len(unbroken)
    done = run(data, tmp_path, "--resume")
    assert done.returncode == 0, done.stderr
    assert rows(tmp_path) == unbroken


def killed_at_any_moment(data: Path, out: Path) -> None:
    """A run that has no time to put anything away."""
    process = started(data, out, epochs=2)
    try:
        process.wait(random.Random(20).random() / 5)
    except subprocess.TimeoutExpired:
        process.kill()
    process.communicate()
    assert (out / LAST).exists()


def ended_by_a_signal(data: Path, out: Path) -> None:
    """A run that ends by itself when it is asked to."""
    epochs = len(rows(out))
    process = started(data, out, "--resume", epochs=epochs)
    process.send_signal(signal.SIGTERM)
    told, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == INTERRUPTED, errors
    assert "go on with --resume" in told
    assert "Traceback" not in errors


def refused_by_a_full_disk(data: Path, out: Path) -> None:
    """A run that may write no file as large as its checkpoint."""
    before = (out / LAST).read_bytes()

    def full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2,) * 2)

    words = command(data, out, "--resume")
    done = subprocess.run(words, capture_output=True, text=True, preexec_fn=full, check=False)
    assert done.returncode == WRONG, done.stderr
    assert "cannot be written" in done.stderr
    assert "make room, and go on with --resume" in done.stderr
    assert "Traceback" not in done.stderr
    assert (out / LAST).read_bytes() == before
    assert not list(out.glob("*.new"))


@pytest.mark.real_part
@pytest.mark.timeout(600)
def test_a_run_in_the_background_which_ignores_interrupts_ends_at_the_first_one(
    data: Path, tmp_path: Path
) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process = started(data, tmp_path, epochs=1)
    finally:
        signal.signal(signal.SIGINT, before)
    process.send_signal(signal.SIGINT)
    told, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == INTERRUPTED, errors
    assert "go on with --resume" in told
    assert (tmp_path / LAST).exists()


@pytest.mark.real_part
@pytest.mark.timeout(600)
def test_two_processes_train_as_one(data: Path, unbroken: list[str], tmp_path: Path) -> None:
    done = run(data, tmp_path, "--devices", "2", "--strategy", "ddp")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Best validation") == 1
    told = list(csv.DictReader(rows(tmp_path)))
    alone = list(csv.DictReader(unbroken))
    assert [row["step"] for row in told] == [row["step"] for row in alone]
    for one, other in zip(told, alone, strict=True):
        assert float(one["valid_nll"]) == pytest.approx(float(other["valid_nll"]), rel=0.15)
