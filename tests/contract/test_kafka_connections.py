"""Every way to connect to Kafka, by both of its clients, and every way to fail, with the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import Producer
from py4j.protocol import Py4JJavaError

from spark_jobs.runtime.contract import Exit
from spark_jobs.runtime.ending import explain
from spark_jobs.runtime.kafka_address import KafkaAddress, java_options
from spark_jobs.sources import kafka as source
from weir.errors import WeirError
from weir.ingest import producer
from weir.local import certs, kafka_access, rotate, secrets
from weir.sources.connection import client_options
from weir.sources.kafka import KafkaBroker

from .kafka_doors import PASSWORD, Doors, doors

pytestmark = pytest.mark.stack
SOON = {"default.api.timeout.ms": "2000", "request.timeout.ms": "1500"}


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    with doors(tmp_path_factory.mktemp("kafka")) as found:
        yield found


def id_in_java(jvm: Any, address: KafkaAddress, **more: str) -> str:
    """As a driver asks for the id of its topic."""
    args: Any = SimpleNamespace(kafka_options={**java_options(address), **more})
    return source.TopicWatch(SimpleNamespace(_jvm=jvm), args).ids(["logs"])["logs"]  # type: ignore[arg-type]


WAYS: dict[str, Callable[[Doors], KafkaAddress]] = {
    "PLAIN": lambda door: door.login("PLAIN"),
    "SCRAM-SHA-256": lambda door: door.login("SCRAM-SHA-256"),
    "SCRAM-SHA-512": lambda door: door.login("SCRAM-SHA-512"),
    "a password file with a line end": lambda door: door.login("SCRAM-SHA-512", password_file=door.secret("line", f"{PASSWORD}\n")),
    "a password file as of Windows": lambda door: door.login("SCRAM-SHA-512", password_file=door.secret("crlf", f"{PASSWORD}\r\n")),
    "mutual TLS": lambda door: door.with_certificate(certs.KAFKA_ADMIN),
    "OAUTHBEARER": lambda door: door.with_token(),
}


@pytest.mark.parametrize("way", WAYS)
def test_both_clients_connect(way: str, door: Doors, jvm: Any) -> None:
    address = WAYS[way](door)
    assert id_in_java(jvm, address) == KafkaBroker(address).topic_id("logs")


@dataclass(frozen=True)
class Failure:
    """A connection that fails, the code, and what the message says."""

    address: Callable[[Doors], KafkaAddress]
    code: str
    says: str
    java: str = ""  # what Java makes it say, if it is something else


def wrong(door: Doors) -> str:
    return door.secret("wrong", "wrong")


def foreign(door: Doors) -> KafkaAddress:
    home = door.stack.home / "another"
    ours = door.with_certificate(certs.CLIENT)
    return replace(ours, cert_file=str(certs.cert_file(home, "kafka")), key_file=str(certs.key_file(home, "kafka")))


FAILURES: dict[str, Failure] = {
    "name": Failure(lambda door: KafkaAddress("nowhere.invalid:9092"), "207", "name of Kafka's host cannot be resolved: nowhere.invalid"),
    "refused": Failure(lambda door: KafkaAddress("127.0.0.1:1"), "208", "127.0.0.1:1 refuses the connection"),
    "expired": Failure(lambda door: door.address("expired", "SSL"), "209", "its certificate has expired"),
    "elsewhere": Failure(lambda door: door.address("elsewhere", "SSL"), "209", "its certificate is for another host name"),
    "unknown authority": Failure(lambda door: door.address("foreign", "SSL"), "209", "authority is not in WEIR_KAFKA_CA_FILE"),
    "no client certificate": Failure(lambda door: door.address("internal", "SSL"), "209", "WEIR_KAFKA_CERT_FILE, or asks for one"),
    "foreign client certificate": Failure(foreign, "209", "does not accept the client certificate"),
    "plain text at TLS": Failure(
        lambda door: KafkaAddress(door.servers["client"]), "209", "speaks TLS, and WEIR_KAFKA_SECURITY is PLAINTEXT"
    ),
    "TLS at plain text": Failure(lambda door: door.address("plain", "SSL"), "209", "does not speak TLS at this port"),
    "wrong password": Failure(
        lambda door: door.login("SCRAM-SHA-512", password_file=wrong(door)), "210", "refuses the login of kafka_weir with the password in"
    ),
    "unknown user": Failure(lambda door: door.login("PLAIN", user="nobody"), "210", "refuses the login of nobody"),
    "no login": Failure(lambda door: door.address("client", "SSL"), "210", "asks for a login, and WEIR_KAFKA_SECURITY is SSL"),
    "another mechanism": Failure(
        lambda door: replace(door.login("SCRAM-SHA-512"), servers=door.servers["passwords"]), "210",
        "offers the login PLAIN, SCRAM-SHA-256, and not SCRAM-SHA-512. Set WEIR_KAFKA_MECHANISM=PLAIN",
    ),
    "no token": Failure(lambda door: door.with_token("not the secret"), "210", "gave no token: "),
    "no right to the topic": Failure(
        lambda door: door.with_certificate(certs.CLIENT), "211", "what it asks of the topic logs", "what it asks of the topic"
    ),
    "no file": Failure(
        lambda door: door.login("PLAIN", password_file="/no/such"), "106", "The file /no/such of WEIR_KAFKA_PASSWORD_FILE cannot be read"
    ),
    "no CA": Failure(
        lambda door: replace(door.login("PLAIN"), ca_file="/no/ca"), "106", "The file /no/ca of WEIR_KAFKA_CA_FILE cannot be read"
    ),
}  # fmt: skip


WAITS = ("refused", "plain text at TLS", "TLS at plain text", "no login")  # a client in Java, until its time is over


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_names_its_cause(name: str, door: Doors, jvm: Any) -> None:
    failure = FAILURES[name]
    address = failure.address(door)
    with pytest.raises(WeirError) as told:
        KafkaBroker(address, budget_s=2.0).end_offsets("logs")
    assert told.value.code == f"WEIR-{failure.code}" and failure.says in str(told.value)
    with pytest.raises(Py4JJavaError) as raised:
        id_in_java(jvm, address, **(SOON if name in WAITS else {}))
    reason, error = explain(raised.value, address)
    assert reason is Exit.LOST, "an outage, and no fault of a batch"
    assert error.startswith(f"WEIR-{failure.code}: ") and (failure.java or failure.says) in error.partition("\n")[0]
    assert PASSWORD not in error


def test_a_topic_that_is_not_there(door: Doors, jvm: Any) -> None:
    args: Any = SimpleNamespace(kafka_options=java_options(door.login("SCRAM-SHA-512")))
    with pytest.raises(Py4JJavaError) as raised:
        source.TopicWatch(SimpleNamespace(_jvm=jvm), args).ids(["nothing"])  # type: ignore[arg-type]
    reason, error = explain(raised.value, door.login("SCRAM-SHA-512"))
    assert reason is Exit.LOST and error.startswith("WEIR-204: ")


def test_the_snapshot_of_topics_says_why_it_is_empty(door: Doors) -> None:
    refused = KafkaBroker(door.login("SCRAM-SHA-512", password_file=wrong(door)), budget_s=2.0).topics(["logs"])["logs"]
    assert refused.end_offsets is None and refused.fault.startswith("WEIR-210: Kafka at ")
    lacking = KafkaBroker(door.with_certificate(certs.CLIENT)).topics(["logs"])["logs"]
    assert lacking.fault.startswith("WEIR-211: ") and lacking.fault.endswith("of the topic logs")
    gone = KafkaBroker(door.login("PLAIN", password_file="/no/such")).topics(["logs"])["logs"]
    assert gone.fault.startswith("WEIR-106: ")


def test_a_client_that_was_refused_reads_its_file_again(door: Doors) -> None:
    file = door.secret("mended", "wrong")
    broker = KafkaBroker(door.login("SCRAM-SHA-512", password_file=file), budget_s=2.0)
    with pytest.raises(WeirError, match="WEIR-210"):
        broker.topic_id("logs")
    door.secret("mended", PASSWORD)
    assert broker.topic_id("logs")


def test_each_user_may_do_what_it_needs_and_no_more(door: Doors, jvm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "PATIENCE_S", 60.0)
    weir, driver, ingest = (door.login("SCRAM-SHA-512", user) for user in (kafka_access.WEIR, kafka_access.DRIVER, kafka_access.INGEST))
    sender = producer(ingest)
    sender.produce("logs", b"line", b"web", 0)
    assert sender.flush(30) == 0
    assert KafkaBroker(weir).retention("logs") and "logs" in KafkaBroker(weir).topic_names()
    assert [record.value for record in KafkaBroker(weir).records("logs", 0, 0, 1)] == [b"line"]
    args: Any = SimpleNamespace(kafka_options=java_options(driver))
    read = source.Records(SimpleNamespace(_jvm=jvm), args).values([("logs", 0, 0)], 100, 2**62)  # type: ignore[arg-type]
    assert read["logs", 0, 0][0] == b"line" and id_in_java(jvm, driver)
    with pytest.raises(WeirError, match="WEIR-211"):
        list(KafkaBroker(ingest).records("logs", 0, 0, 1))
    with pytest.raises(WeirError, match="WEIR-211"):
        KafkaBroker(driver).retention("logs")
    assert refused(weir) == refused(driver) == "TOPIC_AUTHORIZATION_FAILED"
    assert KafkaBroker(weir).end_offsets("logs")[0] == 1


def refused(address: KafkaAddress) -> str:
    """Why a line of this user is not taken."""
    told: list[str] = []

    def failed(error: Any, _: object) -> None:
        told.append(error.name())

    intruder = Producer(client_options(address))
    intruder.produce("logs", b"forged", b"web", 0, on_delivery=failed)
    assert intruder.flush(30) == 0
    return told[0]


def test_certificates_and_passwords_change_under_a_sender_that_loses_nothing(door: Doors) -> None:
    """The last one here: afterwards the users have other passwords."""
    stack, settings = door.stack, kafka_access.settings(door.stack)
    ours = door.login("SCRAM-SHA-512", password_file=str(settings["kafka_password_file"]))
    for user in kafka_access.RIGHTS:
        secrets.replace(stack.home, user, PASSWORD)
    sender, before = producer(door.login("SCRAM-SHA-512", kafka_access.INGEST)), KafkaBroker(ours)
    begin, sent = before.end_offsets("logs")[3], 0
    open_before = replace(ours, ca_file=door.secret("old-ca", certs.ca_file(stack.home).read_text()))

    def change(how: Callable[[], object]) -> None:
        nonlocal sent
        for line in range(100):
            sender.produce("logs", b"line", b"web", 3)
            if line == 50:
                how()
        assert sender.flush(60) == 0
        sent += 100
        assert before.end_offsets("logs")[3] == KafkaBroker(ours).end_offsets("logs")[3] == begin + sent

    change(lambda: rotate.certificates(stack, ["kafka"]))
    change(lambda: rotate.authority(stack))
    assert KafkaBroker(open_before).topic_id("logs"), "the certificate is still of the old authority"
    change(lambda: rotate.certificates(stack, ["kafka"]))
    with pytest.raises(WeirError, match="WEIR-209"):
        KafkaBroker(open_before, budget_s=2.0).topic_id("logs")
    change(lambda: rotate.passwords(stack, kafka_access.RIGHTS))
    with pytest.raises(WeirError, match="WEIR-210"):
        KafkaBroker(door.login("SCRAM-SHA-512"), budget_s=2.0).topic_id("logs")
