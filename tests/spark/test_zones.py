"""Time zones that Java does not know end a driver before its first batch."""

from __future__ import annotations

import pytest
from pyspark.sql import SparkSession

from spark_jobs.counts.zones import UnknownZone, require, zones_in


def test_a_zone_that_java_lacks_is_named(spark: SparkSession) -> None:
    require(["UTC", "Asia/Tokyo", "EST"])
    with pytest.raises(UnknownZone, match="does not know the time zone Moon/Base"):
        require(["Asia/Tokyo", "Moon/Base"])


def test_zones_of_services_are_required_too() -> None:
    assert list(zones_in({"time_zone": "UTC", "services": {"shop": {"time_zone": "Asia/Tokyo"}}})) == ["UTC", "Asia/Tokyo"]
