"""`deploy/kubernetes` on a real API server: accepted, with the rights that were needed and no more, and policies that select real pods."""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import re
import shutil
import ssl
import subprocess
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import PROJECT
from tests.kubernetes import BUILDS, binaries, skip_unless_built
from tests.kubernetes.servers import ControlPlane, control_plane
from weir.jobs.spec import JobSpec

FOLDER = PROJECT / "deploy" / "kubernetes"
OVERLAYS = ("one-tenant", "two-tenants", "s3")
DOC = PROJECT / "docs" / "kubernetes.md"
VERSION = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"]
IMAGE = f"registry.example.com/weir:{VERSION}"
# As Spark 4.2.0 labels an executor; a driver's labels come from a submission below.
EXECUTOR = {"spark-role": "executor", "spark-app-selector": "spark-1", "spark-exec-id": "1", "spark-version": "4.2.0"}

Object = Mapping[str, Any]


pytestmark = pytest.mark.skipif(not shutil.which("kubectl"), reason="install kubectl: it renders the manifests")


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """An API server; with its controllers if they were built before."""
    skip_unless_built(*binaries.SERVERS)
    home = tmp_path_factory.mktemp("plane")
    with control_plane(home, controllers=BUILDS or not binaries.missing(*binaries.CONTROLLERS), first_port=24000) as made:
        for one in (*objects(rendered("one-tenant")), *objects(rendered("two-tenants"))):
            answer = applied(made, one)
            assert answer["kind"] == one["kind"], answer
        yield made


@functools.cache
def rendered(overlay: str) -> str:
    done = subprocess.run(["kubectl", "kustomize", str(FOLDER / "overlays" / overlay)], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout


def objects(text: str) -> list[dict[str, Any]]:
    return [one for one in yaml.safe_load_all(text) if one]


def call(plane: ControlPlane, method: str, path: str, body: Object, account: str = "") -> dict[str, Any]:
    """Return the API server's answer, or its refusal. As a ServiceAccount (NAMESPACE:NAME), else as the administrator."""
    headers = {"Authorization": f"Bearer {plane.token()}", "Content-Type": "application/json"}
    if method == "PATCH":
        headers["Content-Type"] = "application/apply-patch+yaml"
    if account:
        headers["Impersonate-User"] = f"system:serviceaccount:{account}"  # its groups follow from the name
    request = urllib.request.Request(f"{plane.url}{path}", json.dumps(body).encode(), headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60, context=ssl.create_default_context(cafile=plane.ca)) as answer:
            return {"warning": answer.headers.get("Warning", ""), **json.load(answer)}
    except urllib.error.HTTPError as error:
        return dict(json.load(error))


def applied(plane: ControlPlane, one: Object, dry_run: bool = False) -> dict[str, Any]:
    """Apply an object on the server's side, as `kubectl apply --server-side` does; it refuses a field that it does not know."""
    plural = re.sub(r"y$", "ie", one["kind"].lower()) + "s"
    namespace = one["metadata"].get("namespace")
    api = "api/v1" if one["apiVersion"] == "v1" else f"apis/{one['apiVersion']}"
    path = f"/{api}/{f'namespaces/{namespace}/' if namespace else ''}{plural}/{one['metadata']['name']}"
    options = f"?fieldManager=weir&force=true&fieldValidation=Strict{'&dryRun=All' if dry_run else ''}"
    return call(plane, "PATCH", path + options, one)


def admitted(plane: ControlPlane, namespace: str, spec: Object) -> dict[str, Any]:
    """Return what the API server would make of a pod, or why it refuses it."""
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "try", "namespace": namespace}, "spec": spec}
    return call(plane, "POST", f"/api/v1/namespaces/{namespace}/pods?dryRun=All", body)


def blocks(file: Path) -> list[str]:
    return re.findall(r"^```\w*\n(.*?)^```", file.read_text(), re.DOTALL | re.MULTILINE) if file.exists() else []


