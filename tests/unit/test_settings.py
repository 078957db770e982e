"""Settings are checked where they enter: refused in one sentence that names the setting, or used as they are meant."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from weir.errors import BadSetting
from weir.setting_rules import RULES
from weir.settings import Settings, check_file, home


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("WEIR_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("WEIR_HOME", str(tmp_path))


def test_every_setting_has_a_rule() -> None:
    assert {field.name for field in fields(Settings)} - RULES.keys() == set()


def test_every_setting_is_documented() -> None:
    text = "".join((PROJECT / "docs" / page).read_text() for page in ("settings.md", "security.md"))
    named = {name for name in RULES if f"WEIR_{name.upper()}" in text}
    assert set(RULES) - named - {name for name in RULES if name.startswith(("kafka_", "driver_", "ingest_", "cassandra_"))} == set()


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("kafka", " a:9092 , [::1]:9093,", "a:9092,[::1]:9093"),
        ("cassandra_hosts", " 127.0.0.1", "127.0.0.1"),
        ("cassandra_hosts", "db_1, fd00::1", "db_1,fd00::1"),
        ("cassandra_port", " 9042 ", 9042),
        ("cassandra_keyspace", "Weir2", "Weir2"),
        ("checkpoints", "/srv/My Projects/größe/a#b/c?d/e%20f", "/srv/My Projects/größe/a#b/c?d/e%20f"),
        ("checkpoints", "/srv//a/../weir/", "/srv/weir"),
        ("checkpoints", "hdfs://name:8020/weir/", "hdfs://name:8020/weir"),
        ("checkpoints", "file:///srv/weir", "file:///srv/weir"),
        ("checkpoints", "s3a://bucket/weir/", "s3a://bucket/weir"),
        ("s3_endpoint", "https://s3.example:9000", "https://s3.example:9000"),
        ("event_logs", "", ""),
        ("bundles", "S3A://bucket/weir/bundles/", "s3a://bucket/weir/bundles"),
        ("bundles", "/srv/My Projects/größe", "/srv/My Projects/größe"),
        ("jobs", ":/srv/jobs", ":/srv/jobs"),
        ("spark_jars", " /a.jar, local:/b.jar", "/a.jar,local:/b.jar"),
        ("spark_rest", "http://a:6066, http://b:6066", "http://a:6066,http://b:6066"),
        ("spark_ui", "", ""),
        ("driver_python", "python3", "python3"),
        ("airflow_url", "https://air.example/flow", "https://air.example/flow"),
    ],
)
def test_a_setting_is_used_as_it_is_meant(name: str, text: str, value: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"WEIR_{name.upper()}", text)
    assert getattr(Settings.load(), name) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *[(name, "") for name in ("kafka", "cassandra_hosts", "cassandra_port", "cassandra_keyspace", "checkpoints", "log_format")],
        *[("kafka", text) for text in ("a", "a:", ":9092", "a:0", "a:70000", "a:1,b", "http://a:1", "a b:1", "ä:1", ",", "a:9092/logs")],
        *[("cassandra_hosts", text) for text in ("a:9042", "a b", "http://a", ",", "a\nb", "-a")],
        *[("cassandra_port", text) for text in ("x", "-1", "0", "65536", "9042.0", "1e3", "٣", "9" * 5000)],
        *[("cassandra_keyspace", text) for text in ("weir-prod", "a b", 'a"; DROP', "größe", "a" * 49, "system", "SYSTEM_auth", "a.b")],
        ("cassandra_datacenter", "dc'1"),
        *[("spark_master", text) for text in ("local[2]", "127.0.0.1:7077", "spark://a", "spark://")],
        *[("spark_rest", text) for text in ("a:6066", "ftp://a", "http://", "http://a:x", "http://a:1?b", "http://u:p@a")],
        *[("airflow_url", text) for text in ("127.0.0.1:8080", "http://a b:1", "http://[::1", "http://a:99999")],
        *[("checkpoints", text) for text in ("chk", "./chk", "~/chk", " /chk", "/chk ", "/a\nb", "x://b", "file:chk")],
        *[("checkpoints", text) for text in ("file:///a%20b", "file:///a#b", "hdfs://n/a?b", "file://host/a")],
        *[
            ("bundles", text)
            for text in (
                "/a:b",
                "/a,b",
                "/a#b",
                "/a%20b",
                "ftp://n/b",
                "hdfs://n/b?c",
                "gs://n/b",
                "s3a://n/a,b",
                "s3a://n/a b",
                "s3a://n/{x}",
                "FILE:///b",
                "b",
            )
        ],
        *[("data_docs", text) for text in ("docs", "~/docs")],
        ("jobs", "/a:b"),
        ("spark_jars", "a.jar"),
        ("log_format", "JSON"),
        ("cassandra_password_file", "secret"),
    ],
)
def test_a_setting_that_is_not_valid_is_named(name: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"WEIR_{name.upper()}", text)
    with pytest.raises(BadSetting) as refused:
        Settings.load()
    assert refused.value.what.startswith(f"WEIR_{name.upper()} ") and refused.value.next_step.endswith(".")
    assert "\n" not in str(refused.value) and "p@" not in str(refused.value)


@pytest.mark.parametrize("kind", ["missing", "folder"])
def test_a_file_that_a_setting_names_is_there(kind: str, tmp_path: Path) -> None:
    file = tmp_path if kind == "folder" else tmp_path / "none"
    with pytest.raises(BadSetting, match=f"WEIR_CASSANDRA_PASSWORD_FILE: .*{file}"):
        check_file("WEIR_CASSANDRA_PASSWORD_FILE", str(file))


@pytest.mark.parametrize("text", ["{", "", "[]", '{"kafka": ', "\x00", '{"kafka": 5}', '{"cassandra_port": "x"}', '{"checkpoints": "c"}'])
def test_a_damaged_stack_file_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "stack.json").write_text(text)
    with pytest.raises(BadSetting, match=r"stack\.json"):
        Settings.load()


@pytest.mark.parametrize("text", ["~/weir", " /weir", "/weir\n", "/a:b", "/a,b", "/a#b"])
def test_a_state_folder_that_cannot_work_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIR_HOME", text)
    with pytest.raises(BadSetting, match=r"WEIR_HOME \("):
        home()


def test_a_state_folder_may_be_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WEIR_HOME", "my state")
    assert home() == tmp_path / "my state"


def test_a_state_folder_that_is_a_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("WEIR_HOME", str(tmp_path / "file"))
    with pytest.raises(BadSetting, match="is a file"):
        Settings.load()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two users")
@pytest.mark.parametrize("call", ["Settings.load()", "StateFile(home()).read()", "load(home() / 'tokens.json')", "folder.known(home())"])
def test_a_state_folder_of_another_user_names_its_owner(call: str, tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    script = f"""
import os, pathlib
from weir.api.tokens import load
from weir.local import folder
from weir.local.state import StateFile
from weir.settings import Settings, home
os.setuid(65534)
try:
    {call}
except Exception as error:
    print(error)
"""
    path = os.pathsep.join(map(str, (PROJECT / "plugins", PROJECT)))
    env = {**os.environ, "PYTHONPATH": path}
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=env, check=True).stdout
    assert told.startswith("WEIR-106: WEIR_HOME: ") and "belongs to root, and nobody may not use it" in told, told
