"""Access checks. Airflow mounts the apps of plugins without any authentication: a route without a check here is public."""

from __future__ import annotations

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import HTTPException, status


def reader(user: GetUserDep) -> None:
    """Require the right to read DAGs. Raises 401 without a login, 403 without the right.

    Not `requires_access_dag`: it takes the DAG's id from the query, so a user who may read one DAG could name it and see all jobs.
    """
    if not get_auth_manager().is_authorized_dag(method="GET", user=user):
        raise HTTPException(status.HTTP_403_FORBIDDEN, "You may not read DAGs.")


def editor(user: GetUserDep) -> None:
    """Require the right to edit DAGs. Raises 401 without a login, 403 without the right."""
    if not edits(user):
        raise HTTPException(status.HTTP_403_FORBIDDEN, "You may not edit DAGs, so you may not act on jobs.")


def edits(user: BaseUser) -> bool:
    """Return whether the user may edit DAGs in general, not a certain one."""
    return get_auth_manager().is_authorized_dag(method="PUT", user=user)
