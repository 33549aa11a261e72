"""What the platform asks, on a port of its own that the outside never reaches: alive, ready, metrics.

``ready`` depends on the database and on nothing else: while a key service is down a candidate can still take a
consent back, and that must not be taken out of service.
"""

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from consent_service.app.metrics import Metrics
from consent_service.delivery import operators
from consent_service.errors import Unavailable
from consent_service.storage.engine import Database
from consent_service.vault.keys import has_keys


def platform_app(db: Database, metrics: Metrics) -> Starlette:
    """``/isalive``, ``/isready`` and ``/metrics``."""

    async def alive(_: Request) -> Response:
        return PlainTextResponse("alive")

    async def ready(_: Request) -> Response:
        try:
            async with db.snapshot() as view:
                if await has_keys(view):
                    return PlainTextResponse("ready")
        except Unavailable:
            return PlainTextResponse("the database can't be had", status_code=503)
        return PlainTextResponse("the database has no keys", status_code=503)

    async def measured(_: Request) -> Response:
        try:
            async with db.snapshot() as view:
                metrics.letters(await operators.counts(view))
        except Unavailable:
            metrics.letters({})
        text = generate_latest(REGISTRY) + generate_latest(metrics.registry)
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    return Starlette(routes=[Route("/isalive", alive), Route("/isready", ready), Route("/metrics", measured)])
