"""How a spec names a format: what it stands for, and what is refused by its name."""

from __future__ import annotations

from typing import Any

import pytest

from spark_jobs.formats.spec import OPTIONS, described, line_format
from spark_jobs.formats.spec.levels import LEVELS, NAMES
from spark_jobs.formats.spec.pattern import Field, Literal, Maybe

CU = r"[%{cu}t] [%-m:%l] [pid %P:tid %T] %7F: %E: [client\ %a] %M% ,\ referer\ %{Referer}i"


def of_pattern(pattern: str, **more: Any) -> dict[str, Any]:
    return {"name": "pattern", "pattern": pattern, **more}


@pytest.mark.parametrize("name", [name for name in OPTIONS if name != "pattern"])
def test_a_name_alone_is_enough(name: str) -> None:
    assert described(name) == described({"name": name})
    assert line_format(name) == name


def test_the_parts_of_a_pattern() -> None:
    found = described(of_pattern("%{time} 5%% %(#%{id} %)%{level}: %{message}", time_format="%Y-%m-%d %H:%M:%S,%f"))
    maybe = Maybe((Literal("#"), Field("id"), Literal(" ")))
    assert found.parts == (Field("time"), Literal(" 5% "), maybe, Field("level"), Literal(": "), Field("message"))
    assert (
        found.time_format.has_year
        and not described(of_pattern("%{time} %{level}: %{message}", time_format="%b %e %H:%M:%S")).time_format.has_year
    )


def test_the_error_log_format_of_httpd() -> None:
    """Brackets belong together, what follows without one is the message."""
    found = described({"name": "apache_error", "error_log_format": CU})
    head = (Literal("["), Field("time"), Literal("] ["), Field("m"), Literal(":"), Field("level"), Literal("] "))
    pid = Maybe((Literal("[pid "), Field("P"), Literal(":tid "), Field("T"), Literal("] ")))
    assert found.parts == (*head, pid, Maybe((Literal("[client "), Field("a"), Literal("] "))), Field("message"))
    assert found.time_format.name == "iso8601"


def test_what_is_kept_is_json() -> None:
    """A number as the key of a mapping became text in the store, and a plan showed a change that was none."""
    assert line_format({"name": "json", "levels": {70: "crit"}, "container": ("cri",)}) == {
        "name": "json", "levels": {"70": "crit"}, "container": ["cri"],
    }  # fmt: skip


def test_levels_can_be_added_and_replaced() -> None:
    found = described({"name": "json", "levels": {"Oops": "error", 30: "warn"}}).levels
    assert (found["oops"], found["30"], found["fatal"]) == ("error", "warn", "crit")
    assert set(NAMES.values()) == set(LEVELS)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (5, "must be the name of a format"),
        ({"pattern": "x"}, "must be the name of a format"),
        ("syslog", "'syslog' is not a line format; use one of: apache_error"),
        ({"name": "nginx_error", "pattern": "x"}, "pattern is not an option of nginx_error"),
        ({"name": "pattern"}, "pattern: must be text"),
        (of_pattern("%{time} %{level} x"), "pattern: must end with %{message}"),
        (of_pattern("%{level} %{message}"), "pattern: has no %{time}"),
        (of_pattern("%{time} %{message}"), "pattern: has no level, so default_level must say one"),
        (of_pattern("%{time} %{level}%{message}"), "pattern: %{level} needs a literal after it"),
        (of_pattern("%{time} %{time} %{message}"), "pattern: %{time} stands twice"),
        (of_pattern("%{time} %(a%{level} %)%{message}"), "pattern: %{level} must not stand in a part that may be missing"),
        (of_pattern("%{time} %(%{a} %)%{level} %{message}"), "pattern: a part that may be missing must begin and end with a literal"),
        (of_pattern("%{time} %(%{level} %{message}"), "pattern: %( has no %)"),
        (of_pattern("%{time} %[x] %{message}"), "pattern: '%[' at character 9 is not one of"),
        (of_pattern("%{time}\n%{level} %{message}"), "pattern: has a control character"),
        (of_pattern("%{time} %{level} %{message}", time_format="yyyy-MM-dd"), "time_format: must be one of iso8601"),
        (of_pattern("%{time} %{level} %{message}", time_format="%Y-%m-%d %H:%M"), "time_format: needs one second: %S"),
        (of_pattern("%{time} %{level} %{message}", time_format="%Y-%m-%d %I:%M:%S"), "time_format: '%I' is not a directive"),
        (of_pattern("%{time} %{level} %{message}", time_format="%H:%M:%S.%f%Y-%m-%d"), "time_format: %f and %s have no fixed length"),
        (of_pattern("%{time} %{level} %{message}", time_format="unix"), "time_format: unix and unix_ms are for JSON"),
        (of_pattern("%{time} %{level} %{message}", levels={"a b": "error"}), "levels: 'a b' is not one to 16 letters and digits"),
        (of_pattern("%{time} %{level} %{message}", levels={"a": "bad"}), "levels: 'bad' is not a level"),
        (of_pattern("%{time} %{level} %{message}", levels={"a": ["b"]}), "levels: ['b'] is not a level"),
        (of_pattern("%{time} %{level} %{message}", continuations=[""]), "continuations: '' is not the beginning of a line"),
        ({"name": "apache_error", "error_log_format": "[%t] [%q] %M"}, "error_log_format: %q is not an item of ErrorLogFormat"),
        ({"name": "apache_error", "error_log_format": "[%l] %M"}, "error_log_format: has no %t"),
        ({"name": "apache_error", "error_log_format": "%M [%t] [%l]"}, "error_log_format: needs %M"),
        ({"name": "apache_error", "error_log_format": "[%{x}t] [%l] %M"}, "error_log_format: %{x}t is not one of"),
        ({"name": "apache_error", "default_level": "error"}, "only of an apache_error with an error_log_format"),
        ({"name": "json", "level": "a..b"}, "level: must be the name of a member"),
        ({"name": "json", "container": "podman"}, "container: 'podman' is not a container"),
        ({"name": "json", "container": ["cri"] * 4}, "container: must be one to 3 containers"),
        ({"name": "json", "container": {"json": ""}}, "container: must be text"),
    ],
)  # fmt: skip
def test_what_is_refused_names_the_field(value: Any, problem: str) -> None:
    with pytest.raises(ValueError) as error:
        described(value)
    assert problem in str(error.value)
