"""Probes of the standalone service, for Kubernetes and load balancers. They need no token, and show nothing of a job.

Neither asks the store: a restart does not bring it back, and a client is better told WEIR-201 than refused a connection.
"""

from __future__ import annotations

import asyncio

from fastapi import APIRouter

from weir.api.tokens import StaticTokens


def build(tokens: StaticTokens) -> APIRouter:
    """Return the routes `/livez` and `/readyz`, which answer 503 while every request would be refused."""
    router = APIRouter(include_in_schema=False)

    @router.get("/livez")
    async def live() -> dict[str, str]:
        await asyncio.to_thread(lambda: None)  # requests run in these threads: no answer if all of them hang
        return {"status": "live"}

    @router.get("/readyz")
    async def ready() -> dict[str, str]:
        await asyncio.to_thread(tokens.check)
        return {"status": "ready"}

    return router
