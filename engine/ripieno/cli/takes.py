"""`ripieno takes`: what was played, as MIDI and as sound. A take survives a crash; so can these."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

from ripieno.cli.options import soundfont_of
from ripieno.errors import PhraseError, SoundError
from ripieno.take import SUFFIX, read


def takes(options: Namespace) -> int:
    """List the takes of the folder, or write the files of one."""
    if options.file is None:
        return _list(Path(options.takes).expanduser())
    path = Path(options.file).expanduser()
    soundfont = soundfont_of(options.soundfont or "")
    for file in export(path, soundfont, wav=not options.no_wav):
        print(file)
    return 0


def export(take: Path, soundfont: Path, *, wav: bool, out: Path | None = None) -> list[Path]:
    """Write the .mid and, if asked, the .wav of the journal `take`, beside it or as `out` only.

    Where no synthesiser is there the .wav is left out with a sentence. Raises PhraseError.
    """
    from ripieno.midifile import write_score  # imported late: mido, numpy and FluidSynth
    from ripieno.take_score import score_of
    from ripieno.wav import render_wav

    score = score_of(read(take))
    midi = out if out is not None and out.suffix == ".mid" else take.with_suffix(".mid")
    try:
        write_score(score, midi)
    except OSError as error:
        raise PhraseError(f"it cannot be written ({error.strerror})", where=str(midi)) from error
    if not wav:
        return [midi]
    sound = out if out is not None else take.with_suffix(".wav")
    try:
        render_wav(score, soundfont, sound)
    except SoundError as error:
        if out is not None:
            raise
        print(f"No .wav was made: {error}", file=sys.stderr)
        return [midi]
    return [sound] if out is not None else [midi, sound]


def _list(folder: Path) -> int:
    files = sorted(folder.glob(f"*{SUFFIX}")) if folder.is_dir() else []
    if not files:
        print(f"There are no takes in {folder}. `ripieno play` makes one.")
    for file in files:
        try:
            take = read(file)
        except PhraseError as error:
            print(error)
            continue
        header = take.header
        torn = ", cut off" if take.torn else ""
        print(f"{file}  {header.preset}, {header.model}, {len(take.facts)} facts{torn}")
    return 0
