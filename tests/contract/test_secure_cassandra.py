"""A Cassandra as a secure stack starts it: TLS, logins, and no table that was not granted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from spark_jobs.runtime.contract import CassandraAddress
from spark_jobs.runtime.faults import OutOfPatience
from spark_jobs.runtime.session import Session
from tests.parts import secure
from weir import errors
from weir.addresses import address, driver_address
from weir.cassandra.session import PatientSession
from weir.files import write_private
from weir.local import cassandra, cassandra_access, certs, secrets
from weir.local.part import Stack
from weir.settings import Settings

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, Settings]]:
    with secure(tmp_path_factory.mktemp("secure"), "cassandra") as (stack, settings):
        for _ in range(2):  # as each `weir up` does
            cassandra.open_to_clients(stack, settings)
        yield stack, settings


def fails(where: CassandraAddress) -> errors.WeirError:
    with pytest.raises((errors.NotRunning, errors.BadSetting)) as found:
        PatientSession(where, 30.0)
    return found.value


def test_a_way_that_does_not_fit_is_told_by_its_name(there: tuple[Stack, Settings], tmp_path: Path) -> None:
    _, settings = there
    ours = address(settings)
    plain = fails(replace(ours, tls=False, ca_file=""))
    assert isinstance(plain, errors.HandshakeFailed) and "speaks TLS, and WEIR_CASSANDRA_TLS is not set" in plain.what
    certs.ensure(tmp_path)
    stranger = fails(replace(ours, ca_file=str(certs.ca_file(tmp_path))))
    assert isinstance(stranger, errors.HandshakeFailed) and "authority is not in WEIR_CASSANDRA_CA_FILE" in stranger.what
    nobody = fails(replace(ours, user="", password_file=""))
    assert isinstance(nobody, errors.LoginRefused) and "asks for a login" in nobody.what
    wrong = tmp_path / "wrong"
    wrong.write_text("not it")
    refused = fails(replace(ours, password_file=str(wrong)))
    assert isinstance(refused, errors.LoginRefused) and f"login of cassandra_weir with the password in {wrong}" in refused.what
    wrong.write_text("cassandra")
    assert isinstance(fails(replace(ours, user="cassandra", password_file=str(wrong))), errors.LoginRefused), "the built-in superuser"


def test_each_role_may_do_what_it_must_and_nothing_else(there: tuple[Stack, Settings], monkeypatch: pytest.MonkeyPatch) -> None:
    stack, settings = there
    monkeypatch.setattr("spark_jobs.runtime.session.FIX_S", 0.1)
    with closing(PatientSession(address(settings), 30.0)) as weir, closing(Session(driver_address(settings), None)) as driver:
        weir.execute("INSERT INTO proven (job, record) VALUES (?, ?)", "j", "{}")
        driver.execute("INSERT INTO ledger_day (job, day) VALUES (?, ?)", "j", "2026-11-29")
        with pytest.raises(errors.NotAuthorized, match=r"cassandra_weir: MODIFY on table weir\.migration"):
            weir.execute("INSERT INTO migration (name, digest) VALUES (?, ?)", "x", "y")
        for cql in ("INSERT INTO version (job, version) VALUES ('j', 'v')", "SELECT record FROM proven WHERE job = 'j'"):
            with pytest.raises(OutOfPatience, match=r"WEIR-211: .* cassandra_driver: (MODIFY|SELECT) on table weir\.(version|proven)"):
                driver.execute(cql)
    reader = replace(cassandra_access.address(stack, cassandra_access.READER), keyspace=settings.cassandra_keyspace)
    with closing(PatientSession(reader, 30.0)) as session:
        assert session.execute("SELECT * FROM proven WHERE job = ?", "j")
        with pytest.raises(errors.NotAuthorized):
            session.execute("INSERT INTO proven (job, record) VALUES (?, ?)", "j", "{}")


def test_a_password_is_rotated_under_a_session_that_stays(there: tuple[Stack, Settings]) -> None:
    """First in Cassandra, then in the file; what happens between is a connection that is refused, and made again."""
    stack, settings = there
    file = secrets.user_file(stack.home, cassandra_access.WEIR)
    with closing(PatientSession(address(settings), 30.0)) as session:
        cassandra_access.set_password(stack, cassandra_access.WEIR, "the new one")
        assert session.execute("SELECT * FROM proven WHERE job = ?", "j"), "connections that are open stay"
        session._cluster.shutdown()
        with pytest.raises(errors.LoginRefused, match=str(file)):
            session.execute("SELECT * FROM proven WHERE job = ?", "j")
        write_private(file, "the new one\n")
        assert session.execute("SELECT * FROM proven WHERE job = ?", "j"), "and a new one has the new password"


def test_what_is_secret_is_readable_for_its_owner_alone(there: tuple[Stack, Settings]) -> None:
    stack, _ = there
    files = [*stack.folder("credentials").iterdir(), *stack.folder("certs").iterdir(), stack.home / "secrets.json"]
    assert files and {oct(file.stat().st_mode & 0o777) for file in files} == {"0o600"}
    log = stack.log("cassandra").read_text()
    assert not [user for user in secrets.USERS if stack.secrets[user] in log]
