"""Files of a stranger's folder, looked at before they are opened."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ripieno.errors import BundleError

NEXT = "Copy the bundle again, or export it again with ripieno-models export."
LARGEST = 4 << 30
"""Bytes of one file of a bundle."""


def plain_file(path: Path, largest: int) -> int:
    """The bytes of the file at `path`, which is neither a link, nor a pipe or a device, which
    would be read for ever. Raises BundleError."""
    try:
        found = os.lstat(path)
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        raise unreadable(path, error) from None
    if stat.S_ISLNK(found.st_mode):
        raise BundleError(
            "this is a symbolic link", where=str(path), allowed="a file", nearest=NEXT
        )
    if not stat.S_ISREG(found.st_mode):
        raise BundleError("this is not a file", where=str(path), allowed="a file", nearest=NEXT)
    if found.st_size > largest:
        allowed = f"{largest >> 10} KiB" if largest < 1 << 20 else f"{largest >> 20} MiB"
        told = f"the file is too large ({found.st_size >> 10} KiB)"
        raise BundleError(told, where=str(path), allowed=allowed, nearest=NEXT)
    return found.st_size


def unreadable(path: Path, error: Exception) -> BundleError:
    """The file at `path` is missing or cannot be read."""
    reason = "is missing" if isinstance(error, FileNotFoundError) else f"cannot be read ({error})"
    return BundleError(f"the file {reason}", where=str(path), nearest=NEXT)
