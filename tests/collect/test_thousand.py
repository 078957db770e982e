"""1,000 senders at once: steady, slow, reset within a line, silent. And a limit of open files that does not allow so many."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

from tests.collect.senders import Sender, dialled
from tests.collecting import Process, collecting, committed, measured
from tests.parts import until
from weir.collect.open_files import require_files
from weir.settings import Settings

SENDERS, SLOW, RESET, SILENT = 1000, 100, 100, 100
LINES = 100
BEGUN = 60_000  # bytes of a line, of which each connection's memory has the beginning
MIB = 1024  # KiB


def largest_kib(collector: Process) -> int:
    """Return the most memory that the process has had (KiB)."""
    found = re.search(r"^VmHWM:\s+(\d+) kB", Path(f"/proc/{collector.process.pid}/status").read_text(), re.MULTILINE)
    assert found
    return int(found[1])


def test_a_thousand_senders_at_once(real_kafka: Settings, topic: str, tmp_path: Path) -> None:
    require_files(SENDERS)
    options = ("--port", "0", "--topic", topic, "--acknowledge", "--metrics-port", "0")
    with collecting(real_kafka, tmp_path, "tcp", *options) as collector:
        port = int(collector.saying(r"127\.0\.0\.1:(\d+) for the topic"))
        before = largest_kib(collector)
        senders = asyncio.run(_all_kinds(collector, port))
        lines = Counter(line for sender in senders for line in sender.whole)
        assert all(sender.safe == len(sender.whole) for sender in senders)
        until(lambda: measured(collector, "weir_collect_forwarded_lines_total") == lines.total(), "all lines are sent", 240)
        print(f"{lines.total()} lines, memory {before // MIB} MiB, then at most {largest_kib(collector) // MIB} MiB")  # noqa: T201
        assert largest_kib(collector) < 300 * MIB  # 191 and 222 were seen: Python, two queues, 57 of begun lines, and Kafka's client
        assert collector.stop() == 0
    assert committed(real_kafka, topic) == lines
    assert lines.total() == SENDERS * LINES + (SENDERS - RESET - SILENT) + (SENDERS - SLOW - RESET - SILENT) * LINES + SLOW


async def _all_kinds(collector: Process, port: int) -> list[Sender]:
    senders = list(await dialled(port, SENDERS))
    await _until(collector, "weir_collect_connections", SENDERS)
    await _one_too_many(collector, port)
    for n, each in enumerate(senders):
        each.write([b"%d line %d" % (n, m) for m in range(LINES)], b"x" * BEGUN)
    await asyncio.gather(*(each.heard() for each in senders))
    await asyncio.gather(*(_further(n, each) for n, each in enumerate(senders)))
    await _until(collector, "weir_collect_connections", SILENT)
    await _until(collector, "weir_collect_cut_lines_total", RESET)
    return senders


async def _further(n: int, sender: Sender) -> None:
    """Go on within a line, each in its way."""
    if n < SILENT:
        return
    if n < SILENT + RESET:
        return sender.reset()
    sender.writer.write(b"\n")
    sender.whole.append(b"x" * BEGUN)
    if n < SILENT + RESET + SLOW:
        await sender.drip(b"%d slowly" % n)
    else:
        sender.write([b"%d further line %d" % (n, m) for m in range(LINES)])
    await sender.heard()
    sender.writer.close()


async def _one_too_many(collector: Process, port: int) -> None:
    [more] = await dialled(port, 1)
    more.write([b"turned away"])
    await more.heard()
    assert more.safe == 0
    await _until(collector, "weir_collect_turned_away_total", 1)
    assert measured(collector, "weir_collect_connections") == SENDERS


async def _until(collector: Process, metric: str, value: int) -> None:
    await asyncio.to_thread(until, lambda: measured(collector, metric) == value, f"{metric} is {value}", 120)


def test_a_kill_among_a_thousand_senders_loses_no_acknowledged_line(real_kafka: Settings, topic: str, tmp_path: Path) -> None:
    require_files(SENDERS)
    options = ("--port", "0", "--topic", topic, "--acknowledge")
    with collecting(real_kafka, tmp_path, "tcp", *options) as collector:
        senders = asyncio.run(_killed(collector, int(collector.saying(r"127\.0\.0\.1:(\d+) for the topic"))))
    assert 0 < sum(sender.safe for sender in senders) < sum(len(sender.whole) for sender in senders)
    with collecting(real_kafka, tmp_path, "tcp", *options) as collector:
        collector.saying("(for the topic)")
        until(lambda: committed(real_kafka, topic).total() >= sum(sender.safe for sender in senders), "what was acknowledged is sent", 240)
        assert collector.stop() == 0
    found = committed(real_kafka, topic)
    assert set(found.values()) == {1}
    for sender in senders:
        sent = [line in found for line in sender.whole]
        assert sent == sorted(sent, reverse=True) and sum(sent) >= sender.safe  # the first ones, and no line after a missing one


async def _killed(collector: Process, port: int) -> list[Sender]:
    """Send until each has an acknowledgement, and kill the collector while all send further lines."""
    senders = list(await dialled(port, SENDERS))
    for n, each in enumerate(senders):
        each.write([b"%d line %d" % (n, m) for m in range(LINES)])
    await asyncio.gather(*(each.heard() for each in senders))
    for n, each in enumerate(senders):
        each.write([b"%d line %d %s" % (n, m, b"x" * 90) for m in range(LINES, 10 * LINES)])  # more than is written to the disk at once
    first = [asyncio.ensure_future(each.heard()) for each in senders]
    await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
    collector.kill()
    await asyncio.gather(*first)
    return senders


def test_a_limit_of_open_files_that_is_too_low_is_refused(tmp_path: Path) -> None:
    command = f"ulimit -n 256; exec {sys.executable} -m weir collect tcp --port 0"
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(sys.path), "WEIR_HOME": str(tmp_path), "WEIR_KAFKA": "127.0.0.1:1"}
    done = subprocess.run(["sh", "-c", command], env=env, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 2 and "1000 connections need 1128 open files, and 256 are allowed" in done.stderr
    assert "LimitNOFILE=1128, or give --connections 128" in done.stderr
