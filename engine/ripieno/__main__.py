"""`python -m ripieno` is the same as `ripieno`."""

from __future__ import annotations

import sys

from ripieno.cli import main

if __name__ == "__main__":
    sys.exit(main())
