"""The models of tokens with a memory of fixed shape: run whole and step by step they say the same;
pitch strings, pieces of text, the order of tokens, and pretrained weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from ripieno.errors import RipienoError
from ripieno_models.families import bart_lora, gpt2_lora, pitch_lstm, remi_lstm, remi_structured
from ripieno_models.families.music_text import text_of
from ripieno_models.families.pitch_strings import chord, normal_order, note, words
from ripieno_models.families.pretrained import stand_in
from ripieno_models.families.stepped import Stepped
from ripieno_models.tokens.dataset import framed
from ripieno_models.tokens.generate import draw, opening, tune_of
from ripieno_models.tokens.scheme import PAD, START, Scheme
from ripieno_models.tokens.shifts import Shifts
from torch import Tensor
from torch.nn.functional import cross_entropy

from tests.models.tunes import melody, song

SHIFTS = Shifts.of(48, 99)
PITCHES = pitch_lstm.Options(first=8, second=12, third=8)
DEEP = remi_lstm.Options(hidden=12, layers=2, embedding=6, attention=True, look_back=5)
TEXT = gpt2_lora.Options(window=24, rank=2)
MASKED = bart_lora.Options(window=16, rank=2)


def ids(*names: str) -> Tensor:
    return torch.tensor([[SHIFTS.base[name] for name in names]])


def line(scheme: Scheme, seed: int = 3) -> Tensor:
    tune = melody(seed)
    return torch.tensor([framed(scheme.encode(tune), tune.fifths, scheme)])


@torch.inference_mode()
def stepped(model: Stepped, tokens: Tensor) -> Tensor:
    """[N, V]: logits told one token after the other."""
    states = [torch.zeros(shape) for shape in model.states().values()]
    told = []
    for token in tokens[0]:
        logits, *states = model.step(token.view(1, 1), *states)
        told.append(logits[0])
    return torch.stack(told)


@pytest.mark.parametrize("attention", [False, True])
def test_the_deep_lstm_steps_as_it_reads(attention: bool) -> None:
    scheme = remi_lstm.KIND.scheme()
    model = remi_lstm.RemiLstm(replace(DEEP, attention=attention), len(scheme)).eval()
    tokens = line(scheme)
    torch.testing.assert_close(stepped(model, tokens), model(tokens)[0][0].detach())


@torch.inference_mode()
def test_lines_go_on_from_what_is_remembered_of_them() -> None:
    """Two lines at once, in two parts, as one line at once."""
    model = pitch_lstm.build(PITCHES, 0).eval()
    lines = torch.cat([line(SHIFTS, seed)[:, :24] for seed in (3, 4)])
    _, states = model.go_on(lines[:, :10])
    told, _ = model.go_on(lines[:, 10:], states)
    torch.testing.assert_close(told[:, 0], model(lines)[0][:, -1], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", [pitch_lstm, remi_lstm])
def test_a_memory_of_fixed_shape_draws_tunes(kind: Any) -> None:
    options = PITCHES if kind is pitch_lstm else DEEP
    scheme = kind.KIND.scheme()
    torch.manual_seed(2)
    model = kind.KIND.build(options, len(scheme)).eval()
    likes = [melody(seed) for seed in (3, 4)]
    drawn = draw(model, scheme, likes, told=16, longest=48, seed=5)
    assert drawn == draw(model, scheme, likes, told=16, longest=48, seed=5)
    for ids, like in zip(drawn, likes, strict=True):
        assert ids[:16] == opening(like, scheme, 16)
        assert 16 < len(ids) <= 48
        assert not {START, PAD}.intersection(scheme.names[n] for n in ids[16:])
        assert tune_of("drawn", ids, like, scheme).notes


def test_velocities_have_thirty_two_levels() -> None:
    names = remi_lstm.KIND.scheme().names
    assert sum(name.startswith("Velocity_") for name in names) == 32


def test_tunes_come_back_from_shifts_of_time() -> None:
    for seed in range(8):
        tune = melody(seed)
        told = [(n.onset, n.pitch, n.duration) for n in SHIFTS.decode(SHIFTS.encode(tune))]
        assert told == [(n.onset, n.pitch, n.duration) for n in tune.notes]


def test_pitch_strings_by_hand() -> None:
    assert note(60).text == "C4" and note(70).text == "B-4"
    assert chord((64, 67, 72)).text == "0.4.7"
    assert chord((7, 11, 2)).text == "7.11.2"
    assert chord((0, 4, 7)).pitches == (60, 64, 67)
    assert normal_order((8, 0, 4)) == (0, 4, 8)
    assert normal_order((0, 1, 4, 8, 9)) == (8, 9, 0, 1, 4)
    assert len(words(48, 99, 3)) == 52 + 66 + 220
    assert len({word.text for word in words(48, 99, 4)}) == 52 + 66 + 220 + 495


def chords() -> Tensor:
    """C E G, D, an inversion of the first, a cluster of four, a long rest, and a note."""
    names = ["BOS_None", "Key_0"]
    for pitches in ((60, 64, 67), (62,), (55, 60, 64), (48, 50, 52, 53)):
        for pitch in pitches:
            names += [f"Pitch_{pitch}", "Duration_0.2.4"]
        names.append("TimeShift_0.2.4")
    return ids(*names, "TimeShift_12.0.4", "Pitch_60", "Duration_0.1.4")


def test_the_pitch_model_steps_as_it_reads() -> None:
    model = pitch_lstm.build(PITCHES, 0).eval()
    for tokens in (chords(), line(SHIFTS)):
        torch.testing.assert_close(
            stepped(model, tokens), model(tokens)[0][0].detach(), atol=1e-5, rtol=1e-5
        )


@torch.inference_mode()
def test_a_chord_is_heard_whichever_way_it_lies() -> None:
    model = pitch_lstm.build(PITCHES, 0).eval()
    states = [torch.zeros(shape) for shape in model.states().values()]
    heard = []
    for token in chords()[0]:
        _, *states = model.step(token.view(1, 1), *states)
        if SHIFTS.names[int(token)] == "TimeShift_0.2.4":
            heard.append(float(states[-1]))
    assert heard[0] == heard[2] and len(set(heard)) == 3
    number = [word.text for word in model.vocabulary].index("0.4.7")
    assert heard[0] == pytest.approx((number + 1) / len(model.vocabulary))


@torch.inference_mode()
def test_spelling_shares_out_what_the_words_have() -> None:
    model = pitch_lstm.build(PITCHES, 0).eval()
    shares = model.head(torch.zeros(1, 8)).softmax(-1)[0]
    told = model(ids("BOS_None", "Key_0", "TimeShift_0.2.4"))[0][0, -1].softmax(-1)
    begins = [64 in word.pitches[:1] for word in model.vocabulary]
    assert float(told[SHIFTS.base["Pitch_64"]]) == pytest.approx(
        float(shares[torch.tensor(begins)].sum()), rel=1e-3
    )


def test_music_is_told_as_text() -> None:
    names = ["BOS_None", "Pitch_60", "Duration_1.0.4", "TimeShift_1.2.4", "Pitch_61",
             "Duration_0.1.4", "TimeShift_1.1.4"]  # fmt: skip
    assert text_of(names) == " C4_q +q. C#4_s +5s"


@torch.inference_mode()
def test_a_tokens_probability_is_that_of_its_pieces() -> None:
    model = gpt2_lora.build(TEXT, 0).eval()
    tokens = line(SHIFTS)[:, :8]
    targets = tokens[:, 1:].clone()
    targets[:, 0] = -100
    logits = model(tokens)[0][:, 1:-1]
    by_tree = -logits.gather(-1, tokens[:, 2:, None]).sum()
    torch.testing.assert_close(model.nats(tokens[:, :-1], targets), by_tree, rtol=1e-4, atol=1e-2)
    split = model.pieces[SHIFTS.base["Pitch_61"]]
    assert len(split) == 4, "the tokenizer of prose splits a note"


@torch.inference_mode()
def test_the_text_model_forgets_what_left_its_window() -> None:
    model = gpt2_lora.build(TEXT, 0).eval()
    long = line(SHIFTS)[:, :20]
    other = long.clone()
    other[0, 3] = SHIFTS.base["Pitch_90"]
    one, two = stepped(model, long), stepped(model, other)
    assert not torch.allclose(one[3], two[3])
    torch.testing.assert_close(one[-1], two[-1], rtol=1e-4, atol=1e-4)


def test_the_masked_model_steps_as_it_reads() -> None:
    model = bart_lora.build(MASKED, 0).eval()
    tokens = line(SHIFTS)[:, :16]
    torch.testing.assert_close(
        stepped(model, tokens), model(tokens)[0][0].detach(), rtol=1e-4, atol=1e-4
    )


def test_only_adapters_and_new_words_learn() -> None:
    model = bart_lora.build(MASKED, 0)
    learning = {name for name, weight in model.named_parameters() if weight.requires_grad}
    assert learning and all("lora_" in name or "shared" in name for name in learning)
    text = gpt2_lora.build(TEXT, 0)
    assert all("lora_" in name for name, weight in text.named_parameters() if weight.requires_grad)


def test_pretrained_weights_are_loaded_from_a_folder(tmp_path: Path) -> None:
    stand_in(tmp_path, "gpt2")
    from transformers import GPT2LMHeadModel

    known = GPT2LMHeadModel.from_pretrained(tmp_path)
    with torch.no_grad():
        known.transformer.wte.weight[7] = 0.5
    known.save_pretrained(tmp_path)
    model = gpt2_lora.build(replace(TEXT, pretrained=str(tmp_path)), 0)
    loaded = dict(model.named_parameters())["adapted.base_model.model.transformer.wte.weight"]
    torch.testing.assert_close(loaded, known.transformer.wte.weight)


@pytest.mark.parametrize("kind", [gpt2_lora, bart_lora])
def test_what_is_no_pretrained_model_is_refused(kind: object, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    options = kind.Options(pretrained=str(tmp_path))  # type: ignore[attr-defined]
    with pytest.raises(RipienoError, match="no pretrained model of this kind here"):
        kind.build(options, 0)  # type: ignore[attr-defined]


def test_the_order_of_tokens_is_kept_and_learned() -> None:
    scheme = remi_structured.KIND.scheme()
    small = remi_structured.Options(width=16, layers=1, heads=2, inner=16, crop=64, context=64)
    model = remi_structured.Structured(small, scheme).eval()
    (alone,) = remi_structured.alone(song(2))
    tokens = torch.tensor([framed(scheme.encode(alone), 2, scheme)[:40]])
    after = model(tokens)[0].softmax(-1).detach()
    for place, token in enumerate(tokens[0, :-1].tolist()):
        kind = scheme.names[token].partition("_")[0]
        allowed = remi_structured.FOLLOWS[kind]
        legal = [n for name, n in scheme.base.items() if name.partition("_")[0] in allowed]
        assert int(tokens[0, place + 1]) in legal
        assert float(after[0, place, legal].sum()) > 1 - 1e-6
    targets = tokens[:, 1:]
    loss, nats = (told.detach() for told in model.learn(tokens[:, :-1], targets))
    free = model.free(tokens[:, :-1])[0].detach()
    plain = cross_entropy(free.flatten(0, 1), targets.flatten(), reduction="sum")
    torch.testing.assert_close(nats, plain)
    assert float(loss) > float(plain) / targets.numel(), "what is forbidden costs something"
