"""The doors, built from an assembled service: one application for machines and people."""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from consent_service.api import candidate, units
from consent_service.api import open as open_routes
from consent_service.api.candidate_door import CandidateDoor
from consent_service.api.consent_views import Units, with_successors
from consent_service.api.contract import SECURITY_SCHEMES, ProblemDocument
from consent_service.api.units_door import UnitDoor
from consent_service.app import problems
from consent_service.app.assembly import Service, log_origin
from consent_service.app.docs import docs_page, problem_page
from consent_service.app.frame import framed
from consent_service.app.published import checkpoint_jwk
from consent_service.audit.notes import verifier_keys
from consent_service.audit.sequencer import newest_note
from consent_service.clock import DAY
from consent_service.consents.counter import Counter
from consent_service.delivery.reading import letters_out_each
from consent_service.errors import NotAvailable
from consent_service.identity.rates import Rate
from consent_service.identity.units import of_clients
from consent_service.notes.drafts import LIFETIME
from consent_service.persons.lookup import under
from consent_service.storage.engine import Snapshot
from consent_service.storage.joint import Joint
from consent_service.web import site
from consent_service.web.errors import error_pages
from consent_service.web.pages import Pages

TITLE = "Consent service"
DESCRIPTION = (
    "Consent, release and delivery between the parties of Trøndelagsmodellen. Nothing crosses between units "
    "without a consent in force. Errors are problem documents (RFC 9457)."
)


def web_app(service: Service) -> FastAPI:
    """The application that the outside reaches."""
    pages = people_door(service)
    routes: list[BaseRoute] = [
        *units.routes(unit_door(service)),
        *candidate.routes(candidate_door(service)),
        *open_routes.routes(service.desk.purposes, lambda: _published(service)).routes,
        *site.routes(pages),
    ]
    app = bare_app(routes, documented=not service.settings.production)
    return framed(app, metrics=service.metrics, tls=pages.secure, error_page=error_pages(pages))


def bare_app(routes: Sequence[BaseRoute], *, documented: bool) -> FastAPI:
    """``routes`` as one flat list: nested routers would be searched twice for each request."""
    app = FastAPI(
        title=TITLE,
        description=DESCRIPTION,
        version=version("consent-service"),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False, "operation_spans": False},
    )
    app.router.routes.extend(routes)
    _describe(app)
    _explain_problems(app)
    if documented:

        async def docs(_: Request) -> Response:
            return docs_page(app.openapi())

        app.add_route("/docs", docs, include_in_schema=False)
    return app


def _explain_problems(app: FastAPI) -> None:
    """The pages that the problems' types lead to."""
    explained = problems.explained()

    async def problem(request: Request) -> Response:
        found = explained.get(request.path_params["slug"])
        if found is None:
            raise NotAvailable
        return problem_page(*found)

    app.add_route("/problems/{slug}", problem, include_in_schema=False)


def _describe(app: FastAPI) -> None:
    """Complete the OpenAPI document with what FastAPI can't know: who may call, and what every error looks like."""
    generate = app.openapi

    def described() -> dict[str, Any]:
        document = generate()
        components = document.setdefault("components", {})
        components["securitySchemes"] = SECURITY_SCHEMES
        schemas = components.setdefault("schemas", {})
        problem = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(problem.pop("$defs", {}))
        schemas["Problem"] = problem
        components["schemas"] = dict(sorted(schemas.items()))
        return document

    app.openapi = described  # type: ignore[method-assign]  # FastAPI's documented way to extend the document


def unit_door(service: Service) -> UnitDoor:
    """What the units' routes may use."""
    settings, clock = service.settings, service.clock
    return UnitDoor(
        db=service.db,
        clock=clock,
        keys=service.keys,
        tokens=service.identities.tokens,
        units=Joint(service.db, lambda view, clients: of_clients(view, service.keys.service, clients)),
        checkpoints=Joint(service.db, _newest_checkpoint),
        scope_prefix=settings.scope_prefix,
        desk=service.desk,
        gate=service.gate,
        numbers=service.numbers,
        claim_page=f"{settings.public_url}/claim",
        waiting=settings.waiting_days * DAY,
        rate=Rate.of(service.counters, "unit", settings.unit_calls_per_minute),
        search_rate=Rate.of(service.counters, "search", settings.searches_per_minute),
        nav_log=service.nav_log,
        printed_organisation=settings.digipost_print_organisation,
    )


async def _newest_checkpoint(view: Snapshot, _: Sequence[None]) -> dict[None, str]:
    note = await newest_note(view)
    return {} if note is None else {None: note}


def candidate_door(service: Service) -> CandidateDoor:
    """What the candidates' routes may use."""

    async def units_by_id(view: Snapshot, ids: Sequence[str]) -> dict[str, Units]:
        known = await with_successors(view, service.keys.service, ids)
        return {unit_id: known for unit_id in ids if unit_id in known}

    return CandidateDoor(
        db=service.db,
        clock=service.clock,
        keys=service.keys,
        tokens=service.identities.tokens,
        desk=service.desk,
        numbers=service.numbers,
        minimum_age=service.settings.minimum_age,
        receivers=service.receivers,
        held_for=service.settings.controller_organisation_number,
        public_url=service.settings.public_url,
        levels=service.identities.levels,
        journal=service.journal,
        rate=_of_persons(service),
        counter=Counter(service.db, service.desk, service.clock),
        lookups=Joint(service.db, under),
        units=Joint(service.db, units_by_id),
        letters_out=Joint(service.db, letters_out_each),
    )


def _of_persons(service: Service) -> Rate | None:
    return Rate.of(service.counters, "person", service.settings.person_calls_per_minute)


def people_door(service: Service) -> Pages:
    """What the pages may use."""
    settings = service.settings
    return Pages(
        db=service.db,
        clock=service.clock,
        keys=service.keys,
        login=service.identities.login,
        logout_tokens=service.identities.logout_tokens,
        issuer=service.identities.idporten,
        client_id=settings.idporten_client_id,
        desk=service.desk,
        receivers=service.receivers,
        numbers=service.numbers,
        minimum_age=settings.minimum_age,
        held_for=settings.controller_organisation_number,
        public_url=settings.public_url,
        draft_days=LIFETIME // DAY,
        waiting_days=settings.waiting_days,
        journal=service.journal,
        rate=_of_persons(service),
        nav_audited=service.nav_log is not None,
    )


def _published(service: Service) -> list[dict[str, str]]:
    of_the_log = verifier_keys(service.keys.checkpoints.known, log_origin(service.settings))
    return [service.keys.service.receipts.jwk, *map(checkpoint_jwk, of_the_log)]
