"""A whole process from its start to the first token, and the most memory that it had: ours, and the
same with torch."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch
from ripieno_models.decoder_graphs import random_weights

from tests.bench_decoders import THIRTY
from tests.bench_table import Findings, Row, Sample
from tests.bench_turns import no_more, times
from tests.decoder_bundles import write_decoder_bundle

ROOT = Path(__file__).resolve().parents[1]
CONTEXT = 1024
BESIDE = "import mido, rtmidi, textual.app"
PEAK = """\
import resource, sys
from pathlib import Path
told = Path("/proc/self/status")
most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)
if told.exists():
    most = int(told.read_text().split("VmHWM:")[1].split()[0]) / 1024
print(most)
"""
"""What the process had at most, in MiB: on Linux without what its parent had when it was made."""
OURS = """\
from pathlib import Path
{beside}
from ripieno.inference.bundle import load_manifest
from ripieno.inference.opening import open_model
model = open_model(load_manifest(Path({folder!r})), "int8")
print(float(model.step((5,)).std()))
{peak}"""
TORCH = """\
import sys
sys.path.insert(0, {models!r})
{beside}
import torch
from ripieno_models.families.decoder import Decoder, TransformerOptions
model = Decoder(TransformerOptions(**{sizes!r}), {vocabulary}).eval()
model.load_state_dict(torch.load({file!r}, weights_only=True))
with torch.inference_mode():
    logits, _ = model(torch.tensor([[5]]))
print(float(logits.std()))
{peak}"""


def process(place: Path, quick: bool) -> Findings:
    """34 M: start, imports, loading, first token, end. The import of what an instrument needs
    beside its model is in both."""
    shape = replace(THIRTY.shape, context=CONTEXT)
    weights = random_weights(shape)
    folder, file = place / "int8", place / "weights.pt"
    write_decoder_bundle(folder, shape, weights, precisions=("int8",))
    torch.save(weights, file)
    sizes = {"width": shape.width, "layers": shape.layers, "heads": shape.heads,
             "inner": shape.inner, "context": CONTEXT}  # fmt: skip
    models = str(ROOT / "models")
    ours = OURS.format(beside=BESIDE, folder=str(folder), peak=PEAK)
    theirs = TORCH.format(
        beside=BESIDE,
        models=models,
        sizes=sizes,
        vocabulary=shape.vocabulary,
        file=str(file),
        peak=PEAK,
    )
    found: dict[str, list[tuple[float, float]]] = {"ours": [], "torch": []}
    for _ in range(2 if quick else 9):
        for name, program in (("ours", ours), ("torch", theirs)):
            found[name].append(_run(program))
    seconds = {name: Sample(name, tuple(r[0] for r in runs)) for name, runs in found.items()}
    memory = {
        name: Sample(f"{name}, MiB", tuple(r[1] for r in runs)) for name, runs in found.items()
    }
    title = "34 M, process start → first token → end"
    rows: tuple[Row, ...] = (
        times(f"{title}, ms", seconds["ours"], seconds["torch"]),
        times(f"{title}, most memory", memory["ours"], memory["torch"]),
    )
    targets = (
        no_more(title, seconds["ours"], seconds["torch"], 0.25),
        no_more(f"{title}, most memory", memory["ours"], memory["torch"], 0.3),
    )
    return Findings(rows, targets)


def _run(program: str) -> tuple[float, float]:
    """Milliseconds, and MiB."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", program],
        check=False,
        capture_output=True,
        cwd=ROOT,
        text=True,
        timeout=120,
    )
    taken = 1000 * (time.perf_counter() - began)
    if done.returncode:
        raise RuntimeError(f"a program of the bench failed:\n{done.stderr}")
    _, most = done.stdout.split()
    return taken, float(most)
