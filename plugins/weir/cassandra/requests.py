"""What the REST service was asked to do, in Cassandra: rows that go by themselves after a day."""

from __future__ import annotations

from weir.cassandra.tables import Tables, ms
from weir.ports.requests import Asked

FIRST = "INSERT INTO asked (claim, digest, at, status, answer, who, key) VALUES (?, ?, ?, ?, ?, ?, ?) IF NOT EXISTS"
SWAP = "UPDATE asked SET claim = ?, digest = ?, at = ?, status = ?, answer = ? WHERE who = ? AND key = ? IF claim = ?"


class Requests(Tables):
    def asked(self, who: str, key: str) -> Asked | None:
        rows = self.session.serial("SELECT claim, digest, at, status, answer FROM asked WHERE who = ? AND key = ?", who, key)
        return Asked(rows[0].claim, rows[0].digest, ms(rows[0].at), rows[0].status, rows[0].answer) if rows else None

    def set_asked(self, who: str, key: str, expected: Asked | None, new: Asked) -> bool:
        def applied() -> bool | None:
            current = self.asked(who, key)
            return True if current == new else None if current == expected else False

        values = (new.claim, new.digest, new.at, new.status, new.answer, who, key)
        if expected is None:
            return self.session.swap(FIRST, values, applied)
        return self.session.swap(SWAP, (*values, expected.claim), applied)
