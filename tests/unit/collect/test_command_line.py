"""What `weir collect` refuses before it begins."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.conftest import PROJECT
from weir.cli.app import app
from weir.errors import BadInput, WeirError


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["tcp", "--framing", "no"], "--framing: no is not one of lines, octets, auto"),
        (["tcp", "--tls-cert", "x"], "--tls-cert and --tls-key belong together"),
        (["tcp", "--tls-client-ca", "x"], "--tls-client-ca is set, but --tls-cert is not"),
        (["tcp", "--service", "x" * 300], "service: .* has 300 bytes"),
        (["tcp", "--host", "203.0.113.1"], "Cannot listen on 203.0.113.1:5170"),
        (["syslog", "--no-tcp", "--no-udp"], "leave nothing to listen on"),
    ],
)
def test_what_is_refused(words: list[str], what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIR_HOME", str(tmp_path))
    monkeypatch.setenv("WEIR_KAFKA", "127.0.0.1:1")
    with pytest.raises(BadInput, match=what):
        CliRunner().invoke(app, ["collect", *words], catch_exceptions=False)


@pytest.mark.parametrize("words", [["rabbitmq", "--queue", "q"], ["mqtt", "--subscribe", "t"]])
def test_a_broker_is_named_by_host_and_port_and_its_client_must_be_there(words: list[str]) -> None:
    with pytest.raises(WeirError, match=r"--broker: :x is not an address|is not installed. Install it: pip install 'weir\[collect-"):
        CliRunner().invoke(app, ["collect", *words, "--broker", ":x"], catch_exceptions=False)


def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed: apt-get install systemd")
    unit = tmp_path / "weir-collect@tcp.service"
    shutil.copy(PROJECT / "deploy" / "systemd" / "weir-collect@.service", unit)
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False)
    assert "weir-collect@tcp.service" not in done.stderr, done.stderr
