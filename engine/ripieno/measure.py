"""Latencies, counted as they happen: a histogram with buckets of five percent, no lists."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ripieno.clock import Seconds
from ripieno.events import Latency

_SMALLEST = 1e-6
_RATIO = math.log(1.05)
_BUCKETS = 400


class Gauge:
    """The latencies of one `stage`, in seconds; negative ones count as zero."""

    def __init__(self, stage: str) -> None:
        self.stage = stage
        self.count = 0
        self.worst = Seconds(0.0)
        self._buckets = [0] * _BUCKETS

    def add(self, seconds: float) -> None:
        self.count += 1
        self.worst = Seconds(max(self.worst, seconds))
        place = math.log(max(seconds, _SMALLEST) / _SMALLEST) / _RATIO
        self._buckets[min(_BUCKETS - 1, int(place))] += 1

    def quantile(self, share: float) -> Seconds:
        """The latency that `share` (0…1) of all stay below, within five percent; 0 if none."""
        wanted, seen = share * self.count, 0
        for place, count in enumerate(self._buckets):
            seen += count
            if count and seen >= wanted:
                return Seconds(min(self.worst, _SMALLEST * math.exp((place + 0.5) * _RATIO)))
        return Seconds(0.0)

    def latency(self) -> Latency:
        p50, p95, p99 = (self.quantile(share) * 1000 for share in (0.5, 0.95, 0.99))
        return Latency(self.stage, p50, p99, self.count, p95)


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
