"""Hearing what a model writes: a sample as a MIDI file and as sound, after each validation.

The only file of the trainer that imports sounddevice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from ripieno.errors import RipienoError
from ripieno.grammar.grid import FIRST_PITCH, Cursor, Setting
from ripieno.midi.midifile import read_score
from ripieno.outputs.spawned import audio_devices
from ripieno.resources import soundfont_path
from ripieno.wav import render_wav
from torch import nn

from ripieno_models.families.chorale_transformer import DECIDED
from ripieno_models.likelihood import LIVE_ORDER
from ripieno_models.piece import Piece
from ripieno_models.sample import draw, write_midi

STEPS = 64
"""Sixteenths of a sample on the grid: four bars of 4/4, from silence."""
TOGETHER = len(LIVE_ORDER)
Write = Callable[[nn.Module, Path], None]
"""Has a model write a sample as a MIDI file."""
FOLDER = "listen"


class Listen(Callback):
    """After each validation lets a sample be heard, and keeps it below the run's folder.

    Called before the weights of the moving average are put away, which are what is kept.
    """

    def __init__(self, folder: Path, write: Write, aloud: bool = True) -> None:
        self.folder, self.write, self.aloud = folder / FOLDER, write, aloud

    def on_validation_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if not trainer.is_global_zero or trainer.sanity_checking:
            return
        score = self.folder / f"step-{trainer.global_step:06}.mid"
        model = pl_module.model
        assert isinstance(model, nn.Module)
        with torch.random.fork_rng():  # a run that is listened to is the same run
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                self.write(model, score)
                sound = rendered(score)
            except (RipienoError, OSError) as error:
                pl_module.print(f"There is nothing to listen to: {error}")
                return
        heard = self.aloud and played(sound)
        self.aloud = heard
        pl_module.print(f"Playing {sound}" if heard else f"No sound device: listen to {sound}")


def rendered(score: Path) -> Path:
    """The MIDI file `score` as sound beside it, through the built-in soundfont.

    Raises SoundError or PhraseError.
    """
    sound = score.with_suffix(".wav")
    render_wav(read_score(score), soundfont_path(), sound)
    return sound


def played(sound: Path) -> bool:
    """Begin to play a sound file, in place of what plays; whether there is a device to play it."""
    if not audio_devices():
        return False
    import sounddevice
    import soundfile

    samples, rate = soundfile.read(sound, dtype="float32")
    try:
        sounddevice.play(samples, rate)
    except (sounddevice.PortAudioError, ValueError):
        return False
    return True


@torch.inference_mode()
def piece_from(model: nn.Module, form: Piece, seed: int = 1, steps: int = STEPS) -> Piece:
    """At most `steps` sixteenths by a model of the grid, in the metre, key and fermatas of `form`,
    without the engine's rules."""
    random, cursor = np.random.default_rng(seed), Cursor()
    settings = form.settings()[:steps]
    tokens = np.zeros((len(settings), TOGETHER), dtype=np.int64)
    hears = Hearing(model.eval())
    for step, row in enumerate(settings.tolist()):
        here = Setting(*row)
        for voice in LIVE_ORDER:
            logits = hears(cursor.features(voice, here))
            token = draw(logits, cursor.sounding[voice] >= FIRST_PITCH, random)
            tokens[step, voice] = token
            cursor.decide(voice, token)
        cursor.next_step()
    part = slice(0, len(settings))
    return replace(
        form,
        name=f"like {form.name}",
        tokens=tokens,
        place=form.place[part],
        bar_steps=form.bar_steps[part],
        fermata=form.fermata[part],
    )


class Hearing:
    """Tells a torch model of the grid one decision after the other."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.rows: list[Sequence[int]] = []
        self.state: Any = None

    def __call__(self, features: Sequence[int]) -> Any:
        """Logits [48] for the next decision's `features`, in numpy."""
        self.rows.append(features)
        if len(self.rows) == 1 or self.state is not None:
            logits, self.state = self.model(torch.tensor([[features]]), self.state)
            return logits[0, -1].float().numpy()
        # Without a state it hears everything again, in whole sixteenths: later rows tell nothing.
        missing = -len(self.rows) % TOGETHER
        filler = list(self.rows[-1])
        filler[DECIDED] = max(1, filler[DECIDED])
        rows = torch.tensor([[*self.rows, *[filler] * missing]])
        return self.model(rows)[0][0, len(self.rows) - 1].float().numpy()


def grid_writer(forms: Callable[[], Sequence[Piece]], seed: int = 1) -> Write:
    """Writes as long as, and in the metre and key of, the first of `forms` that is long enough."""

    def write(model: nn.Module, path: Path) -> None:
        pieces = forms()
        form = next((piece for piece in pieces if len(piece) >= STEPS), pieces[0])
        write_midi(piece_from(model, form, seed), path)

    return write
