"""A plain job on the YARN of the tests whose driver is a plain Python process, submitted over REST: a Spark driver costs half a CPU-minute.

It never registers with the ResourceManager, so it stays ACCEPTED, as a Spark driver does until it has registered.
"""

from __future__ import annotations

import shlex
import sys

from tests.plain_rig import PlainRig
from tests.yarn.servers import Yarn
from weir.cluster.yarn import TAG, YarnCluster
from weir.http import Api
from weir.ports.cluster import Submission

PATIENT_S = 30.0  # for an answer, on a machine that may stand still for seconds


def light_rig(yarn: Yarn, name: str, code: str, queue: str = "streams", memory: int = 256) -> PlainRig:
    cluster = YarnCluster(yarn.rest, RestSubmit(yarn, queue, memory), "weir", timeout_s=PATIENT_S)
    return PlainRig(yarn.home / "jobs" / name, name, cluster, yarn.drivers, {"cluster": "yarn"}, {"job.py": code})


class RestSubmit:
    """https://hadoop.apache.org/docs/stable/hadoop-yarn/hadoop-yarn-site/ResourceManagerRest.html#Cluster_Applications_API.28Submit_Application.29"""

    def __init__(self, yarn: Yarn, queue: str, memory: int) -> None:
        self._api = Api(yarn.rest, PATIENT_S)
        self._queue, self._memory = queue, memory

    def __call__(self, submission: Submission) -> str:
        made = self._api.send("POST", "/ws/v1/cluster/apps/new-application?user.name=weir", {})
        assert made and made.body, made
        app = str(made.body["application-id"])
        command = shlex.join([sys.executable, submission.application, *submission.arguments])
        logs = "1><LOG_DIR>/stdout 2><LOG_DIR>/stderr"
        wanted = {
            "application-id": app,
            "application-name": submission.name,
            "application-type": "SPARK",
            "application-tags": {"tag": [TAG]},
            "queue": self._queue,
            "max-app-attempts": 1,
            "resource": {"memory": self._memory, "vCores": 1},
            "am-container-spec": {"commands": {"command": f"exec {command} {logs}"}},
        }
        taken = self._api.send("POST", "/ws/v1/cluster/apps?user.name=weir", wanted)
        assert taken and taken.status == 202, taken
        return app
