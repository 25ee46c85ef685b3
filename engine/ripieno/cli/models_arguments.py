"""What `ripieno models` takes."""

from __future__ import annotations

import argparse

ACTIONS = ("check", "add", "import", "remove", "list", "inspect", "bench", "pack")
MODELS_EXAMPLES = """\
what can be done:
  ripieno models                     list what is installed (`list` does the same)
  ripieno models check PATH          look at a model from the outside, then try it in a process of
                                     its own: files, graphs, one dry run, going back, speed
  ripieno models add PATH            the same, and keep it; --replace puts it in another's place
  ripieno models import FOLDER       make a decoder that optimum has exported, with its MidiTok
                                     tokenizer.json, a model of yours
  ripieno models remove NAME         throw one of your own away
  ripieno models inspect NAME        tell all about it, and check its files (NAME alone does it too)
  ripieno models bench [NAME]        how fast one, or each, is here
  ripieno models pack NAME           write it into one file, NAME.ripieno

PATH is a folder with a manifest.toml in it or a .ripieno file. docs/bundles.md says what one holds,
docs/bring-your-own-model.md how to import one.
"""


def add_models(parser: argparse.ArgumentParser) -> None:
    option = parser.add_argument
    option("what", nargs="?", metavar="ACTION", help=f"{', '.join(ACTIONS)}; or a model's name")
    option("target", nargs="?", metavar="NAME|PATH", help="which model")
    option("--precision", metavar="P", default="auto", help="auto, int8 (fast) or fp32 (exact)")
    option("--replace", action="store_true", help="put the added model in another's place")
    option("--bpm", metavar="N", type=float, default=120.0, help="the tempo to fit to (120)")
    brought = parser.add_argument_group("for import")
    option = brought.add_argument
    option("--use", metavar="U", default="piano", help="melody, piano (default), accompaniment")
    option("--tokenizer", metavar="PATH", help="the tokenizer.json, if it is not in FOLDER")
    option("--name", metavar="N", help="what to call it (the folder's name)")
    option("--licence", metavar="L", help="of its weights, such as CC-BY-4.0")
    option("--context", metavar="N", type=int, help="tokens that it hears at most")
    option(
        "--programs",
        metavar=("PLAYER", "MACHINE"),
        nargs=2,
        type=int,
        help="instruments, where its tokenizer tells them: yours and the machine's",
    )
