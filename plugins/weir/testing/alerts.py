"""What alerts keep, in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from weir.ports.alerts import Booked, Mail, Noted


class Alerts:
    """What alerts keep, in memory."""

    def __init__(self) -> None:
        super().__init__()
        self._books: dict[str, Booked] = {}
        self._evaluations: dict[tuple[str, str], dict[tuple[int, int], Noted]] = {}
        self._mails: dict[str, dict[tuple[int, str], Mail]] = {}

    def book(self, job: str) -> Booked | None:
        return self._books.get(job)

    def set_book(self, job: str, expected: Booked | None, new: Booked) -> bool:
        if self._books.get(job) != expected:
            return False
        self._books[job] = new
        return True

    def put_evaluations(self, job: str, rows: Sequence[Noted]) -> None:
        for row in rows:
            kept = self._evaluations.setdefault((job, row.rule), {})
            at = row.start, row.end
            if at not in kept or row.revision >= kept[at].revision:
                kept[at] = row

    def evaluations(self, job: str, rule: str, since: int, until: int) -> Sequence[Noted]:
        rows = sorted(self._evaluations.get((job, rule), {}).items())
        return [row for _, row in rows if row.start < until and row.end > since]

    def put_mail(self, job: str, mail: Mail) -> None:
        self._mails.setdefault(job, {})[-mail.at, mail.id] = mail

    def mails(self, job: str, limit: int = 50) -> Sequence[Mail]:
        return [mail for _, mail in sorted(self._mails.get(job, {}).items(), key=lambda x: x[0])][:limit]

    def books(self, jobs: Collection[str]) -> Mapping[str, Booked]:
        return {job: self._books[job] for job in jobs if job in self._books}

    def inboxes(self, jobs: Collection[str], limit: int) -> Mapping[str, Sequence[Mail]]:
        return {job: self.mails(job, limit) for job in jobs}
