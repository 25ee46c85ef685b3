"""Options of a training run: each is a flag and a TOML key, with its unit, checked when made."""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from ripieno.errors import SettingError, nearest_name


def option(default: Any, low: float, high: float, text: str) -> Any:
    """A field between `low` and `high`, explained by `text`, which names its unit."""
    return field(default=default, metadata={"low": low, "high": high, "help": text})


def folder(text: str) -> Any:
    """A field with the path of a folder, explained by `text`; empty is none."""
    return field(default="", metadata={"help": text})


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """Options of every family. Numbers are refused outside their range, when made."""

    seed: int = option(1, 0, 2**31 - 1, "start of all randomness, a whole number")
    steps: int = option(2200, 1, 10**7, "optimiser steps in all")
    steps_per_epoch: int = option(100, 1, 10**6, "optimiser steps between two validations")
    patience: int = option(12, 1, 10**6, "validations without a gain before it stops")
    batch: int = option(32, 1, 4096, "pieces per optimiser step")
    crop: int = option(128, 16, 4096, "length of a training example in sixteenths")
    learning_rate: float = option(3e-3, 1e-7, 1.0, "highest step size of AdamW")
    last_rate: float = option(0.01, 0.0, 1.0, "step size at the end, as a share of the highest")
    warmup: int = option(200, 0, 10**6, "optimiser steps until the highest step size")
    weight_decay: float = option(0.1, 0.0, 10.0, "decay of weights per unit of step size")
    clip: float = option(1.0, 1e-6, 1e6, "largest norm of a gradient; it is scaled down to it")
    average: float = option(0.998, 0.0, 0.99999, "share of the old weights in the moving average")
    hymns: float = option(0.0, 0.0, 1.0, "share of hymns at the start; none from half the steps on")
    natural_order: float = option(0.35, 0.0, 1.0, "share of examples in the order S, A, T, B")
    all_voices: float = option(0.8, 0.0, 1.0, "share of batches in which no voice is absent")
    hide_all: float = option(0.1, 0.0, 1.0, "share of examples without place, meter, key, cadence")
    hide_onsets: float = option(0.0, 0.0, 1.0, "share of those that hold every repeated pitch")
    count_place: float = option(0.0, 0.0, 1.0, "share of those whose place is the step's number")
    hide_place: float = option(0.1, 0.0, 1.0, "share of the others without place and meter")
    hide_key: float = option(0.15, 0.0, 1.0, "share of the others without a key")
    hide_cadence: float = option(0.4, 0.0, 1.0, "share of the others without a cadence")
    bf16: bool = option(True, 0, 1, "multiplies in bfloat16: faster, a little coarser")
    threads: int = option(1, 1, 256, "processor threads")

    def __post_init__(self) -> None:
        for item in fields(self):
            value, kind = getattr(self, item.name), type(item.default)
            if kind is float and type(value) is int:
                object.__setattr__(self, item.name, float(value))
            elif type(value) is not kind:
                raise SettingError(
                    f"{item.name} = {value!r} is no {KINDS[kind]}", allowed=item.metadata["help"]
                )
            if kind is str:
                continue
            low, high = item.metadata["low"], item.metadata["high"]
            if not low <= value <= high:
                raise SettingError(
                    f"{item.name} = {value} is out of range",
                    allowed=f"{low:g}…{high:g} ({item.metadata['help']})",
                    nearest=f"The nearest is {min(high, max(low, value)):g}.",
                )


Chosen = TypeVar("Chosen", bound=Training)
KINDS = {int: "whole number", float: "number", bool: "yes or no (true or false)",
         str: "path of a folder"}  # fmt: skip


def default(name: str, value: Any, kind: type[Training] = Training) -> Any:
    """The option `name` of `kind` (else of every family), with another default."""
    return field(default=value, metadata=kind.__dataclass_fields__[name].metadata)


def from_toml(kind: type[Training], path: Path) -> dict[str, Any]:
    """The options in the file at `path`. Raises SettingError on a key that `kind` does not know."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SettingError("there is no such file", where=str(path)) from error
    except (OSError, ValueError) as error:
        raise SettingError(f"cannot be read as TOML ({error})", where=str(path)) from error
    known = [item.name for item in fields(kind)]
    for name in table:
        if name not in known:
            raise SettingError(
                f"unknown key {name!r}", where=str(path), nearest=nearest_name(name, known)
            )
    return table


def add_flags(parser: argparse.ArgumentParser, kinds: Mapping[str, type[Training]]) -> None:
    """One flag for each option of the families `kinds`; a flag that is not given is left out."""
    group = parser.add_argument_group("options (each is also a key of the TOML file)")
    for name, kind in kinds.items():
        add_group(group, kind, name)


def add_group(group: argparse._ArgumentGroup, kind: type[Training], family: str) -> None:
    """The flags of `kind` that no family before it has."""
    there = {action.dest for action in group._group_actions}
    for item in fields(kind):
        if item.name in there:
            continue
        flag = "--" + item.name.replace("_", "-")
        own = "" if item.name in Training.__dataclass_fields__ else f"{family}: "
        text = f"{own}{item.metadata['help']} (default {item.default})"
        shape: dict[str, Any] = {"type": type(item.default), "metavar": "N"}
        if isinstance(item.default, str):
            shape["metavar"] = "FOLDER"
        if isinstance(item.default, bool):
            shape = {"action": argparse.BooleanOptionalAction}
        group.add_argument(flag, default=argparse.SUPPRESS, help=text, **shape)


def chosen(kind: type[Chosen], config: Path | None, flags: Mapping[str, Any]) -> Chosen:
    """Defaults, then the file, then the flags. Raises SettingError where one is wrong."""
    told = from_toml(kind, config) if config else {}
    names = {item.name for item in fields(kind)}
    return kind(**{**told, **{name: value for name, value in flags.items() if name in names}})


def as_flags(options: Training, usual: Training | None = None) -> str:
    """The flags that make `options` from the `usual` ones, or from the defaults, for a command
    that repeats a run."""
    usual = usual or type(options)()
    words: list[str] = []
    for item in fields(options):
        value, without = getattr(options, item.name), getattr(usual, item.name)
        flag = item.name.replace("_", "-")
        if isinstance(value, bool):
            words += [] if value == without else [f"--{flag}" if value else f"--no-{flag}"]
        elif value != without:
            words.append(f"--{flag} {value:g}" if isinstance(value, float) else f"--{flag} {value}")
    return " ".join(words)
