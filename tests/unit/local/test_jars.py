import hashlib
from pathlib import Path

import pytest

from weir.errors import StackFailed
from weir.local import jars
from weir.local.jars import Jar

GOOD = b"the jar that was pinned"
PINNED = Jar("org.example:thing:1.0", hashlib.sha256(GOOD).hexdigest())


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIR_CACHE", str(tmp_path))
    monkeypatch.setattr(jars, "locked", lambda name: [PINNED])


def serve(monkeypatch: pytest.MonkeyPatch, *answers: bytes | Exception) -> list[str]:
    """Lets each download give the next of `answers`, the last one for ever; returns the list of what was asked for."""
    asked: list[str] = []

    def fetch(jar: Jar) -> None:
        asked.append(jar.coordinate)
        answer = answers[min(len(asked), len(answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        jar.path.parent.mkdir(parents=True, exist_ok=True)
        jar.path.write_bytes(answer)

    monkeypatch.setattr(jars, "_fetch", fetch)
    return asked


def test_paths_are_a_maven_repositorys(tmp_path: Path) -> None:
    assert Jar("com.github.jnr:jffi:1.3.11:native", "").path == tmp_path / "com/github/jnr/jffi/1.3.11/jffi-1.3.11-native.jar"


def test_a_jar_that_is_there_is_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = serve(monkeypatch, GOOD)
    assert jars.class_path("kafka") == jars.class_path("kafka")
    assert asked == ["org.example:thing:1.0"]


def test_a_half_written_jar_is_fetched_again(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, GOOD)
    PINNED.path.parent.mkdir(parents=True)
    PINNED.path.write_bytes(GOOD[:5])
    jars.class_path("kafka")
    assert PINNED.path.read_bytes() == GOOD


def test_one_bad_download_is_mended(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(serve(monkeypatch, b"torn", ConnectionError("reset"), GOOD)) == 0
    assert jars.class_path("kafka") == [PINNED.path]


def test_another_file_than_the_pinned_one_is_refused_and_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, b"something else")
    with pytest.raises(StackFailed, match=r"org.example:thing:1.0 could not be downloaded: its sha256 is .*, pinned is"):
        jars.class_path("kafka")
    assert not PINNED.path.exists()


def test_no_network_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, ConnectionError("no route to host"))
    with pytest.raises(StackFailed, match="no route to host"):
        jars.class_path("kafka")


def test_the_lock_pins_each_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    for name, roots in jars.ROOTS.items():
        pinned = {jar.coordinate: jar.sha256 for jar in jars.locked(name)}
        assert set(roots) <= set(pinned), f"`make lock` was not run after {name} changed"
        assert all(len(sha256) == 64 for sha256 in pinned.values())


def test_only_the_named_sets_are_pinned_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    before = jars.LOCK.read_text()
    monkeypatch.setattr(jars, "LOCK", tmp_path / "jars.lock")
    jars.LOCK.write_text(before)
    monkeypatch.setattr(jars, "_resolve", lambda name: [PINNED])
    jars.write_lock(["hadoop"])
    kept = [line for line in before.splitlines() if not line.startswith("hadoop ")]
    assert [line for line in jars.LOCK.read_text().splitlines() if not line.startswith("hadoop ")] == kept
    assert jars.locked("hadoop") == [PINNED]
