"""`make bench-host`: what it costs to be a host of other people's models and instruments.

`python -m tests.bench_host [--quick] [--write] [--only PART …]`. It tells what was met and what was
missed, and never fails for that.

Whatever process is measured imports this file first, as it is the program that was started: so the
parts, and the libraries that they compare with, are imported in here only.
"""

from __future__ import annotations

import sys

if __name__ == "__main__":
    from tests.bench_host_parts import main

    sys.exit(main())
