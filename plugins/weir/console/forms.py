"""Protection of forms against requests that another site makes a browser send (CSRF).

Airflow's login is a cookie. It is `SameSite=Lax`, so no browser sends it with a form of another site; but every port of a host is the same
site, and an auth manager may set it otherwise. So each form carries a seal: a token, signed with Airflow's own key, with the user, the job,
the action and what the form showed. Another site cannot read it. It is valid for that user, job and action, for an hour. Checking `Origin`
instead would refuse everybody behind a proxy that changes the host's name.
"""

from __future__ import annotations

from urllib.parse import parse_qsl

from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.configuration import conf
from fastapi import HTTPException, Request, status
from itsdangerous import BadSignature, URLSafeTimedSerializer

GOOD_FOR_S = 3600
MOST_BYTES = 16_384
OLD = "This form has expired, or is not yours. Nothing was done. Go back to the job's page and open it again."


def seal(user: BaseUser, job: str, act: str, shown: str) -> str:
    """Return the seal of a form. `opened` returns `shown` again."""
    return str(_signer().dumps([user.get_id(), job, act, shown]))


def opened(text: str, user: BaseUser, job: str, act: str) -> str:
    """Return what the form showed. Raises 403 if the seal is missing, expired, or of another user, job or action."""
    try:
        who, *what, shown = _signer().loads(text, max_age=GOOD_FOR_S)
    except (BadSignature, ValueError, TypeError):
        raise HTTPException(status.HTTP_403_FORBIDDEN, OLD) from None
    if [who, *what] != [user.get_id(), job, act]:
        raise HTTPException(status.HTTP_403_FORBIDDEN, OLD)
    return str(shown)


async def fields(request: Request) -> dict[str, str]:
    """The form that was sent. Read only once it is known who sends it. Raises 413 for one that no page of ours sends."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise HTTPException(status.HTTP_413_CONTENT_TOO_LARGE, f"A form has at most {MOST_BYTES} bytes.")
    return dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(conf.get_mandatory_value("api", "secret_key"), salt="weir.console")
