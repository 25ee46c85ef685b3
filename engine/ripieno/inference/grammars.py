"""Which grammar plays a bundle: what turns what was heard into rows, and logits into music.

The manifest names it; entry points of `ripieno.grammars` bring it, our own as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from ripieno import plugins
from ripieno.errors import RipienoError
from ripieno.inference.fenced_player import FencedPlayer
from ripieno.inference.generate import Generator
from ripieno.inference.model import Model
from ripieno.inference.player import Player

__all__ = ["Grammar", "Player", "Smaller", "grid_player", "player_of"]

Smaller = Callable[[], Model]
"""Opens a smaller model, for when time is too short; may raise BundleError."""
Grammar = Callable[[Model, Smaller | None], Player]
"""What an entry point of `ripieno.grammars` is: the player of an opened model."""


def player_of(model: Model, smaller: Smaller | None = None) -> Player:
    """What plays `model`, by its manifest's grammar. Raises BundleError or PluginError."""
    name = model.manifest.grammar
    plugin = plugins.find(plugins.GRAMMARS, name)
    instead = None if smaller is None else lambda: player_of(smaller())
    if plugins.is_barred(plugins.GRAMMARS, name):
        return FencedPlayer(plugin, None, instead)
    grammar = cast(Grammar, plugins.load(plugins.GRAMMARS, name))
    if plugin.ours:
        return grammar(model, smaller)
    try:
        inner = grammar(model, smaller)
    except RipienoError:
        raise
    except Exception as error:
        raise plugins.failed(plugin, error) from error
    return FencedPlayer(plugin, inner, instead)


def grid_player(model: Model, smaller: Smaller | None) -> Player:
    """Four voices in sixteenths: this engine's own grammar."""
    return Generator(model, fallback=smaller)
