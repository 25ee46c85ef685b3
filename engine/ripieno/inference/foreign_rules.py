"""Musical rules that plug-ins bring, behind their fences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from ripieno import plugins
from ripieno.errors import PluginError
from ripieno.settings import Rules

SECONDS = 0.002
"""How long a plug-in's rule may take for one voice."""


class ForeignRule:
    """A rule that a plug-in brings: `constraints.Rule`. Once it has failed it allows `anything`."""

    def __init__(self, name: str, anything: int) -> None:
        """Import it. Raises PluginError."""
        self.__name__ = name
        plugin = plugins.find(plugins.CONSTRAINTS, name)
        self._rule = cast(Callable[[Any], object], plugins.load(plugins.CONSTRAINTS, name))
        self._anything = anything
        self.fence = plugins.Fence(plugin, SECONDS, "it binds nobody any more")

    def __call__(self, here: object) -> int:
        allowed = self.fence.call(self._rule, self._anything, here)
        if type(allowed) is not int:
            self.fence.refuse("returned no set of tokens")
            return self._anything
        return allowed & self._anything


_known: dict[str, ForeignRule | PluginError] = {}


def foreign_rules(names: Sequence[str], anything: int) -> tuple[ForeignRule, ...]:
    """The rules called `names`, imported at the first call; those that cannot be are left out."""
    for name in names:
        if name not in _known:
            try:
                _known[name] = ForeignRule(name, anything)
            except PluginError as error:
                _known[name] = error
    found = (_known[name] for name in names)
    return tuple(each for each in found if isinstance(each, ForeignRule))


def foreign_faults(rules: Rules) -> list[str]:
    """What is wrong with the plug-ins' rules that `rules` put in force, in sentences; but for those
    that are barred, of which the player has heard."""
    asked = (*rules.more_hard, *rules.more_soft)
    known = (_known.get(name) for name in asked if not plugins.is_barred(plugins.CONSTRAINTS, name))
    found = list(known)
    faults = (each.fence.fault if isinstance(each, ForeignRule) else str(each) for each in found)
    return [fault for fault in faults if fault]


def forget() -> None:
    """Import them anew when they are asked for again."""
    _known.clear()
