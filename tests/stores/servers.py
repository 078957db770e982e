"""HDFS and S3 as processes of this machine, in folders and on ports of their own: NameNode and DataNode of Hadoop's jars, and moto."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from tests.parts import part_of
from weir.cluster.file_systems import opened
from weir.local import jars
from weir.local.part import IPV4, LOOPBACK, Part, get, get_json, java, told
from weir.local.ports import next_free
from weir.settings import Settings

# Below 27000, by process: of two suites that look at once, both find the same port free, and one NameNode cannot bind (seen).
FIRST_PORT = 26_000 + os.getpid() % 50 * 10
READY_S = 600.0  # on a machine that was busy with other work the NameNode took more than two minutes
HDFS_JVM = ("-Xmx192m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", IPV4)
HDFS = "org.apache.hadoop.hdfs.server"
BEANS = "Hadoop:service=NameNode,name=NameNodeStatus", "Hadoop:service=NameNode,name=FSNamesystemState"
MOTO = Path(sys.prefix) / "moto" / "bin" / "moto_server"
BUCKET = "weir"
KEY_ID, KEY = "test-key", "test-secret-of-s3"
LOG4J = """\
log4j.rootLogger=WARN,out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d{ISO8601} %p %c{1}: %m%n
"""


@dataclass(frozen=True)
class FileStore:
    """A running store. `uri` is a folder in it, `reach` the settings by which it is reached, `jars` what a driver needs besides Spark's."""

    name: str
    uri: str
    reach: Mapping[str, str | bool] = field(default_factory=dict)
    jars: tuple[Path, ...] = ()

    def settings(self, settings: Settings, folder: str) -> Settings:
        """Return the settings with the checkpoints in a folder of the store."""
        drivers = ",".join(filter(None, [settings.spark_jars, *map(str, self.jars)]))
        return replace(settings, checkpoints=f"{self.uri}/{folder}", spark_jars=drivers, **self.reach)  # type: ignore[arg-type]

    def write(self, uri: str, data: bytes) -> None:
        """Write a file as a driver would."""
        fs, path = opened(uri, self.settings(Settings(home=""), ""))
        fs.create_dir(path.rpartition("/")[0])
        with fs.open_output_stream(path) as stream:
            stream.write(data)


@contextlib.contextmanager
def hdfs(home: Path) -> Iterator[FileStore]:
    """A NameNode and a DataNode, up in about ten seconds."""
    names = ("rpc", "web", "data", "data_web", "data_ipc")
    numbers = dict(zip(names, _ports(len(names)), strict=True))
    _configure(home, numbers)
    with part_of(_name_node(home, numbers), _data_node(home, numbers)):
        web = f"http://{LOOPBACK}:{numbers['web']}"
        yield FileStore("hdfs", f"hdfs://{LOOPBACK}:{numbers['rpc']}/weir", {"hdfs_web": web, "hdfs_user": "weir"})


@contextlib.contextmanager
def s3(home: Path) -> Iterator[FileStore]:
    """moto with a bucket, up in two seconds. It keeps everything in memory."""
    if not MOTO.exists():
        pytest.skip("needs moto: make dev")
    (port,) = _ports(1)
    address = f"{LOOPBACK}:{port}"
    part = Part(
        name="moto",
        address=address,
        command=(str(MOTO), "-H", LOOPBACK, "-p", str(port)),
        env={**os.environ, "AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": KEY},
        log=home / "moto.log",
        probe=told(lambda: "" if get(f"http://{address}/moto-api/") else "is empty"),
        ready_s=READY_S,
    )
    credentials = home / "s3-credentials"
    credentials.write_text(f"[default]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = {KEY}\n")
    credentials.chmod(0o600)
    with part_of(part):
        urllib.request.urlopen(urllib.request.Request(f"http://{address}/{BUCKET}", method="PUT"), timeout=30).close()
        reach = {"s3_endpoint": f"http://{address}", "s3_path_style": True, "s3_credentials_file": str(credentials)}
        yield FileStore("s3a", f"s3a://{BUCKET}/weir", reach, tuple(jars.class_path("s3a")))


@contextlib.contextmanager
def local(home: Path) -> Iterator[FileStore]:
    """A folder of this machine."""
    yield FileStore("folder", (home / "weir").as_uri())


