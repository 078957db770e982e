"""Bank transactions: files arrive in a folder while drivers are killed, and PostgreSQL has what plain Python counts. Then from a topic."""

from __future__ import annotations

import csv
import json
import random
import re
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import pytest

from spark_jobs import failpoint
from tests.catalogue.jobs import PATIENCE_S, added, killed_while_it_works
from tests.catalogue.subscribers import Serve, environment
from tests.landed.rig import LandedRig
from tests.parts import until
from weir.errors import WeirError

FILES, LINES, ACCOUNTS, KILLS = 60, 200, 50, 3
Accounts = dict[str, tuple[Decimal | None, int, Decimal | None]]


def lines(rng: random.Random, n: int) -> list[str]:
    """Return lines; some cannot be read, and some have quotes."""
    found = []
    for _ in range(n):
        account, cents = f"a{rng.randrange(ACCOUNTS)}", rng.randrange(-500_000, 500_000)
        amount = f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02}"
        odd = {0: f'"Doe, {account}",{amount}', 1: f"{account},{amount}9", 2: account, 3: f"{account},{amount},x", 4: ""}
        found.append(odd.get(rng.randrange(50), f"{account},{amount}"))
    return found


def truth(text: Iterable[str]) -> Accounts:
    """Count line by line, with Python's reader of CSV and its decimals."""
    found: Accounts = {}
    for line in text:
        fields = next(csv.reader([line]), [])
        account, amount = "(unreadable)", None
        if len(fields) == 2 and re.fullmatch(r"-?\d+(\.\d\d?)?", fields[1]):
            account, amount = fields[0], Decimal(fields[1])
        balance, n, largest = found.get(account, (None, 0, None))
        if amount is not None:
            balance, largest = (balance or Decimal(0)) + amount, amount if largest is None else max(largest, amount)
        found[account] = balance, n + 1, largest
    return found


class Bank:
    """The job, its folder, and its table with a role that reads it."""

    def __init__(self, rig: LandedRig) -> None:
        self.rig, self.folder = rig, rig.stack.home / "transactions in"
        self.folder.mkdir()
        rig.sql(
            "CREATE TABLE public.accounts"
            " (account text PRIMARY KEY, balance numeric(28,2), transactions bigint NOT NULL, largest numeric(18,2));"
            "CREATE ROLE bank_reader LOGIN PASSWORD 'secret'; GRANT SELECT ON public.accounts TO bank_reader"
        )
        secret = rig.stack.home / "bank-reader"
        secret.write_text("secret")
        self.more = {
            "sink": rig.postgres_sink("public.accounts", mode="upsert", key=["account"]),
            "reader": {"user": "bank_reader", "password_file": str(secret)},
        }

    def put(self, number: int, text: list[str]) -> Path:
        """Let a file appear whole."""
        part = self.folder / f".{number}.part"
        part.write_text("".join(f"{line}\n" for line in text))
        return part.rename(self.folder / f"day {number}.csv")

    def rows(self) -> Accounts:
        found = self.rig.sql("SELECT account, balance, transactions, largest FROM public.accounts")
        return {account: (balance, int(n), largest) for account, balance, n, largest in found}

    def await_exact(self, wanted: Accounts) -> None:
        until(self._drained, f"all has landed: {self.rig.sentences[-4:]}", PATIENCE_S)
        assert self.rows() == wanted

    def _drained(self) -> bool:
        with suppress(WeirError):  # a checkpoint that is being copied has no lists yet
            return self.rig.manager.wait_landed("transactions", 0) and self.rig.head("transactions").state == "landed"
        return False


@pytest.fixture(scope="module")
def bank(rig: LandedRig) -> Iterator[Bank]:
    yield Bank(rig)


