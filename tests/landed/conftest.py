"""The stores of files, for the tests of this folder that need them."""

from tests.stores.servers import file_stores

__all__ = ["file_stores"]
