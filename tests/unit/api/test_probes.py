"""The probes of `weir serve`: without a token, and without the store."""

from __future__ import annotations

import asyncio
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Never

import httpx
import pytest
from fastapi.testclient import TestClient

from tests.conftest import PROJECT
from tests.unit.api.service import BASE, Service
from weir.api.serve import alone
from weir.api.tokens import StaticTokens, issue
from weir.errors import NotRunning


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return Service(tmp_path)


def test_they_answer_without_a_token_while_the_store_is_away(service: Service) -> None:
    async def away(*_: object) -> Never:
        raise NotRunning("Cassandra does not answer.", "Run: weir status")

    client = TestClient(alone(StaticTokens(service.file), away), raise_server_exceptions=False)
    assert [client.get(path).status_code for path in ("/livez", "/readyz", f"{BASE}/jobs")] == [200, 200, 401]
    assert client.get(f"{BASE}/jobs", headers=service.headers()).status_code == 503


def test_a_service_that_would_refuse_everybody_is_not_ready(tmp_path: Path) -> None:
    service = Service(tmp_path)
    service.file.unlink()
    answer = service.client.get("/readyz")
    assert (answer.status_code, answer.json()["code"]) == (503, "WEIR-201")
    assert service.client.get("/livez").status_code == 200
    issue(service.file, "ana", "reader")
    assert service.client.get("/readyz").status_code == 200
    service.file.write_text("{")
    assert service.client.get("/readyz").status_code == 503


def test_a_service_whose_threads_all_hang_is_not_live(service: Service) -> None:
    end = threading.Event()

    async def answered() -> bool:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(1))
        hanging = loop.run_in_executor(None, end.wait)
        transport = httpx.ASGITransport(alone(StaticTokens(service.file), service.ask))
        async with httpx.AsyncClient(transport=transport, base_url="http://weir") as client:
            asked = asyncio.create_task(client.get("/livez"))
            done, _ = await asyncio.wait([asked], timeout=0.2)
            end.set()
            await hanging
            assert (await asked).status_code == 200
        return bool(done)

    assert asyncio.run(answered()) is False


def test_the_manifests_probe_these_addresses(service: Service) -> None:
    text = (PROJECT / "deploy" / "kubernetes" / "weir" / "serve.yaml").read_text()
    probed = re.findall(r"httpGet: \{path: (\S+),", text)
    assert len(probed) == 3 and {service.client.get(path).status_code for path in probed} == {200}
