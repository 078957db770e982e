import json
import os
from pathlib import Path

import pytest

from weir.errors import BadInput
from weir.local import logs


def driver(home: Path, number: int, job: str) -> Path:
    folder = home / "spark" / "work" / f"driver-{number}"
    folder.mkdir(parents=True)
    (folder / "stderr").write_text(f"Launch Command: java --name weir:{job}:{number} spark_jobs/{job}/job.py\nspark's line\n")
    (folder / "stdout").write_text("Traceback of python\n")
    os.utime(folder / "stderr", (number, number))
    return folder


def test_the_newest_driver_of_this_job(tmp_path: Path) -> None:
    driver(tmp_path, 1, "error_counts")
    wanted = driver(tmp_path, 2, "error_counts")
    driver(tmp_path, 3, "another")
    driver(tmp_path, 4, "more_error_counts_by_day")
    assert logs.of_part(tmp_path, "driver:error_counts") == [wanted / "stderr", wanted / "stdout"]
    told = list(logs.tail(logs.of_part(tmp_path, "driver:error_counts"), follow=False, lines=1))
    assert told == ["spark's line\n", "Traceback of python\n"]


@pytest.mark.parametrize("part", ["nothing", "driver:nothing", "../state", "driver:../x"])
def test_no_such_log(tmp_path: Path, part: str) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "kafka.log").touch()
    with pytest.raises(BadInput, match="There are: kafka"):
        logs.of_part(tmp_path, part)


def test_following_goes_on_and_notices_a_cut(tmp_path: Path) -> None:
    file = tmp_path / "kafka.log"
    file.write_text("one, which is long\n")
    lines = logs.tail([file], follow=True, lines=10)
    assert next(lines) == "one, which is long\n"
    with file.open("a") as out:
        out.write("two\n")
    assert next(lines) == "two\n"
    file.write_text("cut\n")
    assert next(lines) == "cut\n"


def test_a_tasks_errors_in_words(tmp_path: Path) -> None:
    log = tmp_path / "airflow" / "logs" / "dag_id=d" / "run_id=r" / "task_id=t" / "attempt=1.log"
    log.parent.mkdir(parents=True)
    error = {"level": "error", "event": "Task failed with exception", "error_detail": [{"exc_value": "the driver has ended"}]}
    beside = {"level": "error", "event": "Failed to push an xcom for task operator extra link", "error_detail": [{"exc_value": "404"}]}
    log.write_text("\n".join(['{"level": "info", "event": "fine"}', "not json", json.dumps(error), json.dumps(beside)]))
    assert logs.of_dag(tmp_path, "d") == log
    assert logs.task_errors(log) == "    Task failed with exception: the driver has ended"
    assert logs.of_dag(tmp_path, "none") is None


def test_a_standby_has_a_log_of_its_own_until_it_is_called_up(tmp_path: Path) -> None:
    running, waiting = (driver(tmp_path, number, "error_counts") for number in (1, 2))
    (waiting / "stderr").write_text("Launch Command: java --name weir:error_counts:standby spark_jobs/error_counts/job.py\n")
    os.utime(waiting / "stderr", (2, 2))
    assert logs.of_part(tmp_path, "driver:error_counts") == [running / "stderr", running / "stdout"]
    assert logs.of_part(tmp_path, "standby:error_counts") == [waiting / "stderr", waiting / "stdout"]
    (waiting / "stdout").write_text("INFO standby 17-ab is called up\n")
    assert logs.of_part(tmp_path, "driver:error_counts") == [waiting / "stderr", waiting / "stdout"]
    with pytest.raises(BadInput):
        logs.of_part(tmp_path, "standby:error_counts")
