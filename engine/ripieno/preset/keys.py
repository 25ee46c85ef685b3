"""Every key that a preset may have: its section, what it takes, and what it means to a musician.

The page docs/presets.md is written from this table, so that it never goes stale.
"""

from __future__ import annotations

from dataclasses import dataclass

from ripieno.grammar.grid import VOICES
from ripieno.preset.ensemble import hears_from, own_instrument_from
from ripieno.preset.values import (
    PRECISIONS,
    SOUNDS,
    Reader,
    channel_from,
    flag_from,
    inputs_from,
    instrument_from,
    key_from,
    meter_from,
    mode_from,
    number_from,
    one_from,
    optional_channel_from,
    optional_from,
    outputs_from,
    pitch_from,
    points_from,
    precision_from,
    program_from,
    programs_from,
    range_from,
    several_from,
    strength_from,
    text_from,
    voice_from,
    voices_from,
    whole_from,
)
from ripieno.settings import Assign, ClockSource, HandOver, Late, OnLoss


@dataclass(frozen=True, slots=True)
class PresetKey:
    """One key of a `section` ('' is the top of the file).

    `allowed` and `about` are for the player; `field` is the name that the code has for it.
    """

    section: str
    name: str
    read: Reader
    allowed: str
    about: str
    field: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "field", self.field or self.name)


SECTIONS = {
    "": "At the top of the file",
    "play": "What is played, and how fast",
    "model": "Which model plays",
    "phrase": "What it starts from",
    "sampling": "How bold the model is",
    "rules": "What it may not do",
    "ranges": "How high and how low each voice goes",
    "sync": "Who keeps the time",
    "turns": "When it answers, and for how long",
    "blocks": "Where a model of whole blocks goes: `vae`, `gan` and their like",
    "horizon": "How far ahead it plans",
    "routing": "Where the music comes from and goes to",
    "voices": "What one voice alone plays on",
    "ensemble": "One of several who play: `[ensemble.NAME]`",
}
_STRENGTHS = "`off`, `soft` (kept while anything else is left to play) or `hard` (never broken)"
_VOICE_NAMES = ", ".join(f"`{voice}`" for voice in VOICES)
_SOUND_NAMES = ", ".join(f"`{sound}`" for sound in SOUNDS)
_K = PresetKey

