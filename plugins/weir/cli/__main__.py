"""`python -m weir.cli` is `weir`."""

from weir.cli import main

main()
