"""`python -m weir.local`: start servers, topic and schema, but no job. For tests and benchmarks; users run `weir up`."""

from __future__ import annotations

import sys

from weir.errors import WeirError
from weir.local import stack
from weir.local.report import reporter


def main() -> int:
    try:
        with reporter() as progress:
            done = stack.up(progress, servers_only=True)
            progress.note(f"servers are up after {done.seconds:.1f} s; `weir down` stops them")
    except WeirError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