KEYS: tuple[PresetKey, ...] = (
    _K("", "title", text_from, "a text", "One line that names the preset on the screen."),
    _K("", "about", text_from, "a text", "A sentence or two about what it is for."),
    _K("play", "mode", mode_from, "`solo`, `answer` or `accompany`",
       "`solo`: it plays on from a phrase. `answer`: you play, it answers. "
       "`accompany`: you are one voice, it is the other three."),
    _K("play", "own_mode", text_from, "the name of a mode that a plug-in brings, or empty",
       "It plays in place of `mode`, which takes over where it fails; `ripieno plugins` lists "
       "them."),
    _K("play", "bpm", number_from, "20…300 quarter notes a minute", "The tempo."),
    _K("play", "meter", meter_from, "such as `4/4`, `3/4` or `6/8`", "The time signature."),
    _K("play", "player_voice", voice_from, _VOICE_NAMES, "The voice that you play."),
    _K("play", "muted", voices_from, f"a list of {_VOICE_NAMES}",
       "Voices that are imagined but not heard."),
    _K("play", "velocity", whole_from, "1…127",
       "How hard it plays until it has heard how hard you play."),
    _K("play", "transpose", whole_from, "-24…24 semitones",
       "What is added to the pitch of the keys that you press."),
    _K("play", "onset_tolerance", number_from, "0…0.125 beats",
       "Accompanying: how far from the grid your note may fall for the other voices to join it "
       "at once. Farther off they wait for the grid."),
    _K("play", "assign", one_from(Assign), "`line`, `channel`, `split` or `range`",
       "Which voice a note of yours is. `line`: a single line is `player_voice`, chords are "
       "spread. `channel`: see `voice_channels`. `split`: see `split`. `range`: the voice whose "
       "range is nearest and that moves least."),
    _K("play", "voice_channels", several_from(optional_channel_from),
       "four MIDI channels 1…16, or 0 for a voice that is never yours",
       "With `assign = 'channel'`: where you play soprano, alto, tenor and bass."),
    _K("play", "split", several_from(pitch_from), "one to three pitches, the highest first",
       "With `assign = 'split'`: the lowest key of each part of your keyboard but the lowest. One "
       "split makes soprano and bass, two leave out the tenor, three make all four."),
    _K("play", "follow", flag_from, "`true` or `false`",
       "Accompanying: whether a note of yours that contradicts the plan also moves the notes that "
       "sound already."),
    _K("model", "name", text_from, "a model's name, or the path of its folder",
       "`ripieno models` lists what is installed.", "model"),
    _K("model", "fallback", text_from, "a model's name, or the path of its folder",
       "A smaller model, which plays where time is too short for the first; empty for none."),
    _K("model", "precision", precision_from, ", ".join(f"`{p}`" for p in PRECISIONS),
       "`int8` is faster, `fp32` exact; `auto` takes the fastest one that the model has."),
    _K("phrase", "name", text_from, "a phrase's name, or the path of a `.txt` or `.mid` file",
       "The seed phrase; empty for none. `ripieno presets --phrases` lists them.", "phrase"),
    _K("phrase", "opening", flag_from, "`true` or `false`",
       "Whether the phrase is played at the start, so that something sounds at once.", "opening"),
    _K("sampling", "temperature", number_from, "0.1…2",
       "Below 1 it plays safer, above 1 bolder."),
    _K("sampling", "top_k", whole_from, "0…500 tokens",
       "Only so many of the likeliest choices; 0 is off."),
    _K("sampling", "top_p", number_from, "0.01…1",
       "Only the likeliest choices that share this much of the probability; 1 is off."),
    _K("sampling", "min_p", number_from, "0…1",
       "Only choices at least this share as likely as the likeliest one; 0 is off."),
    _K("sampling", "candidates", whole_from, "1…64",
       "How many versions of a sixteenth may be drawn, to keep the one that sounds best; time "
       "decides how many there are."),
    _K("sampling", "seed", whole_from, "0…4294967295",
       "The same seed, preset and input give the same music when rendered."),
    _K("rules", "max_leap", whole_from, "1…24 semitones",
       "The largest step from one note of a voice to the next. Never broken."),
    _K("rules", "crossing", strength_from, _STRENGTHS, "Voices do not cross."),
    _K("rules", "parallels", strength_from, _STRENGTHS,
       "No two voices go in parallel fifths, octaves or unisons."),
    _K("rules", "spacing", strength_from, _STRENGTHS,
       "At most an octave between soprano and alto and between alto and tenor, and two between "
       "tenor and bass."),
    _K("rules", "key", key_from, "such as `C major`, `Bb minor`, or `none`",
       "The key; told to the model, and used by the lock."),
    _K("rules", "key_lock", strength_from, _STRENGTHS, "Only notes of the key."),
    _K("rules", "more_hard", several_from(text_from), "a list of names",
       "Rules that plug-ins bring and that are never broken; `ripieno plugins` lists them."),
    _K("rules", "more_soft", several_from(text_from), "a list of names",
       "The same, kept while anything else is left to play."),
    _K("rules", "longest_rest", number_from, "0.25…16 beats",
       "After a rest of this length a voice sounds again, where the other rules let it."),
    _K("rules", "longest_loop", whole_from, "2…16 times",
       "How often the very same beat may come in a row."),
    *(_K("ranges", voice, range_from, "two pitches, such as `['C4', 'A5']` (C4 is middle C)",
         f"Lowest and highest note of the {voice}. Never broken.") for voice in VOICES),
    _K("blocks", "morph", number_from, "0…1",
       "From the phrase that was heard last, 0, to the one before it, 1. A phrase that nobody has "
       "played is imagined."),
    _K("blocks", "variation", number_from, "0…1",
       "How far each block steps aside from there; at 1 nothing of the phrases is left."),
    _K("blocks", "directions", several_from(number_from), "four numbers, each -3…3",
       "Further ways to go, those in which the model's music changes most; the knobs "
       "`direction_1` to `direction_4`."),
    _K("sync", "source", one_from(ClockSource), "`internal`, `midi` or `link`",
       "Who keeps the time. `midi`: a MIDI clock that comes in, with start, stop and song "
       "position. `link`: Ableton Link, where `ripieno[link]` is installed."),
    _K("sync", "on_loss", one_from(OnLoss), "`go-on` or `stop`",
       "What happens when that clock falls silent: on at the last tempo, or a stop."),
    _K("sync", "send", flag_from, "`true` or `false`",
       "Whether MIDI clock with song position goes to every MIDI port that we play to."),
    _K("sync", "from_phrase", flag_from, "`true` or `false`",
       "Take the tempo from your first phrase, when nobody else gives one."),
    _K("sync", "swing", number_from, "0.5…0.75 of a beat",
       "Where the second eighth of a beat falls: 0.5 is straight, 0.667 swings in triplets."),
    _K("sync", "metronome", flag_from, "`true` or `false`", "Whether the beat is clicked."),
    _K("sync", "count_in", whole_from, "0…4 bars", "Clicked before the music starts."),
    _K("turns", "after_beats", number_from, "0.25…16 beats",
       "It answers when you have been silent for so long."),
    _K("turns", "every_bars", whole_from, "0…16 bars",
       "It answers after so many bars, whatever you play; 0: when you stop."),
    _K("turns", "bars", whole_from, "0…64 bars",
       "How long an answer is; 0: as long as your phrase, in whole bars, at most 8."),
    _K("turns", "legato_beats", number_from, "0…4 beats",
       "A gap shorter than this between two of your notes is heard as one held line."),
    _K("turns", "hand_over", one_from(HandOver), "`catch-up`, `next-bar`, `snap` or `freeze`",
       "How your phrase becomes its turn. `catch-up`: it goes on in your time, and what is past is "
       "not played. `next-bar`: on the next bar line. `snap`: at once, and its first beat is "
       "there. `freeze`: at once, where your phrase ended on the score."),
    _K("turns", "speculate", flag_from, "`true` or `false`",
       "Plan the answer before it is certain that you are done."),
    _K("turns", "yields", flag_from, "`true` or `false`",
       "Whether it falls silent at once when you play in its turn, or plays it to the end."),
    _K("turns", "space", number_from, "0…1",
       "How much it leaves for you: the busier you are, the less it plays."),
    _K("turns", "density", number_from, "0.25…2",
       "How busy it is: at 0.5 it plays half as many notes as by itself, at 2 twice as many."),
    _K("horizon", "commit", number_from, "0…16 beats, at most lookahead",
       "What is nearer than this can no longer change: small is responsive, large is stable."),
    _K("horizon", "lookahead", number_from, "0.25…32 beats", "How far ahead the plan reaches."),
    _K("horizon", "budget_ms", number_from, "1…1000 ms",
       "How long the model may think about one sixteenth; past it, the chord is held."),
    _K("horizon", "late", one_from(Late), "`hold`, `play`, `stretch`, `next` or `drop`",
       "What becomes of a note that comes too late: what sounds is held and the model told so; or "
       "it sounds at once, with its end where it was or as long as it was; or with the next "
       "sixteenth; or not at all."),
    _K("routing", "outputs", outputs_from,
       "a list of `synth`, `synth:DRIVER`, `virtual`, `none`, or names of MIDI ports",
       "Where it sounds. `virtual` is a port that other programs connect to. `ripieno ports` "
       "lists the ports."),
    _K("routing", "inputs", inputs_from,
       "a list of `virtual`, names of MIDI ports, or paths of `.mid` files",
       "Where your notes come from; a file is played in as if live."),
    _K("routing", "soundfont", text_from, "a path, a name, or `gm`",
       "The soundfont; empty is the built-in one, `gm` an installed General MIDI font."),
    _K("routing", "channels", several_from(channel_from), "four MIDI channels, 1…16",
       "The channels of soprano, alto, tenor and bass."),
    _K("routing", "programs", programs_from, f"{_SOUND_NAMES}, or 0…127; one, or a list of four",
       "The sound of the four voices, as General MIDI programs counted from 0."),
    _K("routing", "banks", several_from(optional_from(0, 16383)), "four numbers 0…16383, or `none`",
       "The bank of each voice's sound."),
    _K("routing", "volumes", several_from(optional_from(0, 127)), "four numbers 0…127, or `none`",
       "The volume of each voice."),
    _K("routing", "pans", several_from(optional_from(0, 127)), "four numbers 0…127, or `none`",
       "The place of each voice between left (0) and right (127)."),
    _K("routing", "latency_ms", several_from(number_from), "0…500 ms, one number for each output",
       "How long the instrument behind an output takes to sound: it is told so much earlier."),
    _K("routing", "velocity", several_from(points_from),
       "for each output a list of points `[played, sent]`, 1…127, or `[]`",
       "How an instrument's touch is evened out: `[[[1, 20], [127, 110]]]` for a single output."),
    _K("routing", "click_channel", channel_from, "a MIDI channel, 1…16",
       "The channel of the metronome."),
    _K("routing", "thru", flag_from, "`true` or `false`",
       "Whether your own notes sound through the outputs too."),
    _K("routing", "thru_channel", channel_from, "a MIDI channel, 1…16",
       "The channel of your own notes."),
    _K("routing", "thru_program", program_from, f"{_SOUND_NAMES}, or 0…127",
       "The sound of your own notes."),
    _K("routing", "client", text_from, "a text",
       "The name under which other programs see Ripieno's ports."),
    *(
        _K("voices", voice, instrument_from, "a table `{ instrument = … }`",
           f"What the {voice} alone plays on, an output such as `lv2:URI` or `vst3:NAME`; our own "
           "synthesiser leaves that voice out. A VST3 instrument may have a table `parameters`. "
           f"It can also be written as a section, `[voices.{voice}]`.")
        for voice in VOICES
    ),
    _K("ensemble", "model", text_from, "a model's name, or the path of its folder",
       "Its model; `[model]` says which, where it is left out, and likewise for what follows."),
    _K("ensemble", "fallback", text_from, "a model's name, or the path of its folder",
       "A smaller model, which plays where time is too short for the first; empty for none."),
    _K("ensemble", "precision", precision_from, ", ".join(f"`{p}`" for p in PRECISIONS),
       "As in `[model]`."),
    _K("ensemble", "mode", mode_from, "`solo`, `answer` or `accompany`", "As in `[play]`."),
    _K("ensemble", "hears", hears_from,
       "a list of `you`, names of others, or voices such as `choir.soprano`",
       "Whose notes it hears as one hears a player: it answers them, or goes along with them. "
       "`['you']` where nothing is said; `[]` is nobody."),
    _K("ensemble", "voices", voices_from, f"a list of {_VOICE_NAMES}",
       "Which of its voices are heard; all where nothing is said."),
    _K("ensemble", "player_voice", voice_from, _VOICE_NAMES,
       "The voice that you, or another whom it hears, play for it."),
    _K("ensemble", "channel", channel_from, "a MIDI channel, 1…16",
       "One channel for all of its voices. A channel belongs to one alone."),
    _K("ensemble", "channels", several_from(channel_from), "four MIDI channels, 1…16",
       "One for each of its voices, soprano first."),
    _K("ensemble", "programs", programs_from, f"{_SOUND_NAMES}, or 0…127; one, or a list of four",
       "Its sounds, as General MIDI programs counted from 0."),
    _K("ensemble", "volumes", several_from(optional_from(0, 127)), "four numbers 0…127, or `none`",
       "The volume of each of its voices."),
    _K("ensemble", "pans", several_from(optional_from(0, 127)), "four numbers 0…127, or `none`",
       "Their places between left (0) and right (127)."),
    _K("ensemble", "instrument", own_instrument_from, "such as `lv2:URI`, or as in `[voices]`",
       "What it alone plays on; our own synthesiser leaves it out."),
)  # fmt: skip
