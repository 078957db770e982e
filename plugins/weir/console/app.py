"""The console: pages that Airflow's API server shows below `/weir`. They load nothing from other hosts and need no scripts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, urlencode
from uuid import uuid4

from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import Depends, FastAPI, HTTPException, Query, Request, status
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from weir.airflow.triggers.session import ask
from weir.console import alert_pages, docs, errors, forms, job
from weir.console.access import editor, edits, reader
from weir.console.answers import DOCS_HEADERS, HEADERS, page, refused, trouble
from weir.console.assets import ASSETS, serve
from weir.console.curl_example import curl
from weir.console.dag import page_of
from weir.console.fleet import VERDICTS, View, chosen
from weir.console.follow import fleet_events, job_events
from weir.console.live import Live
from weir.console.panels import Panels
from weir.counts.times import CHOICES
from weir.errors import BadInput, WeirError
from weir.settings import Settings
from weir.supervise import actions

NO_PAGE = "There is no such page in the Data Docs. A job's validation writes them: weir validate JOB"
LEAST_S = 10  # between two reloads of a page with `every`
NO_ACT = "There is no such action."
STILL = "no"  # in an address: no live updates
NO_DAG = "This DAG belongs to no job of Weir."


def build() -> FastAPI:
    """Build the app. Every route requires `reader`, actions also `editor`. FastAPI's own pages about the routes would not, so they are
    off."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False, dependencies=[Depends(reader)])
    app.state.view, app.state.panels, app.state.live = View(), Panels(), Live()
    for kind in (WeirError, TimeoutError):
        app.add_exception_handler(kind, trouble)
    app.add_exception_handler(HTTPException, refused)
    app.add_api_route("/", fleet, methods=["GET"], response_class=HTMLResponse)
    app.add_api_route("/events", fleet_events, methods=["GET"])
    for name in ASSETS:
        app.add_api_route(f"/{name}", serve(name), methods=["GET"], response_class=FileResponse)
    app.add_api_route("/dags/{dag_id}", of_dag, methods=["GET"], response_class=RedirectResponse)
    app.add_api_route("/docs/{path:path}", data_docs, methods=["GET"], response_class=FileResponse)
    app.add_api_route("/jobs/{name}", job_page, methods=["GET"], response_class=HTMLResponse)
    app.add_api_route("/jobs/{name}/events", job_events, methods=["GET"])
    app.add_api_route("/jobs/{name}/errors", errors_page, methods=["GET"], response_class=HTMLResponse)
    app.add_api_route("/jobs/{name}/{act}", confirm, methods=["GET"], response_class=HTMLResponse, dependencies=[Depends(editor)])
    app.add_api_route("/jobs/{name}/{act}", do, methods=["POST"], response_class=HTMLResponse, dependencies=[Depends(editor)])
    alert_pages.add(app)
    return app


def _view(request: Request) -> View:
    view: View = request.app.state.view
    return view


def _panels(request: Request) -> Panels:
    panels: Panels = request.app.state.panels
    return panels


async def fleet(
    request: Request,
    view: Annotated[View, Depends(_view)],
    verdict: str = "",
    q: str = "",
    every: Annotated[int, Query(ge=0)] = 0,
    live: str = "",
) -> Response:
    """Show all jobs, or the chosen ones; live, or reloaded every `every` seconds. 503 with the reason if the store does not answer."""
    rows = await view.rows()
    asked = {"verdict": verdict, "q": q, "every": every and max(every, LEAST_S)}
    follow = "" if every or live == STILL or not rows else f"events?{urlencode({'verdict': verdict, 'q': q})}"
    found = chosen(rows, verdict, q)
    shown: dict[str, Any] = {"rows": found, "shown": len(found), "all": len(rows), "verdicts": VERDICTS, "bad": view.bad}
    return page(request, "fleet.html", follow=follow, asked=asked, **shown)


async def job_page(
    request: Request,
    name: str,
    user: GetUserDep,
    panels: Annotated[Panels, Depends(_panels)],
    events: int = job.EVENTS,
    since: str = "",
    until: str = "",
    live: str = "",
) -> Response:
    """Show one job, with actions if the user may edit DAGs."""
    found = await ask(lambda manager: job.look(manager, panels, name, job.Asked(events, since, until)))
    health = found["health"].data or {"said": (), "found": ""}
    open_to = actions.ACTIONS if edits(user) else {}
    kind = await ask(lambda manager: actions.kind_of(manager, name))
    here = {key: act for key, act in open_to.items() if act.fits(kind) and act.offered(health["said"], health["found"])}
    offered = [{"name": key, "title": act.title} for key, act in here.items()]
    path = quote(name, safe="")
    told: dict[str, Any] = {"choices": CHOICES, "acts": offered, "edits": bool(open_to), "panels": found, "kind": kind}
    timeline: dict[str, Any] = {"events": events, "usual": job.EVENTS, "all": None}
    follow = "" if live == STILL else f"jobs/{path}/events"
    return page(request, "job.html", follow=follow, job=name, path=path, **told, **timeline)


