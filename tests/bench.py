"""`make bench`: latencies, each with its comparison in the same run, as one table.

`python -m tests.bench [--quick] [--write] [--only PART …]`. It tells what was met and what was
missed, and never fails for that: a busy machine is no bug.

Whatever process is measured imports this file first, as it is the program that was started: so the
parts, and the libraries that they compare with, are imported in here only.
"""

from __future__ import annotations

import sys

if __name__ == "__main__":
    from tests.bench_parts import main

    sys.exit(main())
