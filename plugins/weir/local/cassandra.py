"""Cassandra: one node. Its configuration is what differs from the defaults, each with the reason."""

from __future__ import annotations

import os
import socket
import ssl
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from weir.local import cassandra_access, certs, jars
from weir.local.part import IPV4, LOOPBACK, Part, Stack, connect, java, late, told

if TYPE_CHECKING:
    from weir.settings import Settings

OPTIONS = bytes([5, 0, 0, 0, 5, 0, 0, 0, 0])  # a native protocol v5 frame: "what do you support?"
SUPPORTED = 6
BLOCK = 1024 * 1024  # bytes

# What Cassandra 5.0 lists in its jvm17-server.options: it reaches into the JDK.
OPENS = (
    "java.base/java.io", "java.base/java.lang", "java.base/java.lang.module", "java.base/java.lang.reflect",
    "java.base/java.math", "java.base/java.net", "java.base/java.nio", "java.base/java.util",
    "java.base/java.util.concurrent", "java.base/java.util.concurrent.atomic", "java.base/jdk.internal.loader",
    "java.base/jdk.internal.math", "java.base/jdk.internal.module", "java.base/jdk.internal.ref",
    "java.base/jdk.internal.reflect", "java.base/jdk.internal.util.jar", "java.base/sun.nio.ch",
    "jdk.compiler/com.sun.tools.javac.file", "jdk.management/com.sun.management.internal",
)  # fmt: skip
EXPORTS = (
    "java.base/java.lang.ref", "java.base/java.lang.reflect", "java.base/jdk.internal.misc", "java.base/jdk.internal.ref",
    "java.base/sun.nio.ch", "java.management.rmi/com.sun.jmx.remote.internal.rmi", "java.rmi/sun.rmi.registry",
    "java.rmi/sun.rmi.server", "java.sql/java.sql", "jdk.attach/sun.tools.attach", "jdk.compiler/com.sun.tools.javac.api",
    "jdk.compiler/com.sun.tools.javac.code", "jdk.compiler/com.sun.tools.javac.file",
    "jdk.compiler/com.sun.tools.javac.parser", "jdk.compiler/com.sun.tools.javac.tree",
    "jdk.compiler/com.sun.tools.javac.util", "jdk.unsupported/sun.misc",
)  # fmt: skip


def part(stack: Stack) -> Part:
    folder = stack.folder("cassandra")
    return Part(
        name="cassandra",
        address=stack.address("cassandra"),
        command=(java(), *_jvm(folder), *(cassandra_access.JVM if stack.secure else ()), "org.apache.cassandra.service.CassandraDaemon"),
        env=stack.env(CLASSPATH=os.pathsep.join(str(jar.path) for jar in jars.locked("cassandra"))),
        log=stack.log("cassandra"),
        probe=told(lambda: _probe(stack)),
        prepare=lambda: _prepare(stack),
        ready_s=240,
        stop_s=30,
        cwd=folder,
    )


def _jvm(folder: Path) -> list[str]:
    agent = next(jar.path for jar in jars.locked("cassandra") if ":jamm:" in jar.coordinate)
    return [
        "-ea",
        "-Xms256m", "-Xmx1g", "-Xss512k",  # 0.65 GiB resident when it is up, 1.5 GiB after work
        "-XX:MaxDirectMemorySize=256m",
        "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=300", "-XX:+ParallelRefProcEnabled",
        "-XX:+UseThreadPriorities", "-XX:+PerfDisableSharedMem", "-Xshare:auto",
        "-XX:+ExitOnOutOfMemoryError",  # the supervisor restarts a dead node, not a half-dead one
        f"-javaagent:{agent}",
        IPV4,
        "-Djava.awt.headless=true",
        "-Dio.netty.tryReflectionSetAccessible=true",
        "-Djdk.attach.allowAttachSelf=true",
        # One node: no gossip and no ring to wait for. Up in 9.5 s.
        "-Dcassandra.ring_delay_ms=1000",
        "-Dcassandra.skip_wait_for_gossip_to_settle=0",
        f"-Dcassandra.config={(folder / 'cassandra.yaml').as_uri()}",
        f"-Dcassandra.storagedir={folder / 'data'}",
        f"-Dcassandra.logdir={folder}",
        f"-Dlogback.configurationFile={(folder / 'logback.xml').as_uri()}",
        *(option for name in OPENS for option in ("--add-opens", f"{name}=ALL-UNNAMED")),
        *(option for name in EXPORTS for option in ("--add-exports", f"{name}=ALL-UNNAMED")),
    ]  # fmt: skip


