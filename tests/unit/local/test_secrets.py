import json
import stat
from pathlib import Path

from weir.files import write_private
from weir.local import secrets


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_made_once_and_the_same_again(tmp_path: Path) -> None:
    first = secrets.load_or_create(tmp_path)
    assert secrets.load_or_create(tmp_path) == first
    assert all(len(value) >= 20 for value in first.values())


def test_no_two_stacks_share_a_secret(tmp_path: Path) -> None:
    one, two = secrets.load_or_create(tmp_path / "one"), secrets.load_or_create(tmp_path / "two")
    assert not set(one.values()) & set(two.values())


def test_only_the_owner_can_read_them(tmp_path: Path) -> None:
    secrets.load_or_create(tmp_path)
    assert mode(tmp_path / secrets.FILE) == 0o600
    assert mode(secrets.password_file(tmp_path)) == 0o600


def test_an_older_folder_gets_what_it_lacks_and_keeps_the_rest(tmp_path: Path) -> None:
    write_private(tmp_path / secrets.FILE, json.dumps({"airflow_admin": "kept"}))
    found = secrets.load_or_create(tmp_path)
    assert found["airflow_admin"] == "kept"
    assert found["postgres"]


def test_the_password_file_is_what_a_person_types(tmp_path: Path) -> None:
    found = secrets.load_or_create(tmp_path)
    assert secrets.password_file(tmp_path).read_text().strip() == found["airflow_admin"]
