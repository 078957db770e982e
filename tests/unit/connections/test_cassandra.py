"""What is wrong with the way to Cassandra, and with the settings of it."""

from __future__ import annotations

import json
import ssl
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cassandra import AuthenticationFailed, Unauthorized, Unavailable, UnresolvableContactPoints
from cassandra.cluster import NoHostAvailable

from spark_jobs.runtime.contract import CassandraAddress, JobArguments
from spark_jobs.runtime.credentials import PasswordFile, context_of
from spark_jobs.runtime.faults import BadFile, Cause, NoKeyspace, SpeaksTls, fault_of
from weir.addresses import address, driver_address
from weir.errors import BadSetting
from weir.settings import Settings

HERE = CassandraAddress(("c1", "c2"), user="weir", password_file="/run/p")
SETTINGS = Settings(home="/h")


def of(**errors: Exception) -> NoHostAvailable:
    return NoHostAvailable("Unable to connect", {f"{host}:9042": error for host, error in errors.items()})


@pytest.mark.parametrize(
    ("error", "cause", "says"),
    [
        (UnresolvableContactPoints({}), Cause.UNRESOLVED, "c1, c2"),
        (of(c1=ConnectionRefusedError(111, "Connection refused")), Cause.REFUSED, "c1:9042"),
        (of(c1=OSError(113, "Tried connecting. Last error: No route to host")), Cause.NO_ANSWER, "No route to host"),
        (of(c1=ConnectionRefusedError(111, "refused"), c2=AuthenticationFailed("wrong")), Cause.LOGIN, "c2:9042 refuses the login of weir"),
        (AuthenticationFailed("Unable to perform authentication: Cannot achieve consistency level"), Cause.NO_ANSWER, "does not answer"),
        (of(c1=SpeaksTls()), Cause.HANDSHAKE, "speaks TLS, and WEIR_CASSANDRA_TLS is not set"),
        (of(c1=OSError(1, "Last error: [SSL: CERTIFICATE_VERIFY_FAILED] certificate has expired")), Cause.HANDSHAKE, "has expired"),
        (
            of(c1=ssl.SSLError(1, "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] certificate required")),
            Cause.HANDSHAKE,
            "CERT_FILE",
        ),
        (of(c1=OSError(1, "Last error: [SSL: NO_SHARED_CIPHER] something new")), Cause.HANDSHAKE, "something new"),
        (of(c1=ssl.SSLEOFError(8, "EOF occurred in violation of protocol")), Cause.NO_ANSWER, "does not answer"),
        (
            Unauthorized("User weir has no MODIFY permission on <table weir.head>"),
            Cause.PERMISSION,
            "weir: MODIFY on table weir.head",
        ),
        (NoKeyspace("Keyspace 'Weir2' does not exist"), Cause.KEYSPACE, "no keyspace Weir2"),
        (Unavailable("not enough", consistency=6, required_replicas=2, alive_replicas=1), Cause.TOO_FEW, "copies"),
        (of(c1=BadFile("WEIR_CASSANDRA_CA_FILE, /ca, cannot be used")), Cause.SETTING, "WEIR_CASSANDRA_CA_FILE"),
    ],
)
def test_an_error_says_what_is_wrong(error: Exception, cause: Cause, says: str) -> None:
    fault = fault_of(error, HERE)
    assert fault.cause is cause and says in fault.what


def test_a_wrong_data_centre_names_the_right_one() -> None:
    fault = fault_of(of(), replace(HERE, datacenter="dc1"), {"east", "west"})
    assert fault.cause is Cause.DATACENTER and "are of east, west" in fault.what and "WEIR_CASSANDRA_DATACENTER=east" in fault.next_step


