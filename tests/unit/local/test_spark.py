from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest

from weir.local import class_archive, jars, spark


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(class_archive.sys, "prefix", str(tmp_path))
    spark.spark_home.cache_clear()
    yield spark.spark_home()
    spark.spark_home.cache_clear()


def test_sparks_jars_are_the_wheels_and_those_of_the_kafka_source(home: Path) -> None:
    names = {jar.name for jar in (home / "jars").iterdir()}
    assert {jar.path.name for jar in jars.locked("spark")} < names
    assert any(name.startswith("spark-core_") for name in names)
    assert not any(Path(name).match(spark.LEFT_OUT) for name in names)


def test_no_jar_is_signed_whose_classes_are_to_be_archived(home: Path) -> None:
    there = [jar for jar in (home / "jars").iterdir() if jar.exists()]  # those of Kafka are fetched by `make up`
    assert not [jar.name for jar in there if any(spark.SIGNATURE.fullmatch(name) for name in ZipFile(jar).namelist())]


def test_a_copy_without_its_signature_has_all_else(home: Path) -> None:
    copies = [jar for jar in (home / "jars").iterdir() if not jar.is_symlink()]
    assert len(copies) == len(spark.SIGNED)
    wheel = next(jar for jar in (home / "jars").iterdir() if jar.is_symlink() and jar.match("spark-core_*")).resolve().parent
    for copy in copies:
        before, after = (set(ZipFile(path).namelist()) for path in (wheel / copy.name, copy))
        assert {name for name in before - after if not spark.SIGNATURE.fullmatch(name)} == set()
        assert copy.name.startswith("commons-compiler") or "org/codehaus/janino/Java.class" in after