def _prepare(stack: Stack) -> None:
    folder = stack.folder("cassandra")
    secure = cassandra_access.properties(stack) if stack.secure else {}
    (folder / "cassandra.yaml").write_text(yaml.safe_dump(_settings(stack) | secure, sort_keys=False))
    (folder / "logback.xml").write_text(LOGBACK)
    drop_unwritten(folder / "data" / "commitlog")


def open_to_clients(stack: Stack, settings: Settings) -> None:
    """Create the tables, and in a secure stack the users and what they may do. Safe to repeat. Raises WeirError."""
    if stack.secure:
        cassandra_access.open_to_clients(stack, settings)
    else:
        late("weir.cassandra.migrate", "migrate")(settings)


def drop_unwritten(commitlog: Path) -> None:
    """Remove commit log segments that contain only zeros. A full disk leaves them: the file was created, but nothing could be written.
    Cassandra does not start with one ("could not read commit log descriptor"), and nothing in it was acknowledged."""
    for segment in commitlog.glob("CommitLog-*.log"):
        with segment.open("rb") as file:
            if not any(any(block) for block in iter(partial(file.read, BLOCK), b"")):
                segment.unlink()


def _settings(stack: Stack) -> dict[str, object]:
    seeds = {
        "class_name": "org.apache.cassandra.locator.SimpleSeedProvider",
        "parameters": [{"seeds": f"{LOOPBACK}:{stack.ports['cassandra_storage']}"}],
    }
    return {
        "cluster_name": "weir",
        "num_tokens": 1,  # never a second node here; fewer ranges make start and repair of paxos state shorter
        "partitioner": "org.apache.cassandra.dht.Murmur3Partitioner",
        "endpoint_snitch": "SimpleSnitch",
        "seed_provider": [seeds],
        "listen_address": LOOPBACK,
        "storage_port": stack.ports["cassandra_storage"],
        "ssl_storage_port": stack.ports["cassandra_storage"],
        "start_native_transport": True,
        "rpc_address": LOOPBACK,
        "native_transport_port": stack.ports["cassandra"],
        # An acknowledged write is on disk; the default can lose up to 10 s of writes. With `group` and 10 ms, a small batch took 150 ms: it
        # waits for its writes one after the other (decision 53).
        "commitlog_sync": "batch",
        "commitlog_segment_size": "32MiB",
        "commitlog_total_space": "512MiB",
        "disk_failure_policy": "die",  # end, so that the supervisor sees it and restarts
        "commit_failure_policy": "die",
        # The head row changes by lightweight transactions: v2 needs fewer round trips, and its state is purged without repairs.
        "paxos_variant": "v2",
        "paxos_state_purging": "gc_grace",
        # A loaded two-core machine pauses for seconds; a late write is better than a retry.
        "read_request_timeout": "10s",
        "range_request_timeout": "20s",
        "write_request_timeout": "10s",
        "cas_contention_timeout": "5s",
        "request_timeout": "20s",
        "memtable_heap_space": "192MiB",
        "memtable_offheap_space": "64MiB",
        "file_cache_size": "64MiB",
        "key_cache_size": "16MiB",
        "counter_cache_size": "0MiB",
        "concurrent_compactors": 1,
        "compaction_throughput": "32MiB/s",
        "concurrent_reads": 16,
        "concurrent_writes": 16,
        "native_transport_max_threads": 32,
        "hinted_handoff_enabled": False,
        "dynamic_snitch": False,
        "auto_snapshot": False,  # a dropped test keyspace is removed, not kept under snapshots/
        "cdc_enabled": False,
        "authenticator": "AllowAllAuthenticator",  # it listens on loopback only
        "authorizer": "AllowAllAuthorizer",
        "trickle_fsync": True,
    }


LOGBACK = """\
<configuration>
  <shutdownHook class="ch.qos.logback.core.hook.DelayingShutdownHook"/>
  <appender name="STDOUT" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%-5level [%thread] %date{ISO8601} %F:%L - %msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="STDOUT"/></root>
  <logger name="org.apache.cassandra.config.Config" level="WARN"/>
</configuration>
"""


def _probe(stack: Stack) -> str:
    """Ask the native port for its options: answered in a millisecond, and only when clients are served."""
    with connect(stack.ports["cassandra"]) as plain, _wrapped(stack, plain) as link:
        link.sendall(OPTIONS)
        header = link.recv(9)
    return "" if len(header) >= 5 and header[4] == SUPPORTED else "does not speak CQL yet"


def _wrapped(stack: Stack, link: socket.socket) -> socket.socket:
    """Return the link, in TLS in a secure stack."""
    if not stack.secure:
        return link
    return ssl.create_default_context(cafile=certs.ca_file(stack.home)).wrap_socket(link, server_hostname=LOOPBACK)
