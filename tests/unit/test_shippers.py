"""docs/shippers.md: each configuration is valid in its language, and what each shipper sends has the format that is named."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import PROJECT
from weir.counts.lines import parser
from weir.counts.rules import Rules
from weir.times import parse_time

PAGE = (PROJECT / "docs/shippers.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
NOW = parse_time("2026-01-31T12:00:00Z")
LINE = "[Tue Jan 20 09:10:40.316760 2026] [core:error] [pid 9:tid 12] [client 192.0.2.17:51034] AH00128: File does not exist: /x"
# What each shipper sends for LINE with the configuration of its section.
SENT = {
    "Filebeat": json.dumps(
        {"@timestamp": "2026-01-20T09:11:00.000Z", "@metadata": {"beat": "filebeat"}, "message": LINE, "fields": {"service": "web"}}
    ),
    "Fluent Bit": json.dumps({"@timestamp": 1768900260.12, "log": LINE}),
    "Vector": LINE,
    "rsyslog": LINE,
    "Logstash": json.dumps({"@timestamp": "2026-01-20T09:11:00.000Z", "@version": "1", "message": LINE, "log": {"file": {"path": "/x"}}}),
    "Flume": LINE,
    "Kafka Connect": LINE,
}


def blocks(language: str) -> list[str]:
    return [text for name, text in BLOCKS if name == language]


@pytest.mark.parametrize("section", SENT)
def test_what_a_shipper_sends_has_the_format_that_its_section_names(section: str) -> None:
    text = PAGE.split(f"\n## {section}\n")[1]
    named: Any = yaml.safe_load(re.findall(r"`line_format: (.*?)`", text)[0])
    assert parser(Rules("job", "logs", line_format=named))(SENT[section].encode(), NOW) == (parse_time("2026-01-20T09:10:40.316Z"), "error")


def test_every_format_on_the_page_is_one() -> None:
    from spark_jobs.formats.spec import described

    for text in re.findall(r"`line_format: (.*?)`", PAGE):
        assert described(yaml.safe_load(text))


def test_configurations_can_be_read() -> None:
    assert [yaml.safe_load(text)["output.kafka"]["topic"] for text in blocks("yaml")] == ["logs"]
    assert [tomllib.loads(text)["sinks"]["weir"]["key_field"] for text in blocks("toml")] == ["service"]
    assert all(json.loads(text) for text in blocks("json")) and len(blocks("json")) == 2
    (fluent,) = blocks("ini")
    reader = ConfigParser(delimiters=" ")
    reader.read_string(re.sub(r"^ +(\S+) +", r"\1 ", fluent, flags=re.MULTILINE))
    assert reader["OUTPUT"]["Topics"] == "logs"


@pytest.mark.skipif(shutil.which("rsyslogd") is None, reason="rsyslogd is not here: apt-get install rsyslog rsyslog-kafka")
def test_rsyslog_takes_its_configuration(tmp_path: Path) -> None:
    (text,) = [text for name, text in BLOCKS if not name and "omkafka" in text and "module" in text]
    file = tmp_path / "rsyslog.conf"
    file.write_text(text)
    checked = subprocess.run(["rsyslogd", "-N1", "-f", str(file)], capture_output=True, check=False, timeout=60)
    assert checked.returncode == 0, checked.stderr.decode()