STORES = {"folder": local, "hdfs": hdfs, "s3a": s3}
EACH = ["folder", *(pytest.param(name, marks=pytest.mark.stack) for name in ("hdfs", "s3a"))]
ALL_STORES = pytest.mark.skipif(not os.environ.get("WEIR_ALL_STORES"), reason="make test-stores runs it")
# Of tests that take 10 s on HDFS for each of their cases: there they run with `make test-stores`.
EACH_AT_LENGTH = ["folder", pytest.param("hdfs", marks=[pytest.mark.stack, ALL_STORES]), pytest.param("s3a", marks=pytest.mark.stack)]


@pytest.fixture(scope="session")
def file_stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], FileStore]]:
    """The stores by name, each started when it is first asked for."""
    with contextlib.ExitStack() as stack:

        @functools.cache
        def started(name: str) -> FileStore:
            return stack.enter_context(STORES[name](tmp_path_factory.mktemp(name)))

        yield started


@pytest.fixture(params=EACH)
def file_store(request: pytest.FixtureRequest, file_stores: Callable[[str], FileStore]) -> FileStore:
    return file_stores(request.param)


def _ports(count: int) -> list[int]:
    found: set[int] = set()
    for _ in range(count):
        found.add(next_free(FIRST_PORT, found))
    return sorted(found)


def _configure(home: Path, numbers: Mapping[str, int]) -> None:
    site = {
        "dfs.namenode.rpc-address": f"{LOOPBACK}:{numbers['rpc']}",
        "dfs.namenode.http-address": f"{LOOPBACK}:{numbers['web']}",
        "dfs.namenode.name.dir": (home / "name").as_uri(),
        "dfs.datanode.data.dir": (home / "data").as_uri(),
        "dfs.datanode.address": f"{LOOPBACK}:{numbers['data']}",
        "dfs.datanode.http.address": f"{LOOPBACK}:{numbers['data_web']}",
        "dfs.datanode.ipc.address": f"{LOOPBACK}:{numbers['data_ipc']}",
        "dfs.datanode.hostname": LOOPBACK,
        "dfs.replication": 1,
        "dfs.permissions.superusergroup": "weir",
        "dfs.namenode.safemode.extension": 0,
        "dfs.namenode.datanode.registration.ip-hostname-check": "false",
    }
    conf = home / "conf"
    conf.mkdir(parents=True, exist_ok=True)
    (conf / "hdfs-site.xml").write_text(_xml(site))
    (conf / "core-site.xml").write_text(_xml({"fs.defaultFS": f"hdfs://{LOOPBACK}:{numbers['rpc']}", "hadoop.tmp.dir": home / "tmp"}))
    (conf / "log4j.properties").write_text(LOG4J)


def _name_node(home: Path, numbers: Mapping[str, int]) -> Part:
    web = f"{LOOPBACK}:{numbers['web']}"

    def probe() -> str:
        state = get_json(f"http://{web}/jmx?qry={BEANS[0]}")["beans"]
        return "" if state and state[0]["State"] == "active" else "is not active"

    return _hdfs_part(home, "namenode.NameNode", web, probe)


def _data_node(home: Path, numbers: Mapping[str, int]) -> Part:
    def probe() -> str:
        """It is ready when the NameNode has it: before that a file is refused."""
        beans = get_json(f"http://{LOOPBACK}:{numbers['web']}/jmx?qry={BEANS[1]}")["beans"]
        return (
            "" if beans and beans[0]["NumLiveDataNodes"] == 1 and beans[0]["FSState"] == "Operational" else "is not known to the NameNode"
        )

    return _hdfs_part(home, "datanode.DataNode", f"{LOOPBACK}:{numbers['data']}", probe)


def _hdfs_part(home: Path, main: str, address: str, probe: object) -> Part:
    path = os.pathsep.join([str(home / "conf"), *map(str, jars.class_path("hadoop"))])
    env = {name: value for name, value in os.environ.items() if not name.startswith("HADOOP")} | {"HADOOP_USER_NAME": "weir"}
    base = (java(), *HDFS_JVM, "-cp", path, f"{HDFS}.{main}")

    def prepare() -> None:
        if main.startswith("namenode") and not (home / "name" / "current").exists():
            from weir.local.process import run

            run((*base, "-format", "-nonInteractive"), home / "format.log", env, home, 120)

    return Part(
        name=main.partition(".")[2],
        address=address,
        command=base,
        env=env,
        log=home / f"{main.partition('.')[0]}.log",
        probe=told(probe),  # type: ignore[arg-type]
        prepare=prepare,
        ready_s=READY_S,
        stop_s=5,
    )


def _xml(values: Mapping[str, object]) -> str:
    rows = "".join(f"<property><name>{name}</name><value>{escape(str(value))}</value></property>\n" for name, value in values.items())
    return f"<configuration>\n{rows}</configuration>\n"
