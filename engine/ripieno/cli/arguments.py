"""What the command line takes, and the help that explains it."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from typing import NoReturn

from ripieno import __version__
from ripieno.cli.models_arguments import MODELS_EXAMPLES, add_models
from ripieno.cli.takes_arguments import (
    REPLAY_EXAMPLES,
    TAKES_EXAMPLES,
    add_replay,
    add_takes,
)
from ripieno.errors import SettingError, nearest_name

HEADLESS_BARS = 16
THEMES = ("dark", "light", "high-contrast", "stage-red")
COMMANDS = (
    "play",
    "render",
    "ports",
    "doctor",
    "models",
    "plugins",
    "presets",
    "takes",
    "replay",
)

ABOUT = """\
Ripieno plays along with you: you play a phrase, and four voices answer, in time.
"""
EXAMPLES = """\
examples:
  ripieno play                                  the first jam; the computer keyboard plays, too
  ripieno play --preset chorale-solo            a choir that sings by itself
  ripieno play --in "Keystation" --mode accompany   you play the melody on your keyboard
  ripieno play --preset daw                     four channels of MIDI for your sequencer
  ripieno render --phrase old-hundredth --bars 8 --out hymn.wav
  ripieno doctor                                what this machine can do, and what would mend it

`ripieno COMMAND --help` explains a command.
"""
PLAY_EXAMPLES = """\
examples:
  ripieno play --preset trading-fours --bpm 120
  ripieno play --in melody.mid --mode accompany     a file plays as if it were you
  ripieno play --out virtual --out synth            into your sequencer, and to hear
  ripieno play --set max_leap=7 --set key="G major" --set key_lock=hard

Without a terminal, or with --headless, it plays 16 bars and then names the take's files.
"""


class Parser(argparse.ArgumentParser):
    """A parser that says what is wrong in one sentence, with the nearest right thing."""

    def __init__(self, **rest: object) -> None:
        rest.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(allow_abbrev=False, **rest)  # type: ignore[arg-type]

    def error(self, message: str) -> NoReturn:
        raise SettingError(*self._sentence(message))

    def _sentence(self, message: str) -> tuple[str]:
        see = f"See {self.prog} --help"
        if match := re.match(r"unrecognized arguments: (\S+)", message):
            word = match[1].partition("=")[0]
            known = [name for action in self._all_actions() for name in action.option_strings]
            near = nearest_name(word, known) if word.startswith("-") else ""
            return (f"{self.prog} does not know {word!r}. {near or see}",)
        if match := re.match(r"argument (--\S+): invalid choice: '(.*?)'", message):
            own = next(each for each in self._all_actions() if match[1] in each.option_strings)
            names = [str(choice) for choice in own.choices or () if choice]
            near = nearest_name(match[2], names) or see
            return (f"{match[1]} cannot be {match[2]!r}; allowed: {', '.join(names)}. {near}",)
        if match := re.match(r"argument \S+: invalid choice: '(.*?)'", message):
            near = nearest_name(match[1], COMMANDS)
            return (f"{self.prog} has no command {match[1]!r}. {near or see}",)
        if match := re.match(r"argument (\S+?)(?:/\S+)?: expected (.*)", message):
            return (f"{match[1]} needs {match[2].replace('argument', 'value')} after it. {see}",)
        return (f"{message}. {see}",)

    def _all_actions(self) -> list[argparse.Action]:
        """The options of this command, and those of its commands."""
        actions = list(self._actions)
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                actions += [each for sub in action.choices.values() for each in sub._actions]
        return actions


def number(name: str) -> Callable[[str], float]:
    """A reader for the option `name`. Its bounds are checked where the setting is made."""

    def read(text: str) -> float:
        try:
            return float(text)
        except ValueError:
            raise SettingError(f"{name} {text!r} is not a number") from None

    return read


def whole(name: str, low: int) -> Callable[[str], int]:
    """A reader for a whole number from `low` on."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise SettingError(f"{name} {text!r} is not a whole number") from None
        if value < low:
            raise SettingError(
                f"{name} cannot be {value}",
                allowed=f"{low} or more",
                nearest=f"The nearest is {low}.",
            )
        return value

    return read


