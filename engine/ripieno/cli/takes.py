"""`ripieno takes`: what was played, as MIDI and as sound. A take survives a crash; so can these."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

from ripieno.cli.options import soundfont_of
from ripieno.cli.save_last import newest, save_last
from ripieno.cli.takes_arguments import VERBS
from ripieno.errors import PhraseError, SettingError, SoundError, nearest_name
from ripieno.takes.take import SUFFIX, read

LAST = "last"
"""The newest take's other name."""


def takes(options: Namespace) -> int:
    """List the takes of the folder, or do with one of them what is asked."""
    folder = Path(options.takes).expanduser()
    if not options.words:
        return _list(folder)
    verb, path = _asked(options.words, folder)
    if verb == "show":
        from ripieno.cli.takes_show import show

        return show(path)
    if verb == "trace":
        return _trace(path, options.out)
    if verb == "save-last":
        print(save_last(path, options.bars))
        return 0
    for file in export(path, soundfont_of(options.soundfont or ""), wav=not options.no_wav):
        print(file)
    return 0


def _asked(words: list[str], folder: Path) -> tuple[str, Path]:
    """What to do with which take. Raises SettingError or PhraseError."""
    verb, rest = (words[0], words[1:]) if words[0] in VERBS else ("export", words)
    if len(rest) > 1:
        near = nearest_name(words[0], VERBS)
        raise SettingError(
            f"`ripieno takes {' '.join(words)}` names more than one take",
            allowed=f"one of {', '.join(VERBS)}, and one take",
            nearest=near,
        )
    return verb, find_take(rest[0] if rest else LAST, folder)


def find_take(word: str, folder: Path) -> Path:
    """The take that `word` means: a file, a name in `folder`, or `last`. Raises PhraseError."""
    path = Path(word).expanduser()
    if path.is_file():
        return path
    if word == LAST:
        return newest(folder)
    name = word if word.endswith(SUFFIX) else f"{word}{SUFFIX}"
    if (folder / name).is_file():
        return folder / name
    known = [take.stem for take in folder.glob(f"*{SUFFIX}")] if folder.is_dir() else []
    raise PhraseError("there is no such take", where=word, nearest=nearest_name(word, known))


def export(take: Path, soundfont: Path, *, wav: bool, out: Path | None = None) -> list[Path]:
    """Write the .mid and, if asked, the .wav of the journal `take`, beside it or as `out` only.

    Where no synthesiser is there the .wav is left out with a sentence. Raises PhraseError.
    """
    from ripieno.midi.midifile import write_score  # imported late: mido, numpy and FluidSynth
    from ripieno.takes.take_score import score_of
    from ripieno.wav import render_wav

    score = score_of(read(take, on_score=True))
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


def _trace(path: Path, out: str | None) -> int:
    from ripieno.takes.trace import trace

    text = trace(read(path))
    if out == "-":
        print(text)
        return 0
    file = path.with_suffix(".trace.json") if out is None else Path(out).expanduser()
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise PhraseError(f"it cannot be written ({error.strerror})", where=str(file)) from None
    print(f"{file}  (open it in ui.perfetto.dev)")
    return 0


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
