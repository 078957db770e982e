"""The driver's side of the store: implements spark_jobs.protocol.writer.Store. All plain writes carry the claim's timestamp."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any, Self

from spark_jobs.protocol import codec
from spark_jobs.protocol.head import Head
from spark_jobs.runtime.contract import CassandraAddress
from spark_jobs.runtime.session import Session
from spark_jobs.runtime.standby import Orders

RECORD = ", ".join(("record", *codec.COLUMNS))  # the columns of head and ledger that a head is read from
HEAD = f"SELECT {RECORD} FROM head WHERE job = ?"


class CassandraStore:
    def __init__(self, session: Session) -> None:
        self.session = session
        self._noted: tuple[str, date] | None = None  # job and day of this process's last insert into ledger_day

    @classmethod
    def connect(cls, address: CassandraAddress, patience_s: float | None) -> Self:
        """Connect; every call then waits up to `patience_s` for an answer (None: for ever) and else raises OutOfPatience."""
        return cls(Session(address, patience_s))

    def close(self) -> None:
        self.session.close()

    def head(self, job: str) -> Head | None:
        return _loaded(self.session.serial(HEAD, job))

    def plain_head(self, job: str) -> Head | None:
        return _loaded(self.session.execute(HEAD, job))

    def desired(self, job: str) -> str:
        """Return the desired state: `running` or `stopped`; empty if the job was never deployed."""
        rows = self.session.serial("SELECT desired FROM job WHERE job = ?", job)
        return str(rows[0].desired) if rows else ""

    def swap(self, expected: Head, new: Head) -> bool:
        def applied() -> bool | None:
            current = self.head(new.job)
            return True if current == new else None if current == expected else False

        own = {**dict.fromkeys(own_columns(expected)), **own_columns(new)}
        return self.session.swap(
            f"UPDATE head SET attempt = ?, incarnation = ?, state = ?, write_ts = ?, record = ?{_assigned(own)} "
            "WHERE job = ? IF attempt = ? AND incarnation = ? AND state = ? AND write_ts = ?",
            (*version_of(new), codec.dump(new), *own.values(), new.job, *version_of(expected)),
            applied,
        )

    def put_ledger(self, head: Head) -> None:
        day = day_of(head.write_ts)
        if self._noted != (head.job, day):
            self.session.execute("INSERT INTO ledger_day (job, day) VALUES (?, ?)", head.job, day)
            self._noted = head.job, day
        own, totals = own_columns(head), head.totals
        self.session.execute(
            f"INSERT INTO ledger (job, day, attempt, batch_id, epoch, lines, landed_at, {', '.join(('record', *own))}) "
            f"VALUES (?, ?, ?, ?, ?, ?, ?, ?{', ?' * len(own)}) USING TIMESTAMP ?",
            head.job, day, head.by, head.batch_id, head.epoch, totals.lines, head.landed_at, codec.dump(head), *own.values(), head.write_ts,
        )  # fmt: skip

    def ledger_batch(self, job: str, epoch: int, batch_id: int) -> Head | None:
        rows = self.session.execute("SELECT attempt, epoch FROM attempt WHERE job = ?", job)
        for attempt in (r.attempt for r in rows if r.epoch == epoch):
            for day in self.days(job):
                found = self.session.execute(
                    f"SELECT {RECORD} FROM ledger WHERE job = ? AND day = ? AND attempt = ? AND batch_id = ?",
                    job, day, attempt, batch_id,
                )  # fmt: skip
                if found and (head := codec.load(*found[0])).has_batch:
                    return head
        return None

    def days(self, job: str) -> list[date]:
        """Return the days that have ledger rows, newest first."""
        return [row.day.date() for row in self.session.execute("SELECT day FROM ledger_day WHERE job = ?", job)]

    def touch(self, job: str) -> None:
        """Delete from each table of the ledger a row that no batch writes: nothing landed in 1970."""
        self.session.execute("DELETE FROM ledger_day USING TIMESTAMP 1 WHERE job = ? AND day = '1970-01-01'", job)
        self.session.execute(
            "DELETE FROM ledger USING TIMESTAMP 1 WHERE job = ? AND day = '1970-01-01' AND attempt = 0 AND batch_id = 0", job
        )

    def put_proof(self, job: str, attempt: int, proof: str) -> None:
        """Record how far an attempt without input has come to prove that it can work; `contract.PROVEN`: it has."""
        self.session.execute("UPDATE attempt SET proof = ? WHERE job = ? AND attempt = ?", proof[:4000], job, attempt)

    def put_first(self, job: str, attempt: int, epoch: int, batch_id: int) -> None:
        self.session.execute("INSERT INTO attempt (job, attempt, epoch, first_batch) VALUES (?, ?, ?, ?)", job, attempt, epoch, batch_id)

    def put_exit(self, job: str, attempt: int, incarnation: str, reason: str, error: str, batch_id: int) -> None:
        """Record why a driver exits. A driver that is killed records nothing."""
        self.session.execute(
            "UPDATE attempt SET incarnation = ?, exit_reason = ?, exit_error = ?, exit_batch = ?, exited_at = ? "
            "WHERE job = ? AND attempt = ?",
            incarnation, reason, error[:4000], batch_id, datetime.now(UTC), job, attempt,
        )  # fmt: skip

    def orders(self, job: str, standby: str) -> Orders | None:
        rows = self.session.execute("SELECT version, arguments, retired_at FROM standby WHERE job = ? AND id = ?", job, standby)
        return Orders(rows[0].arguments or "", bool(rows[0].retired_at)) if rows and rows[0].version else None

    def put_ready(self, job: str, standby: str, incarnation: str, at: int) -> None:
        self.session.execute("UPDATE standby SET ready_at = ?, incarnation = ? WHERE job = ? AND id = ?", at, incarnation, job, standby)


def day_of(write_ts: int) -> date:
    """Return the day (UTC) of a claim, by which the ledger is partitioned."""
    return datetime.fromtimestamp(write_ts / 1e6, UTC).date()


def own_columns(head: Head) -> dict[str, bytes | str | None]:
    """Return the values of the columns that only some jobs have, by name. A row of another job is written as every release writes it."""
    of_landed = {"plan": head.plan, "digest": str(head.digest) if head.digest else None} if head.plan else {}
    return {**of_landed, **({"files": head.files} if head.files else {})}


def _loaded(rows: Sequence[Any]) -> Head | None:
    return codec.load(*rows[0]) if rows else None


def _assigned(columns: Iterable[str]) -> str:
    return "".join(f", {name} = ?" for name in columns)


def version_of(head: Head) -> tuple[int, str, str, int]:
    """Return what identifies a version of a job's head: every transition changes one of these."""
    return head.attempt, head.incarnation, str(head.state), head.write_ts
