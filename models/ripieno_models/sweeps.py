"""Sweeps and ablations, by Optuna (Akiba et al., 2019) on a storage that machines can share.

A *sweep* looks for good values of a few options; an *ablation* switches each part of a model off in
turn. Every trial is an ordinary run in a folder of its own. Whoever starts the same command with
the same storage, on whatever machine, takes a share of the trials.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import optuna
from ripieno.errors import SettingError, nearest_name

from ripieno_models import runs
from ripieno_models.corpora import Corpus
from ripieno_models.families.registry import Family
from ripieno_models.options import Training

SPACES: Mapping[str, tuple[float, float, bool]] = {
    "window": (4, 64, True),
    "hidden": (4, 256, True),
    "filters": (4, 64, True),
    "dense": (16, 256, True),
    "dropout": (0.0, 0.6, False),
    "learning_rate": (3e-4, 3e-2, True),
    "alpha": (0.1, 1e4, True),
}
"""What is swept unless somebody says otherwise: lowest, highest, and whether by factors."""
STUDY = "trials.db"
WHOLE = "whole"
"""The trial of an ablation that switches nothing off."""
Fit = Callable[[Training, Path], float]


@dataclass(frozen=True, slots=True)
class Range:
    """Values of the option `name` from `low` to `high`; `factors`: as likely by factors."""

    name: str
    low: float
    high: float
    factors: bool


@dataclass(frozen=True, slots=True)
class Trial:
    """A trial: what it changed, and its nats per decision on the validation pieces."""

    changed: tuple[tuple[str, Any], ...]
    nll: float


def ranges(kind: Family, words: Sequence[str]) -> list[Range]:
    """The ranges told as 'name=low:high' or 'name=low:high:log'; without words those of `SPACES`
    that the family has. Raises SettingError."""
    own = {item.name: item for item in fields(kind.options)}
    if not words:
        return [usual(name, own[name].metadata) for name in SPACES if name in own]
    return [range_of(word, kind, own) for word in words]


def usual(name: str, bounds: Mapping[str, Any]) -> Range:
    """The usual range of an option, as far as the family allows it."""
    low, high, factors = SPACES[name]
    return Range(name, max(low, bounds["low"]), min(high, bounds["high"]), factors)


def range_of(word: str, kind: Family, own: Mapping[str, Any]) -> Range:
    """One range. Raises SettingError."""
    name, _, rest = word.partition("=")
    name = name.replace("-", "_")
    if name not in own:
        raise SettingError(f"{kind.name} has no option {name!r}", nearest=nearest_name(name, own))
    low, _, rest = rest.partition(":")
    high, _, scale = rest.partition(":")
    try:
        told = Range(name, float(low), float(high), {"": False, "log": True}[scale])
    except (ValueError, KeyError):
        raise SettingError(
            f"{word!r} is no range", allowed="name=low:high, or name=low:high:log"
        ) from None
    bounds = own[name].metadata
    if isinstance(own[name].default, bool):
        raise SettingError(f"{name} is yes or no", nearest="`ripieno-models ablate` switches it.")
    if not bounds["low"] <= told.low < told.high <= bounds["high"] or (told.factors and low == "0"):
        raise SettingError(
            f"{word!r} is out of range", allowed=f"{bounds['low']:g}…{bounds['high']:g}"
        )
    return told


def parts(kind: Family, words: Sequence[str]) -> list[str]:
    """The parts that can be switched off, or those told by `words`. Raises SettingError."""
    shared = {item.name for item in fields(Training)}
    own = [
        item.name
        for item in fields(kind.options)
        if isinstance(item.default, bool) and item.name not in shared
    ]
    for word in words:
        if word.replace("-", "_") not in own:
            raise SettingError(
                f"{kind.name} has no part {word!r}",
                allowed=", ".join(own) or "none",
                nearest=nearest_name(word, own),
            )
    return [word.replace("-", "_") for word in words] or own


def sweep(
    base: Training, space: Sequence[Range], trials: int, folder: Path, storage: str, fit: Fit
) -> list[Trial]:
    """Try `trials` sets of values, chosen by the tree-structured Parzen estimator; best first."""
    study = study_of("sweep", folder, storage, optuna.samplers.TPESampler(seed=base.seed))

    def objective(trial: optuna.Trial) -> float:
        changed: dict[str, Any] = {part.name: suggested(trial, part, base) for part in space}
        return fit(replace(base, **changed), folder / f"trial-{trial.number}")

    study.optimize(objective, n_trials=trials, show_progress_bar=True)
    return told(study)


def ablate(
    base: Training, names: Sequence[str], seeds: int, folder: Path, storage: str, fit: Fit
) -> list[Trial]:
    """Run the whole model, and it without each of `names`, from `seeds` seeds each; best first.

    A trial that was done before, here or by another machine, is not done again.
    """
    study = study_of("ablation", folder, storage, optuna.samplers.RandomSampler(seed=base.seed))
    choices = [WHOLE, *names]
    starts = [base.seed + number for number in range(seeds)]
    for without in choices:
        for seed in starts:
            study.enqueue_trial({"without": without, "seed": seed}, skip_if_exists=True)

    def objective(trial: optuna.Trial) -> float:
        without = trial.suggest_categorical("without", choices)
        seed = trial.suggest_int("seed", starts[0], starts[-1])
        changed = {} if without == WHOLE else {without: not getattr(base, without)}
        return fit(replace(base, seed=seed, **changed), folder / f"without-{without}-{seed}")

    waiting = study.get_trials(states=(optuna.trial.TrialState.WAITING,))
    study.optimize(objective, n_trials=len(waiting), show_progress_bar=True) if waiting else None
    return told(study)


def study_of(
    name: str, folder: Path, storage: str, sampler: optuna.samplers.BaseSampler
) -> optuna.Study:
    """The study on `storage` (a database's URL; empty: a file in `folder`), old or new."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    folder.mkdir(parents=True, exist_ok=True)
    return optuna.create_study(
        study_name=f"{name} {folder.name}",
        storage=storage or f"sqlite:///{folder / STUDY}",
        sampler=sampler,
        direction="minimize",
        load_if_exists=True,
    )


def suggested(trial: optuna.Trial, part: Range, base: Training) -> float | int:
    """A value of a range, whole where the option is."""
    if isinstance(getattr(base, part.name), int):
        return trial.suggest_int(part.name, round(part.low), round(part.high), log=part.factors)
    return trial.suggest_float(part.name, part.low, part.high, log=part.factors)


def told(study: optuna.Study) -> list[Trial]:
    """The finished trials, the best first."""
    done = study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))
    found = [Trial(tuple(trial.params.items()), float(trial.value or 0.0)) for trial in done]
    return sorted(found, key=lambda trial: trial.nll)


def fitter(kind: Family, corpus: Corpus, progress: bool) -> Fit:
    """Trains one set of options in a folder; returns nats per decision of validation."""

    def fit(options: Training, folder: Path) -> float:
        if kind.solve is not None:
            return runs.solve(kind, options, corpus, folder)
        trainer = runs.fit(kind, options, corpus, folder, progress=progress)
        if trainer.interrupted:
            raise KeyboardInterrupt
        return float(trainer.checkpoint_callback.best_model_score)  # type: ignore[union-attr]

    return fit


def line(trial: Trial) -> str:
    """A trial in a line."""
    changed = ", ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in trial.changed
    )
    return f"{trial.nll:.4f}  {changed}"
