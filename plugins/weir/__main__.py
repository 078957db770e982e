"""`python -m weir`: the command line, where the script `weir` is not on PATH."""

from weir.cli.app import main

if __name__ == "__main__":
    main()