def templates(overlay: str = "one-tenant") -> dict[str, Object]:
    """Return the pods of the Deployments, by name."""
    return {one["metadata"]["name"]: one["spec"]["template"] for one in objects(rendered(overlay)) if one["kind"] == "Deployment"}


def of_spark(role: str) -> dict[str, Any]:
    """Return the spec of a pod from its template, with what Spark adds to it."""
    spec: dict[str, Any] = yaml.safe_load((FOLDER / "weir" / "pods" / f"{role}.yaml").read_text())["spec"]
    container = {**spec["containers"][0], "image": IMAGE, "resources": {"requests": {"cpu": "1"}, "limits": {"memory": "1408Mi"}}}
    return {**spec, "serviceAccountName": f"weir-{role}", "containers": [container], "restartPolicy": "Never"}


# Accepted


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_is_accepted_without_a_warning(plane: ControlPlane, overlay: str) -> None:
    answers = [(one, applied(plane, one, dry_run=True)) for one in objects(rendered(overlay))]
    refused = [answer for one, answer in answers if answer["kind"] != one["kind"]]
    warned = [answer["warning"] for _, answer in answers if answer.get("warning")]  # also of pods that the restricted level would refuse
    assert (refused, warned) == ([], [])
    assert {"Deployment", "NetworkPolicy", "ResourceQuota", "LimitRange", "PodDisruptionBudget"} <= {one["kind"] for one, _ in answers}


@pytest.mark.parametrize("name", ["weir-metrics", "weir-serve"])
def test_the_pods_of_weir_pass_the_restricted_level(plane: ControlPlane, name: str) -> None:
    made = admitted(plane, "weir", templates()[name]["spec"])
    assert (made["kind"], made["warning"]) == ("Pod", "")


@pytest.mark.parametrize("role", ["driver", "executor"])
def test_the_pods_of_jobs_pass_the_restricted_level_by_their_templates(plane: ControlPlane, role: str) -> None:
    made = admitted(plane, "streams", of_spark(role))
    assert (made["kind"], made["warning"]) == ("Pod", "")
    assert 'violates PodSecurity "restricted' in admitted(plane, "streams", {**of_spark(role), "securityContext": {}})["message"]


def test_every_image_has_this_version_and_none_is_latest() -> None:
    found = [c["image"] for overlay in OVERLAYS for template in templates(overlay).values() for c in template["spec"]["containers"]]
    values = yaml.safe_load((FOLDER / "airflow.values.yaml").read_text())
    chart = f"{values['defaultAirflowRepository']}:{values['defaultAirflowTag']}"
    named = re.findall(r"registry\.example\.com/[\w./-]+(?::[\w.-]+)?", DOC.read_text())
    assert {*found, chart} == {IMAGE} and set(named) <= {IMAGE}
    assert "latest" not in "".join(file.read_text() for file in FOLDER.rglob("*.yaml"))


def test_what_the_docs_show_is_accepted(plane: ControlPlane) -> None:
    shown = blocks(DOC)
    manifests = [one for text in shown if text.startswith("apiVersion:") for one in objects(text)]
    assert [answer for one in manifests if (answer := applied(plane, one, dry_run=True))["kind"] != one["kind"]] == []
    specs = [yaml.safe_load(text) for text in shown if text.startswith("cluster: kubernetes")]
    assert specs, "docs/kubernetes.md shows a spec"
    for spec in specs:
        assert JobSpec.model_validate({"name": "errors", "output": "x", **spec}).cluster == "kubernetes"


# Rights: what each account may, and nothing else

SUBMIT = {
    "pods": "create delete get list", "pods/log": "get", "resourcequotas": "list",
    "configmaps": "create patch", "services": "create patch", "networkpolicies": "create patch",
}  # fmt: skip
DRIVER = {"pods": "create delete deletecollection get list watch", "configmaps": "create deletecollection", "services": "deletecollection"}
WATCH = {"pods": "get list", "resourcequotas": "list"}
ACCOUNTS = [
    # account, namespace, what it may there
    ("weir:weir", "streams", SUBMIT),
    ("weir:weir-metrics", "streams", WATCH),
    ("streams:weir-driver", "streams", DRIVER),
    ("streams:weir-executor", "streams", {}),
    ("weir-red:weir", "streams-red", SUBMIT),
    ("streams-red:weir-driver", "streams-red", DRIVER),
    *((account, other, {}) for account in ("weir:weir", "streams:weir-driver") for other in ("weir", "kube-system", "streams-red")),
    *((account, other, {}) for account in ("weir-red:weir", "streams-red:weir-driver") for other in ("streams-blue", "streams")),
]  # fmt: skip


