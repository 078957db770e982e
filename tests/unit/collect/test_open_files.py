"""A collector does not claim more connections than the system allows it open files. Each case is a process, which has limits of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import resource, sys
from weir.collect.open_files import require_files
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]), int(sys.argv[2])))
try:
    require_files(int(sys.argv[3]))
except Exception as error:
    print(error)
print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


@pytest.mark.parametrize(
    ("soft", "hard", "connections", "said", "then"),
    [
        (1128, 1128, 1000, "", 1128),
        (256, 4096, 1000, "", 1128),  # as on macOS, and after `ulimit -Sn 256`
        (256, 256, 128, "", 256),
        (256, 256, 1000, "1000 connections need 1128 open files, and 256 are allowed", 256),
        (256, 256, 1000, "ulimit -n 1128; in a systemd unit LimitNOFILE=1128, or give --connections 128", 256),
        (100, 100, 1, "LimitNOFILE=129", 100),
    ],
)
def test_a_limit_is_raised_or_told(soft: int, hard: int, connections: int, said: str, then: int) -> None:
    command = [sys.executable, "-c", SCRIPT, str(soft), str(hard), str(connections)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    *found, limit = done.stdout.splitlines()
    assert said in " ".join(found) and bool(found) == bool(said) and int(limit) == then
