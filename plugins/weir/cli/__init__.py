"""The command line. The `weir` script of release adaf5c8 uses this name, and must run `weir migrate` before the reinstallation."""

from weir.cli.app import main

__all__ = ["main"]
