"""Who may do what in the Cassandra of a secure stack: TLS for every client, a login, and no table that was not granted."""

from __future__ import annotations

import secrets as random
import tempfile
import time
from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any

from spark_jobs.runtime.contract import CassandraAddress
from weir.cassandra import roles
from weir.errors import LoginRefused
from weir.local import certs, secrets
from weir.local.part import LOOPBACK, Stack, late

if TYPE_CHECKING:
    from weir.settings import Settings

# The administrator of the stack, the owner of the tables, supervision, drivers, and who only reads counts.
ADMIN, OWNER, WEIR, DRIVER, READER = "cassandra_admin", "cassandra_owner", "cassandra_weir", "cassandra_driver", "cassandra_reader"
BUILT_IN = "cassandra"  # Cassandra's own superuser, whose password is its name
PATIENCE_S = 60.0
JVM = ("-Dcassandra.superuser_setup_delay_ms=0",)  # 10 s by default, in which nobody can log in


def properties(stack: Stack) -> dict[str, object]:
    """Return the settings of cassandra.yaml that make it secure."""
    return {
        "authenticator": "PasswordAuthenticator",
        "authorizer": "CassandraAuthorizer",
        "role_manager": "CassandraRoleManager",
        "client_encryption_options": {
            "enabled": True,
            "optional": False,
            "require_client_auth": False,
            "ssl_context_factory": {"class_name": "org.apache.cassandra.security.PEMBasedSslContextFactory"},
            "keystore": str(certs.store_file(stack.home, "cassandra")),
            "truststore": str(certs.ca_file(stack.home)),
        },
    }


def settings(stack: Stack) -> dict[str, object]:
    """Return the settings by which Weir's clients connect."""
    return {
        "cassandra_tls": True,
        "cassandra_ca_file": str(certs.ca_file(stack.home)),
        "cassandra_user": WEIR,
        "cassandra_password_file": str(secrets.user_file(stack.home, WEIR)),
        "driver_cassandra_user": DRIVER,
        "driver_cassandra_password_file": str(secrets.user_file(stack.home, DRIVER)),
    }


def address(stack: Stack, user: str) -> CassandraAddress:
    """Return the address for one of the stack's users, without a keyspace."""
    return CassandraAddress(
        hosts=(LOOPBACK,),
        port=stack.ports["cassandra"],
        keyspace="",
        user=user,
        password_file=str(secrets.user_file(stack.home, user)),
        tls=True,
        ca_file=str(certs.ca_file(stack.home)),
    )


def open_to_clients(stack: Stack, found: Settings) -> None:
    """Create users, tables and grants. Safe to repeat. Raises WeirError."""
    owner = replace(found, cassandra_user=OWNER, cassandra_password_file=str(secrets.user_file(stack.home, OWNER)))
    logins = [roles.login(user, stack.secrets[user]) for user in (OWNER, WEIR, DRIVER, READER)]
    with closing(_admin(stack)) as admin:
        _run(admin, [roles.closed(BUILT_IN, random.token_urlsafe(24)), *chain(*logins), *roles.of_owner(OWNER)])
        late("weir.cassandra.migrate", "migrate")(owner)
        _run(admin, roles.grants(found.cassandra_keyspace, WEIR, DRIVER, READER))


def set_password(stack: Stack, user: str, password: str) -> None:
    """Change the password of a user. Connections that are open stay. Raises WeirError."""
    with closing(_session(address(stack, ADMIN))) as admin:
        _run(admin, roles.login(user, password, superuser=user == ADMIN))


def _admin(stack: Stack) -> Any:
    """Return a session of the administrator, who is created by the superuser that a new Cassandra has."""
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            return _session(address(stack, ADMIN))
        except LoginRefused:
            _create_admin(stack, last=time.monotonic() > end)
            time.sleep(0.2)


def _create_admin(stack: Stack, last: bool) -> None:
    """Raises LoginRefused for the `last` try; before that, a new node may not have its superuser yet."""
    with tempfile.NamedTemporaryFile("w", dir=stack.folder("credentials")) as password:  # mode 0600
        password.write(BUILT_IN)
        password.flush()
        try:
            with closing(_session(replace(address(stack, BUILT_IN), password_file=password.name))) as session:
                _run(session, roles.login(ADMIN, stack.secrets[ADMIN], superuser=True))
        except LoginRefused:
            if last:
                raise


def _session(where: CassandraAddress) -> Any:
    return late("weir.cassandra.session", "PatientSession")(where, PATIENCE_S)


def _run(session: Any, statements: Iterable[str]) -> None:
    """Run statements that no message may show."""
    for statement in statements:
        session.run(statement, "users and their rights")
