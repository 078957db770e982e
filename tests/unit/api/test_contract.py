"""The contract is what is answered: schemathesis makes requests of all kinds from it, and compares."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from pathlib import Path

import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.conftest import PROJECT
from tests.unit.api.service import BASE, JOB, Service

FOLDER = tempfile.TemporaryDirectory(prefix="weir_api_")
SERVICE = Service(Path(FOLDER.name))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
    negative_data_rejection,
    unsupported_method,
    ignored_auth,
]
SEEN: defaultdict[str, set[int]] = defaultdict(set)
OPERATIONS = 15
ROWS = {"GET /jobs/{job}/rows"}  # of a landed job with a real PostgreSQL: tests/contract/test_rows.py, tests/catalogue
schema = schemathesis.openapi.from_asgi(f"{BASE}/openapi.json", SERVICE.app, headers=SERVICE.headers())


@schema.parametrize()
@settings(
    max_examples=15,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)
def test_every_answer_is_in_the_contract(case: schemathesis.Case) -> None:
    job = (case.path_parameters or {}).get("job", "")
    if len(job) % 2 and len(job) <= 200:  # half of those that a job may have are about one that is there
        case.path_parameters["job"] = JOB
    answer = case.call_and_validate(headers=SERVICE.headers(), checks=CHECKS)
    SEEN[f"{case.operation.method.upper()} {case.operation.path}"].add(answer.status_code)


def test_the_requests_reached_what_they_are_about() -> None:
    """Else it was an empty proof."""
    assert len(SEEN) == OPERATIONS
    assert {operation for operation, statuses in SEEN.items() if 200 not in statuses} == ROWS, SEEN
    assert {status for statuses in SEEN.values() for status in statuses} >= {200, 400, 404}


def test_the_contract_has_examples_and_the_codes_of_the_command_line() -> None:
    raw = SERVICE.get("openapi.json").json()
    runbook = (PROJECT / "docs" / "runbook.md").read_text()
    assert raw["servers"] == [{"url": BASE}]
    operations = [operation for path in raw["paths"].values() for operation in path.values()]
    assert len(operations) == OPERATIONS and all(operation["summary"] and operation["security"] for operation in operations)
    for operation in operations:
        assert {"200", "400", "401", "403", "429", "503"} <= set(operation["responses"])
        for status, response in operation["responses"].items():
            assert list(response["content"]) == ["application/json" if status == "200" else "application/problem+json"]
    schemas = raw["components"]["schemas"]
    assert f"## {schemas['Problem']['properties']['code']['examples'][0]}\n" in runbook
    assert all(any("examples" in field for field in schemas[name]["properties"].values()) for name in ("Order", "Done", "Job", "Problem"))
