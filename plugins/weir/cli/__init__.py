"""The command line. The `weir` script of adaf5c8 starts it by this name, and has to run `weir migrate` before it is installed anew."""

from weir.cli.app import main

__all__ = ["main"]
