"""The address of Kafka, from the settings to both of its clients, and the reading of their errors. tests/contract has real brokers."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from spark_jobs.runtime.contract import CassandraAddress, JobArguments
from spark_jobs.runtime.kafka_address import KafkaAddress, java_options
from spark_jobs.runtime.kafka_faults import fault_in
from spark_jobs.runtime.kafka_probe import probe, split
from weir.addresses import driver_kafka_address, ingest_kafka_address, kafka_address
from weir.errors import BadSetting
from weir.settings import Settings
from weir.sources.connection import client_options
from weir.supervise.start.submission import spark_options

SCRAM = KafkaAddress("kafka1:9092", "SASL_SSL", "SCRAM-SHA-512", "weir", "/run/secrets/kafka", "/etc/ca.pem")
PLAIN = JobArguments("job", 1, 1, "v1", "file:///c", "kafka1:9092", "logs", CassandraAddress(("127.0.0.1",)))


def test_arguments_of_the_release_before_lead_to_the_same_kafka() -> None:
    values = json.loads(PLAIN.to_argv()[0])
    del values["kafka"]
    old = JobArguments.from_argv([json.dumps(values)])
    assert old.kafka == KafkaAddress("kafka1:9092") and old.kafka_options == {"bootstrap.servers": "kafka1:9092"}


def test_arguments_name_the_servers_as_the_release_before_reads_them() -> None:
    args = replace(PLAIN, kafka=SCRAM)
    assert json.loads(args.to_argv()[0])["bootstrap_servers"] == "kafka1:9092"
    assert JobArguments.from_argv(args.to_argv()) == args


def test_a_field_of_a_later_release_is_left_out() -> None:
    values = json.loads(replace(PLAIN, kafka=SCRAM).to_argv()[0])
    values["kafka"]["later"] = "x"
    assert JobArguments.from_argv([json.dumps(values)]).kafka == SCRAM


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"])
def test_no_secret_is_in_what_a_driver_or_a_plain_job_is_given(mechanism: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("not for others")
    file = str(secret)
    own = replace(SCRAM, mechanism=mechanism, password_file=file, client_secret_file=file, token_url="http://t", client_id="weir")
    address = replace(own, ca_file="")
    shown = [spark_options(address), *replace(PLAIN, kafka=address).to_argv()]
    assert all("not for others" not in text and file in text for text in (shown[0].replace(":secret", "/secret"), shown[1]))
    assert "not for others" in client_options(address).values()


def test_plain_text_asks_for_nothing_more_than_before() -> None:
    assert java_options(KafkaAddress("kafka1:9092")) == {"bootstrap.servers": "kafka1:9092"}
    assert client_options("kafka1:9092") == {"bootstrap.servers": "kafka1:9092", "log_level": 0}


@pytest.mark.parametrize("file", ["relative", "/a:b", "/a}b"])
def test_a_path_that_java_would_read_differently_is_refused(file: str) -> None:
    with pytest.raises(ValueError, match="Java"):
        java_options(replace(SCRAM, password_file=file))


def test_each_role_has_its_own_login() -> None:
    settings = Settings(
        "/home", kafka="k:1", driver_kafka="d:2", kafka_security="SASL_SSL", kafka_mechanism="PLAIN", kafka_user="weir",
        kafka_password_file="/w", driver_kafka_user="driver", driver_kafka_password_file="/d",
        ingest_kafka_user="ingest", ingest_kafka_password_file="/i",
    )  # fmt: skip
    found = [of(settings) for of in (kafka_address, driver_kafka_address, ingest_kafka_address)]
    assert [(one.servers, one.user, one.password_file) for one in found] == [
        ("k:1", "weir", "/w"), ("d:2", "driver", "/d"), ("k:1", "ingest", "/i"),
    ]  # fmt: skip
    alone = replace(settings, driver_kafka_user="", ingest_kafka_user="", ingest_kafka_password_file="")
    assert driver_kafka_address(alone) == replace(found[1], user="weir"), "a file alone: where the password is on the workers"
    assert ingest_kafka_address(alone) == found[0]


OF_SCRAM = {"kafka_security": "SASL_SSL", "kafka_mechanism": "SCRAM-SHA-512", "kafka_user": "weir", "kafka_password_file": "/w"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"kafka_mechanism": ""}, "WEIR_KAFKA_SECURITY is SASL_SSL, and WEIR_KAFKA_MECHANISM is not set"),
        ({"kafka_security": "SSL"}, "WEIR_KAFKA_MECHANISM is set, and WEIR_KAFKA_SECURITY is SSL"),
        ({"kafka_user": ""}, "WEIR_KAFKA_PASSWORD_FILE is set, and WEIR_KAFKA_USER is not"),
        ({"kafka_user": "", "kafka_password_file": ""}, "WEIR_KAFKA_MECHANISM is SCRAM-SHA-512, and WEIR_KAFKA_USER is not set"),
        ({"kafka_mechanism": "OAUTHBEARER"}, "WEIR_KAFKA_MECHANISM is OAUTHBEARER, and WEIR_KAFKA_TOKEN_URL is not set"),
        ({"kafka_cert_file": "/c"}, "WEIR_KAFKA_CERT_FILE is set, and WEIR_KAFKA_KEY_FILE is not"),
        (
            {"kafka_security": "SASL_PLAINTEXT", "kafka_ca_file": "/c"},
            "WEIR_KAFKA_CA_FILE is set, and WEIR_KAFKA_SECURITY is SASL_PLAINTEXT",
        ),
        ({"driver_kafka_user": "driver"}, "WEIR_DRIVER_KAFKA_USER is set, and WEIR_DRIVER_KAFKA_PASSWORD_FILE is not"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(change: dict[str, str], says: str) -> None:
    settings = Settings("/home", **{**OF_SCRAM, **change})  # type: ignore[arg-type]
    with pytest.raises(BadSetting, match=says):
        driver_kafka_address(settings)


@pytest.mark.parametrize(
    ("file", "says"), [("", "is not set"), ("/no/such", "cannot be read: No such file"), (".", "cannot be read: Is a directory")]
)
def test_a_password_file_that_cannot_be_read_is_named(file: str, says: str) -> None:
    with pytest.raises(BadSetting, match=says) as told:
        client_options(replace(SCRAM, ca_file="", password_file=file))
    assert "WEIR_KAFKA_PASSWORD_FILE" in str(told.value)


def test_an_empty_password_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(BadSetting, match="is empty"):
        client_options(replace(SCRAM, ca_file="", password_file=str(tmp_path / "empty")))


def test_the_stacks_login_is_not_sent_to_another_kafka(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    login = {name: value for name, value in asdict(SCRAM).items() if name in ("user", "mechanism")}
    (tmp_path / "stack.json").write_text(json.dumps({"kafka": "stack:9092", **{f"kafka_{name}": value for name, value in login.items()}}))
    monkeypatch.setenv("WEIR_HOME", str(tmp_path))
    monkeypatch.delenv("WEIR_KAFKA", raising=False)
    assert Settings.load().kafka_user == "weir"
    monkeypatch.setenv("WEIR_KAFKA", "mine:9092")
    assert (Settings.load().kafka, Settings.load().kafka_user, Settings.load().kafka_mechanism) == ("mine:9092", "", "")


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("org.apache.kafka.common.errors.TopicAuthorizationException: Not authorized to access topics: [logs]", "211", "of the topic logs"),
        ("org.apache.kafka.common.errors.GroupAuthorizationException: Not authorized to access group: g", "211", "of the group g"),
        ("CLUSTER_AUTHORIZATION_FAILED: Broker: Cluster authorization failed", "211", "of the cluster"),
        ("UnknownTopicOrPartitionException: This server does not host this topic-partition.", "204", "lacks a topic"),
        ("SaslAuthenticationException: Authentication failed: Invalid username or password", "210", "refuses the login of weir"),
        ("enabled mechanisms are [PLAIN] UnsupportedSaslMechanismException", "210", "offers the login PLAIN, and not SCRAM-SHA-512"),
        ("SSLHandshakeException: PKIX ... CertificateExpiredException: NotAfter: Tue", "209", "has expired"),
        ("KafkaException: No resolvable bootstrap urls given in bootstrap.servers", "207", "cannot be resolved"),
        ("Connect to ipv4#127.0.0.1:1 failed: Connection refused (after 0ms)", "208", "refuses the connection"),
        ("InvalidConfigurationException: Failed to load PEM SSL keystore /x Caused by: y", "106", "Failed to load PEM SSL keystore /x"),
    ],
)
def test_what_a_client_says_is_taken(text: str, code: str, says: str) -> None:
    fault = fault_in(text, SCRAM)
    assert fault and fault.cause == f"WEIR-{code}" and says in fault.what


def test_a_timeout_names_nothing() -> None:
    assert fault_in("org.apache.kafka.common.errors.TimeoutException: Timed out waiting for a node assignment.", SCRAM) is None


@pytest.mark.parametrize(("server", "parts"), [("kafka1:9092", ("kafka1", 9092)), ("[::1]:9092", ("::1", 9092)), ("kafka1", ("", 0))])
def test_servers_are_split(server: str, parts: tuple[str, int]) -> None:
    assert split(server) == parts


def test_of_several_servers_the_fault_to_fix_is_told() -> None:
    fault = probe(KafkaAddress("nowhere.invalid:1,127.0.0.1:1"))
    assert fault and fault.cause == "WEIR-208"
