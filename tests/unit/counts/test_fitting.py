"""Which format fits a file: each built-in one is found again from lines of its own."""

from __future__ import annotations

import pytest

from spark_jobs.formats.spec import described
from weir.counts.fitting import COUNTED, LAYOUTS, candidates, fit, ranked
from weir.times import parse_time

NOW = parse_time("2026-01-31T12:00:00Z")
APACHE = b"[Tue Jan 20 09:10:40.316760 2026] [core:error] [pid 9:tid 12] [client 192.0.2.17:51034] AH00128: File does not exist: /srv/www/x"
LINES = {
    "apache_error": APACHE,
    "nginx_error": b"2026/01/20 10:00:00 [error] 12345#678: *90 open() failed",
    "syslog_rfc3164": b"<187>Jan 20 09:11:00 web1 sshd[18154]: Failed password for root",
    "syslog_rfc5424": b"<165>1 2026-01-20T09:11:00.003Z web1 app 123 ID47 - message",
    "ecs": b'{"@timestamp":"2026-01-20T09:11:00.003Z","log.level":"ERROR","message":"boom"}',
    "json": b'{"@timestamp":"2026-01-20T09:11:00.003Z","level":"ERROR","message":"boom"}',
    "logback": b"2026-01-20 09:11:00,123 [main] ERROR com.example.App - boom",
    "Spring Boot": b"2026-01-20T09:11:00.123Z  ERROR 17 --- [shop] [main] com.example.App  : boom",
    "Spark, Hadoop with log4j": b"26/01/20 18:16:44 INFO executor.Executor: Finished task",
    "Python, log4j": b"2026-01-20 09:11:00,123 ERROR app.db: boom",
    "Python with dashes": b"2026-01-20 09:11:00,123 - app.db - ERROR - boom",
    "PostgreSQL": b"2026-01-20 09:11:00.123 UTC [17] ERROR:  boom",
    "apache_error, ErrorLogFormat with ISO dates": b"[2026-01-20 09:10:40.316760] [core:error] [pid 9] [client 192.0.2.17] AH00128: x",
    "apache_error in compose": b"web-1  | " + APACHE,
    "apache_error in cri": b"2026-01-20T09:11:00.123456789Z stderr F " + APACHE,
    "apache_error in docker": b'{"log":"' + APACHE + b'\\n","stream":"stderr","time":"2026-01-20T09:11:00Z"}',
    "apache_error in filebeat": b'{"@timestamp":"2026-01-20T09:11:00Z","message":"' + APACHE + b'"}',
}


@pytest.mark.parametrize("name", LINES)
def test_a_format_is_found_again_from_its_lines(name: str) -> None:
    best = ranked([LINES[name]] * 3, "UTC", NOW)[0]
    assert (best.name, best.share) == (name, 1.0)


def test_every_candidate_is_one_that_a_spec_may_name() -> None:
    names = [name for name, value in candidates() if described(value)]
    assert len(set(names)) == len(names) and set(LAYOUTS) <= set(names)


def test_outcomes_are_told_apart_with_their_first_lines() -> None:
    lines = [APACHE, b"\tat Main.java:17", b"what is this", APACHE.replace(b"Jan 20", b"Feb 30"), b"what is that"]
    found = fit(lines, "apache_error", "UTC", NOW)
    assert found.outcomes == {COUNTED: 1, "continuation": 1, "not_a_log_line": 2, "bad_time": 1}
    assert found.samples["not_a_log_line"] == [b"what is this", b"what is that"] and found.share == 0.4
    assert found.newest == parse_time("2026-01-20T09:10:40.316Z") and found.levels == {"error": 1}


def test_continuations_alone_are_no_fit() -> None:
    assert ranked([b"\tat Main.java:17"] * 3, "UTC", NOW) == []
