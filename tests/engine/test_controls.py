"""Footswitches and pads: what they are taught, what they do, and what is kept of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from ripieno.clock import Seconds
from ripieno.commands import FOOTSWITCHES, Action, Turn
from ripieno.errors import SettingError
from ripieno.events import ClockTick, ControlChange, NoteOff, NoteOn, PitchBend, Stamped
from ripieno.knobs import turn
from ripieno.midi import controls_file
from ripieno.midi.control_board import ControlBoard, ControlBoards
from ripieno.midi.controls import Binding, Control, Controls, Kind, Touch, Way
from ripieno.settings import Settings

SWITCH = Control(Kind.CONTROLLER, 67, 0)
PAD = Control(Kind.NOTE, 36, 9)
MUSIC = (False, (), "")


def taught(*bindings: tuple[Control, Action]) -> Controls:
    return Controls(tuple(Binding(*binding) for binding in bindings))


def test_a_switch_acts_when_it_goes_down() -> None:
    controls = taught((SWITCH, Action.ANSWER))
    assert controls.hear(ControlChange(0, 67, 127)) == (True, (Action.ANSWER,), "")
    assert controls.hear(ControlChange(0, 67, 100)) == (True, (), ""), "it is down already"
    assert controls.hear(ControlChange(0, 67, 0)) == (True, (), "")
    assert controls.hear(ControlChange(0, 67, 64)) == (True, (Action.ANSWER,), "")
    assert controls.hear(ControlChange(0, 67, 63)) == (True, (), "")


def test_a_pad_acts_when_it_is_struck_and_its_end_is_no_music() -> None:
    controls = taught((PAD, Action.LOOP))
    assert controls.hear(NoteOn(9, 36, 1)) == (True, (Action.LOOP,), "")
    assert controls.hear(NoteOff(9, 36)) == (True, (), "")
    assert controls.hear(NoteOn(0, 36, 90)) == MUSIC, "another channel"
    assert controls.hear(NoteOn(9, 37, 90)) == MUSIC


def test_what_is_bound_on_no_channel_is_bound_on_all() -> None:
    controls = taught((Control(Kind.CONTROLLER, 67), Action.ANSWER), (SWITCH, Action.CADENCE))
    assert controls.hear(ControlChange(5, 67, 127))[1] == (Action.ANSWER,)
    assert controls.hear(ControlChange(0, 67, 127))[1] == (Action.CADENCE,)


@pytest.mark.parametrize("message", [ClockTick(), PitchBend(0, 3), ControlChange(0, 1, 127)])
def test_all_else_is_music(message: ClockTick | PitchBend | ControlChange) -> None:
    assert taught((SWITCH, Action.ANSWER)).hear(message) == MUSIC


def test_the_next_that_is_touched_is_learned() -> None:
    controls = taught()
    controls.learn(Action.TAP)
    assert controls.hear(ControlChange(3, 20, 10)) == MUSIC, "a knob on its way down"
    consumed, actions, told = controls.hear(ControlChange(3, 20, 90))
    assert (consumed, actions) == (True, ())
    assert told == "Controller 20 on channel 4 taps the tempo now"
    assert controls.learning is None
    assert controls.hear(ControlChange(3, 20, 0))[0]
    assert controls.hear(ControlChange(3, 20, 90))[1] == (Action.TAP,)


def test_a_switch_that_is_down_is_not_touched() -> None:
    controls = taught()
    assert controls.hear(ControlChange(0, 64, 127)) == MUSIC
    controls.learn(Action.ANSWER)
    assert controls.hear(ControlChange(0, 64, 126)) == MUSIC
    assert controls.hear(ControlChange(0, 64, 0)) == MUSIC
    assert controls.hear(ControlChange(0, 64, 127))[0]


def test_a_note_that_was_learned_while_down_is_released_as_a_control() -> None:
    controls = taught()
    controls.learn(Action.UNDO)
    assert controls.hear(NoteOn(0, 24, 90))[0]
    controls.forget()
    assert controls.hear(NoteOff(0, 24)) == (True, (), ""), "it was never struck as music"
    assert controls.hear(NoteOn(0, 24, 90)) == MUSIC


def test_a_note_that_began_as_music_ends_as_music() -> None:
    controls = taught()
    assert controls.hear(NoteOn(0, 24, 90)) == MUSIC
    controls.learn(Action.UNDO)
    assert controls.hear(NoteOff(0, 24)) == MUSIC


def test_conflicts_are_told() -> None:
    controls = taught((SWITCH, Action.ANSWER))
    controls.learn(Action.LOOP)
    told = controls.hear(ControlChange(0, 67, 127))[2]
    assert told == (
        "The soft pedal on channel 1 loops now, and no longer answers; it is no pedal any more. "
        "Choose another one, or forget it, to have it back"
    )
    assert controls.bindings == (Binding(SWITCH, Action.LOOP),)
    with pytest.raises(SettingError, match="cannot do two things"):
        taught((PAD, Action.LOOP), (PAD, Action.UNDO))


def test_what_is_forgotten_is_music_again() -> None:
    controls = taught((SWITCH, Action.ANSWER), (PAD, Action.LOOP))
    controls.forget(Action.ANSWER)
    assert controls.hear(ControlChange(0, 67, 127)) == MUSIC
    assert controls.hear(NoteOn(9, 36, 90))[1] == (Action.LOOP,)
    controls.forget()
    assert controls.bindings == ()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path / "ripieno" / "controls.toml"


def test_what_was_learned_is_kept_for_each_controller(home: Path) -> None:
    assert controls_file.load("Keys") == ()
    keys = (
        Binding(SWITCH, Action.ANSWER),
        Binding(Control(Kind.CONTROLLER, 20), Action.ANSWER),
        Binding(PAD, Action.LOOP),
    )
    pads = (Binding(PAD, Action.PANIC),)
    controls_file.save('Keys "one" 20:0', keys)
    controls_file.save("Pads", pads)
    assert controls_file.load('Keys "one" 24:1') == keys, "ALSA's numbers change"
    assert controls_file.load("Pads") == pads
    assert 'answer = ["cc 67 on channel 1", "cc 20"]' in home.read_text()


def test_what_is_learned_later_loses_no_comment_and_no_lamps(home: Path) -> None:
    home.parent.mkdir()
    home.write_text(
        "# my stage\n\n[Keys]  # the small one\nlamps = 'Keys out'\n"
        'answer = ["cc 67 on channel 1"]  # left foot\n'
        '# the pads\nloop = ["note 36 on channel 10"]\n'
        '\n[Pads]\npanic = ["cc 1"]  # red\n'
    )
    kept = controls_file.load("Keys")
    controls_file.save("Keys", (*kept, Binding(Control(Kind.CONTROLLER, 20), "temperature")))
    text = home.read_text()
    for comment in ("# my stage", "# the small one", "# left foot", "# the pads", "# red"):
        assert comment in text
    assert controls_file.lamps_of("Keys") == "Keys out"
    assert len(controls_file.load("Keys")) == 3
    controls_file.save("Keys", ())
    assert controls_file.load("Keys") == ()
    assert "# red" in home.read_text()
    assert controls_file.lamps_of("Keys") == "Keys out"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[", "cannot be read"),
        ('[Keys]\nanswr = ["cc 1"]', "nothing called 'answr' to control; .*Did you mean 'answer'"),
        ('[Keys]\nanswer = "cc 1"', "is no list"),
        ('[Keys]\nanswer = ["knob 1"]', "'knob 1' is no control; allowed: such as"),
        ('[Keys]\nanswer = ["cc 128"]', "cc 128 is out of range"),
        ('[Keys]\nanswer = ["cc 1 on channel 17"]', "channel 17 is out of range"),
        ("Keys = 3", "belongs to no controller"),
    ],
)
def test_a_broken_file_is_told(text: str, sentence: str, home: Path) -> None:
    home.parent.mkdir()
    home.write_text(text)
    with pytest.raises(SettingError, match=sentence) as error:
        controls_file.load("Keys")
    assert str(error.value).startswith(str(home))


def test_a_folder_that_cannot_be_written_is_told(home: Path) -> None:
    home.parent.write_text("a file where the folder should be")
    with pytest.raises(SettingError, match=r"cannot be (kept|read)"):
        controls_file.save("Keys", ())


KNOB = Control(Kind.CONTROLLER, 21, 0)


def test_a_knob_learns_by_any_value_and_every_value_counts() -> None:
    controls = taught()
    controls.learn("temperature", Way.PICK_UP)
    assert controls.hear(ControlChange(0, 21, 3))[2] == (
        "Controller 21 on channel 1 turns temperature now"
    )
    binding = Binding(KNOB, "temperature", Way.PICK_UP)
    assert controls.bindings == (binding,)
    for value in (0, 1, 64, 64):
        assert controls.hear(ControlChange(0, 21, value)) == (True, (Touch(binding, value),), "")


def test_one_command_maps_the_whole_set_of_footswitches() -> None:
    controls = taught()
    controls.learn_all(FOOTSWITCHES)
    for number, action in enumerate(FOOTSWITCHES, 20):
        assert controls.learning is action
        told = controls.hear(ControlChange(0, number, 127))[2]
        assert told.startswith(f"Controller {number} on channel 1")
        controls.hear(ControlChange(0, number, 0))
    assert controls.learning is None
    done = [controls.hear(ControlChange(0, number, 127))[1] for number in range(20, 28)]
    assert done == [(action,) for action in FOOTSWITCHES]
    assert set(FOOTSWITCHES) >= {Action.ANSWER, Action.PANIC, Action.NEXT}


def test_ways_bounds_and_lamps_are_kept_and_can_be_written_by_hand(home: Path) -> None:
    home.parent.mkdir()
    home.write_text(
        '["Keys"]\nlamps = "Keys MIDI 2"\n'
        'temperature = ["cc 21 on channel 1 pick-up from 0.5 to 1.2"]\n'
        'mode = ["note 40"]\nanswer = ["cc 67"]\n'
    )
    bindings = controls_file.load("Keys")
    assert bindings == (
        Binding(KNOB, "temperature", Way.PICK_UP, 0.5, 1.2),
        Binding(Control(Kind.NOTE, 40), "mode"),
        Binding(Control(Kind.CONTROLLER, 67), Action.ANSWER),
    )
    assert controls_file.lamps_of("Keys") == "Keys MIDI 2"
    before = home.read_text()
    controls_file.save("Keys", bindings)
    assert home.read_text().split() == before.split()


class _Lamps:
    """The way back to a controller, remembered."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int, int, int]] = []

    def control(self, channel: int, controller: int, value: int) -> None:
        self.told.append(("cc", channel, controller, value))

    def note_on(self, channel: int, pitch: int, velocity: int) -> None:
        self.told.append(("on", channel, pitch, velocity))

    def note_off(self, channel: int, pitch: int) -> None:
        self.told.append(("off", channel, pitch, 0))


