"""A landed job whose state is torn, or whose checkpoint or store is an older copy: exact, or stopped with the right verdict."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.landed.rig import LandedRig, landed_rig
from tests.landed.targets import InCassandra, InPostgres
from tests.landed.test_cards import PATIENCE_S, Cards, at_length
from tests.parts import until

pytestmark = [pytest.mark.stack, at_length]
SHARE = 2000  # events of a step


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LandedRig]:
    with landed_rig(tmp_path_factory.mktemp("restored")) as found:
        yield found


def begun(rig: LandedRig, name: str, kind: type[InPostgres | InCassandra] = InPostgres) -> Cards:
    """Return a job that has landed two shares of its events."""
    cards = Cards(rig, name, kind(rig, name))
    cards.send(SHARE)
    rig.deploy(name)
    cards.await_exact()
    cards.send(SHARE)
    cards.await_exact()
    return cards


def killed(rig: LandedRig, cards: Cards) -> None:
    """Stop watching the job, so that no driver is started, and kill its driver."""
    rig.unwatch(cards.name)
    pid = cards.await_driver()
    os.kill(pid, signal.SIGKILL)
    until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE, "the driver ends", PATIENCE_S)


def folder(rig: LandedRig, cards: Cards) -> Path:
    return Path(rig.settings.checkpoints.removeprefix("file://")) / cards.name


def states(rig: LandedRig, cards: Cards) -> list[Path]:
    """Return the snapshots of the state below all folders of the job, the newest last."""
    found = folder(rig, cards).rglob("state/**/*.zip")
    return sorted(found, key=lambda file: (int(file.stem), str(file)))


def torn(file: Path) -> None:
    """Cut a file in the middle. It is replaced: other attempts may have the same one by a hard link."""
    half = file.read_bytes()[: file.stat().st_size // 2]
    file.unlink()
    file.write_bytes(half)


def await_verdict(rig: LandedRig, cards: Cards, verdict: str) -> Any:
    rig.watch(cards.name)
    return until(lambda: (r := rig.manager.health(cards.name)) and str(r.verdict) == verdict and r, f"it is {verdict}", PATIENCE_S)


def test_the_newest_state_is_torn_and_the_landed_batch_makes_it_again(rig: LandedRig) -> None:
    cards = begun(rig, "torn_once")
    killed(rig, cards)
    newest = int(states(rig, cards)[-1].stem)
    for file in states(rig, cards):
        if int(file.stem) == newest:
            torn(file)
    rig.watch(cards.name)
    cards.send(SHARE)
    cards.await_exact()
    rig.stop(cards.name)


def test_no_state_is_whole_and_the_job_stops_with_the_name_of_a_file(rig: LandedRig) -> None:
    cards = begun(rig, "torn")
    before = cards.target.cards()
    killed(rig, cards)
    for file in states(rig, cards):
        torn(file)
    cards.send(SHARE)
    report = await_verdict(rig, cards, "state_lost")
    assert ".zip" in report.sentence and "--state kept, or --state empty" in report.next_step, report
    assert cards.target.cards() == before
    rig.stop(cards.name)


def test_an_older_copy_of_the_checkpoints_is_no_state(rig: LandedRig, tmp_path: Path) -> None:
    cards = begun(rig, "older")
    shutil.copytree(folder(rig, cards), tmp_path / "copy", symlinks=True)
    for _ in range(3):
        cards.send(SHARE)
        cards.await_exact()
    before = cards.target.cards()
    killed(rig, cards)
    shutil.rmtree(folder(rig, cards))
    shutil.copytree(tmp_path / "copy", folder(rig, cards), symlinks=True)
    cards.send(SHARE)
    await_verdict(rig, cards, "state_lost")
    assert cards.target.cards() == before
    rig.stop(cards.name)


@pytest.mark.parametrize(("kind", "verdicts"), [(InPostgres, {"sink_differs"}), (InCassandra, {"state_lost", "not_deterministic"})])
def test_an_older_copy_of_the_store_stops_the_job_or_changes_nothing(rig: LandedRig, kind: Any, verdicts: set[str]) -> None:
    cards = begun(rig, f"store_{kind.__name__.lower()}", kind)
    older = rig.head(cards.name)
    for _ in range(3):
        cards.send(SHARE)
        cards.await_exact()
    before = cards.target.cards()
    killed(rig, cards)
    rig.restore_store(cards.name, older)
    rig.watch(cards.name)

    def settled() -> str:
        verdict = str(rig.manager.health(cards.name).verdict)
        return verdict if verdict in verdicts | {"ok", "idle"} else ""

    if until(settled, f"it is one of {sorted(verdicts)}, or goes on", PATIENCE_S) in verdicts:
        assert cards.target.cards() == before
    else:
        cards.await_exact()
    rig.stop(cards.name)
