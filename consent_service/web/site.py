"""All pages, as one list of routes."""

from starlette.routing import BaseRoute

from consent_service.web import (
    assets,
    blocks,
    consents,
    drafts,
    front,
    log,
    login,
    logout,
    mapping,
    notes,
    numbers,
    overview,
    pausing,
    plans,
    requests,
    rights,
    sending,
    sharing,
    welcome,
)
from consent_service.web.pages import Pages

_ENTERING = (front, login, welcome, logout)
_SHARING = (sharing, requests, consents, pausing, blocks)
_OWN = (overview, drafts, notes, *_SHARING, mapping, plans, sending, log, numbers, rights)


def routes(pages: Pages) -> list[BaseRoute]:
    """Every address that people use."""
    found = [route for room in (*_ENTERING, *_OWN) for route in room.routes(pages).routes]
    return found + list(assets.routes(pages.assets).routes)
