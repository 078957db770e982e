"""Who may look and who may act. Airflow mounts the apps of plugins without any authentication: what is not asked here is public."""

from __future__ import annotations

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import HTTPException, status


def reader(user: GetUserDep) -> None:
    """Raises 401 without a login, 403 for who may not read DAGs.

    Not `requires_access_dag`: it takes the DAG's id from the query, so who may read one DAG could name it and see all jobs.
    """
    if not get_auth_manager().is_authorized_dag(method="GET", user=user):
        raise HTTPException(status.HTTP_403_FORBIDDEN, "You may not read DAGs.")


def editor(user: GetUserDep) -> None:
    """Raises 401 without a login, 403 for who may not edit DAGs."""
    if not edits(user):
        raise HTTPException(status.HTTP_403_FORBIDDEN, "You may not edit DAGs, so you may not act on jobs.")


def edits(user: BaseUser) -> bool:
    """Of no DAG in particular, as for readers."""
    return get_auth_manager().is_authorized_dag(method="PUT", user=user)
