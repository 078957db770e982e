"""Notes about folding in Cassandra."""

from __future__ import annotations

from collections.abc import Mapping

from weir.cassandra.tables import Tables, ms
from weir.ports.counts import FoldNote, HourShard, Published


class Folds(Tables):
    def folds(self, job: str) -> Mapping[HourShard, FoldNote]:
        rows = self.session.execute("SELECT hour, shard, run, attempt, batch_id, folded_at, swept FROM fold WHERE job = ?", job)
        return {(ms(r.hour), r.shard): FoldNote(r.run, (r.attempt, r.batch_id), ms(r.folded_at), r.swept or "") for r in rows if r.run}

    def put_folded(self, job: str, at: HourShard, published: Published) -> None:
        self.session.execute(
            "UPDATE fold SET run = ?, attempt = ?, batch_id = ?, folded_at = ? WHERE job = ? AND hour = ? AND shard = ?",
            published.run, *published.position, published.at, job, *at,
        )  # fmt: skip

    def put_swept(self, job: str, at: HourShard, run: str) -> None:
        self.session.execute("UPDATE fold SET swept = ? WHERE job = ? AND hour = ? AND shard = ?", run, job, *at)
