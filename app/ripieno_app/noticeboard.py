"""What there is to read: the engine's notices and the screen's own answers, the newest first. Pure.

An urgent notice keeps its place for a while against newer ones that are not; an answer of the
screen goes by itself, and makes way for the next one.
"""

from __future__ import annotations

from dataclasses import dataclass

from ripieno.clock import Seconds
from ripieno.events import Telemetry

from ripieno_app.messages import Words

URGENT_STAYS = Seconds(10.0)
ANSWER_STAYS = Seconds(5.0)
KEPT = 20


@dataclass(frozen=True, slots=True)
class _Pinned:
    words: Words
    at: Seconds
    stays: Seconds


class Noticeboard:
    """Remembers which notices were seen; times are the engine's."""

    def __init__(self) -> None:
        self._pinned: list[_Pinned] = []
        self._newest = 0
        self._warned: Seconds | None = None
        self._last_words: Words | None = None

    def hear(self, telemetry: Telemetry) -> None:
        """Pin the notices that are new."""
        for notice in telemetry.notices:
            if notice.number > self._newest:
                self._newest = notice.number
                self._warned = telemetry.at if notice.urgent else self._warned
                self._pin(Words.of(notice), telemetry.at)

    def answer(
        self, text: str, at: Seconds, *, urgent: bool = False, stays: Seconds = ANSWER_STAYS
    ) -> None:
        """Say something to the player on the screen's own behalf, for as long as it `stays`.

        Said again it takes the place of what was said before.
        """
        words = Words(text, urgent)
        self._pinned = [pin for pin in self._pinned if pin.words != words]
        self._pin(words, at, stays)

    def warned_since(self, at: Seconds) -> bool:
        """Whether the engine has said something urgent since then."""
        return self._warned is not None and self._warned >= at

    def end(self, text: str) -> None:
        """The last words: nothing comes before them any more."""
        self._last_words = Words(text, urgent=True)

    def words(self, at: Seconds) -> tuple[Words, ...]:
        """What to show at `at`, the most important first."""
        live = [pin for pin in self._pinned if pin.words.number is not None or _fresh(pin, at)]
        answers = (pin for pin in live if pin.words.number is None)
        latest = next(answers, None)
        live.sort(key=lambda pin: _keeps_its_place(pin, latest, at), reverse=True)
        last = (self._last_words,) if self._last_words else ()
        return (*last, *(pin.words for pin in live))

    def _pin(self, words: Words, at: Seconds, stays: Seconds = ANSWER_STAYS) -> None:
        self._pinned = [_Pinned(words, at, stays), *self._pinned][:KEPT]


def _keeps_its_place(pin: _Pinned, latest: _Pinned | None, at: Seconds) -> bool:
    """Whether newer words come behind it: what is urgent, but of our own answers the last only."""
    ours = pin.words.number is None and pin is not latest
    return pin.words.urgent and not ours and at - pin.at <= URGENT_STAYS


def _fresh(pin: _Pinned, at: Seconds) -> bool:
    return at - pin.at <= pin.stays
