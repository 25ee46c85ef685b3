"""From nothing to sound: how long a stranger waits, and how long for torch alone."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ripieno.grammar.grid import FEATURES
from ripieno.takes import take
from ripieno.takes.take import NoteStarted

from tests.bench_table import Findings, Row, Sample, at_most
from tests.bench_torch import module_of, sizes_of
from tests.live.command import RIPIENO, environment

FIRST_SOUND_S = 2.0
WITH_TORCH = """\
import sys
sys.path[:0] = [{root!r}, {models!r}]
import torch
from ripieno_models.families.chorale_lstm import ChoraleLstm, Options
kept = torch.load({file!r})
module = ChoraleLstm(Options(**kept["options"])).eval()
module.load_state_dict(kept["weights"])
with torch.inference_mode():
    logits, _ = module(torch.zeros(1, 1, {features}, dtype=torch.long))
print(float(logits.sum()))
"""


def first_sound(folder: Path, quick: bool) -> Findings:
    """`ripieno play --headless` from exec to the first note, in turns with torch's first step."""
    ours: list[float] = []
    theirs: list[float] = []
    with tempfile.TemporaryDirectory() as place:
        program = _torch_program(folder, Path(place))
        for number in range(2 if quick else 9):
            ours.append(_play(folder, Path(place) / f"takes-{number}"))
            if program:
                theirs.append(_run(program))
    sample = Sample("`ripieno play --headless`", tuple(ours))
    other = Sample("import torch, load the model, one step", tuple(theirs)) if theirs else None
    row = Row("start → first sound", sample, other, "0.36 s of it are half a beat before bar 1")
    target = at_most(
        f"start → first sound ≤ {FIRST_SOUND_S:g} s", sample.median / 1000, FIRST_SOUND_S, "s"
    )
    return Findings((row,), (target,))


def _play(folder: Path, takes: Path) -> float:
    words = ("play", "--headless", "--bars", "1", "--no-wav", "--model", str(folder))
    began = time.perf_counter()
    subprocess.run(
        [*RIPIENO, *words, "--takes", str(takes)],
        env=environment(takes),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=True,
        timeout=60,
    )
    (journal,) = takes.glob("*.take")
    return 1000 * (
        min(f.at for f in take.read(journal).facts if isinstance(f, NoteStarted)) - began
    )


def _torch_program(folder: Path, place: Path) -> str | None:
    """A program that does with torch what has to be done before a first note."""
    try:
        import torch
    except ImportError:
        return None
    module = module_of(folder / "model.onnx")
    weights = module.state_dict()
    options = sizes_of(weights)
    file = place / "model.pt"
    torch.save({"options": options, "weights": weights}, file)
    root = Path(__file__).resolve().parents[1]
    models, features = str(root / "models"), len(FEATURES)
    return WITH_TORCH.format(root=str(root), models=models, file=str(file), features=features)


def _run(program: str) -> float:
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=True,
        timeout=60,
    )
    return 1000 * (time.perf_counter() - began)
