"""The Airflow plugin. Every process of Airflow loads this file, so it only has names; the app is built where it is needed."""

from __future__ import annotations

from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

PREFIX, REST = "/weir", "/weir/api/v1"


class WeirPlugin(AirflowPlugin):
    name = "weir"

    @cached_property
    def fastapi_apps(self) -> list[Any]:  # type: ignore[override]
        """Return the apps. Only the API server asks for them."""
        from weir.console import app, rest

        console = {"app": app.build(), "url_prefix": PREFIX, "name": "Weir"}
        return [{"app": rest.build(), "url_prefix": REST, "name": "Weir REST"}, console]  # the longer path must be matched first

    @cached_property
    def external_views(self) -> list[Any]:  # type: ignore[override]
        below = urlsplit(conf.get("api", "base_url", fallback="")).path.rstrip("/")
        root = f"{below}{PREFIX}"
        return [
            {"name": "Weir", "href": f"{root}/", "url_route": "weir", "destination": "nav", "nav_top_level": True},
            {"name": "Weir", "href": f"{root}/dags/{{DAG_ID}}", "url_route": "weir_job", "destination": "dag"},  # Airflow puts the id in
        ]
