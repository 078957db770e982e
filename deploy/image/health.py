"""Ask what this container runs whether it works. Exit code 0: it works. 1: it does not, or that is unknown; the reason is printed.

The question follows from the command of process 1, so a container needs no setting. Only the standard library: this starts in 0.1 s.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

BUDGET_S = 10.0
Environment = Mapping[str, str]


class Unhealthy(Exception):
    """What was asked, and what it answered."""


def of_option(words: Sequence[str], name: str, default: str) -> str:
    """Return the value of `--name value` or `--name=value`."""
    for word, after in zip(words, [*words[1:], ""], strict=True):
        if word == name:
            return after
        if word.startswith(f"{name}="):
            return word.partition("=")[2]
    return default


def answer(url: str) -> Any:
    """Return the JSON that `url` answers, or its text. Raises Unhealthy for no answer and for any status but 200."""
    try:
        with urlopen(url, timeout=BUDGET_S) as response:  # noqa: S310  (http, by the callers)
            text = response.read().decode(errors="replace")
    except OSError as error:
        raise Unhealthy(f"{url}: {error}") from error
    try:
        return json.loads(text)
    except ValueError:
        return text


def expect(holds: bool, reason: str) -> None:
    if not holds:
        raise Unhealthy(reason)


def web_ui(words: Sequence[str], env: Environment, port: str) -> str:
    # Spark's pages listen on SPARK_LOCAL_IP if that is set, else on every address.
    return f"http://{env.get('SPARK_LOCAL_IP', '127.0.0.1')}:{of_option(words, '--webui-port', port)}"


def master(words: Sequence[str], env: Environment) -> None:
    status = answer(f"{web_ui(words, env, env.get('SPARK_MASTER_WEBUI_PORT', '8080'))}/json/")["status"]
    expect(status in ("ALIVE", "STANDBY"), f"the master is {status}")


def worker(words: Sequence[str], env: Environment) -> None:
    """The worker must answer, and its master must list it: one that lost its master runs no driver."""
    own = answer(f"{web_ui(words, env, env.get('SPARK_WORKER_WEBUI_PORT', '8081'))}/json/")
    expect(bool(own["masterwebuiurl"]), "the worker has not registered with a master")
    workers = answer(f"{own['masterwebuiurl']}/json/")["workers"]
    expect(any(it["id"] == own["id"] and it["state"] == "ALIVE" for it in workers), f"{own['masterurl']} does not list it as alive")


def history(words: Sequence[str], env: Environment) -> None:
    answer(f"http://{env.get('SPARK_LOCAL_IP', '127.0.0.1')}:18080/api/v1/version")


def api_server(words: Sequence[str], env: Environment) -> None:
    port = of_option(words, "--port", env.get("AIRFLOW__API__PORT", "8080"))
    status = answer(f"http://127.0.0.1:{port}/api/v2/monitor/health")["metadatabase"]["status"]
    expect(status == "healthy", f"the metadata database is {status}")


def heartbeat(job_type: str) -> Callable[[Sequence[str], Environment], None]:
    """Airflow's own check of the heartbeat that this host wrote to the metadata database. It replaces this process."""

    def check(words: Sequence[str], env: Environment) -> None:
        os.execvp("airflow", ["airflow", "jobs", "check", "--local", "--job-type", job_type])  # noqa: S606

    return check


def metrics(words: Sequence[str], env: Environment) -> None:
    answer(f"{listening(words, '9477')}/metrics")


def collect(words: Sequence[str], env: Environment) -> None:
    """It must take lines. Kafka may be away: then lines wait on its disk. An answer of 503 says that senders are held back."""
    answer(f"http://127.0.0.1:{of_option(words, '--metrics-port', '9479')}/health")


def serve(words: Sequence[str], env: Environment) -> None:
    """Every route asks for a token: a refusal is an answer, too."""
    try:
        answer(f"{listening(words, '9478')}/api/v1/jobs")
    except Unhealthy as error:
        expect(isinstance(error.__cause__, HTTPError) and error.__cause__.code in (401, 403), str(error))


def listening(words: Sequence[str], port: str) -> str:
    host = of_option(words, "--host", "127.0.0.1")
    return f"http://{'127.0.0.1' if host in ('0.0.0.0', '::') else host}:{of_option(words, '--port', port)}"  # noqa: S104


CHECKS: Mapping[tuple[str, ...], Callable[[Sequence[str], Environment], None]] = {
    ("org.apache.spark.deploy.master.Master",): master,
    ("org.apache.spark.deploy.worker.Worker",): worker,
    ("org.apache.spark.deploy.history.HistoryServer",): history,
    ("airflow", "api-server"): api_server,
    ("airflow", "scheduler"): heartbeat("SchedulerJob"),
    ("airflow", "dag-processor"): heartbeat("DagProcessorJob"),
    ("airflow", "triggerer"): heartbeat("TriggererJob"),
    ("weir", "metrics"): metrics,
    ("weir", "serve"): serve,
    ("weir", "collect"): collect,
}


def check(words: Sequence[str], env: Environment) -> None:
    """Raise Unhealthy unless the command `words` works. An unknown command is not taken for a healthy one."""
    if url := env.get("WEIR_HEALTH_URL"):
        answer(url)
        return
    programs = [word.rpartition("/")[2] for word in words]
    known = (ask for names, ask in CHECKS.items() if names in zip(*(programs[start:] for start in range(len(names))), strict=False))
    ask = next(known, None)
    if ask is None:
        raise Unhealthy(
            f"unknown: no check for `{' '.join(words)}`. Set WEIR_HEALTH_URL to an address that answers 200, or a check of your own."
        )
    try:
        ask(words, env)
    except (KeyError, TypeError) as error:
        raise Unhealthy(f"the answer has no {error}") from error


def main() -> int:
    words = Path("/proc/1/cmdline").read_bytes().decode(errors="replace").replace("\0", " ").split()
    try:
        check(words, os.environ)
    except Unhealthy as error:
        sys.stdout.write(f"{error}\n")
        return 1
    sys.stdout.write("works\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
