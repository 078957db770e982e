"""The pages about alerts: open incidents, the rules, the test of a rule, the inbox, and the form to acknowledge an incident."""

from __future__ import annotations

from urllib.parse import quote

from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import Depends, FastAPI, HTTPException, Request, status
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from weir.airflow.triggers.session import ask
from weir.console import alerts, forms, rules
from weir.console.access import editor, edits
from weir.console.answers import HEADERS, page
from weir.counts.times import CHOICES
from weir.errors import BadInput

ACKNOWLEDGE = "acknowledge"
PATH = "/jobs/{name}/incidents/{incident}/" + ACKNOWLEDGE


def add(app: FastAPI) -> None:
    """Add these pages to the app; actions require `editor`."""
    for path, answer in (("/alerts", overview), ("/inbox", inbox), ("/jobs/{name}/rules/{rule}", rule_test)):
        app.add_api_route(path, answer, methods=["GET"], response_class=HTMLResponse)
    app.add_api_route(PATH, confirm, methods=["GET"], response_class=HTMLResponse, dependencies=[Depends(editor)])
    app.add_api_route(PATH, do, methods=["POST"], response_class=HTMLResponse, dependencies=[Depends(editor)])


async def overview(request: Request, user: GetUserDep, job: str = "") -> Response:
    """Show open incidents, undelivered messages, pauses and rules."""
    found = await ask(lambda manager: alerts.look(manager, job))
    return page(request, "alerts.html", job=job, edits=edits(user), **found)


async def inbox(request: Request, job: str = "", last: int = alerts.MESSAGES) -> Response:
    """Show the messages in the local inbox."""
    found = await ask(lambda manager: alerts.inbox(manager, job, last))
    return page(request, "inbox.html", job=job, messages=found)


async def rule_test(request: Request, name: str, rule: str, since: str = "", until: str = "") -> Response:
    """Show when a rule would have fired. Sends no messages and writes nothing."""
    found = await ask(lambda manager: rules.replayed(manager, name, rule, since, until, alerts.now()))
    asked = {"since": since or rules.SINCE, "until": until}
    return page(request, "rule.html", job=name, path=quote(name, safe=""), choices=CHOICES, asked=asked, found=found)


async def confirm(request: Request, name: str, incident: str, user: GetUserDep) -> Response:
    """Show the form to acknowledge an incident. Changes nothing."""
    return await _form(request, name, incident, user)


async def do(request: Request, name: str, incident: str, user: GetUserDep) -> Response:
    """Acknowledge an incident and redirect to the job's page. An incident that has ended is not acknowledged."""
    form = await forms.fields(request)
    if forms.opened(form.get("seal", ""), user, name, ACKNOWLEDGE) != incident:
        raise HTTPException(status.HTTP_403_FORBIDDEN, forms.OLD)
    comment = form.get("comment", "")
    try:
        await ask(lambda manager: alerts.acknowledged(manager, name, incident, user.get_name(), comment))
    except BadInput as error:
        return await _form(request, name, incident, user, str(error))
    return RedirectResponse(f"../../../{quote(name, safe='')}#incidents", status.HTTP_303_SEE_OTHER, HEADERS)


async def _form(request: Request, job: str, incident: str, user: BaseUser, trouble: str = "") -> Response:
    row = await ask(lambda manager: alerts.incident(manager, job, incident))
    code = status.HTTP_400_BAD_REQUEST if trouble else status.HTTP_200_OK
    seal = forms.seal(user, job, ACKNOWLEDGE, incident)
    return page(request, "acknowledge.html", code, job=job, path=quote(job, safe=""), row=row, seal=seal, trouble=trouble)
