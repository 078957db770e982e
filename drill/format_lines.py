"""Lines of every format, at every length and boundary: what the job and the recount must read alike. The same each time.

for case in CASES: lines(case)   # the case's good lines, its boundaries, and each good line broken at each byte
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

HOSTILE = b' \t\n\x00\x01]:[{<"\\-+.,0159TZe|/\xc3'  # put in the place of each byte, and before it


@dataclass(frozen=True)
class Case:
    """A format as a spec names it, lines that it accepts, and lines at its limits."""

    name: str
    line_format: Any
    good: tuple[bytes, ...]
    limits: tuple[bytes, ...] = field(default=())


def grown(before: bytes, part: bytes, after: bytes, lengths: Iterable[int]) -> tuple[bytes, ...]:
    """Return lines in which a part, repeated and cut, has each of these lengths."""
    return tuple(before + (part * length)[:length] + after for length in lengths)


def lines(case: Case, every: int = 1) -> list[bytes]:
    """Return the lines of a case. Of the broken ones, one in `every` is taken."""
    broken = [line for good in case.good for line in _broken(good)]
    return list(dict.fromkeys([*case.good, *case.limits, *CONTINUING, *broken[::every]]))


def _broken(line: bytes) -> Iterator[bytes]:
    head = min(len(line), 90)  # what follows is the message
    for at in range(head + 1):
        yield line[:at]
        yield line[:at] + line[at + 1 :]
        for byte in HOSTILE:
            yield line[:at] + bytes([byte]) + line[at + 1 :]
            yield line[:at] + bytes([byte]) + line[at:]


CONTINUING = (
    b" ",
    b"\t",
    b"  x",
    b"\tat com.foo.Bar(Bar.java:1)",
    b"at x",
    b"atx",
    b"Caused by: x",
    b"caused by: x",
    b"... 12 more",
    b"...",
    b"#0 x",
    b"#x",
    b"#",
    b"Traceback (most recent call last):",
    b"ValueError: x",
    b"ValueError",
    b"ValueError x",
    b"a.b.C$DException: x",
    b"Error: x",
    b"xError:",
    b"Stack trace:",
    b"Next X: y",
    b"thrown in /x",
    b"}",
    b"{}",
    b"(){}[],;",
    b"(){}[],;;",
    b"} x",
    b"\x01",
    b"\x01 x",
    b"",
    b"\r",
    b"> quoted",
    *grown(b"", b"a", b"Exception: x", (1, 246, 247, 248)),
    *grown(b"", b"a", b"Exception", (246, 247, 248)),
)

_APACHE = b"[Tue Jan 20 10:00:01.000001 2026] "
_CU = {"name": "apache_error", "error_log_format": r"[%{cu}t] [%-m:%l] [pid %P:tid %T] %7F: %E: [client\ %a] %M% ,\ referer\ %{Referer}i"}
_LOGBACK = {
    "name": "pattern",
    "pattern": "%{time} [%{thread}] %{level} %(#%{id} %)%{service} - %{message}",
    "time_format": "%Y-%m-%d %H:%M:%S,%f",
}
_JSON = b'{"@timestamp":"2026-01-20T10:00:01.5Z","level":"ERROR","message":"boom","service":"pay","a":[1,{"b":null}]}'
_UNIX = {"name": "json", "time": "ts", "time_format": "unix", "level": "l.v", "message": "m", "default_level": "info"}
_SYSLOG = b"<187>Jan 20 09:11:00 web1 sshd[18154]: Failed password for root"
_SYSLOG_5424 = b'<165>1 2026-01-20T09:11:00.003Z web1 app 123 ID47 [a@1 iut="3\\]" x="y"][b] boom'

CASES = (
    Case(
        "apache_error",
        "apache_error",
        (
            _APACHE + b"[core:error] [pid 7] [client 1.2.3.4] x",
            b"[Tue Jan  6 10:00:01 2026] [notice] x",
            b"[Tue Jan 20 10:00:01.12345678  2026] [error] x",
            "[Tue Jan 20 10:00:01.é 2026] [error] x".encode(),
            b"[Tue Jan 20 10:00:01.1] [ 2026] [error] x",
        ),
        (
            *grown(_APACHE + b"[", b"m", b":error] x", range(54, 64)),
            *grown(_APACHE + b"[", b"\xc3\xa9", b":error] x", range(54, 64, 2)),
            *grown(b"[Tue Jan 20 10:00:01.", b"1234567890", b" 2026] [error] x", range(12)),
        ),
    ),
    Case(
        "apache_error with an ErrorLogFormat",
        _CU,
        (
            b"[2026-01-20 10:00:01.138633] [php7:emerg] [pid 4803:tid 12] [client 95.2.7.6:35106] PHP x",
            b"[2026-01-20 10:00:01] [-:error] (2)x: y",
        ),
        (
            *grown(b"[2026-01-20 10:00:01.", b"1234567890", b"] [-:error] x", range(12)),
            *grown(b"[2026-01-20 10:00:01] [-:", b"e", b"] x", range(19)),
        ),
    ),
    Case(
        "nginx_error",
        "nginx_error",
        (b'2026/01/20 10:00:00 [error] 12345#678: *90 open() "/x" failed', b"2026/01/20 10:00:00 [emerg] 1#1: bind() failed"),
        (b"2026/02/30 10:00:00 [error] 1#1: x", b"2026/01/20 24:00:00 [error] 1#1: x", b"0000/01/20 10:00:00 [error] 1#1: x"),
    ),
    Case(
        "syslog_rfc3164",
        "syslog_rfc3164",
        (_SYSLOG, b"Dec 31 23:59:59 web1 last message repeated", b"2026-01-20T09:11:00.123456+01:00 web1 kernel: [1.2] oom"),
        (
            *(b"<%d>Jan 20 09:11:00 h x" % n for n in (0, 7, 8, 190, 191, 192, 999)),
            b"<0191>Jan 20 09:11:00 h x",
            b"<001>Jan 20 09:11:00 h x",
            b"Feb 29 09:11:00 h x",
            b"Jan 31 09:11:00 h x",
            *grown(b"Jan 20 09:11:00 ", b"h", b" x", range(253, 258)),
            *grown(b"Jan 20 09:11:00 h ", b"t", b"[1]: x", range(62, 67)),
        ),
    ),
    Case(
        "syslog_rfc5424",
        "syslog_rfc5424",
        (_SYSLOG_5424, b"<11>1 2026-01-20T09:11:00-01:30 web1 app - - - boom [x] y", b"<11>1 - h a - - -"),
        (
            *grown(b"<11>1 2026-01-20T09:11:00Z ", b"h", b" a - - - x", range(253, 258)),
            *grown(b"<11>", b"1", b" 2026-01-20T09:11:00Z h a - - - x", range(5)),
            b"<11>1 2026-01-20T09:11:00Z h a - - [x] y",
            b"<11>1 2026-01-20T09:11:00Z h a - - [x]",
            b"<11>1 2026-01-20T09:11:00Z h a - - [x\\] y",
        ),
    ),
    Case(
        "json",
        {"name": "json", "service": "service"},
        (_JSON, b'{"@timestamp":"2026-01-20 10:00:01 +0100","level":30}'),
        (
            b'{"@timestamp":"2026-01-20T10:00:01Z","level":"\\ud800"}',
            b'{"@timestamp":"2026-01-20T10:00:01Z","level":"error","level":null}',
            b'{"level":"error","@timestamp":null}',
            _JSON + b" tail",
            _JSON.replace(b'"pay"', b'"5"'),
            _JSON.replace(b'"pay"', b'"[x"'),
            _JSON.replace(b'"pay"', b'" x "'),
            *grown(_JSON[:-1] + b',"n":1', b"1", b"}", range(998, 1001)),
            *grown(_JSON[:-1] + b',"n":1.', b"1", b"e1}", range(997, 1000)),
            *(_JSON[:-1] + b',"d":' + b"[" * n + b"]" * n + b"}" for n in (998, 999, 1000)),
            *grown(_JSON[:-1] + b',"', b"n", b'":1}', (49_999, 50_000, 50_001)),
            *grown(b'{"@timestamp":"2026-01-20T10:00:01Z","level":"', b"e", b'"}', range(19)),
        ),
    ),
    Case(
        "json by names, in seconds",
        _UNIX,
        (b'{"ts":1768900000.123,"l.v":50,"m":"x"}', b'{"ts":"1.7689e9","l":{"v":"warn"}}', b'{"ts":1768900000,"l":"{\\"v\\":\\"crit\\"}"}'),
        tuple(
            b'{"ts":%s}' % n
            for n in (
                b"0",
                b"-1",
                b"-0",
                b"0.0005",
                b"0.0004",
                b"1e400",
                b"-1e400",
                b"253402300799.999",
                b"253402300800",
                b"-62135596800",
                b"-62135596801",
                b'"01"',
                b'" 1"',
                b'"1 "',
                b'"1."',
                b'"+1"',
                b'"NaN"',
                b"true",
                b"[1]",
                b"{}",
                b"1E2",
                b"12345678901234567890",
                b"1.0e-7",
            )
        ),
    ),
    Case(
        "pattern",
        _LOGBACK,
        (b"2026-01-20 09:11:00,123 [main] INFO  #7 com.foo - hi", b"2026-01-20 09:11:00,1 [a b] ERROR com.foo.Bar - hi - there"),
        (
            *grown(b"2026-01-20 09:11:00,", b"1234567890", b" [m] WARN c - x", range(12)),
            *grown(b"2026-01-20 09:11:00,1 [m] ", b"E", b" c - x", range(19)),
            *grown(b"2026-01-20 09:11:00,1 [m] WARN ", b"\xc3\xa9", b" - x", range(0, 516, 2))[-6:],
            b"2026-01-20 09:11:00,1 [m] WARN  - x",
        ),
    ),
    Case(
        "a pattern with offsets and two digits of a year",
        {"name": "pattern", "pattern": "%{time} %{message}", "time_format": "%d/%b/%y %H:%M:%S %z", "default_level": "error"},
        (b"20/Jan/26 10:00:01 +0100 x", b"29/Feb/69 10:00:01 Z x", b"01/Jan/68 10:00:01 -05:30 x"),
        tuple(
            b"20/Jan/26 10:00:01 %s x" % z
            for z in (b"+00", b"+01", b"+23:59", b"+24", b"+2360", b"-2359", b"+1", b"+012", b"+01:0", b"z", b"+01:00:00")
        ),
    ),
    Case(
        "seconds since 1970",
        {"name": "pattern", "pattern": "%{time} %{level} %{message}", "time_format": "%s.%f"},
        (b"1768900000.123 error x",),
        grown(b"", b"1", b".5 error x", range(14)),
    ),
    Case(
        "docker",
        {"name": "nginx_error", "container": "docker"},
        (
            b'{"log":"2026/01/20 10:00:00 [error] 1#1: x\\n","stream":"stderr"}',
            b'{"log":"\\n"}',
            b'{"log":"\\tat x\\n"}',
            b'{"log":7}',
            b'{"log":null}',
        ),
    ),
    Case(
        "cri",
        {"name": "nginx_error", "container": "cri"},
        (b"2026-01-20T09:11:00.1Z stderr F 2026/01/20 10:00:00 [error] 1#1: x", b"t stdout P:x \tat x", b"t stdout F "),
        grown(b"", b"t", b" stdout F 2026/01/20 10:00:00 [error] 1#1: x", range(62, 67)),
    ),
    Case(
        "compose",
        {"name": "nginx_error", "container": "compose"},
        (b"web-1  | 2026/01/20 10:00:00 [error] 1#1: x", b"web|x", b"web | "),
        grown(b"", b"w", b" | 2026/01/20 10:00:00 [error] 1#1: x", range(253, 258)),
    ),
    Case(
        "syslog around httpd, in Filebeat",
        {"name": "apache_error", "container": ["filebeat", "syslog_rfc3164"]},
        (
            b'{"message":"<187>Jan 20 09:11:00 web1 apache2[1]: [Tue Jan 20 10:00:01 2026] [core:error] x"}',
            b'{"message":"Jan 20 09:11:00 w a:  at x"}',
        ),
    ),
)
