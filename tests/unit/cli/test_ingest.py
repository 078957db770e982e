"""`weir ingest` on the command line: what is said, and the exit code. Nothing is sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.cli.conftest import Weir
from weir.errors import NotRunning, OutputLost
from weir.ingest import Interrupted, Sent

Sending = Callable[[Sent | BaseException], list[Any]]


@pytest.fixture
def sending(monkeypatch: pytest.MonkeyPatch) -> Sending:
    """Let each file end so. Return what was asked for."""

    def of(end: Sent | BaseException) -> list[Any]:
        asked: list[Any] = []

        def send(path: str, service: str, *, tell: Callable[[Sent], None], **more: Any) -> Sent:
            asked.append((path, service, {name: value for name, value in more.items() if name in OPTIONS and value}))
            if isinstance(end, BaseException):
                raise end
            tell(end)
            return end

        monkeypatch.setattr("weir.ingest.ingest", send)
        return asked

    return of


OPTIONS = ("topic", "rate", "follow", "resume", "from_start")


def test_a_topic_is_created_only_when_told_to(weir: Weir, sending: Sending, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    sending(Sent(lines=1, acknowledged=1))
    monkeypatch.setattr("weir.local.kafka.topic", lambda client, name: made.append(name) or len(made) == 1)
    assert weir("ingest", "x.log", "--topic", "mine")[0] == 0 and made == []
    assert "The topic mine was created.\n" in weir("ingest", "x.log", "--topic", "mine", "--create")[2]
    assert "created" not in weir("ingest", "x.log", "--topic", "mine", "--create")[2] and made == ["mine", "mine"]


def test_what_became_of_the_lines_is_said(weir: Weir, sending: Sending) -> None:
    problem = "error.gz was not read to its end: its gzip data ends in the middle."
    asked = sending(Sent(lines=7, acknowledged=6, failed=1, refused=[3], refused_lines=1, problems=[problem]))
    code, out, err = weir("ingest", "/x/error.log", "--rate", "5")
    assert (code, out) == (1, "6 lines sent to logs as error\n")
    assert "WEIR-101: 1 line(s) over 1 MiB were refused: number 3." in err and "WEIR-201: Of 7 lines, 1 were not acknowledged." in err
    assert f"WEIR-107: {problem} What was read was sent." in err
    assert asked == [("/x/error.log", "error", {"topic": "logs", "rate": 5.0})]
    sending(Sent(lines=2, acknowledged=2, before=5))
    assert weir("ingest", "x.log", "--resume")[:2] == (0, "2 lines sent to logs as x, 5 before\n")
    assert weir("ingest", "-", "--rate", "0")[0] == 2


def test_several_files_are_sent_one_after_the_other(weir: Weir, sending: Sending) -> None:
    asked = sending(Sent(lines=1, acknowledged=1))
    assert weir("ingest", "/x/a.log", "/x/b.log.gz", "--resume")[:2] == (0, "1 lines sent to logs as a\n1 lines sent to logs as b\n")
    assert [service for _, service, _ in asked] == ["a", "b"]
    assert weir("ingest", "/x/a.log", "/x/b.log", "--follow")[0] == 2
    assert weir("ingest", "/x/a.log", "--resume", "--from-start")[0] == 2


@pytest.mark.parametrize(
    ("command", "way_on"),
    [
        (("-",), "Standard input cannot be read again, so nothing can send its rest alone."),
        (("a.log",), "Send the rest: weir ingest a.log --resume"),
        (("a b.log", "--service", "w b", "--topic", "t"), "Send the rest: weir ingest 'a b.log' --service 'w b' --topic t --resume"),
        (("a.log", "--follow"), "Send the rest: weir ingest a.log --follow"),
        (("caf\udce9.log", "b.log"), r"Send the rest: weir ingest $'caf\xe9.log' b.log --resume"),
    ],
)
def test_an_interruption_says_what_was_acknowledged_and_how_to_send_the_rest(
    weir: Weir, sending: Sending, command: tuple[str, ...], way_on: str
) -> None:
    sending(Interrupted(Sent(lines=9, acknowledged=8)))
    assert weir("ingest", *command) == (130, "", f"interrupted: 8 lines were acknowledged. {way_on}\n")
    sending(NotRunning("Kafka accepts no more lines (8 so far).", "See: weir status"))
    assert weir("ingest", *command) == (1, "", f"WEIR-201: Kafka accepts no more lines (8 so far). See: weir status. {way_on}\n")


def test_a_result_that_nobody_could_read_ends_the_run_badly(weir: Weir, sending: Sending, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[bool] = []

    def lost(reader_left: bool) -> None:
        def result(text: str) -> None:
            raise OutputLost("Standard output cannot be written.", reader_left=reader_left)

        def send(path: str, service: str, *, tell: Callable[[Sent], None], **more: Any) -> Sent:
            tell(Sent())
            told.append(reader_left)  # what comes after, notes that all went well
            return Sent()

        monkeypatch.setattr("weir.cli.ingest.result", result)
        monkeypatch.setattr("weir.ingest.ingest", send)

    lost(reader_left=False)
    weir("ingest", "a.log")
    lost(reader_left=True)
    weir("ingest", "a.log")
    assert told == [True]


def test_names_that_are_not_utf_8(weir: Weir, sending: Sending) -> None:
    asked = sending(Sent())
    assert weir("ingest", "caf\udce9.log")[0] == 0 and asked[0][1] == r"caf\xe9"
    assert weir("ingest", "a.log", "--service", "w\udcff") == (2, "", "WEIR-101: service: w\\xff is not UTF-8. Give a name in UTF-8.\n")
    assert weir("ingest", "a.log", "--service", "w" * 257)[0] == 2


def test_lines_of_another_format_are_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    from weir.cli.ingest import misfit
    from weir.jobs.folders import sound
    from weir.settings import OWN_JOBS

    spec = sound(OWN_JOBS)["error_counts"]
    good, bad = b"[Tue Jan 20 11:02:00.000001 2026] [core:error] [pid 9] x", b'{"message": "x"}'
    now = 1_800_000_000_000
    assert misfit(spec, "web", [good, bad], now) == ""
    assert misfit(spec, "web", [bad, b"", good], now) == (
        "Warning: error_counts reads web as apache_error. It would reject 2 of the first 3 lines (not_a_log_line 1, empty 1), "
        'first: {"message": "x"}. See: weir formats test FILE'
    )
    told = misfit(spec, "web", [b"\tat Main.java:17", bad, bad], now)
    assert 'first: {"message": "x"}' in told, "also after a continuation"
