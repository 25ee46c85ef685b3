"""`ripieno models import`: a model as others export it becomes one of the player's."""

from __future__ import annotations

import tempfile
from argparse import Namespace
from pathlib import Path

from ripieno.cli.models_check import looked_at
from ripieno.errors import BundleError, SettingError, nearest_name

OK = 0


def bring_in(source: str, options: Namespace) -> int:
    """Import the folder `source`, look at it as at any bundle, and keep it. Raises BundleError."""
    from ripieno.library.importing_items import USES
    from ripieno.library.shelf import add

    if options.use not in USES:
        raise SettingError(
            f"--use is {options.use!r}",
            allowed=", ".join(USES),
            nearest=nearest_name(options.use, USES),
        )
    with tempfile.TemporaryDirectory(prefix="ripieno-") as place:
        folder = _made(Path(source).expanduser(), Path(place), options)
        manifest = add(str(folder), lambda _: None, replace=options.replace)
    print(f"{manifest.name} is in {manifest.folder}.")
    print(f"Play it with: ripieno play --model {manifest.name}")
    return OK


def _made(source: Path, place: Path, options: Namespace) -> Path:
    """The bundle, tried: with several tokens at once where the graph is made for that, else one by
    one."""
    from ripieno.library.importing import take_in
    from ripieno.library.importing_items import CHUNK, Wish
    from ripieno.library.trial import ChunkError

    for chunk in (CHUNK, 1):
        wish = Wish(
            tokenizer=Path(options.tokenizer).expanduser() if options.tokenizer else None,
            name=options.name or "",
            licence=options.licence or "",
            use=options.use,
            context=options.context,
            chunk=chunk,
            programs=tuple(options.programs) if options.programs else None,
        )
        folder = place / f"chunk-{chunk}"
        imported = take_in(source, folder, wish)
        try:
            for about, found in looked_at(folder, options):
                print(f"{about:<10} {found}", flush=True)
        except ChunkError as error:
            if chunk == 1:
                raise
            print(f"{error.what[0].upper()}{error.what[1:]}: it is told them one by one.")
            continue
        for remark in imported.remarks:
            print(f"{'note':<10} {remark}")
        return folder
    raise BundleError("it could not be tried", where=str(source))
