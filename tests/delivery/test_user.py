"""How the tests read a user's installation."""

from __future__ import annotations

from tests.delivery.user import frozen


def test_packages_have_one_name_whoever_lists_them() -> None:
    """pip freeze prints SQLAlchemy, uv sqlalchemy."""
    pip = frozen("SQLAlchemy==2.1.9\nzope.interface==8.1\nweir @ file:///tmp/weir-0.1.0-py3-none-any.whl\n")
    assert pip == {"sqlalchemy": "2.1.9", "zope-interface": "8.1", "weir": "file:///tmp/weir-0.1.0-py3-none-any.whl"}
