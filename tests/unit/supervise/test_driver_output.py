"""What is made of the output of drivers whose code is not Weir's.

The files in printed/ are what pyspark 4.2 printed on a standalone cluster, standard error and then standard output, without most of the
frames of its traces.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir.supervise.judge.driver_output import Ending, read_ending

PRINTED = Path(__file__).parent / "printed"
NOT_A_NUMBER = "ValueError: invalid literal for int() with base 10: 'not-a-number'"
NO_BROKER = "org.apache.kafka.common.errors.TimeoutException: Timed out waiting for a node assignment. Call: listNodes"
SEEN = {
    "udf_on_one_record": Ending("failed", NOT_A_NUMBER),
    "foreach_batch_on_one_record": Ending("failed", NOT_A_NUMBER),
    "jar_on_one_record": Ending("failed", 'java.lang.NumberFormatException: For input string: "not-a-number"'),
    "jar_at_the_start": Ending("failed", "java.lang.IllegalStateException: my own trouble in Java"),
    "broker_away_at_the_start": Ending("lost", NO_BROKER),
    "broker_away_later": Ending("lost", NO_BROKER),
    "checkpoint_not_writable": Ending(
        "lost", "org.apache.hadoop.fs.ParentNotDirectoryException: Parent path is not a directory: file:/srv/blocker"
    ),
    "disk_full": Ending("lost", "java.io.IOException: No space left on device"),
    "executors_killed": Ending(
        "lost",
        "pyspark.errors.exceptions.captured.StreamingQueryException: ExecutorLostFailure (executor 5 exited caused by one of the running "
        "tasks) Reason: Command exited with code 137",
    ),
    "out_of_memory": Ending("out_of_memory", "java.lang.OutOfMemoryError: Java heap space"),
    "too_little_memory": Ending(
        "failed",
        "org.apache.spark.SparkIllegalArgumentException: [INVALID_DRIVER_MEMORY] System memory 419430400 must be at least 471859200.",
    ),
    "script_missing": Ending(
        "failed", "/opt/python/bin/python: can't open file '/srv/jobs/nosuch.py': [Errno 2] No such file or directory"
    ),
    "class_missing": Ending("failed", "Error: Failed to load class no.such.Main."),
    "own_exit_code": Ending(),
    "worker_killed": Ending(),
}


@pytest.mark.parametrize("name", sorted(path.stem for path in PRINTED.glob("*.txt")))
def test_what_real_drivers_printed(name: str) -> None:
    ending = read_ending((PRINTED / f"{name}.txt").read_text())
    assert (ending.reason, ending.error.removesuffix(" To fix this, please")) == (SEEN[name].reason, SEEN[name].error)


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("udf_on_one_record", "60aa666f-c5da-4b2f-a84e-c9331e53f7f7"),
        ("jar_on_one_record", "61fc41c1-7289-43af-a92a-ecdcc60540d3"),
        ("checkpoint_not_writable", ""),
    ],
)
def test_which_query_failed(name: str, query: str) -> None:
    assert read_ending((PRINTED / f"{name}.txt").read_text()).query == query


def python(raised: str) -> str:
    return f'Traceback (most recent call last):\n  File "/srv/job.py", line 4, in <module>\n    run()\n{raised}\n'


def jvm(*raised: str) -> str:
    frames = "\n\tat org.apache.hadoop.fs.FileSystem.get(FileSystem.java:1)\n\tat java.net.Socket.connect(Socket.java:9)\n"
    return f'Exception in thread "main" {frames.join(raised)}{frames}26/11/29 02:58:49 INFO SparkContext: java.net.SocketException\n'


LOST_TASK = (
    "Job aborted due to stage failure: Task 3 in stage 7.0 failed 4 times, most recent failure: Lost task 3.3 in stage 7.0 (TID 41) "
    "(10.0.0.7 executor 2): "
)
EXECUTOR = (
    "ExecutorLostFailure (executor 2 exited caused by one of the running tasks) Reason: worker lost: Not receiving heartbeat for 60 seconds"
)
QUERY = "org.apache.spark.sql.streaming.StreamingQueryException: Timed out\n=== Streaming Query ===\nLogical Plan:\nof java.net.Proxy"


@pytest.mark.parametrize(
    ("printed", "reason", "error"),
    [
        (
            python("ConnectionRefusedError: [Errno 111] Connection refused"),
            "lost",
            "ConnectionRefusedError: [Errno 111] Connection refused",
        ),
        (python("requests.exceptions.ConnectionError: pool is closed"), "lost", "requests.exceptions.ConnectionError: pool is closed"),
        (python("OSError: [Errno 28] No space left on device"), "lost", "OSError: [Errno 28] No space left on device"),
        (python("FileNotFoundError: [Errno 2] No such file: 'x'"), "failed", "FileNotFoundError: [Errno 2] No such file: 'x'"),
        (
            python("cassandra.cluster.NoHostAvailable: ('Unable to connect', {})"),
            "lost",
            "cassandra.cluster.NoHostAvailable: ('Unable to connect', {})",
        ),
        (python("cassandra.InvalidRequest: no such column"), "failed", "cassandra.InvalidRequest: no such column"),
        (
            python("spark_jobs.runtime.faults.OutOfPatience: WEIR-210: Cassandra at c:9042 refuses the login of weir."),
            "lost",
            "WEIR-210: Cassandra at c:9042 refuses the login of weir.",
        ),
        (python("MemoryError"), "out_of_memory", "MemoryError"),
        (python("ModuleNotFoundError: No module named 'x'"), "failed", "ModuleNotFoundError: No module named 'x'"),
        ('  File "/srv/job.py", line 3\n    x = \n        ^\nSyntaxError: invalid syntax\n', "failed", "SyntaxError: invalid syntax"),
        (
            jvm("java.lang.RuntimeException: mine", "Caused by: java.net.ConnectException: refused"),
            "lost",
            "java.net.ConnectException: refused",
        ),
        (
            jvm(QUERY, "Caused by: org.apache.kafka.common.errors.TimeoutException: out"),
            "lost",
            "org.apache.kafka.common.errors.TimeoutException: out",
        ),
        (jvm(QUERY, "Caused by: java.lang.ArithmeticException: / by zero"), "failed", "java.lang.ArithmeticException: / by zero"),
        (jvm(f"org.apache.spark.SparkException: {LOST_TASK}{EXECUTOR}"), "lost", f"org.apache.spark.SparkException: {EXECUTOR}"),
        (jvm("java.lang.IllegalStateException: no frame counts"), "failed", "java.lang.IllegalStateException: no frame counts"),
        (
            "User class threw exception: java.net.ConnectException: refused\n\tat x.Y(Y.java:1)",
            "lost",
            "java.net.ConnectException: refused",
        ),
    ],
)
def test_what_python_and_a_jvm_raise(printed: str, reason: str, error: str) -> None:
    assert read_ending(f"26/11/29 02:58:40 INFO SparkContext: java.io.IOException\n{printed}") == Ending(reason, error)


def test_the_last_exception_counts_and_not_one_that_was_survived() -> None:
    first, last = python("ConnectionResetError: [Errno 104]"), python("ValueError: two")
    assert read_ending(first + last) == Ending("failed", "ValueError: two")


def test_two_attempts_that_fail_at_the_same_record_have_the_same_error() -> None:
    def error(query: str, task: int) -> str:
        wrapped = f"[STREAM_FAILED] Query [id = {query}, runId = {query}] terminated with exception: {LOST_TASK.replace('41', str(task))}"
        return read_ending(
            python(f"pyspark.errors.exceptions.captured.StreamingQueryException: {wrapped}org.x.BadException: q@4f{task}ab")
        ).error

    assert (
        error("60aa666f-c5da-4b2f-a84e-c9331e53f7f7", 41)
        == error("8629411c-627f-4cf8-9ec5-4c88255a11a0", 99)
        == "org.x.BadException: q@..."
    )


def test_a_query_that_failed_in_a_script_that_caught_it() -> None:
    query = "9cba0b1f-3cb1-4723-af22-1b3feb490d79"
    log = f"26/11/29 03:19:18 ERROR MicroBatchExecution: Query [id = {query}, runId = {query}] terminated with error\nx.BadException: b\n"
    assert read_ending(f"{log}26/11/29 03:19:19 INFO SparkContext: stopped\n\nboth started\n") == Ending(
        "failed", "x.BadException: b", query
    )


def test_output_of_a_pod_has_both_streams_in_one() -> None:
    log = "26/11/29 02:58:49 INFO SparkContext: Successfully stopped SparkContext\n"
    assert read_ending(log + python("ValueError: one") + log) == Ending("failed", "ValueError: one")


@given(st.text(max_size=300), st.text(max_size=300))
def test_an_error_is_one_short_line_whatever_is_printed(before: str, after: str) -> None:
    ending = read_ending(f"{before}\nTraceback (most recent call last):\n{after}")
    assert len(ending.error) <= 500 and len(ending.error.splitlines()) <= 1
    assert bool(ending.reason) == bool(ending.error)
