"""Settings with which state would be lost at the next takeover are refused."""

from __future__ import annotations

import pytest

from tests.spark.stateful import COMMON, PROVIDERS
from weir.jobs.state_conf import refused

FORMAT_2 = {"spark.sql.streaming.stateStore.checkpointFormatVersion": "2"}
ZSTD = {"spark.sql.streaming.stateStore.compression.codec": "zstd"}


@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_survives_kills_is_accepted(provider: str) -> None:
    assert refused({**COMMON, **PROVIDERS[provider]}) == "" == refused({})


@pytest.mark.parametrize(
    ("conf", "named"),
    [
        ({**PROVIDERS["changelog"], **FORMAT_2}, "checkpointFormatVersion"),
        ({**PROVIDERS["heap"], **ZSTD}, "compression.codec"),
        ({**PROVIDERS["heap"], **PROVIDERS["rocksdb"]}, "spark.hadoop.fs.file.impl"),
    ],
)
def test_what_loses_state_is_refused(conf: dict[str, str], named: str) -> None:
    assert named in refused(conf)
