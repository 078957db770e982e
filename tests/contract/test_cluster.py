"""What every cluster must do, whoever implements it: in memory, and each of the real ones over HTTP before a fake of its API."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.contract.clusters import DRIVER, FORBIDDEN, HANGS_S, FakeKubernetes, FakeMaster, FakeServer, FakeYarn
from weir.cluster.kubernetes import KubernetesCluster
from weir.cluster.spark import StandaloneCluster
from weir.cluster.yarn import YarnCluster
from weir.errors import NotRunning
from weir.http import Api
from weir.ports.cluster import ENDING_BYTES, Cluster, DriverState, Submission
from weir.testing import MemoryCluster

BUDGET_S = 0.5  # for an answer that never comes
PATIENT_S = 30.0  # for one that does, on a machine that may stand still for seconds
SOON_S = HANGS_S / 2  # a question that waits for its answer's end takes HANGS_S
KINDS = ["standalone", "kubernetes", "yarn"]
FAULTS = ["500", "garbage", "nonsense", "slow", "drip"]


@dataclass
class Rig:
    """A cluster and what is behind it: `fake`, or nothing for the one in memory."""

    cluster: Any
    fake: FakeServer | None

    def set(self, driver: str, state: DriverState) -> None:
        if self.fake is None:
            self.cluster.states[driver] = state
        else:
            self.fake.set(driver, state)

    def prints(self, driver: str, text: str) -> None:
        if self.fake is None:
            self.cluster.printed[driver] = text
        else:
            self.fake.prints(driver, text)


def over(fake: FakeServer, address: str = "", budget_s: float = PATIENT_S) -> Cluster:
    """The real cluster for a fake API. What spark-submit would do to it, `submit` does."""

    def submit(submission: Submission) -> str:
        if fake.fault:
            raise NotRunning("spark-submit ended with 1")
        return fake.add()

    address = address or fake.url
    if isinstance(fake, FakeMaster):
        return StandaloneCluster("spark://a:7077", address, address, budget_s)
    if isinstance(fake, FakeKubernetes):
        return KubernetesCluster(address, submit, lambda: FakeKubernetes.TOKEN, timeout_s=budget_s)
    return YarnCluster(address, submit, user="weir", timeout_s=budget_s)


FAKES: dict[str, type[FakeServer]] = {"standalone": FakeMaster, "kubernetes": FakeKubernetes, "yarn": FakeYarn}


@pytest.fixture(params=["memory", *KINDS])
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    if request.param == "memory":
        yield Rig(MemoryCluster(), None)
        return
    with FAKES[request.param]().running() as fake:
        yield Rig(over(fake), fake)


@pytest.fixture(params=KINDS)
def real(request: pytest.FixtureRequest) -> Iterator[Rig]:
    with FAKES[request.param]().running() as fake:
        yield Rig(over(fake), fake)


# what all of them do


def test_a_driver_is_started_and_runs(rig: Rig) -> None:
    driver = rig.cluster.submit(DRIVER)
    assert rig.cluster.state(driver) is DriverState.RUNNING


@pytest.mark.parametrize("state", [s for s in DriverState if s is not DriverState.UNKNOWN])
def test_each_state_is_told_alone_and_among_many(rig: Rig, state: DriverState) -> None:
    if rig.fake and state not in rig.fake.STATES:
        pytest.skip(f"this cluster does not tell {state}")
    driver, other = rig.cluster.submit(DRIVER), rig.cluster.submit(DRIVER)
    rig.set(driver, state)
    assert rig.cluster.state(driver) is state
    assert rig.cluster.states_of([driver, other]) == {driver: state, other: DriverState.RUNNING}


def test_a_cluster_says_what_room_it_has_or_that_it_does_not_know(rig: Rig) -> None:
    room = rig.cluster.room()
    if rig.fake is None:
        assert room == rig.cluster.has
    else:
        assert (room and (room.cores, room.memory)) == ((6, 7168) if isinstance(rig.fake, FakeMaster) else None), "what is dead is no room"


def test_a_driver_that_waits_says_for_what(rig: Rig) -> None:
    """Each cluster in its own words; one that runs waits for nothing."""
    first, second = rig.cluster.submit(DRIVER), rig.cluster.submit(DRIVER)
    jobs = {first: "counts", second: "words"}
    assert rig.cluster.waits_for([first, second], jobs) == {}
    rig.set(second, DriverState.SUBMITTED)
    if rig.fake is None:
        rig.cluster.waiting[second] = "no room"
    else:
        rig.fake.waits(second)
    ((waits, why),) = rig.cluster.waits_for([first, second], jobs).items()
    assert waits == second and WAITS[type(rig.fake)] in why


WAITS = {
    type(None): "no room",
    FakeMaster: "no worker has 8 GiB free (1024 of 10240 MiB in use by counts)",
    FakeKubernetes: "Unschedulable: 0/3 nodes are available: 3 Insufficient memory",
    FakeYarn: "AM resource limit exceeded",
}


def test_an_application_without_executors_is_named_by_its_driver() -> None:
    with FakeMaster().running() as fake:
        driver = fake.add()
        fake.apps = [{"name": "weir:counts:3", "state": "WAITING", "cores": 0, "memoryperexecutor": 9000}]
        why = over(fake).waits_for([driver], {driver: "counts"})[driver]
    assert why == "no worker has 9000 MiB free for an executor (1024 of 10240 MiB in use by counts)"


@pytest.mark.parametrize("fault", FAULTS)
def test_a_cluster_that_does_not_answer_has_no_room_to_tell_of(real: Rig, fault: str) -> None:
    assert real.fake is not None
    real.fake.fault = fault
    assert over(real.fake, budget_s=BUDGET_S).room() is None


def test_a_killed_driver_has_ended(rig: Rig) -> None:
    driver, other = rig.cluster.submit(DRIVER), rig.cluster.submit(DRIVER)
    rig.cluster.kill(driver)
    assert rig.cluster.state(driver).ended and rig.cluster.state(other) is DriverState.RUNNING


def test_a_driver_that_the_cluster_does_not_know_has_ended(rig: Rig) -> None:
    known = rig.cluster.submit(DRIVER)
    unknown = known.replace("0", "9", 1) if rig.fake else "driver-99"
    assert rig.cluster.state(unknown) is DriverState.LOST, "nobody confirms it"
    assert rig.cluster.states_of([known, unknown])[unknown] is DriverState.LOST


def test_what_confirms_an_end_and_what_only_gives_up(rig: Rig) -> None:
    driver = rig.cluster.submit(DRIVER)
    assert not rig.cluster.state(driver).ended and not DriverState.UNKNOWN.ended
    rig.set(driver, DriverState.FAILED)
    assert rig.cluster.state(driver).confirmed and rig.cluster.state(driver).ended
    rig.set(driver, DriverState.LOST)
    assert rig.cluster.state(driver).ended and not rig.cluster.state(driver).confirmed


def test_what_a_driver_printed_last_can_be_had(rig: Rig) -> None:
    driver, silent = rig.cluster.submit(DRIVER), rig.cluster.submit(DRIVER)
    rig.prints(driver, "ValueError: ü is not a number\n")
    rig.set(driver, DriverState.FAILED)
    assert rig.cluster.ending(driver).strip() == "ValueError: ü is not a number"
    assert rig.cluster.ending(silent).strip() == rig.cluster.ending("streams:driver-99").strip() == ""


def test_of_much_that_a_driver_printed_the_end_can_be_had(real: Rig) -> None:
    driver = real.cluster.submit(DRIVER)
    real.prints(driver, f"{'x' * 99}\n" * 20_000 + "the end")
    ending = real.cluster.ending(driver)
    assert ending.endswith("the end") and len(ending) <= ENDING_BYTES + 1


@pytest.mark.parametrize("fault", FAULTS)
def test_what_a_driver_printed_is_waited_for_no_longer_than_the_budget(real: Rig, fault: str) -> None:
    assert real.fake is not None
    driver = real.cluster.submit(DRIVER)
    real.prints(driver, "Traceback")
    real.fake.fault, began = fault, time.monotonic()
    assert "Traceback" not in over(real.fake, budget_s=BUDGET_S).ending(driver)
    assert time.monotonic() - began < SOON_S


def test_ended_drivers_that_the_list_no_longer_has_are_asked_for_one_by_one(rig: Rig) -> None:
    drivers = [rig.cluster.submit(DRIVER) for _ in range(20)]
    for driver in drivers:
        rig.set(driver, DriverState.FAILED)
    assert set(rig.cluster.states_of(drivers).values()) == {DriverState.FAILED}


def test_no_drivers_are_no_question(rig: Rig) -> None:
    assert rig.cluster.states_of([]) == {}


def test_a_log_link_names_the_driver(rig: Rig) -> None:
    driver = rig.cluster.submit(DRIVER)
    link = rig.cluster.log_link(driver)
    assert "://" in link and driver.rpartition(":")[2] in link


# what they do when the other side does not do its part


@pytest.mark.parametrize("fault", FAULTS)
def test_what_cannot_be_learnt_is_unknown_and_takes_no_longer_than_its_budget(real: Rig, fault: str) -> None:
    assert real.fake is not None
    cluster, driver, other = over(real.fake, budget_s=BUDGET_S), real.cluster.submit(DRIVER), real.cluster.submit(DRIVER)
    cluster.state(driver)  # so that there is an open connection, too
    real.fake.fault = fault
    began = time.monotonic()
    assert cluster.state(driver) is DriverState.UNKNOWN
    assert set(cluster.states_of([driver, other]).values()) == {DriverState.UNKNOWN}
    cluster.kill(driver)
    cluster.log_link(driver)
    with pytest.raises(NotRunning):
        cluster.submit(DRIVER)
    assert time.monotonic() - began < SOON_S
    real.fake.fault = ""
    assert real.cluster.state(driver) is not DriverState.UNKNOWN


def test_a_cluster_that_is_away_says_nothing() -> None:
    for kind in KINDS:
        cluster = over(FAKES[kind](), "http://127.0.0.1:1")
        assert cluster.state("a:b") is DriverState.UNKNOWN
        assert cluster.states_of(["a:b", "a:c"]) == dict.fromkeys(["a:b", "a:c"], DriverState.UNKNOWN)
        cluster.kill("a:b")
        assert isinstance(cluster.log_link("a:b"), str)


def test_a_connection_that_the_server_closed_long_ago_is_made_anew() -> None:
    with FakeMaster().running() as fake:
        api = Api(fake.url, PATIENT_S)
        for n in (1, 2):
            assert api.get("/json/") is not None and fake.connections == n
            (kept,) = api._idle.queue
            kept.sock.shutdown(socket.SHUT_RDWR)


def test_many_questions_share_few_connections(real: Rig) -> None:
    fake = real.fake
    assert fake is not None
    drivers = [real.cluster.submit(DRIVER) for _ in range(60)]
    before, asked = fake.connections, len(fake.seen)
    real.cluster.states_of(drivers)
    assert fake.connections - before <= 2 and len(fake.seen) - asked <= 2
    for driver in drivers:
        real.cluster.state(driver)
    assert fake.connections - before <= 3


# what only one of them does


POD_STATES = [
    ({"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."}, DriverState.FAILED),
    ({"phase": "Unknown", "reason": "NodeLost"}, DriverState.UNKNOWN),
    ({"phase": "Pending", "containerStatuses": [{"name": "spark-kubernetes-driver", "state": {"waiting": {}}}]}, DriverState.SUBMITTED),
    *[
        (
            {
                "phase": "Running",
                "containerStatuses": [
                    {"name": "istio-proxy", "state": {"running": {}}},
                    {"name": "spark-kubernetes-driver", "state": {"terminated": {"exitCode": code}}},
                ],
            },
            state,
        )
        for code, state in ((0, DriverState.FINISHED), (137, DriverState.FAILED))
    ],
    *[
        (
            {
                "phase": phase,
                "containerStatuses": [
                    {"name": "istio-proxy", "state": {"terminated": {"exitCode": 137, "reason": theirs}}},
                    {"name": "spark-kubernetes-driver", "state": {"terminated": {"exitCode": 137, "reason": ours}}},
                ],
            },
            state,
        )
        for phase, theirs, ours, state in (
            ("Failed", "Error", "OOMKilled", DriverState.OUT_OF_MEMORY),
            ("Running", "Error", "OOMKilled", DriverState.OUT_OF_MEMORY),
            ("Failed", "OOMKilled", "Error", DriverState.FAILED),
        )
    ],
]


RUNNING = {"name": "spark-kubernetes-driver", "state": {"running": {"startedAt": "2026-11-29T02:00:00Z"}}}
POD_STATES += [
    ({"phase": "Failed", "reason": "NodeLost", "containerStatuses": [RUNNING]}, DriverState.LOST),
    ({"phase": "Failed", "reason": "UnexpectedAdmissionError"}, DriverState.FAILED),
    ({"phase": "Running", "containerStatuses": [RUNNING]}, DriverState.RUNNING),
]


@pytest.mark.parametrize(("status", "state"), POD_STATES)
def test_what_a_pod_tells(status: dict[str, Any], state: DriverState) -> None:
    with FakeKubernetes().running() as fake:
        cluster, driver = over(fake), fake.add()
        fake.more[driver.partition(":")[2]] = status
        assert cluster.state(driver) is state and cluster.states_of([driver])[driver] is state


def test_a_wrong_token_is_no_news_of_the_driver() -> None:
    with FakeKubernetes().running() as fake:
        cluster = KubernetesCluster(fake.url, lambda s: "", lambda: "old", timeout_s=PATIENT_S)
        driver = fake.add()
        assert cluster.state(driver) is DriverState.UNKNOWN and cluster.states_of([driver])[driver] is DriverState.UNKNOWN


def test_what_the_api_server_refuses_is_told_with_the_missing_right() -> None:
    with FakeKubernetes().running() as fake:
        cluster, driver = over(fake), fake.add()
        assert cluster.state(driver) is DriverState.RUNNING and cluster.refusal() == ""
        fake.forbids = True
        assert cluster.state(driver) is DriverState.UNKNOWN and cluster.waits_for([driver], {}) == {}
        assert cluster.refusal() == f"a right is missing (403): {FORBIDDEN}"
        assert cluster.states_of([driver]) == {driver: DriverState.UNKNOWN}
        fake.forbids = False
        assert cluster.states_of([driver]) == {driver: DriverState.RUNNING} and cluster.refusal() == ""


def test_a_token_that_is_not_accepted_is_told() -> None:
    with FakeKubernetes().running() as fake:
        cluster = KubernetesCluster(fake.url, lambda s: "", lambda: "old", timeout_s=PATIENT_S)
        cluster.state(fake.add())
        assert cluster.refusal().startswith("the API server does not accept the token (401)")


QUOTA = {
    "metadata": {"name": "tenant"},
    "status": {"hard": {"pods": "1", "limits.memory": "2Gi"}, "used": {"pods": "1", "limits.memory": "1433Mi"}},
}
USED = "; the namespace has a quota, see the driver's log for a refusal: tenant (limits.memory: 1433Mi of 2Gi, pods: 1 of 1)"
UNSCHEDULED = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/2 nodes are available."}


@pytest.mark.parametrize(
    ("executors", "quotas", "why"),
    [
        ([], [], "it has no executor pods"),
        ([], [QUOTA], f"it has no executor pods{USED}"),
        ([], None, "it has no executor pods"),
        ([{"phase": "Pending", "conditions": [UNSCHEDULED]}], [], "its executor's pod is pending: Unschedulable: 0/2 nodes are available."),
        ([{"phase": "Pending"}], [], ""),
        ([{"phase": "Failed"}, {"phase": "Running"}], [QUOTA], ""),
        ([{"phase": "Failed"}], [QUOTA], f"it has no executor pods{USED}"),
    ],
)
def test_a_driver_without_executors_says_why(executors: list[dict[str, Any]], quotas: list[dict[str, Any]] | None, why: str) -> None:
    with FakeKubernetes().running() as fake:
        cluster, driver = over(fake), fake.add()
        fake.executors, fake.quotas = executors, quotas
        assert cluster.waits_for([driver], {driver: "counts"}) == ({driver: why} if why else {})
        assert cluster.refusal() == "", "that Weir may not see quotas hides no state"


def test_a_renewed_token_is_used() -> None:
    tokens = ["old", FakeKubernetes.TOKEN]
    with FakeKubernetes().running() as fake:
        cluster = KubernetesCluster(fake.url, lambda s: "", lambda: tokens[0], timeout_s=PATIENT_S)
        driver = fake.add()
        assert cluster.state(driver) is DriverState.UNKNOWN
        tokens.pop(0)
        assert cluster.state(driver) is DriverState.RUNNING


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ("NEW UNDEFINED", DriverState.SUBMITTED),
        ("NEW_SAVING UNDEFINED", DriverState.SUBMITTED),
        ("SUBMITTED UNDEFINED", DriverState.SUBMITTED),
        ("FINISHED KILLED", DriverState.KILLED),
        ("FINISHED UNDEFINED", DriverState.FAILED),
        ("FAILED FAILED", DriverState.FAILED),
        ("SOMETHING NEW", DriverState.UNKNOWN),
    ],
)
def test_what_an_application_tells(told: str, state: DriverState) -> None:
    with FakeYarn().running() as fake:
        cluster, driver = over(fake), fake.add()
        fake.drivers[driver] = told
        assert cluster.state(driver) is state and cluster.states_of([driver])[driver] is state


DIAGNOSTICS = (
    "Application application_1700000000000_0000 failed 1 times (global limit =2; local limit is =1) due to AM Container for "
    "appattempt_1700000000000_0000_000001 exited with  exitCode: {}\nFailing this attempt.Diagnostics: Container is running 12.5MB beyond "
    "the 'PHYSICAL' memory limit. Current usage: 1.4 GB of 1.4 GB physical memory used. Killing container."
)


@pytest.mark.parametrize(
    ("code", "state"),
    [(-104, DriverState.OUT_OF_MEMORY), (-103, DriverState.OUT_OF_MEMORY), (-105, DriverState.FAILED), (13, DriverState.FAILED)],
)
def test_an_application_that_was_killed_for_its_memory(code: int, state: DriverState) -> None:
    with FakeYarn().running() as fake:
        cluster, driver = over(fake), fake.add()
        fake.drivers[driver], fake.diagnostics[driver] = "FAILED FAILED", DIAGNOSTICS.format(code)
        assert cluster.state(driver) is state and cluster.states_of([driver])[driver] is state


@pytest.mark.parametrize(
    ("diagnostics", "state"),
    [
        (DIAGNOSTICS.format(-100), DriverState.LOST),
        (DIAGNOSTICS.format(-102), DriverState.LOST),
        (DIAGNOSTICS.format(-1000), DriverState.FAILED),
        ("ApplicationMaster for attempt appattempt_1700000000000_0000_000001 timed out. Failing the application.", DriverState.LOST),
        ("User application exited with status 1", DriverState.FAILED),
    ],
)
def test_a_driver_that_the_resource_manager_gave_up_is_not_confirmed(diagnostics: str, state: DriverState) -> None:
    with FakeYarn().running() as fake:
        cluster, driver = over(fake), fake.add()
        fake.drivers[driver], fake.diagnostics[driver] = "FAILED FAILED", diagnostics
        assert cluster.state(driver) is state and cluster.states_of([driver])[driver] is state


@pytest.mark.parametrize(
    ("node", "known", "state"),
    [
        (True, "", DriverState.KILLED),
        (True, "FINISHED", DriverState.KILLED),
        (True, "FINISHING_CONTAINERS_WAIT", DriverState.LOST),
        (True, "RUNNING", DriverState.LOST),
        (False, "", DriverState.LOST),
    ],
)
def test_a_killed_application_has_ended_when_its_node_says_so(node: bool, known: str, state: DriverState) -> None:
    with FakeYarn().running() as fake:
        cluster, driver = over(fake), fake.add()
        fake.set(driver, DriverState.KILLED)
        fake.node, fake.on_node = node, {driver: known} if known else {}
        assert cluster.state(driver) is state and cluster.states_of([driver])[driver] is state


def test_an_application_that_a_recovering_resource_manager_does_not_find_may_run() -> None:
    with FakeYarn().running() as fake:
        cluster, driver = over(fake), fake.add()
        fake.recovers = True
        assert cluster.state(driver) is DriverState.UNKNOWN
        fake.drivers[driver], fake.diagnostics[driver] = "ACCEPTED UNDEFINED", "Attempt recovered after RM restart"
        fake.recovers = False
        assert cluster.state(driver) is DriverState.RUNNING, "its driver has not asked the ResourceManager for anything since"
        assert cluster.waits_for([driver], {driver: "counts"}) == {}


def test_a_resource_manager_that_has_been_restarted_in_between_says_nothing_of_what_it_does_not_find() -> None:
    class Restarted(FakeYarn):
        def reply(self, method: str, path: str, body: Any) -> tuple[int, Any]:
            self.started_on += path == "/ws/v1/cluster/info"
            return super().reply(method, path, body)

    with Restarted().running() as fake:
        assert over(fake).state("application_1_1") is DriverState.UNKNOWN


@pytest.mark.parametrize("known_by", ["launch time", "diagnostics"])
def test_a_driver_that_has_not_registered_yet_runs(known_by: str) -> None:
    """Who may not view the application is told 0 for its launch time."""
    with FakeYarn().running() as fake:
        cluster, driver = over(fake), fake.add()
        fake.drivers[driver] = "ACCEPTED UNDEFINED"
        assert cluster.state(driver) is DriverState.SUBMITTED
        if known_by == "launch time":
            fake.launched.add(driver)
        else:
            fake.diagnostics[driver] = "AM container is launched, waiting for AM container to Register with RM"
        assert cluster.state(driver) is DriverState.RUNNING and cluster.states_of([driver, "x"])[driver] is DriverState.RUNNING


def test_a_driver_on_yarn_without_an_executor_names_the_queue_that_is_full() -> None:
    with FakeYarn().running() as fake:
        cluster, driver = over(fake), fake.add()
        assert cluster.waits_for([driver], {driver: "counts"}) == {}
        fake.lacks[driver] = 1408
        assert cluster.waits_for([driver], {driver: "counts"}) == {
            driver: "the queue root.streams has no room for its executors, which need 1408 MiB"
        }


def test_a_driver_that_could_not_be_launched_has_failed() -> None:
    with FakeMaster().running() as fake:
        cluster, driver, lost = over(fake), fake.add(), fake.add()
        fake.drivers |= {driver: "ERROR", lost: "ERROR"}
        fake.exceptions[driver] = (
            "java.nio.file.NoSuchFileException: /jobs/counts.jar\n\tjava.base/java.nio.file.Files.copy(Files.java:1305)"
        )
        assert cluster.state(driver) is DriverState.FAILED
        assert isinstance(cluster, StandaloneCluster) and "NoSuchFileException" in cluster.ending(driver)
        assert cluster.states_of([driver, lost]) == {driver: DriverState.FAILED, lost: DriverState.LOST}


def test_a_standby_resource_manager_is_passed_over() -> None:
    with FakeYarn().running() as active, FakeYarn(active=active.url).running() as standby:
        cluster, driver = over(active, f"{standby.url},{active.url}"), active.add()
        assert cluster.state(driver) is DriverState.RUNNING
        cluster.kill(driver)
        assert cluster.states_of([driver])[driver] is DriverState.KILLED
        assert cluster.state("application_1_1") is DriverState.LOST, "of the active one it is known that it is active"


def test_a_404_of_something_else_is_no_news() -> None:
    class Proxy(FakeYarn):
        def reply(self, method: str, path: str, body: Any) -> tuple[int, Any]:
            return 404, {"error": "no such route"}

    with Proxy().running() as fake:
        assert over(fake).state("application_1_1") is DriverState.UNKNOWN


def test_the_active_one_of_two_masters_is_found_before_and_after_a_failover() -> None:
    known: dict[str, str] = {}
    with FakeMaster(known, alive=False).running() as first, FakeMaster(known).running() as second:
        addresses = f"{first.url},{second.url}"
        cluster = StandaloneCluster("spark://a:7077,b:7077", addresses, addresses, 6 * BUDGET_S)  # one of them will be slow
        driver = cluster.submit(DRIVER)
        assert cluster.state(driver) is DriverState.RUNNING and len(known) == 1
        asked = len(first.seen)
        assert cluster.state(driver) is DriverState.RUNNING and len(first.seen) == asked  # the standby is not asked each time
        second.alive = False
        assert cluster.state(driver) is DriverState.UNKNOWN  # nobody is active yet
        assert cluster.states_of([driver, "driver-x"])["driver-x"] is DriverState.UNKNOWN
        with pytest.raises(NotRunning, match="no active master"):
            cluster.submit(DRIVER)
        first.alive, second.fault = True, "slow"
        assert cluster.state(driver) is DriverState.RUNNING
        assert cluster.log_link(driver) == f"http://10.0.0.7:8081/logPage/?driverId={driver}&logType=stderr"
        cluster.kill(driver)
        assert cluster.states_of([driver, cluster.submit(DRIVER)])[driver] is DriverState.KILLED


def test_a_driver_is_sent_to_one_master_only() -> None:
    """The one that was asked may have accepted it before it was killed; another one becomes active at once."""

    class Dies(FakeMaster):
        def reply(self, method: str, path: str, body: Any) -> tuple[int, Any]:
            if not path.endswith("/create"):
                return super().reply(method, path, body)
            self.add()
            second.alive = True
            return 500, "<html>gone</html>"

    known: dict[str, str] = {}
    with FakeMaster(known, alive=False).running() as second, Dies(known).running() as first:
        cluster = StandaloneCluster("spark://a:7077,b:7077", f"{first.url},{second.url}", "", PATIENT_S)
        with pytest.raises(NotRunning, match=f"did not accept .*: {first.url} did not answer"):
            cluster.submit(DRIVER)
    assert len(known) == 1