def parser_of() -> Parser:
    """The whole command line."""
    parser = Parser(prog="ripieno", description=ABOUT, epilog=EXAMPLES)
    parser.add_argument("--version", action="version", version=f"Ripieno {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=Parser)
    parser.set_defaults(module="", function="")

    def command(name: str, module: str, about: str, epilog: str = "") -> Parser:
        added: Parser = commands.add_parser(name, help=about, description=about, epilog=epilog)
        added.set_defaults(module=module, function=name)
        return added

    play = command("play", "play", "Play: with you, or by itself.", PLAY_EXAMPLES)
    _add_music(play)
    _add_ends(play)
    _add_play(play)
    render = command("render", "play", "Play as fast as it computes, into a file.")
    _add_music(render)
    _add_render(render)
    command("ports", "lists", "List MIDI ports, audio drivers and soundfonts.")
    doctor = command(
        "doctor", "doctor", "What works on this machine, and what would mend the rest."
    )
    _add_model(doctor)
    doctor.add_argument(
        "--preset", metavar="NAME", help="all that this preset needs: who plays in it, and on what"
    )
    about = "List the models that can play; try, add and remove other people's."
    add_models(command("models", "models", about, MODELS_EXAMPLES))
    listed = command("plugins", "models", "List the parts that other packages bring.")
    listed.add_argument("--check", action="store_true", help="import each, and say what is wrong")
    _add_presets(command("presets", "lists", "List presets, or show one; list seed phrases."))
    about = "List takes, make .mid and .wav of one, tell how it went."
    add_takes(command("takes", "takes", about, TAKES_EXAMPLES), whole)
    about = "Play a take again exactly as it was, or compute it anew."
    add_replay(command("replay", "replay", about, REPLAY_EXAMPLES), number)
    return parser


def _add_model(parser: argparse._ActionsContainer) -> None:
    parser.add_argument("--model", metavar="NAME", help="a model's name or folder")
    parser.add_argument("--precision", metavar="P", help="auto, int8 (fast) or fp32 (exact)")


def _add_music(parser: Parser) -> None:
    music = parser.add_argument_group("the music (each of these goes before the preset)")
    option = music.add_argument
    option("--preset", metavar="NAME", help="a preset's name or file; `ripieno presets` lists them")
    option("--mode", metavar="MODE", help="solo, answer or accompany")
    option(
        "--phrase", metavar="NAME", help="seed phrase: a name or a .txt or .mid file; '' is none"
    )
    option("--bpm", metavar="N", type=number("--bpm"), help="tempo: 20…300 quarter notes a minute")
    option("--meter", metavar="N/D", help="time signature, such as 3/4")
    option("--key", metavar="KEY", help="such as 'G major', or none")
    option(
        "--temperature",
        metavar="X",
        type=number("--temperature"),
        help="0.1…2: below 1 plays safer, above 1 bolder",
    )
    option("--seed", metavar="N", type=number("--seed"), help="the same number renders the same")
    option(
        "--set",
        metavar="KNOB=VALUE",
        action="append",
        default=[],
        help="any other knob, by the names of `ripieno presets --knobs`",
    )
    _add_model(music)


def _add_ends(parser: Parser) -> None:
    ends = parser.add_argument_group("where it comes from and goes to (repeat for more than one)")
    ends.add_argument(
        "--in",
        dest="inputs",
        metavar="PORT",
        action="append",
        help="a MIDI port (part of its name will do), a .mid file to be played in, or `virtual`: "
        "a port of our own that other programs connect to",
    )
    ends.add_argument(
        "--out",
        dest="outputs",
        metavar="PORT",
        action="append",
        help="a MIDI port, `synth` (the built-in sound), `lv2:URI` or `vst3:NAME` (an instrument), "
        "`virtual` or `none`",
    )
    ends.add_argument(
        "--soundfont",
        metavar="FILE",
        help="a .sf2 or .sf3 file, or `gm`: General MIDI, if installed",
    )


def _add_play(parser: Parser) -> None:
    parser.add_argument("--headless", action="store_true", help="no screen, even on a terminal")
    parser.add_argument(
        "--theme", metavar="NAME", default="", choices=("", *THEMES), help=", ".join(THEMES)
    )
    parser.add_argument(
        "--compact", action="store_true", help="a screen of a few lines, for a split pane"
    )
    parser.add_argument(
        "--osc",
        metavar="[HOST:]PORT",
        help="hear OSC there; without a host from this machine only",
    )
    parser.add_argument(
        "--osc-to",
        metavar="[HOST:]PORT",
        action="append",
        default=[],
        help="tell by OSC where everything stands (repeat for more than one)",
    )
    parser.add_argument(
        "--bars",
        metavar="N",
        type=whole("--bars", 0),
        help=f"end after so many bars; 0 goes on (without a screen: {HEADLESS_BARS})",
    )
    _add_folder(parser)
    parser.add_argument("--no-wav", action="store_true", help="keep the take as MIDI only")


def _add_render(parser: Parser) -> None:
    parser.add_argument(
        "--in",
        dest="inputs",
        metavar="FILE",
        action="append",
        help="a .mid file to play for you",
    )
    parser.add_argument("--out", metavar="FILE", help="write this .mid or .wav file only")
    parser.add_argument("--soundfont", metavar="FILE", help="for a .wav: a .sf2 or .sf3 file")
    parser.add_argument(
        "--bars",
        metavar="N",
        type=whole("--bars", 1),
        default=HEADLESS_BARS,
        help=f"length in bars ({HEADLESS_BARS})",
    )
    _add_folder(parser)
    parser.add_argument("--no-wav", action="store_true", help="keep the take as MIDI only")


def _add_folder(parser: Parser) -> None:
    parser.add_argument(
        "--takes", metavar="FOLDER", default="takes", help="where takes are kept (./takes)"
    )


def _add_presets(parser: Parser) -> None:
    parser.add_argument("name", nargs="?", help="show this preset's file")
    parser.add_argument("--phrases", action="store_true", help="list the seed phrases")
    parser.add_argument("--knobs", action="store_true", help="list what can be turned live")
    parser.add_argument("--keys", action="store_true", help="explain every key of a preset")
