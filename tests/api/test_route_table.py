"""What each route returns, held against what it can reach: content leaves past the gate, by two routes alone.

What a unit does about a person names who acts.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import Any

import grimp
import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

import consent_service
from consent_service.api.contract import ACTING_EMPLOYEE, MARK, UNIT, described
from consent_service.api.units_door import ActingCall, Calling
from consent_service.app.contract import document, machine_routes
from consent_service.app.doors import web_app
from tests.support.house import House

API = Path(consent_service.__file__).parent / "api"
GATE = "consent_service.consents.gate"
OWNER = ("consent_service.vault.candidate", "consent_service.vault.granting")
RECIPIENT = "consent_service.vault.recipient"

BY_UNITS = {"metadata", "own_input", "release"}
BY_CANDIDATES = {"own"}
NOBODY_ACTS = {
    "GET /v1/events",
    "GET /v1/consents",
    "GET /v1/consents/{consent_id}",
    "GET /v1/consents/{consent_id}/receipt",
    "GET /v1/plans/{plan_id}",
    "GET /v1/audit/checkpoint",
    "GET /v1/audit/consistency",
    "GET /v1/audit/inclusion",
}
"""What a unit's system may look at without saying who looks: how its own consents and letters stand, and the log's
proofs. Whatever is not here names who acts.
"""


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    """Who imports whom."""
    return grimp.build_graph("consent_service", cache_dir=None)


def wrong(routes: list[BaseRoute], graph: grimp.ImportGraph) -> list[str]:
    """What is wrong with ``routes``: each sentence names a route."""
    found = []
    for route in routes:
        if not isinstance(route, APIRoute):
            found.append(f"{getattr(route, 'path', route)} says nothing of itself")
            continue
        found += [f"{route.path}: {sentence}" for sentence in _wrong_with(route, graph)]
    return found


def _wrong_with(route: APIRoute, graph: grimp.ImportGraph) -> list[str]:
    said = (route.openapi_extra or {}).get(MARK)
    module = route.endpoint.__module__
    if not route.path.startswith("/v1/") or not (route.openapi_extra or {}).get("security"):
        return [] if said == "open" else ["is open and does not say so"]
    if "/me/" in route.path or route.path.endswith("/me"):
        return [] if said in BY_CANDIDATES else [f"is the candidate's and returns {said}"]
    if said not in BY_UNITS:
        return [f"is a unit's and returns {said}"]
    sentences = []
    if module in graph.modules and any(graph.find_shortest_chain(module, opening) for opening in OWNER):
        sentences.append("reaches what opens for an owner")
    if said != "release" and _asks_the_gate(module):
        sentences.append("asks the gate and does not say so")
    needed = any(f"{method} {route.path}" not in NOBODY_ACTS for method in route.methods or ())
    if needed and not any(isinstance(one.call, ActingCall) for one in route.dependant.dependencies):
        sentences.append("does not ask who acts")
    return sentences


def _asks_the_gate(module: str) -> bool:
    """Whether the module uses the gate that the door holds."""
    tree = ast.parse(Path(str(sys.modules[module].__file__)).read_text())
    return any(isinstance(node, ast.Attribute) and node.attr == "gate" for node in ast.walk(tree))


def test_every_route_returns_what_it_may(graph: grimp.ImportGraph) -> None:
    """Units get metadata, their own input, or a release; candidates their own; everybody what is open."""
    assert wrong(machine_routes(), graph) == []


def test_two_routes_release(graph: grimp.ImportGraph) -> None:
    """What is released leaves through one address, and the copy of a plan for its sender through another; their modules
    alone ask the gate.
    """
    releases = [route for route in machine_routes() if (getattr(route, "openapi_extra") or {}).get(MARK) == "release"]  # noqa: B009
    assert [getattr(route, "path") for route in releases] == [  # noqa: B009
        "/v1/consents/{consent_id}/releases",
        "/v1/plans/{plan_id}/archive",
    ]
    asking = {path.stem for path in API.glob("*.py") if _asks_the_gate_in(path)}
    assert asking == {"units_releases", "units_plan_archive"}
    assert not any(
        graph.find_shortest_chain(f"consent_service.web.{path.stem}", GATE)
        for path in (API.parent / "web").glob("*.py")
        if path.stem != "__init__"
    )


def _asks_the_gate_in(path: Path) -> bool:
    tree = ast.parse(path.read_text())
    return any(isinstance(node, ast.Attribute) and node.attr == "gate" for node in ast.walk(tree))


def test_opening_for_a_recipient_is_the_gates_alone(graph: grimp.ImportGraph) -> None:
    """No door reaches the recipients' opening but by way of the gate."""
    assert graph.find_modules_that_directly_import(RECIPIENT) == {GATE}


