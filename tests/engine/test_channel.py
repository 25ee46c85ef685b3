"""Channels between processes: nothing is lost, nothing blocks, death is the end of the file."""

from __future__ import annotations

import multiprocessing
import os

import pytest
from ripieno.channel import Closed, Receiver, Sender
from ripieno.commands import Turn


def pair() -> tuple[Sender[object], Receiver[object]]:
    out, into = multiprocessing.get_context("spawn").Pipe(duplex=False)
    return Sender(into), Receiver(out)


def test_facts_arrive_in_order() -> None:
    sender, receiver = pair()
    sent = [Turn("tempo", number) for number in range(500)]
    for fact in sent:
        sender.send(fact)
    assert list(receiver.receive()) == sent


def test_a_full_pipe_keeps_what_does_not_fit_and_never_blocks() -> None:
    sender, receiver = pair()
    large = [bytes([number]) * 50_000 for number in range(8)]
    for fact in large:
        sender.send(fact)
    assert sender.full
    received: list[object] = []
    for _ in range(100):
        received += receiver.receive()
        sender.flush()
        if len(received) == len(large):
            break
    assert received == large
    assert not sender.full


def test_half_a_fact_waits_for_its_other_half() -> None:
    out, into = multiprocessing.get_context("spawn").Pipe(duplex=False)
    receiver: Receiver[object] = Receiver(out)
    whole, into_whole = multiprocessing.get_context("spawn").Pipe(duplex=False)
    sender: Sender[object] = Sender(into_whole)
    sender.send("a phrase")
    data = os.read(whole.fileno(), 1 << 16)
    os.write(into.fileno(), data[:5])
    assert list(receiver.receive()) == []
    os.write(into.fileno(), data[5:])
    assert list(receiver.receive()) == ["a phrase"]


def test_the_last_words_are_read_before_the_end() -> None:
    sender, receiver = pair()
    sender.send("goodbye")
    sender.close()
    words = []
    with pytest.raises(Closed):
        for word in receiver.receive():
            words.append(word)
    assert words == ["goodbye"]
    with pytest.raises(Closed):
        list(receiver.receive())


def test_writing_to_the_dead_says_so() -> None:
    sender, receiver = pair()
    receiver.close()
    with pytest.raises(Closed):
        sender.send("anybody?")
