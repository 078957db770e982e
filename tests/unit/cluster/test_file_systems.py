"""File systems by URI: the right one, what is wrong with the credentials, and no secret in what Spark is given."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyarrow.fs import LocalFileSystem, S3FileSystem

from weir.cluster.file_systems import opened
from weir.cluster.webhdfs import WebHdfs
from weir.errors import BadSetting
from weir.file_stores import spark_conf, spark_env
from weir.settings import Settings, as_uri

ENDPOINT = "http://s3.example:9000"


def credentials(file: Path, text: str) -> Settings:
    file.write_text(text)
    return Settings(home="", checkpoints="s3a://bucket/weir", s3_endpoint=ENDPOINT, s3_credentials_file=str(file))


def test_a_uri_has_its_file_system(tmp_path: Path) -> None:
    fs, path = opened(as_uri("/srv/a#b"), Settings(home=""))
    assert isinstance(fs, LocalFileSystem) and path == "/srv/a#b"
    fs, path = opened("hdfs://names/weir/x", Settings(home="", hdfs_web="http://a:9870,http://b:9870"))
    assert isinstance(fs, WebHdfs) and path == "/weir/x"
    settings = credentials(tmp_path / "s3", "[default]\naws_access_key_id = a\naws_secret_access_key = b%c\n")
    fs, path = opened("s3a://bucket/weir/x", settings)
    assert isinstance(fs, S3FileSystem) and path == "bucket/weir/x" and fs.region == "us-east-1"


@pytest.mark.parametrize(
    "text", ["", "a key", "[default]\naws_access_key_id = a\n", "[other]\naws_access_key_id = a\naws_secret_access_key = b\n"]
)
def test_a_file_without_credentials_is_named(text: str, tmp_path: Path) -> None:
    settings = credentials(tmp_path / "s3", text)
    with pytest.raises(BadSetting, match=f"WEIR_S3_CREDENTIALS_FILE, {tmp_path}/s3, cannot be used: it has no aws_access_key_id"):
        opened(settings.checkpoints, settings)


def test_a_file_of_credentials_that_is_not_there_is_named(tmp_path: Path) -> None:
    settings = Settings(home="", checkpoints="s3a://bucket/weir", s3_credentials_file=str(tmp_path / "none"))
    with pytest.raises(BadSetting, match=f"WEIR_S3_CREDENTIALS_FILE, {tmp_path}/none, cannot be used: No such file"):
        opened(settings.checkpoints, settings)


def test_spark_gets_the_place_of_the_secret_and_not_the_secret(tmp_path: Path) -> None:
    settings = credentials(tmp_path / "s3", "[default]\naws_access_key_id = the-id\naws_secret_access_key = the-secret\n")
    conf = spark_conf(settings)
    assert conf["spark.hadoop.fs.s3a.endpoint"] == ENDPOINT and conf["spark.hadoop.fs.s3a.auth.profile.file"] == str(tmp_path / "s3")
    assert "the-id" not in str(conf) and "the-secret" not in str(conf)


def test_spark_buffers_in_memory_what_it_writes_to_s3() -> None:
    """On disk, S3A casts the local file system to the checksummed one, and Weir's specs set the raw one."""
    conf = spark_conf(Settings(home="", checkpoints="s3a://bucket/weir"))
    assert conf["spark.hadoop.fs.s3a.fast.upload.buffer"] == "bytebuffer"


def test_spark_gets_nothing_for_a_folder() -> None:
    settings = Settings(home="", checkpoints="/srv/weir")
    assert (spark_conf(settings), spark_env(settings)) == ({}, {})


def test_an_event_log_of_a_path_is_a_uri() -> None:
    conf = spark_conf(Settings(home="", checkpoints="/srv/weir", event_logs="/srv/logs"))
    assert conf["spark.eventLog.dir"] == "file:///srv/logs" and conf["spark.eventLog.enabled"] == "true"
