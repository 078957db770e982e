"""A stack of an earlier release is upgraded, rolled back and upgraded again while lines come: `make test-upgrade`.

It begins with commit adaf5c8, unless `FROM=` names another. That is the last one before jobs of other kinds: its
tables, checkpoints, heads, versions and running drivers are taken up.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from .conftest import JOB, until
from .release import Clone, Feed, has, step, under_test

OLD = os.environ.get("WEIR_TEST_UPGRADE_FROM") or "adaf5c8"
SERVERS = ("kafka", "cassandra", "postgres", "spark-master", "spark-worker")
BAD = b"just some text\n\n[Fri Dec 20 01:46:23 2099] [error] [client 1.2.3.4] from the future\n"
pytestmark = [
    pytest.mark.stack,
    pytest.mark.skipif(not os.environ.get("WEIR_TEST_UPGRADE"), reason="make test-upgrade runs it"),
    pytest.mark.skipif(not has(OLD), reason=f"commit {OLD} is not here, so there is nothing to upgrade from: git fetch --unshallow"),
]


@pytest.fixture
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    clone = Clone(tmp_path_factory.mktemp("upgrade") / "weir")
    try:
        yield clone
    finally:
        clone.end()


@pytest.fixture
def feeds() -> Iterator[list[Feed]]:
    started: list[Feed] = []
    yield started
    for feed in started:
        feed.kill()


def test_a_release_is_upgraded_and_rolled_back_while_lines_come(stack: Clone, feeds: list[Feed]) -> None:
    new = under_test()
    start_the_old_release(stack)
    feeds.append(Feed(stack, "upgraded", 2021))
    stack.moves_on()
    before = told(stack)
    old_version = current_version(stack)

    upgrade_under_a_running_driver(stack, new)
    is_read_as_before(before, told(stack))
    a_killed_driver_is_replaced_by_the_watch(stack)
    an_old_version_runs_and_the_new_one_again(stack, old_version)
    feeds[-1].end()
    nothing_is_missing_or_doubled(stack, feeds)

    roll_back_the_release(stack)
    feeds.append(Feed(stack, "rolled-back", 2022))
    stack.moves_on()
    in_place_upgrade(stack, new)
    stack.moves_on()
    feeds[-1].end()
    nothing_is_missing_or_doubled(stack, feeds)
    fold_and_validate(stack)
    nothing_is_missing_or_doubled(stack, feeds)


@step
def start_the_old_release(stack: Clone) -> None:
    """Up, with rejected lines, a fold, a validation, a proof, a pause that is over, and lines that came after all of these."""
    stack.check_out(OLD)
    stack.install()
    stack.make_up()
    stack.weir("ingest", "-", "--service", "bad", stdin=BAD)
    stack.wait_landed()
    fold_and_validate(stack)
    is_proven(stack)
    stack.weir("hold", JOB, "--reason", "before the upgrade")
    stack.weir("hold", JOB, "--release")


@step
def upgrade_under_a_running_driver(stack: Clone, new: str) -> None:
    """Check out, `weir migrate`, `make up`. Until the last the old driver counts on, on tables that are migrated already."""
    old = stack.landed()
    stack.check_out(new)
    stack.weir("migrate")  # by the script that the old release has installed
    stack.install()
    stack.moves_on(attempt=old["attempt"])
    upgraded(stack, old)


@step
def in_place_upgrade(stack: Clone, new: str) -> None:
    old = stack.landed()
    stack.check_out(new)
    stack.install()
    upgraded(stack, old)


def upgraded(stack: Clone, old: dict[str, Any]) -> None:
    """`make up`: Airflow is restarted, the servers are not, and the job goes on in its epoch from the same checkpoint."""
    servers, airflow = stack.pids(*SERVERS), stack.pids("airflow-")
    stack.make_up()
    assert stack.pids(*SERVERS) == servers
    assert not set(stack.pids("airflow-").values()) & set(airflow.values())
    now = until(lambda: (last := stack.landed())["attempt"] > old["attempt"] and last, "the new code has landed a batch")
    assert (now["epoch"], now["attempt"]) == (old["epoch"], old["attempt"] + 1)


@step
def a_killed_driver_is_replaced_by_the_watch(stack: Clone) -> None:
    attempt = stack.landed()["attempt"]
    stack.kill(f"driver:{JOB}")
    until(lambda: stack.landed()["attempt"] > attempt, "the next attempt lands a batch")
    until((stack.home / "airflow" / "logs" / "dag_id=weir_watch").exists, "the watch says in Airflow what it has done")


@step
def an_old_version_runs_and_the_new_one_again(stack: Clone, version: str) -> None:
    """The bundle of the old release has the old code; the new supervisor starts it, and takes it over again."""
    for wanted in (("--to", version), ()):
        attempt, epoch = stack.landed()["attempt"], stack.landed()["epoch"]
        stack.weir("deploy", JOB, *wanted)
        until(lambda attempt=attempt: stack.landed()["attempt"] > attempt, f"weir deploy {' '.join(wanted)} lands a batch")
        assert (stack.landed()["epoch"], stack.landed()["version"] == version) == (epoch, bool(wanted))
        stack.moves_on()


@step
def roll_back_the_release(stack: Clone) -> None:
    """Old code on migrated tables, and on what the new code has written there. Nothing comes meanwhile: `weir down` stops the broker."""
    last = stack.landed()
    stack.weir("down")
    stack.check_out(OLD)
    stack.install()
    stack.make_up()
    stack.weir("ingest", "-", "--service", "bad", stdin=BAD)
    until(lambda: stack.landed()["attempt"] > last["attempt"], "the old code lands a batch")
    assert stack.landed()["epoch"] == last["epoch"]
    stack.wait_landed()
    is_proven(stack)


def told(stack: Clone) -> dict[str, Any]:
    """What each table says by the commands of the release that is checked out."""
    samples = stack.counted("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", {"sample"})
    batches = {(row["attempt"], row["batch_id"]): row["lines"] for row in stack.json("ledger", JOB, "--last", "10000")}
    return {
        "counts": samples,
        "landed": batches,
        "timeline": [(row["at"], row["kind"], row["attempt"], row["who"], row["reason"]) for row in stack.json("timeline", JOB)],
        "versions": {row["version"] for row in stack.json("versions", JOB)},
        "rejected": [row for row in stack.json("rejected", JOB, "--limit", "10000") if row["service"] == "bad"],
        "proven": next(row["proven_up_to"] for row in stack.json("jobs") if row["job"] == JOB),
        "incidents": stack.json("alerts"),
    }


def is_read_as_before(before: dict[str, Any], now: dict[str, Any]) -> None:
    assert now["counts"] == before["counts"]
    assert before["landed"].items() <= now["landed"].items()
    assert set(before["timeline"]) <= set(now["timeline"])
    assert before["versions"] < now["versions"]
    assert now["rejected"] == before["rejected"] and len(now["rejected"]) == len(BAD.splitlines())
    assert now["proven"] >= before["proven"] > ""
    assert now["incidents"] == before["incidents"]


def current_version(stack: Clone) -> str:
    return next(str(row["version"]) for row in stack.json("versions", JOB) if row["current"])


@step
def nothing_is_missing_or_doubled(stack: Clone, feeds: list[Feed]) -> None:
    """Everything that was sent has landed, the recount agrees, and so does the generator, which knows what it sent."""
    stack.wait_landed()
    is_proven(stack)
    for feed in feeds:
        feed.is_counted_exactly()


def is_proven(stack: Clone) -> None:
    proof = stack.json("recount", JOB)
    assert (proof["missing"], proof["doubled"], proof["unchecked_lines"], proof["gap_lines"]) == (0, 0, 0, 0), proof


@step
def fold_and_validate(stack: Clone) -> None:
    stack.weir("fold", JOB)
    stack.weir("validate", JOB)
