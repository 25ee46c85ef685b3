"""Draw the README's picture from a canned moment: `python -m tests.app.write_picture`."""

from __future__ import annotations

from pathlib import Path

from ripieno_app.picture import save_picture

from tests.app.scenes import answering

PICTURE = Path(__file__).parents[2] / "docs" / "screen.svg"

if __name__ == "__main__":
    save_picture(answering(beat=18.6), "first-jam", PICTURE, keys=("right",))
    print(PICTURE)
