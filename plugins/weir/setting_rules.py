"""The rules of the settings: what each may be. Pure.

A rule takes the text of a setting and returns its value. It raises ValueError with what is wrong and how to write it.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Callable
from urllib.parse import urlsplit

Value = str | int | bool
Rule = Callable[[str], Value]

HOST = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?")
# Cassandra's own rule (SchemaConstants.isValidName): others are refused even in quotes.
KEYSPACE = re.compile(r"[A-Za-z0-9_]{1,48}")
OF_CASSANDRA = re.compile(r"(system|system_\w+|dse_\w+|solr_admin)")
URI = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/]*)(/.*)?", re.DOTALL)
# Both Spark (Hadoop) and Weir's own reader (Arrow) take these.
SCHEMES = ("file", "hdfs", "viewfs", "s3", "s3a", "gs", "abfs", "abfss")
CODE_SCHEMES = ("hdfs", "viewfs", "s3a")
YES, NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off", "")


def optional(rule: Rule) -> Rule:
    """Return a rule that also allows an empty value."""
    return lambda text: rule(text) if text.strip() else ""


def plain(text: str) -> str:
    """Return the text without blanks around it. Raises ValueError if it is empty or has a control character."""
    if not (found := text.strip()):
        raise ValueError("is empty. Give a value, or unset it")
    if not found.isprintable():
        raise ValueError("has a control character in it. Remove it")
    return found


def port(text: str) -> int:
    """Return the number of a TCP port."""
    return _number(text, 1, 65_535)


def switch(text: str) -> bool:
    """Return whether a switch is on."""
    found = text.strip().lower()
    if found not in YES + NO:
        raise ValueError("is neither true nor false. Write true or false")
    return found in YES


def choice(*names: str) -> Rule:
    """Return a rule that allows these names."""

    def rule(text: str) -> str:
        if (found := plain(text)) not in names:
            raise ValueError(f"is not one of {', '.join(names)}. Choose one of them")
        return found

    return rule


def host(text: str) -> str:
    """Return the name or IP address of a machine."""
    found = plain(text)
    try:
        ipaddress.ip_address(found)
    except ValueError:
        if not HOST.fullmatch(found):
            raise ValueError(f"has {found!r}, which is not the name of a machine. Write a host name or an IP address") from None
    return found


def hosts(text: str) -> str:
    """Return the names of machines, without blanks, separated by commas."""
    return ",".join(host(each) for each in _list(text))


def servers(text: str) -> str:
    """Return addresses HOST:PORT, without blanks, separated by commas."""
    return ",".join(_server(each) for each in _list(text))


def url(text: str) -> str:
    """Return the address of a web service."""
    found, form = plain(text), "Write it as http://HOST:PORT"
    try:
        parts = urlsplit(found)
        fits = parts.scheme in ("http", "https") and parts.port != 0
    except ValueError:
        fits = False
    if not fits or not parts.hostname:
        raise ValueError(f"has {found!r}, which is not a web address. {form}")
    if parts.username or parts.password:
        raise ValueError(f"has a user in an address. {form}")
    if parts.query or parts.fragment or " " in found:
        raise ValueError(f"has {found!r}, which has a blank, a `?` or a `#`. {form}")
    host(parts.hostname)
    return found


def urls(text: str) -> str:
    """Return addresses of web services, without blanks, separated by commas."""
    return ",".join(url(each) for each in _list(text))


def master(text: str) -> str:
    """Return Spark's master: spark://HOST:PORT[,HOST:PORT], or that of another cluster manager."""
    found = plain(text)
    if found.startswith("spark://"):
        return "spark://" + servers(found.removeprefix("spark://"))
    if found == "yarn" or found.startswith(("yarn://", "k8s://")):
        return found
    raise ValueError("is not the address of a Spark master. Write it as spark://HOST:PORT; other clusters are described in docs/spark.md")


def keyspace(text: str) -> str:
    """Return a keyspace's name. It is quoted wherever it is used, so upper case stays."""
    found = plain(text)
    if not KEYSPACE.fullmatch(found):
        raise ValueError("is not a valid name of a keyspace. Use at most 48 letters, digits and underscores")
    if OF_CASSANDRA.fullmatch(found.lower()):
        raise ValueError("is a keyspace of Cassandra itself. Choose another name")
    return found


def name(text: str) -> str:
    """Return a name that may have any letter, but no quotes."""
    found = plain(text)
    if set(found) & set("'\"\\"):
        raise ValueError("has a quote or a backslash in it. Remove it")
    return found


def path(text: str) -> str:
    """Return an absolute path as it is written. Blanks inside, umlauts, `#`, `?` and `%` mean themselves."""
    if not text.strip():
        raise ValueError("is empty. Give an absolute path, or unset it")
    if text != text.strip():
        raise ValueError("begins or ends with a blank. Remove it, or rename the folder")
    if not text.isprintable():
        raise ValueError("has a control character in it. Rename the folder")
    if text.startswith("~"):
        raise ValueError("begins with ~, which only a shell replaces. Give the absolute path")
    if not text.startswith("/"):
        raise ValueError("is a relative path, which is another place for each process. Give the absolute path")
    return os.path.normpath(text)  # two slashes or `..` would mean one folder for Spark, and another for Weir


def java_path(text: str) -> str:
    """Return a path that Kafka's Java client can be given as the place of a secret."""
    found = path(text)
    if bad := sorted(set(found) & set(":{}")):
        raise ValueError(f"has {' and '.join(bad)} in it, which Kafka's Java client reads as something else. Rename the file or folder")
    return found


