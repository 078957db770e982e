"""What Airflow loads, in each of its processes: so there is nothing here but the names. The app is made where it is asked for."""

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
        """Asked for by the API server only."""
        from weir.console import app, rest

        console = {"app": app.build(), "url_prefix": PREFIX, "name": "Weir"}
        return [{"app": rest.build(), "url_prefix": REST, "name": "Weir REST"}, console]  # the longer path is looked at first

    @cached_property
    def external_views(self) -> list[Any]:  # type: ignore[override]
        below = urlsplit(conf.get("api", "base_url", fallback="")).path.rstrip("/")
        root = f"{below}{PREFIX}"
        return [
            {"name": "Weir", "href": f"{root}/", "url_route": "weir", "destination": "nav", "nav_top_level": True},
            {"name": "Weir", "href": f"{root}/dags/{{DAG_ID}}", "url_route": "weir_job", "destination": "dag"},  # Airflow puts the id in
        ]
