"""What keeps a run whole, whatever ends it: checkpoints, the curve, and a way to be stopped."""

from __future__ import annotations

import io
import os
import shutil
import signal
import threading
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import lightning as L
import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO
from lightning.pytorch.callbacks import Callback
from ripieno.errors import RipienoError

CURVE = "curve.csv"
BEST, LAST = "best.ckpt", "last.ckpt"
GO_ON = "go on with --resume"
ENDING = (signal.SIGINT, signal.SIGTERM)


class WholeFiles(TorchCheckpointIO):
    """Checkpoints that are there whole or not at all.

    Lightning's own go through the folder for temporary files, which may lie on another disk: from
    there a file is copied, and a kill leaves half of it.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None
    ) -> None:
        """Write a checkpoint. Raises RipienoError where the disk takes no more."""
        written = io.BytesIO()
        torch.save(checkpoint, written)
        write_whole(Path(path), written.getbuffer())


def write_whole(path: Path, content: bytes | memoryview) -> None:
    """Write `content` beside `path`, see it to the disk, and only then put it there.

    Raises RipienoError; what was there before is still there then.
    """
    fresh = path.with_name(f"{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with fresh.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        raise unwritten(error, path) from None
    finally:
        fresh.unlink(missing_ok=True)


def put_folder(made: Path, place: Path) -> Path:
    """Put the files of a folder that is whole at `place`, instead of what is there.

    Raises RipienoError; what was there before is still there then.
    """
    fresh, old = place.with_name(f".{place.name}.new"), place.with_name(f".{place.name}.old")
    try:
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        for path in sorted(made.iterdir()):
            shutil.copy(path, fresh / path.name)
        if place.exists():
            shutil.rmtree(old, ignore_errors=True)
            place.rename(old)
        fresh.rename(place)
    except OSError as error:
        if old.exists() and not place.exists():
            old.rename(place)
        raise unwritten(error, place, "do it again") from None
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        if place.exists():
            shutil.rmtree(old, ignore_errors=True)
    return place


def unwritten(error: OSError, path: Path | str, then: str = GO_ON) -> RipienoError:
    """What the player is told where something cannot be written, and what to do `then`."""
    reason = (error.strerror or str(error)).lower()
    return RipienoError(
        f"cannot be written ({reason})",
        where=str(error.filename or path),
        nearest=f"What was kept before is whole: make room, and {then}.",
    )


class Curve(Callback):
    """Appends each epoch's figures to curve.csv; a resumed run writes on in the same file."""

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self.path, self.names = folder / CURVE, tuple(names)
        self.heading = ",".join(("step", *self.names)) + "\n"

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Forget what lies behind the checkpoint that the run goes on from, or was cut short."""
        if not trainer.is_global_zero or not self.path.exists():
            return
        rows = self.path.read_text(encoding="utf-8").splitlines(keepends=True)[1:]
        kept = [row for row in rows if row.endswith("\n") and step_of(row) <= trainer.global_step]
        write_whole(self.path, "".join((self.heading, *kept)).encode())

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        told = trainer.callback_metrics
        if not trainer.is_global_zero or not all(name in told for name in self.names):
            return
        row = [f"{trainer.global_step}", *(f"{float(told[name]):.6f}" for name in self.names)]
        heading = "" if self.path.exists() else self.heading
        try:
            with self.path.open("a", encoding="utf-8") as lines:
                lines.write(heading + ",".join(row) + "\n")
        except OSError as error:
            raise unwritten(error, self.path) from None


def step_of(row: str) -> int:
    """The optimiser step that a row of the curve tells of."""
    return int(row.partition(",")[0])


class EndOnSignal(Callback):
    """Ends a run at the next batch after the first SIGINT or SIGTERM.

    Not by an exception in the middle of a batch, which can be lost where C code calls Python; and
    also where the shell has started the run in the background, and so had it ignore SIGINT.
    """

    def __init__(self) -> None:
        self.asked = False
        self.before: dict[signal.Signals, Any] = {}

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if threading.current_thread() is threading.main_thread():
            self.before = {number: signal.signal(number, self.hear) for number in ENDING}

    def hear(self, number: int, frame: FrameType | None) -> None:
        """The first one is remembered; one more is not waited for."""
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True

    def on_train_batch_start(self, *told: Any) -> None:
        self.end()

    def on_train_batch_end(self, *told: Any) -> None:
        self.end()

    def on_validation_batch_start(self, *told: Any) -> None:
        self.end()

    def end(self) -> None:
        """Raises KeyboardInterrupt where the run was asked to end."""
        if self.asked:
            raise KeyboardInterrupt

    def teardown(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)
        self.before = {}
