"""How long it takes to read as many bytes as a model's weights have."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def streamed(size: int) -> Callable[[], object]:
    """A function that reads `size` bytes once, in order, as fast as one thread does here.

    It multiplies an array of floats with itself, which the processor's widest operation does (BLAS)
    and which takes no longer than reading it. Like a model's weights, an array that fits into a
    cache stays there.
    """
    array = np.ones(size // 4, np.float32)
    return lambda: np.dot(array, array)
