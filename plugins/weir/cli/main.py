"""The name that a `weir` script of an installation between two releases starts; `make install` writes it anew."""

from weir.cli.app import main

__all__ = ["main"]
