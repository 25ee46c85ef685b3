"""What `ripieno takes` and `ripieno replay` take."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable

VERBS = ("export", "show", "trace", "save-last")
LAST_BARS = 16

TAKES_EXAMPLES = """\
examples:
  ripieno takes                          list the takes in ./takes
  ripieno takes last                     the newest one as .mid and .wav
  ripieno takes show last                how it went: what was late, what was missed
  ripieno takes trace last               every stage as a trace, for ui.perfetto.dev
  ripieno takes save-last --bars 8       the last 8 bars as .mid, also while it is being played

A take is named by its file, or by its name in the folder; `last` is the newest.
"""
REPLAY_EXAMPLES = """\
examples:
  ripieno replay last                    hear it again, note for note
  ripieno replay last --to virtual       the same into your sequencer
  ripieno replay jam.take --regenerate   compute it anew, and name the first difference
"""


def add_takes(parser: ArgumentParser, whole: Callable[[str, int], Callable[[str], int]]) -> None:
    """The arguments of `ripieno takes`. `whole` makes readers for whole numbers."""
    add = parser.add_argument
    add(
        "words",
        nargs="*",
        metavar="[export | show | trace | save-last] [TAKE]",
        help="what to do (export, if nothing is said) with which take; without any, list them",
    )
    add(
        "--bars",
        metavar="N",
        type=whole("--bars", 1),
        default=LAST_BARS,
        help=f"for save-last: how many bars ({LAST_BARS})",
    )
    add("--out", metavar="FILE", help="for trace: write this file; - is the terminal")
    add("--soundfont", metavar="FILE", help="for the .wav: a .sf2 or .sf3 file")
    add("--no-wav", action="store_true", help="make the .mid only")
    _add_folder(parser)


def add_replay(parser: ArgumentParser, number: Callable[[str], Callable[[str], float]]) -> None:
    """The arguments of `ripieno replay`. `number` makes readers for numbers."""
    add = parser.add_argument
    add("take", metavar="TAKE", help="a .take file, a name in the folder, or `last`")
    add(
        "--to",
        metavar="PORT",
        action="append",
        help="a MIDI port, `synth` (the built-in sound) or `virtual`; repeat for more",
    )
    add(
        "--speed",
        metavar="X",
        type=number("--speed"),
        default=1.0,
        help="0.1…10 times as fast as it was (1)",
    )
    add(
        "--wait",
        metavar="N",
        type=number("--wait"),
        default=0.0,
        help="begin after so many seconds, as for connecting our own port (0)",
    )
    add("--soundfont", metavar="FILE", help="for `synth`: a .sf2 or .sf3 file")
    add(
        "--regenerate",
        action="store_true",
        help="play nothing: compute the take anew and name the first difference",
    )
    add("--model", metavar="NAME", help="for --regenerate: the model, where it is found elsewhere")
    _add_folder(parser)


def _add_folder(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--takes", metavar="FOLDER", default="takes", help="where takes are kept (./takes)"
    )
