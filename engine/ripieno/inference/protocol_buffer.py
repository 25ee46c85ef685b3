"""Protocol buffers, walked field by field without reading what is stepped over.

The encoding is described on protobuf.dev. Nothing is trusted: lengths beyond the file, endless
numbers and more fields than any model has are refused.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator

_MOST_FIELDS, _LONGEST_TEXT = 2_000_000, 4096
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_LONGEST_VARINT = 70


class Broken(Exception):
    """These bytes are not what they should be."""


class Data:
    """A file's bytes, and how many fields may still be read: more than any model has."""

    def __init__(self, data: mmap.mmap) -> None:
        self.data, self.left = data, _MOST_FIELDS


Value = int | tuple[int, int]
"""A number, or where bytes begin and end."""


def fields(data: Data, begin: int, end: int) -> Iterator[tuple[int, Value]]:
    """The fields of the message that stands in [begin, end): number and value. Raises Broken."""
    at = begin
    while at < end:
        data.left -= 1
        if data.left < 0:
            raise Broken
        tag, at = _varint(data, at, end)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, at = _varint(data, at, end)
            yield number, value
            continue
        if kind == _BYTES:
            size, at = _varint(data, at, end)
        elif kind in (_FIXED32, _FIXED64):
            size = 4 if kind == _FIXED32 else 8
        else:
            raise Broken
        if at + size > end:
            raise Broken
        yield number, (at, at + size)
        at += size


def packed(data: Data, begin: int, end: int, most: int) -> list[int]:
    """The numbers that stand in [begin, end), as far as there are not more than `most`."""
    numbers: list[int] = []
    while begin < end and len(numbers) <= most:
        number, begin = _varint(data, begin, end)
        numbers.append(number)
    return numbers


def span_of(value: Value) -> tuple[int, int]:
    """Where bytes begin and end."""
    if isinstance(value, int):
        raise Broken
    return value


def number_of(value: Value) -> int:
    """A number that stands there itself."""
    if not isinstance(value, int):
        raise Broken
    return value


def text_of(data: Data, value: Value) -> str:
    """A name. Raises Broken, and ValueError where it is no text."""
    begin, end = span_of(value)
    if end - begin > _LONGEST_TEXT:
        raise Broken
    return data.data[begin:end].decode()


def _varint(data: Data, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= end or shift >= _LONGEST_VARINT:
            raise Broken
        byte = data.data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
