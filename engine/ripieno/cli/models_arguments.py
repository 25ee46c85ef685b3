"""What `ripieno models` takes."""

from __future__ import annotations

import argparse

ACTIONS = ("check", "add", "remove", "list", "inspect", "bench", "pack")
MODELS_EXAMPLES = """\
what can be done:
  ripieno models                     list what is installed (`list` does the same)
  ripieno models check PATH          look at a model from the outside, then try it in a process of
                                     its own: files, graphs, one dry run, going back, speed
  ripieno models add PATH            the same, and keep it; --replace puts it in another's place
  ripieno models remove NAME         throw one of your own away
  ripieno models inspect NAME        tell all about it, and check its files (NAME alone does it too)
  ripieno models bench [NAME]        how fast one, or each, is here
  ripieno models pack NAME           write it into one file, NAME.ripieno

PATH is a folder with a manifest.toml in it or a .ripieno file. docs/bundles.md says what one holds.
"""


def add_models(parser: argparse.ArgumentParser) -> None:
    option = parser.add_argument
    option("what", nargs="?", metavar="ACTION", help=f"{', '.join(ACTIONS)}; or a model's name")
    option("target", nargs="?", metavar="NAME|PATH", help="which model")
    option("--precision", metavar="P", default="auto", help="auto, int8 (fast) or fp32 (exact)")
    option("--replace", action="store_true", help="put the added model in another's place")
    option("--bpm", metavar="N", type=float, default=120.0, help="the tempo to fit to (120)")