@pytest.mark.parametrize(
    "planted",
    [
        {},
        {"openapi_extra": {MARK: "metadata"}},
        described(returns="own", security=[{"maskinporten": []}]),
        described(returns="open", security=[{"maskinporten": []}]),
    ],
    ids=["no mark", "no caller", "a candidate's", "open"],
)
def test_a_planted_route_is_found(graph: grimp.ImportGraph, planted: dict[str, Any]) -> None:
    """A route that says nothing, or the wrong thing, of itself fails the check."""
    router = APIRouter()

    @router.get("/v1/planted", **planted)
    async def planted_route() -> dict[str, str]:
        return {"content": "somebody's note"}

    assert len(wrong(list(router.routes), graph)) == 1


@pytest.mark.parametrize("opening", OWNER)
def test_a_unit_s_route_that_reaches_the_owner_s_opening_is_found(opening: str) -> None:
    """Also by way of a module that it imports for something else."""
    graph = grimp.build_graph("consent_service", cache_dir=None)
    graph.add_import(importer="consent_service.consents.archives", imported=opening)
    found = wrong(machine_routes(), graph)
    assert "/v1/plans/{plan_id}/archive: reaches what opens for an owner" in found
    assert all(sentence.endswith("reaches what opens for an owner") for sentence in found)


def test_a_route_that_asks_the_gate_in_secret_is_found(graph: grimp.ImportGraph) -> None:
    """A module that asks the gate and calls its answer metadata fails the check."""
    (route,) = [one for one in machine_routes() if getattr(one, "path", "").endswith("/releases")]
    assert isinstance(route, APIRoute)
    route.openapi_extra = {**(route.openapi_extra or {}), MARK: "metadata"}
    assert wrong([route], graph) == ["/v1/consents/{consent_id}/releases: asks the gate and does not say so"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "GET"])
def test_a_unit_s_route_that_asks_nobody_who_acts_is_found(graph: grimp.ImportGraph, method: str) -> None:
    """A route that is added without it fails the check, whatever it does; the reads that go without are named."""
    router = APIRouter()

    @router.api_route("/v1/planted", methods=[method], **described(returns="metadata", security=UNIT))
    async def planted_route() -> dict[str, str]:
        return {"state": "granted"}

    assert wrong(list(router.routes), graph) == ["/v1/planted: does not ask who acts"]


def test_what_needs_nobody_to_act_is_there_and_only_reads() -> None:
    """The list of exceptions names routes that exist, and none that changes anything."""
    there = {
        f"{method} {route.path}"
        for route in machine_routes()
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }
    assert there >= NOBODY_ACTS
    assert all(name.startswith("GET ") for name in NOBODY_ACTS)


def test_what_a_route_says_of_its_caller_is_what_it_demands() -> None:
    """The scope in the contract is the one that the caller is held against, and who acts is asked where it says so."""
    for route in machine_routes():
        assert isinstance(route, APIRoute)
        calls = [one.call for one in route.dependant.dependencies]
        acting = [one for one in calls if isinstance(one, ActingCall)]
        demanded = [one for one in calls if isinstance(one, Calling)] + [one.calling for one in acting]
        said = (route.openapi_extra or {}).get("x-scope")
        assert bool(acting) == (ACTING_EMPLOYEE in (route.openapi_extra or {}).get("parameters", [])), route.path
        assert [one.scope for one in demanded] in ([said], []), route.path
        assert bool(demanded) == ((route.openapi_extra or {}).get("security") == [{"maskinporten": []}]), route.path


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_the_application_has_no_other_machine_route(house: House) -> None:
    """What is served under /v1/ and beside the pages is what was checked, and the contract itself."""
    served = {getattr(route, "path", "") for route in web_app(house.service).routes}
    checked = {getattr(route, "path", "") for route in machine_routes()}
    assert checked <= served
    assert {path for path in served - checked if path.startswith("/v1")} == set()
    assert "/openapi.json" in served


def test_every_operation_is_complete() -> None:
    """Each operation says in words what it does, which statuses it answers, and what each of them means."""
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            place = f"{method} {path}"
            assert operation["description"].endswith((".", ")")), place
            assert {"400", "500", "503"} <= operation["responses"].keys(), place
            assert all(answer["description"] for answer in operation["responses"].values()), place
