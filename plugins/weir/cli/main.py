"""The entry point of a `weir` script of an installation between two releases; `make install` rewrites the script."""

from weir.cli.app import main

__all__ = ["main"]
