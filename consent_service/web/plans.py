"""The candidate's plans with their way to the mailbox, readable here whatever happens there; and how mappings go."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from fastapi import APIRouter
from starlette.responses import Response

from consent_service.clock import local_date
from consent_service.delivery.printing import NOT_PRINTED, PRINTED
from consent_service.delivery.reading import Delivery
from consent_service.delivery.states import OTHER_MAILBOX, RESERVED, Status
from consent_service.plans.reading import MyPlan, MyRequest, my_address, my_pdf, my_plan, my_plans, my_requests
from consent_service.plans.sending import offer
from consent_service.plans.states import State
from consent_service.plans.wording import Letterhead, worded
from consent_service.web import unit_names
from consent_service.web.door import Door
from consent_service.web.pages import Pages
from consent_service.web.visits import CandidateVisit
from consent_service.web.words import Words

_WAY: Final = (Status.ACCEPTED, Status.DISPATCHED, Status.DELIVERED)
_STOPPED: Final = frozenset({Status.UNDELIVERABLE, Status.CANCELLED, Status.FAILED, NOT_PRINTED})
_WHY: Final = {RESERVED: "plan.why.reserved", OTHER_MAILBOX: "plan.why.other-mailbox"}
# What fagopplæring's work has gone through, and what is still to come, by where it is now.
_WORK: Final[Mapping[State, tuple[tuple[State, str], ...]]] = {
    State.WAITING: ((State.WAITING, "now"), (State.RECEIVED, "to-come"), (State.ANSWERED, "to-come")),
    State.NOT_GRANTED: ((State.NOT_GRANTED, "stopped"),),
    State.RECEIVED: ((State.RECEIVED, "done now"), (State.IN_WORK, "to-come"), (State.ANSWERED, "to-come")),
    State.IN_WORK: ((State.RECEIVED, "done"), (State.IN_WORK, "done now"), (State.ANSWERED, "to-come")),
    State.MORE_INFORMATION_NEEDED: (
        (State.RECEIVED, "done"),
        (State.MORE_INFORMATION_NEEDED, "now"),
        (State.ANSWERED, "to-come"),
    ),
    State.ANSWERED: ((State.RECEIVED, "done"), (State.ANSWERED, "done now")),
    State.DECLINED: ((State.RECEIVED, "done"), (State.DECLINED, "stopped")),
}


def routes(pages: Pages) -> APIRouter:
    """All plans and requests, one plan, and its PDF."""
    door = Door(pages)

    @door.candidate("/plans")
    async def index(visit: CandidateVisit) -> Response:
        key = await visit.key()
        async with pages.db.snapshot() as view:
            names = await unit_names.names(view, visit.pages.desk.keys)
            own = await my_plans(view, visit.candidate_id)
            mapping = await my_requests(view, pages.desk.keys, key, now=pages.clock.now())
        return visit.render(
            "plans.html",
            plans=[line(one, names, visit.words) for one in own],
            mapping=[request_line(one, names, visit.words) for one in mapping],
        )

    @door.candidate("/plans/{id:uuid}")
    async def look(visit: CandidateVisit) -> Response:
        key = await visit.key()
        async with pages.db.snapshot() as view:
            names = await unit_names.names(view, visit.pages.desk.keys)
            plan, content = await my_plan(view, key, visit.path_id())
            offered = await offer(view, pages.desk, visit.candidate_id, plan.id, now=pages.clock.now())
            address = await my_address(view, key, plan)
        sender = unit_names.known(names, plan.unit_id, visit.words)
        head = Letterhead(
            sender=sender,
            date=local_date(plan.created_at),
            version=plan.version,
            replaces=None if plan.replaced_at is None else local_date(plan.replaced_at),
            correction=plan.correction,
        )
        told = worded(content, head)
        way, can_be_sent = list(_way(plan.delivery)), offered is not None
        return visit.render(
            "plan.html",
            id=plan.id,
            plan=told,
            alone=plan.correction,
            delivery=way,
            can_be_sent=can_be_sent,
            address=address,
            why=_why(plan.delivery),
        )

    @door.candidate("/plans/{id:uuid}/pdf")
    async def pdf(visit: CandidateVisit) -> Response:
        key = await visit.key()
        async with pages.db.snapshot() as view:
            content = await my_pdf(view, key, visit.path_id())
        return visit.download(content, "application/pdf", f"{visit.words('plan.file')}.pdf")

    return door.router


def line(plan: MyPlan, names: Mapping[str, str], words: Words) -> dict[str, Any]:
    """A plan in a list."""
    return {
        "id": plan.id,
        "unit": unit_names.known(names, plan.unit_id, words),
        "version": plan.version,
        "created_at": plan.created_at,
        "correction": plan.correction,
        "status": _shown(plan.delivery, plan.delivery.status) if plan.delivery else Status.ACCEPTED.value,
    }


def request_line(request: MyRequest, names: Mapping[str, str], words: Words) -> dict[str, Any]:
    """A mapping request in a list, with how far it has come and what fagopplæring wrote."""
    if request.state is None:
        nothing: dict[str, Any] = {"consent_id": None, "recipient": "", "steps": [], "messages": []}
        return nothing | {"title": words("mapping.unavailable"), "state": ""}
    recipient, day = unit_names.known(names, request.recipient_id, words), words.day(request.created_at)
    if request.requester_id is None:
        title = words("mapping.by_you", unit=recipient, day=day)
    else:
        asker = unit_names.known(names, request.requester_id, words)
        title = words("mapping.by_unit", asker=asker, unit=recipient, day=day)
    return {
        "title": title,
        "state": request.state.value,
        "consent_id": request.consent_id,
        "recipient": recipient,
        "steps": [{"state": state.value, "look": look} for state, look in _WORK[request.state]],
        "messages": [message.text for message in request.messages],
    }


def _shown(delivery: Delivery, status: str) -> str:
    """``status`` as the pages name it: what was delivered to be printed is on its way by post."""
    return PRINTED if delivery.printed and status == Status.DELIVERED else status


def _why(delivery: Delivery | None) -> str | None:
    """Why a letter is undeliverable, where there is more to say than that."""
    return None if delivery is None else _WHY.get(delivery.reason or "")


def _way(delivery: Delivery | None) -> Iterable[dict[str, Any]]:
    """The letter's way as steps: what has been, where it is, and what is to come."""
    if delivery is None:
        return
    for step in delivery.history:
        look = "stopped" if step.status in _STOPPED else "done"
        last = step is delivery.history[-1]
        yield {"status": _shown(delivery, step.status), "at": step.at, "look": f"{look} now" if last else look}
    if delivery.status in _WAY:
        for status in _WAY[_WAY.index(Status(delivery.status)) + 1 :]:
            yield {"status": status.value, "at": None, "look": "to-come"}
