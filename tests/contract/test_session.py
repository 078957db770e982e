"""A session with a Cassandra that cannot be used, or does not know what became of a statement."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import pytest
from cassandra.cluster import EXEC_PROFILE_DEFAULT
from cassandra.policies import RetryPolicy
from cassandra.protocol import ErrorMessage

from spark_jobs.runtime.contract import CassandraAddress
from spark_jobs.runtime.faults import Cause, OutOfPatience
from spark_jobs.runtime.session import OUTAGE, Session, _cluster
from weir import errors
from weir.cassandra.session import PatientSession
from weir.cassandra.store import CassandraStore

NOWHERE = CassandraAddress(("127.0.0.1",), port=1)


@pytest.fixture
def there(real_store: CassandraStore) -> CassandraAddress:
    """The address of a real node."""
    return real_store.session._address


@pytest.fixture
def mute() -> Iterator[int]:
    """The port of a server that accepts connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_it_goes_on_trying_as_long_as_it_has_patience_and_says_how_long_that_was(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(OutOfPatience, match=r"WEIR-208: .* 127\.0\.0\.1:1 refuses the connection.*tried for 1\.\d s") as found:
        Session(NOWHERE, patience_s=1.0)
    assert found.value.after_s >= 1.0
    assert sum("next try" in r.message for r in caplog.records) > 1


def test_what_an_operator_must_fix_is_not_waited_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(errors.BadSetting, match=r"WEIR_CASSANDRA_PASSWORD_FILE, .*nowhere, cannot be read: no such file"):
        PatientSession(replace(NOWHERE, user="weir", password_file=str(tmp_path / "nowhere")), patience_s=30.0)
    assert "next try" not in caplog.text


def test_a_driver_waits_for_it_but_not_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spark_jobs.runtime.session.FIX_S", 0.3)
    with pytest.raises(OutOfPatience, match=r"WEIR-106: WEIR_DRIVER_CASSANDRA_PASSWORD_FILE, .*is a directory"):
        Session(replace(NOWHERE, user="weir", password_file=str(tmp_path), login="WEIR_DRIVER_CASSANDRA"), patience_s=None)


def test_a_server_that_says_nothing_is_told_as_that(mute: int) -> None:
    with pytest.raises(errors.NotRunning, match=f"WEIR-201: Cassandra at 127.0.0.1:{mute} did not answer in ") as found:
        PatientSession(replace(NOWHERE, port=mute), patience_s=0.1)
    assert type(found.value) is errors.NotRunning


@pytest.mark.parametrize("host", ["cassandra.invalid", "a..b", "x" * 64 + ".org"])
def test_a_name_that_cannot_be_resolved_is_an_outage_that_names_it(host: str) -> None:
    with pytest.raises(errors.NameNotResolved, match=f"cannot be resolved: {host}"):
        PatientSession(replace(NOWHERE, hosts=(host,)), patience_s=0.1)


@pytest.mark.stack
@pytest.mark.parametrize(
    ("change", "kind", "says"),
    [
        ({"datacenter": "dc9"}, errors.WrongDatacenter, "of datacenter1, and not of dc9. Set WEIR_CASSANDRA_DATACENTER=datacenter1"),
        ({"keyspace": "Weir2"}, errors.KeyspaceMissing, "no keyspace Weir2"),
        ({"tls": True}, errors.HandshakeFailed, "does not speak TLS at this port"),
    ],
)
def test_a_node_that_answers_is_never_said_not_to_answer(
    there: CassandraAddress, change: dict[str, object], kind: type[errors.NotRunning], says: str
) -> None:
    with pytest.raises(kind, match=says):
        PatientSession(replace(there, **change), patience_s=30.0)


@pytest.mark.stack
def test_one_of_several_hosts_is_enough(there: CassandraAddress) -> None:
    session = PatientSession(replace(there, hosts=("cassandra.invalid", " 127.0.0.1")), patience_s=30.0)
    assert session.execute("SELECT release_version FROM system.local")
    session.close()


@pytest.mark.stack
def test_a_session_whose_client_has_given_up_connects_anew(there: CassandraAddress) -> None:
    session = PatientSession(there, patience_s=30.0)
    session.execute("SELECT release_version FROM system.local")
    session._cluster.shutdown()  # as after a login that was refused once: the client never tries that node again
    assert session.execute("SELECT release_version FROM system.local")
    session.close()


@pytest.mark.stack
def test_a_batch_of_one_partition_may_be_large(real_store: CassandraStore) -> None:
    """Cassandra's limits on batches are for batches of several partitions."""
    rows = [("large", n, b"x" * 10_000) for n in range(100)]
    real_store.session.run("CREATE TABLE IF NOT EXISTS large (job text, n int, value blob, PRIMARY KEY (job, n))")
    real_store.session.write_partitions("INSERT INTO large (job, n, value) VALUES (?, ?, ?)", [rows])
    assert real_store.session.execute("SELECT count(*) FROM large WHERE job = ?", "large")[0].count == 100


def test_a_transaction_of_unknown_outcome_is_read_back() -> None:
    """As the bytes that Cassandra sends: the code, a message, and what the coordinator knows."""
    sent = BytesIO((0x1700).to_bytes(4, "big") + b"\x00\x07CAS ...")
    assert isinstance(ErrorMessage.recv_body(sent, protocol_version=5), OUTAGE)


def test_nothing_is_sent_to_another_node_behind_the_callers_back() -> None:
    policy = _cluster(CassandraAddress(("127.0.0.1",))).profile_manager.profiles[EXEC_PROFILE_DEFAULT].retry_policy
    gone = SimpleNamespace(consistency_level=1)
    assert policy.on_request_error(gone, 1, ConnectionError("the node died"), 0)[0] == RetryPolicy.RETHROW
    assert policy.on_write_timeout(gone, 1, "CAS", 2, 1, 0)[0] == RetryPolicy.RETHROW


def test_every_cause_has_an_error_of_its_own() -> None:
    from weir.cassandra.session import BY_CODE

    assert sorted(BY_CODE) == sorted(set(Cause) - {Cause.TOPIC})  # which is Kafka's
