"""The command line: `ripieno play`, `render`, `ports`, `doctor`, `models`, `presets`, `takes`.

Light on purpose: the processes of a performance import the main program again, so nothing heavy is
imported before a command needs it.
"""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from ripieno.cli.arguments import parser_of
from ripieno.errors import RipienoError

OK, FAILED, WRONG, INTERRUPTED = 0, 1, 2, 130
"""Exit codes: played; something broke; what was asked for cannot be; stopped with Ctrl-C."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line `arguments` (without the program's name) and return the exit code."""
    try:
        code = _run(sys.argv[1:] if arguments is None else arguments)
        sys.stdout.flush()
        return code
    except RipienoError as error:
        print(error, file=sys.stderr)
        return WRONG
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has gone (`ripieno presets | head`): nothing more to say to them.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except Exception as error:
        where = _written_down(error)
        print(f"Ripieno broke off: {type(error).__name__}. {where}", file=sys.stderr)
        return FAILED


def _run(arguments: Sequence[str]) -> int:
    from importlib import import_module

    parser = parser_of()
    options = parser.parse_args(arguments)
    if not options.module:
        parser.print_help()
        return OK
    command = import_module(f"ripieno.cli.{options.module}")
    code: int = getattr(command, options.function)(options)
    return code


def _written_down(error: Exception) -> str:
    """Keep what a developer needs in a log, and say where it is."""
    from ripieno.resources import cache_home

    path: Path = cache_home() / "errors.log"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as log:
            log.write(f"\n{time.strftime('%Y-%m-%d %H:%M:%S')} ripieno {' '.join(sys.argv[1:])}\n")
            traceback.print_exception(error, file=log)
    except OSError:
        return f"{error} (and no log could be written to {path.parent})"
    return f"The details are in {path}."
