"""Start drivers on Kubernetes and YARN in cluster mode, by the Spark provider's own spark-submit hook.

Kubernetes needs the package apache-airflow-providers-cncf-kubernetes, and both need `spark-submit` on PATH: docs/spark.md.
"""

from __future__ import annotations

import re
import threading
from typing import Any
from uuid import uuid4

from airflow.providers.apache.spark.hooks.spark_submit import SparkSubmitHook

from weir.cluster import kubernetes, pods, yarn
from weir.cluster.yarn_application import refusal, submitted_as
from weir.errors import NotRunning, NotTaken, Prerequisite
from weir.ports.cluster import Submission

BUDGET_S = 180.0  # spark-submit uploads the jars, and ends when the cluster has accepted the driver
FORBIDDEN = "Give the account of the Spark connection the missing right, or make room in the namespace's quota; then run: weir deploy JOB"
REFUSED = "Correct the queue of the connection, the rights of its user, or the job's resources; then run: weir deploy JOB"
KUBERNETES_AUTH = "spark.kubernetes.authenticate.submission"
POD_NAME = "spark.kubernetes.driver.pod.name"
LONGEST_NAME = 63


class SparkSubmit:
    """Starts drivers by the Airflow connection of type `spark` whose master is `yarn` or `k8s://...`. It is a weir.cluster.base.Submit.

    A submission's id is the application's id on YARN, and `namespace:pod` on Kubernetes.
    """

    def __init__(self, conn_id: str = "spark_default", budget_s: float = BUDGET_S) -> None:
        self._conn_id, self._budget_s = conn_id, budget_s

    def __call__(self, submission: Submission) -> str:
        """Submit a driver and return when the cluster has accepted it. Raises NotTaken if the cluster refuses it, and NotRunning with the
        last lines of spark-submit if it may have been accepted."""
        hook = hook_for(submission, self._conn_id)
        application = _in_image(submission.application) if hook._is_kubernetes else submission.application
        killer = threading.Timer(self._budget_s, lambda: hook._submit_sp and hook._submit_sp.kill())
        killer.start()
        try:
            hook.submit(application)
        except Exception as error:  # the provider raises AirflowException, ValueError and RuntimeError
            if taken := submitted_as(str(error)):  # it was ended, or failed, after that
                return taken
            if why := refusal(str(error)):
                raise NotTaken(f"YARN does not take {submission.name}: {why}.", REFUSED) from error
            if why := pods.refusal(str(error)):
                raise NotTaken(f"Kubernetes does not take {submission.name}: {why}.", FORBIDDEN) from error
            raise NotRunning(f"spark-submit of {submission.name} failed: {error}", "Check the connection and the cluster.") from error
        finally:
            killer.cancel()
        if hook._yarn_application_id:
            return str(hook._yarn_application_id)
        if hook._is_kubernetes:
            return f"{hook._connection['namespace'] or 'default'}:{hook._conf[POD_NAME]}"
        raise NotRunning(f"spark-submit of {submission.name} ended well, but named no driver.", "Is its log level INFO?")


def hook_for(submission: Submission, conn_id: str) -> SparkSubmitHook:
    """Return the provider's hook that builds a driver's command line."""
    connection = SparkSubmitHook.get_connection(conn_id)
    on_yarn = "yarn" in str(connection.host)
    path = str if on_yarn else _in_image
    own = _of_yarn() if on_yarn else _of_kubernetes(submission, connection.extra_dejson)
    return _hook(
        conn_id=conn_id,
        deploy_mode="cluster",
        name=submission.name,
        application_args=list(submission.arguments),
        conf=dict(sorted({**submission.conf, **own}.items())),
        env_vars=dict(sorted(submission.env.items())),
        java_class=submission.main_class or None,
        jars=",".join(map(path, submission.jars)) or None,
        py_files=",".join(map(path, submission.py_files)) or None,
        driver_memory=submission.driver_memory,
        executor_memory=submission.executor_memory,
        num_executors=max(1, submission.executors),
        executor_cores=max(1, submission.cores // max(1, submission.executors)),
        # Both let spark-submit end once the driver is accepted, instead of running as long as the driver.
        yarn_track_via_rm_api=on_yarn,
        track_driver_via_k8s_api=not on_yarn,
    )


def _of_yarn() -> dict[str, str]:
    """Return YARN's settings: no second start of the same attempt by YARN, and a tag, so that one request finds all drivers."""
    return {"spark.yarn.maxAppAttempts": "1", "spark.yarn.tags": yarn.TAG}


def _of_kubernetes(submission: Submission, extra: dict[str, Any]) -> dict[str, str]:
    """Return Kubernetes' settings: the label that finds the drivers, and the token and certificates that state requests use, too."""
    job = submission.name.split(":")[1]
    auth = {"oauthTokenFile": extra.get("token-file"), "caCertFile": extra.get("ca-file")}
    return {
        f"spark.kubernetes.driver.label.{kubernetes.LABEL}": job,
        POD_NAME: pod_name(submission.name),
        **{f"{KUBERNETES_AUTH}.{name}": file for name, file in auth.items() if file},
    }


def pod_name(name: str) -> str:
    """Return a new name for the pod of a driver. The provider finds Spark's own name only in a namespace that is called spark."""
    end = f"-{uuid4().hex[:12]}-driver"
    return re.sub("[^a-z0-9-]+", "-", name.lower())[: LONGEST_NAME - len(end)].strip("-") + end


def _in_image(path: str) -> str:
    """Return the URI of a file that the driver's pod has, in its image or on a volume. Without a scheme spark-submit would upload it, and
    ends with "Please specify spark.kubernetes.file.upload.path property"."""
    return f"local://{path}" if path.startswith("/") else path


def _hook(**arguments: Any) -> SparkSubmitHook:
    try:
        return SparkSubmitHook(**arguments)
    except NameError as missing:  # so the provider fails without its Kubernetes part
        raise Prerequisite(
            "Spark on Kubernetes needs the package apache-airflow-providers-cncf-kubernetes.", "Install it beside Airflow."
        ) from missing
