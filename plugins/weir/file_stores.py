"""What Spark's Hadoop must know of HDFS, object stores and the event log. Pure.

A secret is in a file that the driver reads on its own machine; this configuration has only its path.
"""

from __future__ import annotations

from collections.abc import Mapping

from weir.settings import Settings, as_uri

S3A = "s3a://"
ROLLED_AT = "32m"  # the reader of an object store sees a file when it is closed; Spark's least is 10m


def spark_conf(settings: Settings) -> Mapping[str, str]:
    """Return Spark's settings for the stores that the settings use."""
    used = f"{settings.checkpoints} {settings.event_logs} {settings.bundles}"
    s3a = _s3a(settings) if S3A in used or settings.s3_endpoint or settings.s3_credentials_file else {}
    return s3a | (_event_log(settings.event_logs) if settings.event_logs else {})


def spark_env(settings: Settings) -> Mapping[str, str]:
    """Return the environment of a driver for HDFS without Kerberos."""
    return {"HADOOP_USER_NAME": settings.hdfs_user} if settings.hdfs_user else {}


def _s3a(settings: Settings) -> dict[str, str]:
    # S3A's usual buffer, on disk, fails with a ClassCastException beside the raw local file system that Weir's specs set.
    found = {"path.style.access": str(settings.s3_path_style).lower(), "fast.upload.buffer": "bytebuffer"}
    if settings.s3_endpoint:
        found |= {"endpoint": settings.s3_endpoint, "connection.ssl.enabled": str(settings.s3_endpoint.startswith("https:")).lower()}
    if settings.object_store_region:
        found["endpoint.region"] = settings.object_store_region
    if settings.s3_credentials_file:
        found |= {
            "aws.credentials.provider": "org.apache.hadoop.fs.s3a.auth.ProfileAWSCredentialsProvider",
            "auth.profile.file": settings.s3_credentials_file,
            "auth.profile.name": "default",
        }
    return {f"spark.hadoop.fs.s3a.{name}": value for name, value in found.items()}


def _event_log(place: str) -> dict[str, str]:
    return {
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": as_uri(place),
        "spark.eventLog.rolling.enabled": "true",  # one file would grow as long as the stream runs
        "spark.eventLog.rolling.maxFileSize": ROLLED_AT,
    }