def test_a_controller_is_told_where_everything_stands(home: Path) -> None:
    bindings = (
        Binding(KNOB, "temperature", Way.ABSOLUTE, 0.0, 2.0),
        Binding(Control(Kind.NOTE, 36, 9), Action.PLAY),
    )
    controls_file.save("Keys", bindings)
    lamps, done = _Lamps(), []
    board = ControlBoard("Keys", lambda what, at: done.append(what), lambda text: None, lamps)
    settings = Settings()
    board.show(settings, frozenset({Action.PLAY}))
    assert lamps.told == [("cc", 0, 21, 60), ("on", 9, 36, 127)]
    board.show(settings, frozenset({Action.PLAY}))
    assert len(lamps.told) == 2, "nothing has changed"
    board.show(settings, frozenset())
    assert lamps.told[2:] == [("off", 9, 36, 0)]
    assert board.hear(Stamped(Seconds(1.0), ControlChange(0, 21, 127)), settings)
    assert done == [Turn("temperature", 2.0)]
    board.show(turn(settings, "temperature", 2.0), frozenset())
    assert len(lamps.told) == 3, "the motor stands where the hand has put it"


def test_what_cannot_be_learned_is_told(home: Path) -> None:
    said: list[str] = []
    board = ControlBoard("Keys", lambda what, at: None, said.append)
    board.learn("temprature")
    board.learn("temperature sideways")
    assert "Did you mean 'temperature'" in said[0]
    assert "there is no way of turning 'sideways'" in said[1]


