"""The common levels, and the names that programs give them. Data that the job and the recount share; docs/formats.md has the same table."""

from __future__ import annotations

from collections.abc import Mapping

ERRORS = ("emerg", "alert", "crit", "error")  # the levels whose lines have a signature
LEVELS = (*ERRORS, "warn", "notice", "info", "debug", *(f"trace{n}" for n in range(1, 9)))  # those of httpd
SEVERITIES = ("emerg", "alert", "crit", "error", "warn", "notice", "info", "debug")  # of syslog, by number
MOST_PRIORITY = 191  # of syslog: facility 23, severity 7

SPELLINGS: Mapping[str, str] = {
    "emerg": "emergency panic",
    "alert": "",
    "crit": "critical fatal ftl 60",
    "error": "err fail severe eror 50",
    "warn": "warning wrn 40",
    "notice": "",
    "info": "information informational inf log 30",
    "debug": "dbug dbg fine config 20",
    "trace1": "trace trce verbose vrb finer finest 10",
}
# Every name in lower case, and its level: httpd's own, those above, and syslog's numbers.
NAMES: Mapping[str, str] = {
    **{level: level for level in LEVELS},
    **{name: level for level, names in SPELLINGS.items() for name in names.split()},
    **{str(number): level for number, level in enumerate(SEVERITIES)},
}