def code_path(text: str) -> str:
    """Return a path that can be in Python's path and on Spark's command line."""
    found = path(text)
    if bad := sorted(set(found) & set(":,#?%")):
        raise ValueError(f"has {' and '.join(bad)} in it, which Spark and Python's path read as something else. Rename the folder")
    return found


def code_place(text: str) -> str:
    """Return a path as `code_path` does, or the URI of a folder on HDFS or S3, where code is kept packed."""
    if not URI.fullmatch(text.strip()):
        return code_path(text)
    found = place(text).rstrip("/")
    if (scheme := found.partition("://")[0]) not in CODE_SCHEMES:
        raise ValueError(f"has the scheme {scheme}, from which no driver starts. Use one of {', '.join(CODE_SCHEMES)}, or a path")
    if bad := sorted(set(found) & set(", *?[]{}")):
        raise ValueError(
            f"has {' and '.join(map(repr, bad))} in it, which Spark's list of files reads as something else. Rename the folder"
        )
    return found


def place(text: str) -> str:
    """Return a path, or the URI of a folder that Spark and Weir read in the same way."""
    if not (found := URI.fullmatch(text.strip())):
        return path(text)
    scheme, server, below = found[1].lower(), found[2], found[3] or "/"
    if scheme not in SCHEMES:
        raise ValueError(f"has the scheme {scheme}, which Weir cannot read. Use one of {', '.join(SCHEMES)}, or a path")
    if bad := sorted(set(server + below) & set("%#?")):
        raise ValueError(f"has {' and '.join(bad)} in a URI, which Spark and Weir read differently. Give a path, or rename the folder")
    if scheme == "file" and server:
        raise ValueError(f"names the machine {server} in a file URI. Write file:///FOLDER, or only the path")
    return f"{scheme}://{server}{path(below).rstrip('/')}"


def job_folders(text: str) -> str:
    """Return folders separated as in PATH; an empty one stands for Weir's own jobs."""
    return os.pathsep.join(path(folder) if folder.strip() else "" for folder in text.split(os.pathsep))


def program(text: str) -> str:
    """Return the path of a program, or its bare name on PATH."""
    return path(text) if "/" in text else plain(text)


def jars(text: str) -> str:
    """Return JAR files, as paths or URIs, separated by commas."""
    found = [each.strip() for each in text.split(",") if each.strip()]
    return ",".join(each if re.match(r"[a-z][a-z0-9+.-]*:", each) else path(each) for each in found)


def _list(text: str) -> list[str]:
    found = [each for each in plain(text).split(",") if each.strip()]
    if not found:
        raise ValueError("is empty. Give a value, or unset it")
    return found


def _server(text: str) -> str:
    found = plain(text)
    name, colon, number = found.rpartition(":")
    if not colon or "://" in found or not number.isdecimal():
        raise ValueError(f"has {found!r}, which is not an address. Write HOST:PORT, several separated by commas")
    bare = name[1:-1] if name.startswith("[") and name.endswith("]") else name
    try:
        host(bare)
        port(number)
    except ValueError as error:
        raise ValueError(f"has {found!r}, whose {'port' if HOST.fullmatch(bare) else 'host'} is not valid: it {error}") from None
    return found


def _number(text: str, least: int, most: int) -> int:
    found = text.strip()
    if not (found.isascii() and found.isdecimal()) or not least <= int(found[:20]) <= most:
        raise ValueError(f"is not a whole number from {least} to {most}. Give such a number")
    return int(found)


RULES: dict[str, Rule] = {
    "home": path,
    "kafka": servers,
    "driver_kafka": optional(servers),
    "cassandra_hosts": hosts,
    "cassandra_port": port,
    "cassandra_datacenter": name,
    "cassandra_keyspace": keyspace,
    "cassandra_user": optional(plain),
    "cassandra_password_file": optional(path),
    "spark_conn_id": name,
    "spark_master": optional(master),
    "spark_rest": optional(urls),
    "spark_ui": optional(urls),
    "spark_jars": jars,
    "driver_python": program,
    "airflow_url": url,
    "checkpoints": place,
    "event_logs": optional(place),
    "hdfs_web": optional(urls),
    "hdfs_user": optional(name),
    "s3_endpoint": optional(url),
    "s3_region": optional(name),
    "s3_path_style": switch,
    "s3_credentials_file": optional(path),
    "bundles": code_place,
    "data_docs": path,
    "jobs": job_folders,
    "rules": path,
    "log_format": choice("text", "json"),
    # TLS and login
    "kafka_security": choice("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"),
    "kafka_mechanism": optional(choice("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER")),
    "kafka_user": optional(name),
    "kafka_password_file": optional(java_path),
    "kafka_ca_file": optional(java_path),
    "kafka_cert_file": optional(java_path),
    "kafka_key_file": optional(java_path),
    "kafka_token_url": optional(plain),
    "kafka_client_id": optional(name),
    "kafka_client_secret_file": optional(java_path),
    "driver_kafka_user": optional(name),
    "driver_kafka_password_file": optional(java_path),
    "ingest_kafka_user": optional(plain),
    "ingest_kafka_password_file": optional(path),
    "cassandra_tls": switch,
    "cassandra_ca_file": optional(path),
    "cassandra_cert_file": optional(path),
    "cassandra_key_file": optional(path),
    "driver_cassandra_user": optional(plain),
    "driver_cassandra_password_file": optional(path),
}
# Read by this process; those of drivers are on Spark's workers, and those of `weir ingest` are read by it alone.
FILES = tuple(name for name in RULES if name.endswith("_file") and not name.startswith(("driver_", "ingest_")))
