import os
import pwd
from pathlib import Path

import pytest

from weir.counts.quality.user import need_a_home


def test_a_user_without_name_and_home_gets_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A library of Great Expectations asks for the home at its import, and ended `weir validate` in such containers."""

    def nobody(_: int) -> None:
        raise KeyError("uid not found")

    monkeypatch.setenv("HOME", "")
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    with pytest.raises(RuntimeError):
        Path.home()
    need_a_home()
    assert Path.home().is_dir()
    monkeypatch.setenv("HOME", "/home/ana")
    need_a_home()
    assert os.environ["HOME"] == "/home/ana"