def test_files_arrive_during_kills_and_every_account_is_exact(rig: LandedRig, bank: Bank) -> None:
    rng, gaps, done = random.Random(23), random.Random(24), threading.Event()
    files = [lines(rng, LINES) for _ in range(FILES + 1)]

    def arrive() -> None:
        for number, text in enumerate(files[:FILES]):
            bank.put(number, text)
            done.wait(gaps.uniform(0, 4))

    added(rig, "transactions", sources={"transactions": {"path": str(bank.folder), "format": "text", "files_per_batch": 5}}, **bank.more)
    arriving = threading.Thread(target=arrive)
    arriving.start()
    try:
        rig.deploy("transactions")
        for _ in range(KILLS):
            killed_while_it_works(rig, "transactions", rng)
        failpoint.arm(rig.failpoints, "write", "kill")  # the batch is in PostgreSQL, and has not landed
        bank.put(FILES, files[FILES])
        until(lambda: failpoint.hit(rig.failpoints, "write"), "the driver is killed after its write", PATIENCE_S)
    finally:
        done.set()
        arriving.join()
    wanted = truth(line for text in files for line in text)
    bank.await_exact(wanted)
    assert wanted["(unreadable)"][1] > 100 and wanted["Doe, a1"][1] > 0, "the lines try everything"
    head = rig.head("transactions")
    assert head.attempt > KILLS and head.epoch == 1 and head.stateful
    _people_read_the_same(rig, wanted)
    rig.stop("transactions")


def _people_read_the_same(rig: LandedRig, wanted: Accounts) -> None:
    serve = Serve(rig)
    serve.start()
    try:
        assert _pages(serve) == sorted(wanted)
        (row,) = serve.get("jobs/transactions/rows", key="a7").json()["items"]
    finally:
        serve.end()
    balance, n, largest = wanted["a7"]
    assert row == {"account": "a7", "balance": str(balance), "transactions": n, "largest": str(largest)}
    total = asked(rig, "SELECT sum(balance) AS balance, sum(transactions) AS n FROM public.accounts")
    balances = sum(balance or 0 for balance, _, _ in wanted.values())
    assert (total.returncode, json.loads(total.stdout)) == (0, [{"balance": str(balances), "n": str((FILES + 1) * LINES)}])
    assert (
        asked(rig, "SELECT account FROM public.accounts").stderr
        == "There are more rows: these are the first 3, up to the limit of 3 rows.\n"
    )
    refused = asked(rig, "DELETE FROM public.accounts")
    assert refused.returncode == 2 and refused.stderr.startswith("WEIR-110: PostgreSQL refused the statement")


def _pages(serve: Serve) -> list[str]:
    """Return all accounts, page by page."""
    accounts, cursor = list[str](), ""
    while cursor is not None:
        answer = serve.get("jobs/transactions/rows", limit=20, cursor=cursor).json()
        accounts += [row["account"] for row in answer["items"]]
        cursor = answer["next"]
    return accounts


def asked(rig: LandedRig, statement: str) -> subprocess.CompletedProcess[str]:
    """Run `weir query`."""
    command = [sys.executable, "-m", "weir", "query", "transactions", statement, "--limit", "3", "--format", "json"]
    return subprocess.run(command, env=environment(rig), capture_output=True, text=True, check=False)


def test_the_same_job_reads_a_topic(rig: LandedRig, bank: Bank) -> None:
    """The same code; in the spec, one line differs."""
    rig.sql("TRUNCATE public.accounts")
    rig.make_topic("transactions")
    name, text = "transactions_topic", lines(random.Random(25), 5000)
    added(rig, "transactions", name, sources={"transactions": {"topic": "transactions"}}, **bank.more)
    rig.produce("transactions", ((b"", line.encode()) for line in text[:2500]))
    rig.deploy(name)
    rig.await_landed(name, PATIENCE_S)
    killed_while_it_works(rig, name, random.Random(26))
    rig.produce("transactions", ((b"", line.encode()) for line in text[2500:]))
    rig.await_landed(name, PATIENCE_S)
    assert bank.rows() == truth(text)
    rig.stop(name)
