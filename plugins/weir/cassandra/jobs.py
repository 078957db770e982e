"""What is wanted of jobs, and their versions, in Cassandra."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from weir.cassandra.tables import Tables, ms
from weir.ports.jobs import JobRow, VersionRow


class Jobs(Tables):
    def job(self, job: str) -> JobRow | None:
        rows = self.session.serial("SELECT * FROM job WHERE job = ?", job)
        return job_row(rows[0]) if rows else None

    def jobs(self) -> Sequence[JobRow]:
        return [job_row(row) for row in self.session.execute("SELECT * FROM job")]

    def set_job(self, expected: JobRow | None, new: JobRow) -> bool:
        def applied() -> bool | None:
            current = self.job(new.job)
            return True if current == new else None if current == expected else False

        values = (new.revision, new.desired, new.version, new.spec, new.changed_by, new.reason, new.changed_at, new.job)
        columns = ("revision", "desired", "version", "spec", "changed_by", "reason", "changed_at")
        if expected is None:
            cql = f"INSERT INTO job ({', '.join(columns)}, job) VALUES (?, ?, ?, ?, ?, ?, ?, ?) IF NOT EXISTS"
            return self.session.swap(cql, values, applied)
        cql = f"UPDATE job SET {', '.join(f'{c} = ?' for c in columns)} WHERE job = ? IF revision = ?"
        return self.session.swap(cql, (*values, expected.revision), applied)

    def versions(self, job: str) -> Sequence[VersionRow]:
        rows = self.session.execute("SELECT version, deployed_at, spec, good FROM version WHERE job = ?", job)
        found = [VersionRow(r.version, ms(r.deployed_at), r.spec, bool(r.good)) for r in rows if r.deployed_at]
        return sorted(found, key=lambda v: (v.deployed_at, v.version), reverse=True)

    def put_version(self, job: str, row: VersionRow) -> None:
        self.session.execute(
            "UPDATE version SET deployed_at = ?, spec = ? WHERE job = ? AND version = ?", row.deployed_at, row.spec, job, row.version
        )

    def put_good(self, job: str, version: str) -> None:
        self.session.execute("UPDATE version SET good = true WHERE job = ? AND version = ?", job, version)


def job_row(r: Any) -> JobRow:
    return JobRow(r.job, r.revision, r.desired, r.version, r.spec, r.changed_by, r.reason, ms(r.changed_at))
