"""Which families there are, by the names that the command line takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ripieno.errors import SettingError, nearest_name

from ripieno_models.families import chorale_lstm

CONFIGS = Path(__file__).parent.parent / "configs"


@dataclass(frozen=True, slots=True)
class Family:
    """An architecture: its `name`, its `options`, and how it is built from them."""

    name: str
    options: type[chorale_lstm.Options]
    build: Callable[[chorale_lstm.Options], chorale_lstm.ChoraleLstm]

    @property
    def config(self) -> Path:
        """The TOML file with the options of the model that ships."""
        return CONFIGS / f"{self.name}.toml"


FAMILIES = {
    "chorale-lstm": Family("chorale-lstm", chorale_lstm.Options, chorale_lstm.ChoraleLstm),
}


def family(name: str) -> Family:
    """The family called `name`. Raises SettingError with the nearest one."""
    if name not in FAMILIES:
        raise SettingError(
            f"there is no family {name!r}",
            allowed=", ".join(FAMILIES),
            nearest=nearest_name(name, FAMILIES),
        )
    return FAMILIES[name]