async def of_dag(dag_id: str) -> Response:
    """Redirect from a DAG to its job's page, or to all jobs. 404 for a DAG that is not Weir's."""
    if (address := page_of(dag_id)) is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, NO_DAG)
    return RedirectResponse(f"../{address}", headers=HEADERS)


async def errors_page(
    request: Request, name: str, panels: Annotated[Panels, Depends(_panels)], since: str = "", until: str = "", service: str = ""
) -> Response:
    """Show a job's errors for an incident: which, since when, new or not."""
    found = await ask(lambda manager: errors.look(manager, panels, name, errors.Asked(since, until, service)))
    asked = {"since": since or errors.SINCE, "until": until, "service": service}
    return page(request, "errors.html", job=name, path=quote(name, safe=""), choices=CHOICES, asked=asked, panels=found)


async def confirm(request: Request, name: str, act: str, user: GetUserDep) -> Response:
    """Show what an action would do. Changes nothing."""
    return await _form(request, user, actions.ActionRequest(name, user.get_name()), act)


async def do(request: Request, name: str, act: str, user: GetUserDep) -> Response:
    """Run an action and redirect to the job's timeline. If there was nothing to do, show that."""
    wanted, form = _act(act), await forms.fields(request)
    shown = forms.opened(form.get("seal", ""), user, name, act)
    order = actions.ActionRequest(name, user.get_name(), form.get("reason", ""), form.get("for", ""), shown)
    try:
        actions.check(wanted, order, form.get("name", ""))
    except BadInput as error:
        return await _form(request, user, order, act, str(error))
    action = await ask(lambda manager: actions.perform(manager, wanted, order), actions.GIVE_S)
    if not action.changed:
        return page(request, "message.html", text=f"Nothing to do: {action.sentence}", bad=False)
    return RedirectResponse(f"../{quote(name, safe='')}#timeline", status.HTTP_303_SEE_OTHER, HEADERS)


async def _form(request: Request, user: BaseUser, order: actions.ActionRequest, name: str, trouble: str = "") -> Response:
    act = _act(name)
    seen = await ask(lambda manager: actions.look(manager, act, order.job))
    seal = forms.seal(user, order.job, name, seen.held_to)
    code = status.HTTP_400_BAD_REQUEST if trouble else status.HTTP_200_OK
    told = {"act": act, "order": order, "lines": seen.lines, "refused": seen.refused, "seal": seal, "trouble": trouble}
    same = {"command": f"{act.command.format(job=order.job)} {seen.options}".rstrip(), "curl": _curl(request, name, act, order, seen)}
    return page(request, "act.html", code, job=order.job, path=quote(order.job, safe=""), **told, **same)


def _curl(request: Request, name: str, act: actions.ActionForm, order: actions.ActionRequest, seen: actions.Shown) -> list[str]:
    body = {"reason": order.reason or "...", **({"for": order.lasts or "2h"} if act.lasts else {}), **seen.body}
    base = request.url.replace(path=request.scope["root_path"], query="")
    return curl(str(base), order.job, name, body, str(uuid4()))


def _act(name: str) -> actions.ActionForm:
    """Return the action of that name. Raises 404."""
    if name not in actions.ACTIONS:
        raise HTTPException(status.HTTP_404_NOT_FOUND, NO_ACT)
    return actions.ACTIONS[name]


def data_docs(request: Request, path: str) -> Response:
    """Return a file of the Data Docs; for a folder, redirect to its index. 404 otherwise."""
    folder = Settings.load().data_docs
    found = docs.find(folder, path)
    if found and found.is_dir() and (found / "index.html").is_file():
        inside = quote(found.relative_to(Path(folder).resolve()).as_posix())
        return RedirectResponse(f"{request.scope['root_path']}/docs/{inside}/index.html", headers=HEADERS)
    if found is None or not found.is_file():
        raise HTTPException(status.HTTP_404_NOT_FOUND, NO_PAGE)
    return FileResponse(found, headers=DOCS_HEADERS, media_type=docs.TYPES[found.suffix])
