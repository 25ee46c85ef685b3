"""A bundle as one file: a zip called NAME.ripieno, read as what a stranger sent."""

from __future__ import annotations

import stat
import tomllib
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from ripieno.errors import BundleError
from ripieno.inference.bundle import LONGEST, MANIFEST, Manifest, load_manifest
from ripieno.inference.plain_file import LARGEST, NEXT, plain_file, unreadable

SUFFIX = ".ripieno"
MOST_FILES, LARGEST_TOTAL = 1000, 8 << 30
DENSEST = 100
"""How many times larger than the archive its contents may be; weights hardly shrink at all."""
_SPARE = 1 << 20
_BLOCK = 1 << 20
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 1
_EPOCH = (1980, 1, 1, 0, 0, 0)


def pack(folder: Path, target: Path) -> Manifest:
    """Write the bundle in `folder` into the archive `target`; the same bundle, the same bytes.

    Raises BundleError.
    """
    manifest = load_manifest(folder)
    files = [*(g.file for g in manifest.graphs), *(extra.name for extra in manifest.files)]
    try:
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in dict.fromkeys([MANIFEST, *files]):
                entry = zipfile.ZipInfo(name, _EPOCH)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = (stat.S_IFREG | 0o644) << 16
                with (folder / name).open("rb") as source, archive.open(entry, "w") as sink:
                    while block := source.read(_BLOCK):
                        sink.write(block)
    except OSError as error:
        raise unreadable(target, error) from None
    return manifest


def unpack(path: Path, folder: Path) -> Manifest:
    """Write what the manifest of the archive `path` names into `folder`, which is empty.

    Nothing else in it is written, nothing outside `folder`, and no more than the archive announces.
    Raises BundleError.
    """
    plain_file(path, LARGEST)
    with _opened(path) as archive:
        entries = _entries(path, archive)
        if MANIFEST not in entries:
            raise _refused(path, f"there is no {MANIFEST} in it", "a bundle, its files on top")
        _write(path, archive, entries[MANIFEST], folder / MANIFEST, LONGEST)
        # Names first, so that nothing is written that nobody asked for; then all of it, checked.
        for name in _named(folder, path):
            if name not in entries:
                raise _refused(path, f"{name!r} is not in it", "every file that the manifest names")
            _write(path, archive, entries[name], folder / name, LARGEST)
    return load_manifest(folder)


def _named(folder: Path, path: Path) -> list[str]:
    """The files that the manifest in `folder` names, which are not there yet."""
    try:
        told = tomllib.loads((folder / MANIFEST).read_bytes().decode())
    except (ValueError, RecursionError):
        raise _refused(path, f"its {MANIFEST} is not valid TOML", "text in TOML") from None
    names: list[str] = []
    for table, key in (("graph", "file"), ("file", "name")):
        parts = told.get(table, [])
        for part in parts if isinstance(parts, list) else []:
            name = part.get(key) if isinstance(part, dict) else None
            if isinstance(name, str) and name not in names:
                names.append(name)
    return names


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """Whatever is wrong with the archive is told as a BundleError."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        ValueError,
        OSError,
    ) as error:
        reason = str(error).partition("\n")[0][:120] or type(error).__name__
        raise _refused(path, f"this is not a whole zip archive ({reason})", "a zip") from None


def _entries(path: Path, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The files of the archive by name, once nothing about them can do harm."""
    found: dict[str, zipfile.ZipInfo] = {}
    total, infos = 0, archive.infolist()
    if len(infos) > MOST_FILES:
        raise _refused(path, f"there are {len(infos)} files in it", f"at most {MOST_FILES}")
    top = _top([info.filename for info in infos])
    for info in infos:
        if info.is_dir():
            continue
        name = info.filename.removeprefix(top)
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in (0, stat.S_IFREG):
            raise _refused(path, f"{name!r} in it is a link or a device", "files")
        if not name or name != PurePosixPath(name).name or "\\" in name or ":" in name:
            raise _refused(path, f"it would write to {info.filename!r}", "files of one folder")
        if name.casefold() in (other.casefold() for other in found):
            raise _refused(path, f"{name!r} is in it twice", "each file once")
        if info.flag_bits & _ENCRYPTED or info.compress_type not in _METHODS:
            raise _refused(path, f"{name!r} in it is packed in an unknown way", "stored, deflated")
        total += info.file_size
        found[name] = info
    if total > min(LARGEST_TOTAL, DENSEST * path.stat().st_size + _SPARE):
        raise _refused(
            path, f"it would unpack to {total >> 20} MiB", f"at most {DENSEST} times its size"
        )
    return found


def _top(names: list[str]) -> str:
    """The one folder that holds everything, with its slash; '' if the files lie on top."""
    first = names[0].partition("/")[0] + "/" if names and "/" in names[0] else ""
    safe = first not in ("/", "./", "../")
    return first if first and safe and all(name.startswith(first) for name in names) else ""


def _write(
    path: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, most: int
) -> None:
    """Unpack one file, and stop where it grows beyond what was announced."""
    if entry.file_size > most:
        raise _refused(path, f"{target.name!r} in it is too large", f"{most >> 10} KiB")
    written = 0
    with archive.open(entry) as source, target.open("xb") as sink:
        while block := source.read(_BLOCK):
            written += len(block)
            if written > entry.file_size:
                raise _refused(path, f"{target.name!r} in it is larger than it says", "the truth")
            sink.write(block)


def _refused(path: Path, what: str, allowed: str) -> BundleError:
    return BundleError(what, where=str(path), allowed=allowed, nearest=NEXT)
