"""What the operating system or the installation refuses is told as that, and never as a bug of Weir."""

from __future__ import annotations

import errno
import os

import pytest

from weir.errors import OperatingSystem, Prerequisite
from weir.system_errors import NEXT, named, of_system


@pytest.mark.parametrize("number", [*NEXT, errno.EBUSY])
def test_an_error_of_the_system_names_the_file_and_what_to_do(number: int) -> None:
    told = of_system(OSError(number, os.strerror(number), "/srv/x"))
    assert isinstance(told, OperatingSystem)
    assert os.strerror(number) in told.what and "/srv/x" in told.what and told.next_step.endswith(".")


def test_a_package_that_is_missing_is_an_installation_that_is_not_whole() -> None:
    assert isinstance(of_system(ModuleNotFoundError("No module named 'rich'", name="rich.table")), Prerequisite)
    assert isinstance(of_system(ImportError("undefined symbol: x")), Prerequisite)
    assert of_system(ModuleNotFoundError("No module named 'weir.x'", name="weir.x")) is None


def test_other_errors_are_bugs() -> None:
    assert of_system(KeyError("x")) is None
    assert isinstance(of_system(MemoryError()), OperatingSystem)


def test_a_user_without_a_name_has_a_number() -> None:
    assert named(0) == "root"
    assert named(4_000_000_000) == "user id 4000000000"
