"""What is played from: the preset with what differs from it, the phrases, and the recorder."""

from __future__ import annotations

from ripieno.commands import Seed
from ripieno.errors import RipienoError
from ripieno.events import Telemetry
from ripieno.library.items import Looks, PhraseItem
from ripieno.settings import Settings

from ripieno_app.messages import Library
from ripieno_app.recorder import PhraseRecorder


class Repertoire:
    """Follows by telemetry which preset plays, also when a footswitch has brought it."""

    def __init__(self, library: Library, looks: Looks) -> None:
        self.library = library
        self.preset, self.title = looks.preset, looks.title
        self.phrases: tuple[Seed, ...] = ()
        self.recorder: PhraseRecorder | None = None
        self._saved: dict[int, tuple[Settings, tuple[int, ...]]] = {}
        """As the preset has it, for each of an ensemble that was in front."""
        self._front = 0
        self.refresh_phrases()

    @property
    def slot(self) -> int | None:
        """The slot that a phrase is recorded into, None while none is."""
        return None if self.recorder is None else self.recorder.slot

    def refresh_phrases(self) -> None:
        """Look again what seed phrases there are."""
        try:
            items = self.library.phrases()
        except RipienoError:
            items = ()
        self.phrases = tuple(Seed(item.name, item.notes) for item in items if not item.problem)

    def hear(self, telemetry: Telemetry) -> None:
        """Record what was played; notice that a preset that was recalled has come."""
        if self.recorder is not None:
            self.recorder.hear(telemetry)
        self._front = telemetry.front
        if self._front not in self._saved:
            self._keep(telemetry)
        if telemetry.scene and telemetry.scene != self.preset:
            self.preset, self.title = telemetry.scene, self._title_of(telemetry.scene)
            self._saved.clear()  # others may play now
            self._keep(telemetry)

    def saved_as(self, name: str, telemetry: Telemetry | None) -> None:
        """What plays now is the preset `name`."""
        self.preset, self.title = name, self._title_of(name)
        if telemetry is not None:
            self._keep(telemetry)

    def differs(self, settings: Settings, programs: tuple[int, ...]) -> bool:
        """Whether this is not what the preset says."""
        return (settings, programs) != self._saved.get(self._front)

    def finish_recording(self, meter: str) -> PhraseItem | None:
        """Keep what was recorded; None when nothing is. Raises RipienoError."""
        recorder, self.recorder = self.recorder, None
        if recorder is None:
            return None
        item = self.library.record_phrase(recorder.slot, recorder.notes(), meter)
        self.refresh_phrases()
        return item

    def _keep(self, telemetry: Telemetry) -> None:
        self._saved[telemetry.front] = (telemetry.settings, telemetry.programs)

    def _title_of(self, name: str) -> str:
        try:
            titles = {item.name: item.title for item in self.library.presets()}
        except RipienoError:
            titles = {}
        return titles.get(name, name)
