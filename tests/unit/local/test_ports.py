import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from weir.local import ports


@pytest.fixture(autouse=True)
def own_claims(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports.tempfile, "gettempdir", lambda: str(tmp_path))


@pytest.fixture
def held() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def choose(home: Path, before: dict[str, int] | None = None, ours: frozenset[str] = frozenset()) -> tuple[dict[str, int], list[str]]:
    return ports.choose(home, before or {}, ours)


def test_every_part_gets_a_port_of_its_own(tmp_path: Path) -> None:
    chosen, _ = choose(tmp_path)
    assert set(chosen) == set(ports.WANTED)
    assert len(set(chosen.values())) == len(chosen)


def test_a_port_that_is_listened_on_is_not_free(held: int) -> None:
    assert not ports.is_free(held)


def test_a_taken_port_is_replaced_and_its_holder_named(tmp_path: Path, held: int) -> None:
    chosen, notes = choose(tmp_path, {"kafka": held})
    assert chosen["kafka"] > held
    note = next(note for note in notes if "kafka" in note)
    assert str(held) in note and psutil.Process().name() in note and str(chosen["kafka"]) in note


def test_a_port_that_our_own_part_holds_stays(tmp_path: Path, held: int) -> None:
    chosen, _ = choose(tmp_path, {"kafka": held}, frozenset({"kafka"}))
    assert chosen["kafka"] == held


def test_the_same_folder_gets_the_same_ports_again(tmp_path: Path) -> None:
    first, _ = choose(tmp_path)
    assert choose(tmp_path, first) == (first, [])


def test_two_stacks_that_start_at_once_share_no_port(tmp_path: Path) -> None:
    one, _ = choose(tmp_path / "one")
    two, notes = choose(tmp_path / "two", one)
    assert not set(one.values()) & set(two.values())
    assert len(notes) == len(ports.WANTED) and all("by another stack that is starting" in note for note in notes)


def test_an_old_claim_is_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, _ = choose(tmp_path / "one")
    monkeypatch.setattr(ports.time, "time", lambda: __import__("time").monotonic() + 4e9)
    two, _ = choose(tmp_path / "two")
    assert one == two
