"""Reading the rows of a landed job in a real PostgreSQL: by a role that cannot write, bounded, page after page."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml

from tests.contract.sinks import sql
from tests.parts import Server, new_stack, until
from weir.errors import (
    BadInput,
    BadSetting,
    ConnectionRefused,
    HandshakeFailed,
    LoginRefused,
    NotAuthorized,
    NotRunning,
    ReaderWrites,
    StatementFailed,
    TimedOut,
)
from weir.jobs.landed_spec import LandedSpec
from weir.jobs.spec import parse
from weir.local import certs, postgres
from weir.local.part import Stack
from weir.sink_readers.table import page, query

pytestmark = pytest.mark.stack
WITHIN_S = 20.0


@dataclass
class Bank:
    """A table of accounts in a schema of its own, and a role that may read it."""

    stack: Stack
    schema: str
    role: str
    ca_file: str = ""  # of a server with TLS

    def spec(self, user: str = "", **more: Any) -> LandedSpec:
        secret = self.stack.home / "reader-password"
        secret.write_text("secret")
        sink = {"kind": "postgresql", "host": "127.0.0.1", "port": self.stack.ports["postgres"], "database": "postgres", "user": "driver"}
        sink |= {"table": f"{self.schema}.accounts", "mode": "upsert", "key": ["owner", "account"]}
        sink |= {"ca_file": self.ca_file} if self.ca_file else {}
        reader = {"user": user or self.role, "password_file": str(secret)}
        values = {"name": "bank", "output": "landed", "sources": {"lines": {"topic": "t"}}, "sink": sink, "reader": reader}
        found = parse(yaml.safe_dump({**values, **more}), "bank/job.yaml")
        assert isinstance(found, LandedSpec)
        return found

    def sql(self, statement: str) -> list[Any]:
        return sql(self.stack, statement.format(s=self.schema, r=self.role), self.ca_file)

    def query(self, statement: str, limit: int = 100, within_s: float = WITHIN_S) -> Any:
        return query(self.spec(), statement.format(s=self.schema), limit, within_s)


@pytest.fixture
def bank(real_postgres: Stack) -> Iterator[Bank]:
    found = Bank(real_postgres, f"s{uuid4().hex[:8]}", f"reader_{uuid4().hex[:8]}")
    fill(found)
    yield found
    found.sql("DROP SCHEMA {s} CASCADE; DROP OWNED BY {r}; DROP ROLE {r}")


def fill(found: Bank) -> None:
    found.sql("CREATE SCHEMA {s}; CREATE TABLE {s}.accounts (owner text, account int, balance numeric(20,2), PRIMARY KEY (owner, account))")
    found.sql("CREATE ROLE {r} LOGIN PASSWORD 'secret'; GRANT USAGE ON SCHEMA {s} TO {r}; GRANT SELECT ON {s}.accounts TO {r}")
    found.sql("INSERT INTO {s}.accounts SELECT 'o' || i % 3, i, i + 0.10 FROM generate_series(0, 29) i")


def test_a_statement_is_answered_with_exact_values(bank: Bank) -> None:
    found = bank.query("SELECT owner, sum(balance) AS balance, count(*) AS n FROM {s}.accounts GROUP BY owner ORDER BY owner;\n")
    assert found.columns == ["owner", "balance", "n"] and found.more == ""
    assert found.rows[0] == {"owner": "o0", "balance": "136.00", "n": 10}
    assert bank.query("VALUES (1, 'a'), (2, 'b') -- a comment").rows[1] == {"column1": 2, "column2": "b"}
    assert bank.query("WITH one AS (SELECT 1 AS x) SELECT * FROM one").rows == [{"x": 1}]
    assert bank.query("SELECT owner FROM {s}.accounts WHERE false").rows == []


@pytest.mark.skipif(not os.environ.get("WEIR_TEST_LANDED"), reason="make test-landed runs it")
def test_rows_are_read_over_tls_and_a_server_of_an_unknown_authority_is_refused(secure_postgres: Stack, tmp_path: Path) -> None:
    bank = Bank(secure_postgres, "bank", "reader", str(certs.ca_file(secure_postgres.home)))
    fill(bank)
    assert bank.query("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").rows == [{"ssl": True}]
    assert bank.query("SELECT count(*) AS n FROM {s}.accounts").rows == [{"n": 30}]
    certs.ensure(tmp_path / "other")
    with pytest.raises(HandshakeFailed, match="certificate verify failed"):
        replace(bank, ca_file=str(certs.ca_file(tmp_path / "other"))).query("SELECT 1")


def test_more_rows_than_the_limit_are_left_out_and_that_is_said(bank: Bank) -> None:
    found = bank.query("SELECT account FROM {s}.accounts ORDER BY account", limit=29)
    assert [row["account"] for row in found.rows] == list(range(29)) and found.more == "29 rows"
    assert bank.query("SELECT account FROM {s}.accounts", limit=30).more == ""


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM {s}.accounts",
        "INSERT INTO {s}.accounts VALUES ('x', 1, 1) RETURNING *",
        "WITH gone AS (DELETE FROM {s}.accounts RETURNING *) SELECT * FROM gone",
        "SELECT 1; DELETE FROM {s}.accounts",
        "SELECT 1) AS a; COMMIT; DELETE FROM {s}.accounts; SELECT * FROM (SELECT 1",
        "SELECT 1 AS a) AS b; DELETE FROM {s}.accounts; SELECT * FROM (SELECT 1",
        "SELECT set_config('transaction_read_only', 'off', true)",
        "COMMIT",
        "SELECT lo_create(0)",
        "SELECT * FROM {s}.accounts FOR UPDATE",
        "CREATE TABLE {s}.more AS SELECT 1",
    ],
)
def test_a_statement_that_writes_is_refused_and_changes_nothing(bank: Bank, statement: str) -> None:
    with pytest.raises((StatementFailed, NotAuthorized)):
        bank.query(statement)
    assert bank.sql("SELECT count(*) FROM {s}.accounts") == [(30,)]


def test_a_table_without_the_right_to_read_it_is_named(bank: Bank) -> None:
    bank.sql("CREATE TABLE {s}.secrets (x int)")
    with pytest.raises(NotAuthorized, match=r"permission denied for table secrets.*GRANT SELECT"):
        bank.query("SELECT * FROM {s}.secrets")


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT pg_sleep(600)",
        "SELECT count(*) FROM generate_series(1, 1e12)",
        "SELECT set_config('statement_timeout', '0', true), pg_sleep(600)",
    ],
)
def test_a_statement_without_an_end_is_stopped(bank: Bank, statement: str) -> None:
    with pytest.raises(TimedOut, match="was stopped"):
        bank.query(statement, within_s=1.0)
    assert _alone(bank)


def test_a_statement_that_lifts_its_time_limit_is_stopped_with_the_next_piece(bank: Bank) -> None:
    lifted = "CASE i WHEN 0 THEN set_config('statement_timeout', '0', true) ELSE pg_sleep(0.2)::text END"
    slow = f"SELECT i, {lifted} FROM generate_series(0, 5000) i"
    with pytest.raises(TimedOut):
        bank.query(slow, limit=5000, within_s=2.0)
    assert _alone(bank)


def _alone(bank: Bank) -> bool:
    """Wait until the server runs nothing for the reader any more."""
    return bool(until(lambda: bank.sql("SELECT count(*) FROM pg_stat_activity WHERE usename = '{r}'") == [(0,)], "its session ends", 30))


def test_a_huge_answer_ends_at_16_mib_and_a_huge_row_is_refused(bank: Bank) -> None:
    found = bank.query("SELECT i, repeat('x', 900000) AS text FROM generate_series(1, 1000000) i", limit=1000)
    assert len(found.rows) == 18 and found.more == "16 MiB"
    with pytest.raises(BadInput, match=r"A row has 2000\d+ bytes, and may have at most 1 MiB"):
        bank.query("SELECT repeat('x', 2000000) AS text")
    assert bank.query("SELECT length(text) FROM (SELECT repeat('x', 2000000) AS text) AS large").rows == [{"length": 2_000_000}]


MEMORY = """
import json, resource, sys
from weir.jobs.spec import parse
from weir.sink_readers.table import query
spec = parse(sys.argv[1], "x")
query(spec, "SELECT 1", 1, 60)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
found = query(spec, "SELECT i, repeat('x', 1000) AS text FROM generate_series(1, 100000000) i", 100000, 60)
print(len(found.rows), found.more, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_memory_does_not_grow_with_a_huge_answer(bank: Bank) -> None:
    done = subprocess.run([sys.executable, "-c", MEMORY, bank.spec().dump()], capture_output=True, text=True, check=True)
    rows, most, unit, grew_kib = done.stdout.split()
    assert 16_000 < int(rows) < 16_800 and (most, unit) == ("16", "MiB") and int(grew_kib) < 80_000, done.stdout


def test_two_columns_with_one_name_are_refused_and_not_made_one(bank: Bank) -> None:
    with pytest.raises(BadInput, match="Two columns are called count"):
        bank.query("SELECT count(owner), count(account) FROM {s}.accounts")


WRITERS = {
    "the owner": ("ALTER TABLE {s}.accounts OWNER TO {r}", r"may change s\w+\.accounts"),
    "a right to one column": ("GRANT UPDATE (balance) ON {s}.accounts TO {r}", r"may change s\w+\.accounts"),
    "a right of everybody": ("GRANT DELETE ON {s}.accounts TO PUBLIC", r"may change s\w+\.accounts"),
    "another table": ("CREATE TABLE {s}.other (x int); GRANT INSERT ON {s}.other TO {r}", r"may change s\w+\.other"),
    "new tables": ("GRANT CREATE ON SCHEMA {s} TO {r}", "may create tables in the schema"),
    "new schemas": ("GRANT CREATE ON DATABASE postgres TO {r}", "may create schemas in the database postgres"),
    "a superuser": ("ALTER ROLE {r} SUPERUSER", "is a superuser"),
    "one that creates roles": ("ALTER ROLE {r} CREATEROLE", "may create roles"),
    "one that writes all": ("GRANT pg_write_all_data TO {r}", "is a member of pg_write_all_data|may change"),
    "one that runs programs": ("GRANT pg_execute_server_program TO {r}", "is a member of pg_execute_server_program"),
    "one that becomes a writer": (
        "CREATE ROLE {r}_w; GRANT ALL ON {s}.accounts TO {r}_w; GRANT {r}_w TO {r} WITH INHERIT FALSE, SET TRUE",
        r"the role reader_\w+_w may change s\w+\.accounts",
    ),
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_role_that_may_write_is_refused_before_its_statement_runs(bank: Bank, name: str) -> None:
    grant, told = WRITERS[name]
    bank.sql(grant)
    try:
        with pytest.raises(ReaderWrites, match=told) as error:
            bank.query("SELECT 1")
        assert str(error.value).startswith(f"WEIR-310: {bank.role} may write, and nothing was run as this role")
        with pytest.raises(ReaderWrites):
            page(bank.spec(), [], [], 10, WITHIN_S)
    finally:
        bank.sql("REVOKE CREATE ON DATABASE postgres FROM {r}; ALTER ROLE {r} NOSUPERUSER")
        if "_w;" in grant:
            bank.sql("DROP OWNED BY {r}_w; DROP ROLE {r}_w")


def test_pages_go_by_the_key_so_new_rows_neither_repeat_nor_hide_one(bank: Bank) -> None:
    seen, after = [], list[str]()
    for n in range(20):
        found = page(bank.spec(), [], after, 4, WITHIN_S)
        seen += [(row["owner"], row["account"]) for row in found.rows]
        if not found.more:
            break
        after = found.places[-1]
        bank.sql(f"INSERT INTO {{s}}.accounts VALUES ('a', {-n}, 0)")  # before every place: not seen
    assert seen == sorted((f"o{i % 3}", i) for i in range(30))
    assert found.columns == ["owner", "account", "balance"]


def test_rows_can_be_asked_for_by_the_first_columns_of_the_key(bank: Bank) -> None:
    found = page(bank.spec(), ["o1"], [], 100, WITHIN_S)
    assert [row["account"] for row in found.rows] == list(range(1, 30, 3)) and found.more == ""
    assert page(bank.spec(), ["o1", "4"], [], 100, WITHIN_S).rows == [{"owner": "o1", "account": 4, "balance": "4.10"}]
    assert [row["account"] for row in page(bank.spec(), ["o1"], ["o1", "22"], 100, WITHIN_S).rows] == [25, 28]
    assert page(bank.spec(), ["' OR true --"], [], 100, WITHIN_S).rows == []
    for bad in ("four", "\0"):
        with pytest.raises(BadInput):
            page(bank.spec(), ["o1", bad], [], 100, WITHIN_S)


def test_a_login_that_is_refused_says_what_to_correct(bank: Bank) -> None:
    spec = bank.spec()
    assert spec.reader
    (bank.stack.home / "reader-password").write_text("other")
    with pytest.raises(LoginRefused, match=r"password authentication failed.*reader\.user"):
        query(spec, "SELECT 1", 1, WITHIN_S)
    with pytest.raises(LoginRefused):
        query(bank.spec("nobody_here"), "SELECT 1", 1, WITHIN_S)
    lacks = spec.model_copy(update={"reader": spec.reader.model_copy(update={"password_file": "/nowhere"})})
    with pytest.raises(BadSetting, match=r"reader\.password_file, /nowhere"):
        query(lacks, "SELECT 1", 1, WITHIN_S)


def test_a_server_that_is_away_is_told(tmp_path: Any) -> None:
    stack = new_stack(tmp_path)
    server, bank = Server(postgres.part(stack)), Bank(stack, "public", "reader")
    with pytest.raises(ConnectionRefused, match=r"PostgreSQL at 127\.0\.0\.1"):
        query(bank.spec(), "SELECT 1", 1, WITHIN_S)
    server.start()
    try:
        bank.sql("CREATE ROLE {r} LOGIN PASSWORD 'secret'")
        assert query(bank.spec(), "SELECT 1 AS x", 1, WITHIN_S).rows == [{"x": 1}]
        _frozen_is_told(bank)
    finally:
        server.kill()
    with pytest.raises(NotRunning):
        query(bank.spec(), "SELECT 1", 1, WITHIN_S)


def _frozen_is_told(bank: Bank) -> None:
    """A backend that is frozen answers nothing, also not to its time limit."""
    found: list[int] = []

    def freeze() -> None:
        while not found:
            rows = bank.sql("SELECT pid FROM pg_stat_activity WHERE usename = 'reader' AND query LIKE 'FETCH%'")
            found.extend(pid for (pid,) in rows)
        os.kill(found[0], signal.SIGSTOP)

    thread = threading.Thread(target=freeze)
    thread.start()
    try:
        with pytest.raises(TimedOut, match="did not answer within 2 s"):
            query(bank.spec(), "SELECT pg_sleep(600)", 1, 2.0)
    finally:
        thread.join()
        for pid in found:  # a killed server leaves a frozen backend behind
            os.kill(pid, signal.SIGKILL)


def test_it_is_one_transaction_with_a_snapshot(bank: Bank) -> None:
    levels = "SELECT current_setting('transaction_isolation') AS level, current_setting('transaction_read_only') AS only"
    assert bank.query(levels).rows == [{"level": "repeatable read", "only": "on"}]