def rules(plane: ControlPlane, account: str, namespace: str) -> dict[str, str]:
    """Return what a ServiceAccount may do in a namespace, as the API server's authorizer lists it."""
    path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
    answer = call(plane, "POST", path, {"kind": "SelfSubjectRulesReview", "spec": {"namespace": namespace}}, account)
    found: dict[str, set[str]] = {}
    for rule in answer["status"]["resourceRules"]:
        for resource in rule["resources"]:
            if not resource.startswith("self"):  # everybody may ask what they may
                found.setdefault(resource, set()).update(rule["verbs"])
    return {resource: " ".join(sorted(verbs)) for resource, verbs in found.items()}


@pytest.mark.parametrize(("account", "namespace", "may"), ACCOUNTS)
def test_an_account_may_do_this_and_nothing_else(plane: ControlPlane, account: str, namespace: str, may: Mapping[str, str]) -> None:
    assert rules(plane, account, namespace) == may


NOT_THERE = ("get secrets", "create pods/exec", "create serviceaccounts/token", "create rolebindings", "delete persistentvolumeclaims")


@pytest.mark.parametrize(
    ("account", "asked", "may"),
    [
        ("weir:weir", "create pods streams", True),
        ("weir:weir", "create pods weir", False),
        *(("streams:weir-driver", f"{asked} streams", False) for asked in NOT_THERE),
        *(("streams:weir-driver", asked, False) for asked in ("get secrets weir", "list pods", "list nodes")),
    ],
)
def test_the_authorizer_says_the_same(plane: ControlPlane, account: str, asked: str, may: bool) -> None:
    """By its decision and not by its list of rules: a rule that the test above reads wrongly would show here. As `kubectl auth can-i`."""
    verb, resource, *namespace = asked.split()
    name, _, sub = resource.partition("/")
    attributes = {"verb": verb, "resource": name, "subresource": sub, "namespace": "".join(namespace)}
    group = {"rolebindings": "rbac.authorization.k8s.io"}.get(name, "")
    body = {"kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": {**attributes, "group": group}}}
    answer = call(plane, "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body, account)
    assert answer["status"]["allowed"] == may


# Limits


def test_a_container_without_limits_gets_them(plane: ControlPlane) -> None:
    spec = of_spark("driver")
    del spec["containers"][0]["resources"]
    (container,) = admitted(plane, "streams", spec)["spec"]["containers"]
    assert container["resources"] == {"limits": {"memory": "1Gi"}, "requests": {"cpu": "250m", "memory": "512Mi"}}


def test_a_pod_beyond_the_quota_is_refused_with_the_quotas_name(plane: ControlPlane) -> None:
    skip_unless_built(*binaries.CONTROLLERS)
    plane.kubectl("wait", "resourcequota/streams", "-n", "streams", "--for=jsonpath={.status.hard.pods}=40", "--timeout=60s")
    spec = of_spark("driver")
    spec["containers"][0]["resources"] = {"requests": {"cpu": "17"}, "limits": {"memory": "1Gi"}}
    assert "exceeded quota: streams, requested: requests.cpu=17" in admitted(plane, "streams", spec)["message"]


# A real submission, by the account that Airflow has, with the settings that the docs show


@pytest.fixture(scope="module")
def driver(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Object:
    """The driver's pod that spark-submit made. No node runs it."""
    folder = tmp_path_factory.mktemp("submit")
    (folder / "token").write_text(plane.kubectl("create", "token", "weir", "-n", "weir"))
    auth = "spark.kubernetes.authenticate.submission"
    conf = {
        **next(yaml.safe_load(text) for text in blocks(DOC) if text.startswith("cluster:"))["spark_conf"],
        f"{auth}.oauthTokenFile": folder / "token",
        f"{auth}.caCertFile": plane.ca,
        "spark.kubernetes.namespace": "streams",
        "spark.kubernetes.submission.waitAppCompletion": "false",
        "spark.kubernetes.driver.label.weir-job": "errors",
        # 10 s by default: not enough for a first connection on a busy machine
        "spark.kubernetes.submission.connectionTimeout": "120000",
        "spark.kubernetes.submission.requestTimeout": "120000",
    }
    words = [word.replace("/etc/weir/pods", str(FOLDER / "weir/pods")) for k, v in conf.items() for word in ("--conf", f"{k}={v}")]
    spark = Path(importlib.util.find_spec("pyspark").origin).parent  # type: ignore[union-attr, arg-type]
    command = [str(spark / "bin" / "spark-submit"), "--master", f"k8s://{plane.url}", "--deploy-mode", "cluster", "--name", "weir:errors:1"]
    env = {**os.environ, "SPARK_HOME": str(spark), "SPARK_SUBMIT_OPTS": "-Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC"}
    done = subprocess.run([*command, *words, "local:///weir/job.py"], env=env, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    (made,) = json.loads(plane.kubectl("get", "pods", "-n", "streams", "-l", "weir-job=errors", "-o", "json"))["items"]
    return dict(made)


def test_weirs_account_submits_a_driver_that_passes_admission(driver: Object) -> None:
    (container,) = driver["spec"]["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"] and driver["spec"]["securityContext"]["runAsUser"] == 10001
    assert (container["image"], driver["spec"]["serviceAccountName"]) == (IMAGE, "weir-driver")
    assert {"/tmp", "/weir/shared", "/etc/weir/logins"} <= {mount["mountPath"] for mount in container["volumeMounts"]}


def selects(selector: Object, labels: Mapping[str, str]) -> bool:
    """Return whether a label selector selects a pod. Only what the manifests use."""
    said = (labels.get(each["key"]) in each["values"] for each in selector.get("matchExpressions", ()) if each["operator"] == "In")
    return selector.get("matchLabels", {}).items() <= labels.items() and all(said)


def policies(overlay: str, namespace: str) -> list[dict[str, Any]]:
    return [one for one in objects(rendered(overlay)) if one["kind"] == "NetworkPolicy" and one["metadata"]["namespace"] == namespace]


def test_the_network_policies_select_the_pods_that_spark_makes(driver: Object) -> None:
    found = policies("s3", "streams")
    pods = {"driver": driver["metadata"]["labels"], "executor": EXECUTOR}
    chosen = {n: {p["metadata"]["name"] for p in found if selects(p["spec"]["podSelector"], labels)} for n, labels in pods.items()}
    assert chosen == {"driver": {"deny", "jobs", "drivers"}, "executor": {"deny", "jobs", "executors", "object-store"}}
    (entry,) = (p["spec"]["ingress"][0] for p in found if p["metadata"]["name"] == "drivers")
    assert [selects(peer["podSelector"], EXECUTOR) for peer in entry["from"]] == [True]
    ports = {each["containerPort"] for each in driver["spec"]["containers"][0]["ports"]}
    assert {each["port"] for each in entry["ports"]} <= ports


def test_the_network_policies_select_the_pods_of_weir() -> None:
    found = policies("one-tenant", "weir")
    airflow = {"tier": "airflow", "component": "api-server", "release": "airflow"}  # as the chart labels them
    pods = {name: template["metadata"]["labels"] for name, template in templates().items()} | {"airflow": airflow}
    chosen = {n: {p["metadata"]["name"] for p in found if selects(p["spec"]["podSelector"], labels)} for n, labels in pods.items()}
    assert chosen == {
        "weir-metrics": {"deny", "services", "metrics"},
        "weir-serve": {"deny", "services", "serve"},
        "airflow": {"deny", "services", "airflow", "console"},
    }
