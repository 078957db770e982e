"""Kubernetes and YARN in cluster mode, by the Spark provider's own spark-submit hook, behind the protocol of every other cluster.

What was run: the command lines, checked against golden files, and the reading of YARN's and Kubernetes' answers, against fakes. What was
not run: a submission to a real Kubernetes or YARN.

Kubernetes needs the package apache-airflow-providers-cncf-kubernetes, and an image, in `spark_conf` of the job's spec, that has Spark and
the job's dependencies. YARN needs the extra `yarn_resourcemanager_webapp_address` in the connection. Both need `spark-submit` on PATH.
"""

from __future__ import annotations

from typing import Any

from airflow.providers.apache.spark.hooks import spark_submit
from airflow.providers.apache.spark.hooks.spark_submit import SparkSubmitHook

from weir.cluster.records import DriverState, Submission
from weir.errors import NotRunning, Prerequisite

YARN = {
    "NEW": DriverState.SUBMITTED,
    "NEW_SAVING": DriverState.SUBMITTED,
    "SUBMITTED": DriverState.SUBMITTED,
    "ACCEPTED": DriverState.SUBMITTED,
    "RUNNING": DriverState.RUNNING,
    "SUCCEEDED": DriverState.FINISHED,
    "FAILED": DriverState.FAILED,
}
PODS = {
    "Pending": DriverState.SUBMITTED,
    "Running": DriverState.RUNNING,
    "Succeeded": DriverState.FINISHED,
    "Failed": DriverState.FAILED,
}


class SparkSubmitCluster:
    """A cluster behind an Airflow connection of type `spark` whose master is `yarn` or `k8s://...`.

    A submission's id is the application's id on YARN, and `namespace:pod` on Kubernetes.
    """

    def __init__(self, conn_id: str = "spark_default") -> None:
        self._conn_id = conn_id

    def submit(self, submission: Submission) -> str:
        """Returns when the cluster has taken the driver; spark-submit does not stay. Raises NotRunning with its last lines."""
        hook = hook_for(submission, self._conn_id)
        try:
            hook.submit(submission.application)
        except Exception as error:  # the provider raises AirflowException, ValueError and RuntimeError
            raise NotRunning(f"spark-submit of {submission.name} failed: {error}", "Look at the connection and the cluster.") from error
        if hook._yarn_application_id:
            return str(hook._yarn_application_id)
        if hook._kubernetes_driver_pod:
            return f"{hook._connection['namespace'] or 'default'}:{hook._kubernetes_driver_pod}"
        raise NotRunning(f"spark-submit of {submission.name} ended well, but named no driver.", "Is its log level INFO?")

    def state(self, submission_id: str) -> DriverState:
        try:
            return self._pod_state(*submission_id.split(":")) if ":" in submission_id else self._yarn_state(submission_id)
        except Exception:  # noqa: BLE001 - whatever went wrong, nothing is known of the driver
            return DriverState.UNKNOWN

    def kill(self, submission_id: str) -> None:
        if ":" in submission_id:
            namespace, pod = submission_id.split(":")
            _kubernetes().get_kube_client().delete_namespaced_pod(pod, namespace)
        else:
            _hook(conn_id=self._conn_id, deploy_mode="cluster", yarn_track_via_rm_api=True)._kill_yarn_application(submission_id)

    def _yarn_state(self, application: str) -> DriverState:
        hook = _hook(conn_id=self._conn_id, deploy_mode="cluster", yarn_track_via_rm_api=True)
        return YARN.get(hook.query_yarn_application_status(application), DriverState.UNKNOWN)

    def _pod_state(self, namespace: str, pod: str) -> DriverState:
        client = _kubernetes()
        try:
            phase = client.get_kube_client().read_namespaced_pod(pod, namespace).status.phase
        except client.ApiException as error:
            return DriverState.KILLED if error.status == 404 else DriverState.UNKNOWN  # deleted, by us or by somebody else
        return PODS.get(phase, DriverState.UNKNOWN)


def hook_for(submission: Submission, conn_id: str) -> SparkSubmitHook:
    """The provider's hook that builds the command line of a driver."""
    yarn = _is_yarn(conn_id)
    once = {"spark.yarn.maxAppAttempts": "1"} if yarn else {}  # YARN would start the same attempt again, blindly
    return _hook(
        conn_id=conn_id,
        deploy_mode="cluster",
        name=submission.name,
        application_args=list(submission.arguments),
        conf=dict(sorted({**once, **submission.conf}.items())),
        env_vars=dict(sorted(submission.env.items())),
        jars=",".join(submission.jars) or None,
        py_files=",".join(submission.py_files) or None,
        driver_memory=submission.driver_memory,
        executor_memory=submission.executor_memory,
        num_executors=max(1, submission.executors),
        executor_cores=max(1, submission.cores // max(1, submission.executors)),
        # Both let spark-submit end when the driver is taken, instead of staying for the driver's life.
        yarn_track_via_rm_api=yarn,
        track_driver_via_k8s_api=not yarn,
    )


def _kubernetes() -> Any:
    """The provider's Kubernetes client module, there if its package is."""
    return getattr(spark_submit, "kube_client")  # noqa: B009 - it is no declared part of that module


def _is_yarn(conn_id: str) -> bool:
    return "yarn" in str(SparkSubmitHook.get_connection(conn_id).host)


def _hook(**arguments: Any) -> SparkSubmitHook:
    try:
        return SparkSubmitHook(**arguments)
    except NameError as missing:  # so the provider fails without its Kubernetes part
        raise Prerequisite(
            "Spark on Kubernetes needs the package apache-airflow-providers-cncf-kubernetes.", "Install it beside Airflow."
        ) from missing
