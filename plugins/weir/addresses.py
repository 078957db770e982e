"""Where the parts are that drivers and supervision share, as the settings say."""

from __future__ import annotations

from spark_jobs.runtime.contract import CassandraAddress
from weir.settings import Settings


def address(settings: Settings) -> CassandraAddress:
    """Return the address of the store."""
    return CassandraAddress(
        hosts=tuple(settings.cassandra_hosts.split(",")),
        port=settings.cassandra_port,
        keyspace=settings.cassandra_keyspace,
        datacenter=settings.cassandra_datacenter,
        user=settings.cassandra_user,
        password_file=settings.cassandra_password_file,
    )