def test_each_controller_learns_for_itself_and_one_touch_is_enough(home: Path) -> None:
    done: list[object] = []
    said: list[str] = []
    lamps = _Lamps()
    controllers = (("Keys", None), ("Pads", lamps))
    boards = ControlBoards(controllers, lambda what, at: done.append(what), said.append)
    touched = ControlChange(0, 21, 100)
    boards.learn("temperature")
    assert boards.hear(Stamped(Seconds(1.0), touched, 1), Settings())
    assert not boards.hear(Stamped(Seconds(2.0), touched, 0), Settings()), "there it is music"
    assert boards.hear(Stamped(Seconds(3.0), ControlChange(0, 21, 127), 1), Settings())
    assert done == [Turn("temperature", 2.0)]
    boards.show(Settings(), frozenset())
    assert lamps.told, "and its lamps are its own"
    boards.learn_all()
    for number in range(len(FOOTSWITCHES)):  # four here and four there
        press = ControlChange(1, 30 + number, 127)
        assert boards.hear(Stamped(Seconds(4.0 + number), press, number % 2), Settings())
    assert "no longer" not in said[-1]
    boards.wait()
    kept = [controls_file.load(port) for port in ("Keys", "Pads")]
    assert [len(bindings) for bindings in kept] == [4, 5]
    boards.learn(None)
    boards.wait()
    assert [controls_file.load(port) for port in ("Keys", "Pads")] == [(), ()]


def test_what_cannot_be_kept_is_told_and_the_music_did_not_wait(home: Path) -> None:
    said: list[str] = []
    home.with_suffix(".new").mkdir(parents=True)
    boards = ControlBoards((), lambda what, at: None, said.append)
    boards.learn(Action.TAP)
    assert boards.hear(Stamped(Seconds(1.0), ControlChange(0, 21, 100)), Settings())
    boards.wait()
    boards.show(Settings(), frozenset())
    assert "what was learned cannot be kept" in said[-1]
