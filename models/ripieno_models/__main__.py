"""`python -m ripieno_models` is `ripieno-models`."""

from __future__ import annotations

import sys

from ripieno_models.cli import main

sys.exit(main())
