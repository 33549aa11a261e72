"""A local Digipost: the sender API as the real one is, and the inboxes as their owners would see them.

What the real one refuses, this one refuses: unsigned and wrongly signed calls (it says what should have been
signed, between ``===START===`` and ``===SLUTT===``), a Date over five minutes off, XML that its schema does not
admit, ids used before, people without an account unless the letter may be printed. Its answers are signed, errors too,
with the certificate in its entry point. Letters live as long as the process does.

For developers only: ``/sandbox/...`` orders faults, opens and closes accounts, and lists what was taken;
``/inbox`` and ``/printed`` show it. Serve it with uvicorn's ``date_header=False``: the signature covers the answer's
own Date.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from fastapi import FastAPI, Request, Response

from consent_service.clock import Clock, SystemClock
from consent_service.sandbox import digipost_calls as calls
from consent_service.sandbox.digipost_certificates import Enterprise, new_enterprise
from consent_service.sandbox.digipost_counter import Call, Counter, Done
from consent_service.sandbox.digipost_faults import Calls, Switchboard
from consent_service.sandbox.digipost_pages import add_pages
from consent_service.sandbox.digipost_post_office import (
    DigipostAccount,
    DigipostPerson,
    DigipostSender,
    PostOffice,
)
from consent_service.sandbox.digipost_switches import add_switches
from consent_service.sandbox.production import refuse_production
from consent_service.settings import Environment

__all__ = [
    "DigipostAccount",
    "DigipostConfig",
    "DigipostPerson",
    "DigipostSender",
    "Enterprise",
    "digipost_app",
    "new_enterprise",
]

_POSTEN = ("Posten Bring AS", "984661185")


@dataclass(frozen=True, kw_only=True)
class DigipostConfig:
    """Who may send, who can receive. ``enterprise`` signs the answers; a fresh one is made when not given."""

    environment: Environment
    accounts: tuple[DigipostAccount, ...]
    people: tuple[DigipostPerson, ...]
    enterprise: Enterprise = field(default_factory=lambda: new_enterprise(*_POSTEN), repr=False)
    clock: Clock = field(default_factory=SystemClock)


def digipost_app(config: DigipostConfig) -> FastAPI:
    """The local Digipost of ``config``. Raises NotInProduction where real people's data may be."""
    refuse_production(config.environment)
    counter = Counter(PostOffice(config.accounts, config.people), Switchboard(), config.enterprise, config.clock)
    app = FastAPI(title="Local Digipost", docs_url=None, redoc_url=None, openapi_url=None)
    _add_calls(app, counter)
    add_switches(app, counter)
    add_pages(app, counter)
    return app


def _add_calls(app: FastAPI, counter: Counter) -> None:
    def plain(method: str, path: str, kind: Calls, work: Callable[[Counter, Call], Done]) -> None:
        async def route(request: Request) -> Response:
            return await counter.answer(request, kind, lambda call: work(counter, call))

        app.add_api_route(path, route, methods=[method])

    plain("GET", "/", Calls.ENTRY_POINT, calls.entry_point)
    plain("POST", "/messages", Calls.MESSAGES, calls.create_message)
    plain("POST", "/identification", Calls.OTHERS, calls.identify)
    plain("GET", "/sender-information", Calls.OTHERS, calls.sender_information)
    plain("GET", "/documents/events", Calls.EVENTS, calls.document_events)

    @app.get("/documents/{sender_id:int}/{document_uuid}/status")
    async def document_status(request: Request, sender_id: int, document_uuid: str) -> Response:
        return await counter.answer(
            request,
            Calls.STATUS,
            lambda call: calls.document_status(counter, call, sender_id, document_uuid),
        )

    @app.get("/{sender_id:int}")
    async def senders_entry_point(request: Request, sender_id: int) -> Response:
        return await counter.answer(
            request, Calls.ENTRY_POINT, lambda call: calls.entry_point(counter, call, sender_id)
        )