def test_no_message_has_a_password(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("s3cret\n")
    provider = PasswordFile(replace(HERE, password_file=str(file)))
    login = provider.new_authenticator("c1")
    assert login.initial_response() == b"\0weir\0s3cret"
    file.write_text("rotated")
    assert login.initial_response() == b"\0weir\0rotated", "the client keeps it while a node is down"
    assert "rotated" not in repr(vars(login)) + repr(vars(provider))


@pytest.mark.parametrize(
    ("content", "says"), [(None, "no such file"), ("", "is empty"), (b"\xff\xfe", "is not UTF-8"), (Path(), "is a directory")]
)
def test_a_password_file_that_cannot_be_used_is_named(content: Any, says: str, tmp_path: Path) -> None:
    file = tmp_path / "password"
    if isinstance(content, Path):
        file.mkdir()
    elif content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(BadFile, match=rf"WEIR_CASSANDRA_PASSWORD_FILE, .*password,.* {says}"):
        _ = PasswordFile(replace(HERE, password_file=str(file))).new_authenticator("c1").password


def test_files_of_tls_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("no certificate")
    for change, setting in (({"ca_file": str(text)}, "CA"), ({"ca_file": "/nope"}, "CA"), ({"cert_file": str(text)}, "CERT")):
        with pytest.raises(BadFile, match=f"WEIR_CASSANDRA_{setting}_FILE, .*cannot be used"):
            context_of(replace(HERE, **change))


def test_blanks_around_hosts_are_dropped() -> None:
    assert address(replace(SETTINGS, cassandra_hosts=" a, b ,")).hosts == ("a", "b")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"cassandra_user": "weir"}, "WEIR_CASSANDRA_USER is set, and WEIR_CASSANDRA_PASSWORD_FILE is not"),
        ({"cassandra_password_file": "/p"}, "WEIR_CASSANDRA_PASSWORD_FILE is set, and WEIR_CASSANDRA_USER is not"),
        ({"driver_cassandra_user": "d"}, "WEIR_DRIVER_CASSANDRA_USER is set"),
        ({"cassandra_ca_file": "/ca"}, "WEIR_CASSANDRA_TLS is not"),
        ({"cassandra_tls": True, "cassandra_key_file": "/k"}, "WEIR_CASSANDRA_CERT_FILE is not"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(change: dict[str, Any], says: str) -> None:
    with pytest.raises(BadSetting, match=says):
        driver_address(replace(SETTINGS, **change))


def test_drivers_may_have_a_user_of_their_own() -> None:
    ours = replace(SETTINGS, cassandra_user="weir", cassandra_password_file="/w")
    theirs = replace(ours, driver_cassandra_user="driver", driver_cassandra_password_file="/d")
    assert [(found.user, found.login) for found in map(driver_address, (ours, theirs))] == [
        ("weir", "WEIR_CASSANDRA"), ("driver", "WEIR_DRIVER_CASSANDRA"),
    ]  # fmt: skip


def test_a_driver_of_the_release_before_gets_no_field_that_it_does_not_know() -> None:
    args = JobArguments("job", 1, 1, "v1", "c", "k", "t", CassandraAddress(("h",), keyspace=""))
    assert set(json.loads(args.to_argv()[0])["cassandra"]) == {"hosts", "port", "keyspace", "datacenter", "user", "password_file"}
    secure = replace(args, cassandra=replace(args.cassandra, tls=True, ca_file="/ca"))
    assert JobArguments.from_argv(secure.to_argv()) == secure


def test_a_driver_leaves_out_fields_of_a_later_release() -> None:
    args = JobArguments("job", 1, 1, "v1", "c", "k", "t", CassandraAddress(("h",)))
    values = json.loads(args.to_argv()[0])
    values["cassandra"]["later"] = 1
    assert JobArguments.from_argv([json.dumps(values)]) == args


def test_another_server_gets_no_login_of_the_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "stack.json").write_text(json.dumps({"cassandra_user": "weir", "cassandra_tls": True}))
    monkeypatch.setenv("WEIR_HOME", str(tmp_path))
    assert (Settings.load().cassandra_user, Settings.load().cassandra_tls) == ("weir", True)
    monkeypatch.setenv("WEIR_CASSANDRA_HOSTS", "elsewhere")
    assert (Settings.load().cassandra_user, Settings.load().cassandra_tls) == ("", False)
