"""The machines' door, tried from outside: a service on loopback, and calls as its callers make them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path

import httpx
import pytest
from fastapi.routing import APIRoute
from pydantic import TypeAdapter

from consent_service.api.contract import ProblemDocument
from consent_service.app.contract import machine_routes
from tests.support.house import House
from tests.support.house import house as running_house
from tests.support.locking import broken
from tests.support.watching import Watched

KARI = "21879498012"
OLA = "20914695016"
NOTE = {
    "language": "nb",
    "sections": {"interests": "Motorer og fjell", "strengths": "Tålmodig", "needs": "Rolig rom"},
    "questions": [{"id": "q1", "to": "nav", "text": "Kan jeg beholde støtten?"}],
}


@cache
def _described() -> list[APIRoute]:
    """The door's routes, with nothing behind them; describing them takes longer than many a test."""
    return [route for route in machine_routes() if isinstance(route, APIRoute)]


class Shapes:
    """Holds every answer of the machines' door against what its route says that it answers."""

    def __init__(self) -> None:
        """Know the routes."""
        self._routes = _described()
        self.seen: set[str] = set()

    async def check(self, answer: httpx.Response) -> None:
        """Raises AssertionError unless the answer has exactly the fields, and one of the statuses, that are said."""
        request = answer.request
        route = next((one for one in self._routes if self._is(one, request)), None)
        if route is None:
            return
        await answer.aread()
        said = {str(status) for status in route.responses} | {str(route.status_code or 200)}
        assert str(answer.status_code) in said, f"{route.path} does not say that it answers {answer.status_code}"
        if answer.is_success and route.response_model is not None:
            told = answer.json()
            shape = TypeAdapter(route.response_model)
            assert shape.dump_python(shape.validate_python(told), mode="json") == told, route.path
            self.seen.add(route.path)
        if answer.is_error:
            ProblemDocument.model_validate(answer.json(), extra="forbid", strict=True)
            assert answer.headers["content-type"] == "application/problem+json"

    @staticmethod
    def _is(route: APIRoute, request: httpx.Request) -> bool:
        return request.method in (route.methods or ()) and route.path_regex.match(request.url.path) is not None


@pytest.fixture
async def house(migrated_url: str, tmp_path: Path) -> AsyncIterator[House]:
    """A running service on a fresh database of either kind; each of its transactions keeps the order of locks."""
    async with running_house(migrated_url, tmp_path) as running:
        running.http.event_hooks["response"].append(Shapes().check)
        watched = running.service.db.behind = Watched(running.service.db.behind)
        yield running
        assert [rule for unit in watched.units for rule in broken(unit)] == []
