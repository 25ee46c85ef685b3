"""The graphs of a model of blocks, loaded; and how a block that was drawn is read.

To the engine it is a model of the grid: asked for a voice, it answers with logits. They were all
computed when the block was decoded, so an answer costs nothing, and going back is free.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ripieno.grammar.grid import FEATURES, VOCABULARY, VOICES
from ripieno.inference.blocks import roll
from ripieno.inference.blocks.manifest import SPEC, Kind, Output, Spec, refuse_roles
from ripieno.inference.bundle import Manifest, check
from ripieno.inference.model import Logits, Mark, ModelFault, Row
from ripieno.inference.onnx_session import Run, Session, finite, not_finite, reason_of

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Drawn = Floats | Ints
"""What a block is made from: a latent [Z], or codes [C]."""
UNKNOWN = VOCABULARY
"""As a token of an encoder: nobody has told what this voice does here."""
_VOICE = [feature.name for feature in FEATURES].index("voice")
_DTYPES: dict[str, Any] = {"int64": np.int64, "float32": np.float32}


class _Graph:
    """A loaded graph with an array for each of its inputs and outputs."""

    def __init__(self, manifest: Manifest, role: str, precision: str, threads: int) -> None:
        graph = manifest.graph(precision, role)
        spec: Spec = manifest.own[SPEC]
        inputs, outputs = {
            "encoder": ((spec.tokens,), (spec.drawn,)),
            "decoder": (spec.inputs, (spec.told,)),
            "prior": spec.prior,
        }[role]
        self.session = Session(manifest.folder / graph.file, threads)
        self.session.check(inputs, outputs)
        self.given = [np.zeros(t.sized(1), _DTYPES[t.dtype]) for t in inputs]
        self.told = [np.zeros(t.sized(1), _DTYPES[t.dtype]) for t in outputs]
        names = [[t.name for t in tensors] for tensors in (inputs, outputs)]
        self._run: Run = self.session.bind(
            dict(zip(names[0], self.given, strict=True)),
            dict(zip(names[1], self.told, strict=True)),
        )
        self.session.dry(self._run)

    def __call__(self, *given: Any) -> NDArray[Any]:
        """The first output without its leading 1, a view that the next run overwrites. Raises
        ModelFault."""
        for array, value in zip(self.given, given, strict=True):
            array[0] = value
        try:
            self._run()
        except Exception as error:
            raise ModelFault(reason_of(error)) from None
        return cast(NDArray[Any], self.told[0][0])


class BlockModel:
    """A loaded model, and the block that is read now, at the sixteenth `place` of it."""

    marks_last = True
    length = 0
    context = inf
    per_step = len(VOICES)

    def __init__(self, manifest: Manifest, precision: str, graphs: dict[str, _Graph]) -> None:
        self.manifest, self.precision = manifest, precision
        self.spec: Spec = manifest.own[SPEC]
        self._graphs = graphs
        self._block: Floats | None = None
        self._place = 0

    @classmethod
    def open(cls, manifest: Manifest, precision: str = "auto", threads: int = 1) -> BlockModel:
        """See `opening.open_model`. Raises BundleError."""
        check(manifest.folder)
        roles = {graph.role for graph in manifest.graphs}
        refuse_roles(manifest.own[SPEC], roles, str(manifest.folder))
        main = manifest.graph(precision).precision
        graphs = {role: _Graph(manifest, role, main, threads) for role in sorted(roles)}
        model = cls(manifest, main, graphs)
        told = [a for g in graphs.values() for a in g.told if a.dtype == np.float32]
        if not finite(*told):
            raise not_finite(graphs["decoder"].session.path)
        model.play(model.decode(model.nothing, np.zeros(model.spec.directions, np.float32)), 0)
        return model

    @property
    def nothing(self) -> Drawn:
        """The latent in the middle of its space; or the first entry, over and over."""
        if self.spec.kind is Kind.LATENT:
            return np.zeros(self.spec.size, np.float32)
        return np.zeros(self.spec.size, np.int64)

    @property
    def hears(self) -> bool:
        """Whether it can tell where a phrase lies in its space."""
        return "encoder" in self._graphs

    def encode(self, tokens: Ints) -> Drawn:
        """What the block `tokens` [steps, 4] is made from. Raises ModelFault."""
        found = self._graphs["encoder"](tokens).copy()
        if self.spec.kind is Kind.CODES and not (
            found.min() >= 0 and found.max() < self.spec.entries
        ):
            raise ModelFault("Its encoder names an entry that its codebook does not have")
        return found

    def decode(self, drawn: Drawn, turns: Floats) -> Floats:
        """Logits [steps, 4, 48], or log-odds [steps, 88], of the block made from `drawn`, moved by
        `turns` [directions]. Raises ModelFault."""
        given = (drawn, turns) if self.spec.directions else (drawn,)
        return np.asarray(self._graphs["decoder"](*given)).copy()

    def predict(self, code: int, memory: Floats) -> tuple[Floats, Floats]:
        """What may follow `code` (`entries`: nothing before), logits [entries], and what the prior
        remembers then, [memory]; zeros at first. Raises ModelFault."""
        prior = self._graphs["prior"]
        logits = prior(code, memory).copy()
        return logits, prior.told[1][0].copy()

    def play(self, block: Floats | None, place: int) -> None:
        """Read `block` from now on, at its sixteenth `place`; None: there is none."""
        self._block, self._place = block, place

    # ---- a model of the grid

    def step(self, row: Row) -> Logits:
        """Logits [48] of the voice that `row` asks for. Raises ModelFault if there is no block."""
        if self._block is None:
            raise ModelFault("It has no block of bars to play")
        here, voice = self._block[self._place], row[_VOICE]
        if self.spec.output is Output.ROLL:
            return roll.logits_of(here, voice, tuple(row))
        logits: Logits = here[voice]
        return logits

    def feed(self, rows: Sequence[Row], at: Sequence[int]) -> tuple[Logits, list[Mark]]:
        """It hears nothing of `rows`: only the last is answered."""
        return self.step(rows[-1]), [0] * len(at)

    def mark(self) -> Mark:
        """There is nothing to remember."""
        return 0

    def rewind(self, mark: Mark) -> None:
        """There is nothing to forget."""

    def reset(self) -> None:
        """There is nothing to forget."""
