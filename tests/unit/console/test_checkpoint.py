"""The checkpoint in words."""

from __future__ import annotations

from functools import partial

from spark_jobs.protocol.head import first_head
from spark_jobs.protocol.partition import of_source
from weir.console.checkpoint import in_words
from weir.supervise.judge.doctor import Seen
from weir.testing import MemoryCheckpoints

at = partial(of_source, "topic-1")  # offsets by partition

HEAD = first_head("job", at({0: 0}), 0)


def seen(checkpoints: MemoryCheckpoints) -> Seen:
    return Seen(checkpoints.read("job", 1, 1), HEAD, HEAD, "logs")


def test_what_was_never_deployed_has_none() -> None:
    assert in_words("job", None) == {"sentences": ["job has not been deployed yet: there is no checkpoint."], "findings": []}


def test_a_sound_one_says_where_it_goes_on() -> None:
    checkpoints = MemoryCheckpoints()
    checkpoints.plan("job", 1, 1, 0, {0: 7, 1: 9})
    checkpoints.commit("job", 1, 1, 0)
    checkpoints.plan("job", 1, 1, 1, {0: 8, 1: 9})
    committed, files, _ = in_words("job", seen(checkpoints))["sentences"]
    assert committed == (
        "The checkpoint of attempt 1 of epoch 1 is committed up to batch 0, at partition 0: 7, partition 1: 9; batch 1 is planned."
    )
    assert files.startswith("4 files, ") and files.endswith(" bytes, at memory://job/1/1")


def test_what_is_damaged_is_named_and_comes_before_what_is_harmless() -> None:
    checkpoints = MemoryCheckpoints()
    checkpoints.plan("job", 1, 1, 0, {0: 7})
    checkpoints.files["job", 1, 1] |= {"offsets/.0.crc": b"x", "commits/0": b""}
    told = in_words("job", seen(checkpoints))
    assert "for an operator to check." in told["sentences"][2]
    assert [finding["harmless"] for finding in told["findings"]] == sorted(finding["harmless"] for finding in told["findings"])
    assert ("commits/0", "empty") in [(finding["path"], finding["what"]) for finding in told["findings"]]
    assert told["findings"][-1]["path"] == "offsets/.0.crc"
