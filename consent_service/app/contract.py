"""The contract: the OpenAPI document of the machines' door, as it is committed and compared."""

from dataclasses import fields
from typing import Any, TypeVar, cast

from starlette.routing import BaseRoute

from consent_service.api import candidate, units
from consent_service.api import open as open_routes
from consent_service.api.candidate_door import CandidateDoor
from consent_service.api.units_door import UnitDoor
from consent_service.app.doors import bare_app
from consent_service.consents.purposes import Purposes

T = TypeVar("T")


def document() -> dict[str, Any]:
    """The document, without a service behind it: the same on every machine."""
    return bare_app(machine_routes(), documented=False).openapi()


def machine_routes() -> list[BaseRoute]:
    """Every route of the machines' door, with nothing behind it."""
    return [
        *units.routes(_nobody_behind(UnitDoor)),
        *candidate.routes(_nobody_behind(CandidateDoor)),
        *open_routes.routes(Purposes.load(), list).routes,
    ]


def _nobody_behind(door: type[T]) -> T:
    """A door for describing its routes: there is nothing behind it, and no route of it can be called."""
    empty: dict[str, Any] = {field.name: None for field in fields(cast(Any, door))}
    return door(**empty)
