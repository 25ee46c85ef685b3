"""One-way channels between two processes: one writer, one reader, death is end of file.

A pipe and no queue: a queue shares a lock, and a process killed while it holds the lock hangs the
others. Neither end ever blocks: a reader takes what has come, a writer keeps what does not fit.
"""

from __future__ import annotations

import os
import pickle
import struct
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any, Generic, TypeVar

_LENGTH = struct.Struct("<I")
_CHUNK = 1 << 16
T = TypeVar("T")


class Closed(Exception):
    """The process at the other end is gone."""


class Sender(Generic[T]):
    """The writing end. It must be the only one in the system: close the spare copies."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._pending = bytearray()
        os.set_blocking(connection.fileno(), False)

    def fileno(self) -> int:
        return self._connection.fileno()

    @property
    def full(self) -> bool:
        """Something written before has not left yet; what may be dropped should be."""
        self.flush()
        return bool(self._pending)

    def send(self, fact: T) -> None:
        """Send `fact`, or keep it until the pipe takes it. Raises Closed."""
        body = pickle.dumps(fact, protocol=pickle.HIGHEST_PROTOCOL)
        self._pending += _LENGTH.pack(len(body)) + body
        self.flush()

    def flush(self) -> None:
        """Push on what is still kept. Raises Closed."""
        try:
            while self._pending:
                written = os.write(self.fileno(), memoryview(self._pending)[:_CHUNK])
                del self._pending[:written]
        except BlockingIOError:
            return
        except (BrokenPipeError, OSError) as error:
            raise Closed from error

    def close(self) -> None:
        self._connection.close()


class Receiver(Generic[T]):
    """The reading end; `fileno()` goes into select or an event loop."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._buffer = bytearray()
        os.set_blocking(connection.fileno(), False)

    def fileno(self) -> int:
        return self._connection.fileno()

    def receive(self) -> Iterator[T]:
        """All facts that have come, oldest first. Raises Closed once all of them were read."""
        closed = False
        while True:
            try:
                chunk = os.read(self.fileno(), _CHUNK)
            except BlockingIOError:
                break
            except OSError:
                chunk = b""
            if not chunk:
                closed = True
                break
            self._buffer += chunk
        yield from self._whole_facts()
        if closed:
            raise Closed

    def _whole_facts(self) -> Iterator[T]:
        while len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            end = _LENGTH.size + length
            if len(self._buffer) < end:
                return
            fact: Any = pickle.loads(memoryview(self._buffer)[_LENGTH.size : end])
            del self._buffer[:end]
            yield fact

    def close(self) -> None:
        self._connection.close()
