"""The player's own models: added after they were tried, listed beside those that ship, removed."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ripieno import resources
from ripieno.errors import BundleError, nearest_name
from ripieno.inference.bundle import MANIFEST, Manifest, check, load_manifest
from ripieno.library.archive import SUFFIX, unpack


def own_shelf() -> Path:
    """The folder of the player's own models; it may not exist yet."""
    return resources.folders(resources.Kind.ZOO)[0]


@contextmanager
def opened(name: str) -> Iterator[Path]:
    """The folder of the bundle `name`: an installed one, a folder, or a .ripieno file, which is
    unpacked for the moment. Raises BundleError."""
    path = Path(name).expanduser()
    if path.suffix.lower() == SUFFIX and not path.is_dir():
        with tempfile.TemporaryDirectory(prefix="ripieno-") as place:
            folder = Path(place) / path.stem
            folder.mkdir()
            unpack(path, folder)
            yield folder
        return
    yield resources.bundle_folder(name)


def add(name: str, attempt: Callable[[Path], None], *, replace: bool = False) -> Manifest:
    """Copy the bundle `name` (a folder or a .ripieno file) onto the player's shelf, once `attempt`
    has played it. Raises BundleError, also where one of its name is there and `replace` is not."""
    with opened(name) as folder:
        manifest = check(folder)
        target = own_shelf() / manifest.name
        if target.exists() and not replace:
            raise BundleError(
                f"a model called {manifest.name!r} is there already",
                where=str(target),
                nearest="Add it with --replace to put this one in its place.",
            )
        attempt(folder)
        try:
            _place(manifest, target)
        except OSError as error:
            raise BundleError(f"it cannot be written ({error})", where=str(target)) from None
    return load_manifest(target)


def _place(manifest: Manifest, target: Path) -> None:
    """All of it or nothing: copied beside the place, then moved there in one stroke."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".coming-", dir=target.parent) as place:
        coming = Path(place) / manifest.name
        coming.mkdir()
        files = [*(g.file for g in manifest.graphs), *(extra.name for extra in manifest.files)]
        for name in dict.fromkeys([MANIFEST, *files]):
            shutil.copyfile(manifest.folder / name, coming / name, follow_symlinks=False)
        check(coming)
        if target.exists():
            os.rename(target, Path(place) / ".gone")
        os.rename(coming, target)


def remove(name: str) -> Path:
    """Delete the player's own model `name`: its folder of then. Raises BundleError."""
    mine = {path.name: path for path in own_shelf().glob("*") if (path / MANIFEST).exists()}
    if name not in mine:
        ships = name in resources.bundles()
        raise BundleError(
            f"{name!r} came with Ripieno and stays" if ships else f"there is no model {name!r}",
            allowed="the models that you have added: " + (", ".join(mine) or "none"),
            nearest="" if ships else nearest_name(name, mine),
        )
    folder = mine[name]
    if folder.is_symlink():
        folder.unlink()  # the folder that it points to is somebody else's
    else:
        shutil.rmtree(folder)
    return folder
