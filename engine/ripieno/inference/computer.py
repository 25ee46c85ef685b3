"""What computes here: what a float sum, and so a generated note, may depend on."""

from __future__ import annotations

import hashlib
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_KERNELS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8", "asimd", "sve")
"""Parts of a processor for which ONNX Runtime has sums of its own."""


def this_computer() -> str:
    """The runtime and the processor, such as 'onnxruntime 1.23.0, x86_64 avx2 avx512f'."""
    return f"onnxruntime {_version('onnxruntime')}, {_processor()}"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"


def _processor() -> str:
    """The architecture, with what it has of `_KERNELS` where Linux tells."""
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
            words = {word for line in file if line[:1] in "fF" for word in line.split()}
    except OSError:
        words = set()
    return " ".join([platform.machine(), *(name for name in _KERNELS if name in words)])


def manifest_hash(folder: Path) -> str:
    """SHA-256 of the manifest of the bundle in `folder`, '' where there is none.

    The manifest holds the hashes of the other files, so this one says which model it is.
    """
    try:
        return hashlib.sha256((folder / "manifest.toml").read_bytes()).hexdigest()
    except OSError:
        return ""
