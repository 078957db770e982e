"""The routes that act: the console's actions, each at most once for a key, and each recorded in the audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Header, HTTPException, Path, Request, Response

from weir.api import audit, models
from weir.api.access import Editor, editor, only_known, reader
from weir.api.answers import Json
from weir.api.ask import Asks, now_of
from weir.api.contract import responses
from weir.api.idempotency import Answer, Place, digest, once
from weir.api.jobs import Name
from weir.api.problems import MEDIA_TYPE, problem, status_of
from weir.errors import BadInput, WeirError
from weir.supervise.actions import ACTIONS, GIVE_S, ActionForm, ActionRequest, Shown, check, kind_of, look, perform

if TYPE_CHECKING:
    from weir.jobs.kinds import Kind
    from weir.ports.store import Store
    from weir.supervise.manager import Manager

AGAIN = "Idempotency-Replayed"
DEPLOY, UNHELD = "deploy", {"stop"}  # a stop applies to whichever attempt is current
HELD = ("attempt", "batch", "mark")  # an action joins them in this order
router = APIRouter(tags=["actions"], responses=responses(400, 401, 403, 404, 429, 503))

ActionResult = Annotated[str, Path(json_schema_extra={"enum": list(ACTIONS)}, examples=["restart"])]
Key = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[A-Za-z0-9._:-]{1,128}$",
        description="Names this action: the same request with the same key is done once. Send a new key, such as a UUID, for each action.",
        examples=["6f1c1e0a-2b57-4b0e-9a55-1c1f5a3f8d10"],
    ),
]


def only_json(request: Request) -> None:
    """Require JSON, which a form of another site cannot send. Raises 415."""
    kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise HTTPException(415, "the body must be application/json")


@router.get("/jobs/{job}/actions", summary="The actions on a job", dependencies=[Depends(reader), Depends(only_known)])
async def offers(ask: Asks, job: Name) -> models.Offers:
    def kind(manager: Manager[Store]) -> Kind | None:
        manager.known(job)
        return kind_of(manager, job)

    found = await ask(kind)
    return models.Offers.model_validate({"items": [_offer(name, act, job) for name, act in ACTIONS.items() if act.fits(found)]})


@router.get(
    "/jobs/{job}/actions/{action}",
    summary="What an action would do now; changes nothing",
    dependencies=[Depends(editor), Depends(only_known)],
    responses=responses(409),
)
async def form(ask: Asks, job: Name, action: ActionResult) -> models.Form:
    act = _act(action)
    seen: Shown = await ask(lambda manager: look(manager, act, job))
    shown = {"lines": list(seen.lines), "body": dict(seen.body), "refused": seen.refused}
    return models.Form.model_validate({**_offer(action, act, job), **shown})


@router.post(
    "/jobs/{job}/actions/{action}",
    summary="Run the action",
    response_model=models.Done,
    dependencies=[Depends(editor), Depends(only_known), Depends(only_json)],
    responses=responses(409, 413, 415, 422),
)
async def do(request: Request, person: Editor, ask: Asks, job: Name, action: ActionResult, order: models.Order, key: Key) -> Response:
    act, told = _act(action), {"who": person.name, "action": action, "job": job, "reason": order.reason, "key": key}
    wanted = ActionRequest(job, person.name, order.reason, order.lasts, _held_to(order))
    place = Place(person.name, key, digest(job, action, order.model_dump()))

    def work(manager: Manager[Store]) -> Answer:
        _check(action, wanted)
        answer = once(manager.store, place, lambda: now_of(request), lambda: _done(manager, act, wanted))
        audit.note(**told, outcome=_outcome(answer), status=answer.status, **_gist(answer))
        return answer

    try:
        answer = await ask(work, GIVE_S)
    except Exception as error:
        status = status_of(error)
        audit.note(**told, outcome="failed" if status >= 500 else "refused", status=status, code=getattr(error, "code", ""))
        raise
    return Json(answer.body, answer.status, {AGAIN: "true"} if answer.again else {}, None if answer.status < 400 else MEDIA_TYPE)


def _done(manager: Manager[Store], act: ActionForm, order: ActionRequest) -> Answer:
    """Run the action. A conflict (another attempt, a refused plan) is a final answer; after other errors the request may be repeated."""
    try:
        done = perform(manager, act, order)
    except WeirError as error:
        if status_of(error) != 409:
            raise
        return Answer(409, problem(error))
    return Answer(200, {"changed": done.changed, "attempt": done.attempt, "sentence": done.sentence})


def _check(action: str, order: ActionRequest) -> None:
    """Raises BadInput."""
    check(ACTIONS[action], order, typed=order.job)
    if ACTIONS[action].dangerous and action not in UNHELD and not order.shown:
        needed = "plan" if action == DEPLOY else "attempt"
        look_first = f"GET jobs/{order.job}/actions/{action} returns it, and says what would be done."
        raise BadInput(f"{needed}: it is missing. Nothing was done.", look_first)


def _held_to(order: models.Order) -> str:
    """Return what the action is bound to, as one string."""
    values = [getattr(order, name) for name in HELD]
    return order.plan or " ".join(str(value) for value in values if value not in (None, ""))


def _act(name: str) -> ActionForm:
    """Return the action of that name. Raises 404."""
    if name not in ACTIONS:
        raise HTTPException(404, f"there is no such action, there are {', '.join(ACTIONS)}")
    return ACTIONS[name]


def _offer(name: str, act: ActionForm, job: str) -> dict[str, Any]:
    words = {"action": name, "title": act.title, "says": act.says.format(job=job), "command": act.command.format(job=job)}
    return {**words, "dangerous": act.dangerous, "reason": act.reason, "lasts": act.lasts}


def _outcome(answer: Answer) -> str:
    if answer.again:
        return "repeated"
    return "refused" if answer.status >= 400 else "done" if answer.body["changed"] else "nothing"


def _gist(answer: Answer) -> dict[str, Any]:
    return {name: answer.body[name] for name in ("code", "attempt") if name in answer.body}
