"""What all tests of this folder share."""

from tests.kubernetes.early_build import pytest_collection_finish, pytest_sessionfinish

__all__ = ["pytest_collection_finish", "pytest_sessionfinish"]
