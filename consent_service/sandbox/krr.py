"""A local Kontakt- og reservasjonsregister: looks people up for who brings a token of the local Maskinporten.

What the real one refuses, this one refuses: no token, one that Maskinporten did not sign or that has run out, one
without a scope of the register's, more than 1000 people, a number that is none. Its answer follows the scopes.

For developers only: ``PUT /sandbox/people`` says how somebody stands, ``POST /sandbox/down`` has it answer 503.
"""

from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from jose import jwt
from jose.exceptions import JOSEError
from pydantic import BaseModel, ConfigDict, Field

from consent_service.clock import SECOND, Clock, SystemClock
from consent_service.sandbox.keys import IssuerKeys
from consent_service.sandbox.production import refuse_production
from consent_service.settings import Environment

_CONTACT, _POST = "krr:global/kontaktinformasjon.read", "krr:global/digitalpost.read"

Digits = Annotated[str, Field(pattern="^[0-9]{11}$")]


class KrrPerson(BaseModel):
    """The body of ``PUT /sandbox/people``. ``supplier`` is the organisation number of a digital mailbox."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    national_id: Digits
    reserved: bool = False
    supplier: Annotated[str, Field(pattern="^[0-9]{9}$")] | None = None


class Asked(BaseModel):
    """The body of a look-up."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    personidentifikatorer: Annotated[list[Digits], Field(min_length=1, max_length=1000)]


class Down(BaseModel):
    """The body of ``POST /sandbox/down``."""

    model_config = ConfigDict(extra="forbid")
    down: bool


@dataclass(frozen=True, kw_only=True)
class KrrConfig:
    """``issuer`` and ``keys`` are the local Maskinporten's."""

    issuer: str
    keys: IssuerKeys
    environment: Environment
    people: tuple[KrrPerson, ...] = ()
    clock: Clock = field(default_factory=SystemClock)


def krr_app(config: KrrConfig) -> FastAPI:
    """The register as an app. Raises NotInProduction."""
    refuse_production(config.environment)
    people = {one.national_id: one for one in config.people}
    down: list[bool] = []
    looked_up: list[str] = []
    app = FastAPI(title="Local KRR", openapi_url=None)

    @app.post("/rest/v2/personer")
    async def look_up(asked: Asked, request: Request) -> Response:
        if down:
            return JSONResponse({"status": 503}, status_code=503)
        scopes = _scopes(config, request.headers.get("authorization", ""))
        if scopes is None:
            return JSONResponse({"status": 401, "error": "Unauthorized"}, status_code=401)
        if not scopes & {_CONTACT, _POST}:
            return JSONResponse({"status": 403, "error": "Forbidden"}, status_code=403)
        looked_up.extend(asked.personidentifikatorer)
        return JSONResponse({"personer": [_told(one, people.get(one), scopes) for one in asked.personidentifikatorer]})

    @app.put("/sandbox/people", status_code=204)
    async def stands(person: KrrPerson) -> None:
        people[person.national_id] = person

    @app.post("/sandbox/down", status_code=204)
    async def go_down(order: Down) -> None:
        down[:] = [True] if order.down else []

    @app.get("/sandbox/looked-up")
    async def who() -> list[str]:
        return looked_up

    return app


def _scopes(config: KrrConfig, authorization: str) -> frozenset[str] | None:
    """The scopes of a token that the local Maskinporten signed and that lives now; None for any other."""
    scheme, _, token = authorization.partition(" ")
    try:
        options = {"verify_exp": False, "verify_iat": False, "verify_aud": False}
        claims = jwt.decode(token, config.keys.jwks(), algorithms=["RS256"], issuer=config.issuer, options=options)
        alive = int(claims["exp"]) * SECOND > config.clock.now()
        return frozenset(str(claims["scope"]).split()) if scheme == "Bearer" and alive else None
    except (JOSEError, KeyError, TypeError, ValueError):
        return None


def _told(national_id: str, person: KrrPerson | None, scopes: frozenset[str]) -> dict[str, Any]:
    if person is None:
        return {"personidentifikator": national_id, "reservasjon": "NEI", "status": "IKKE_REGISTRERT"}
    told: dict[str, Any] = {"personidentifikator": national_id, "status": "AKTIV"}
    told["reservasjon"] = "JA" if person.reserved else "NEI"
    if person.reserved:
        told["reservasjonstidspunkt"] = "2023-06-13T13:42:34+02"
    if _CONTACT in scopes:
        told["varslingsstatus"] = "KAN_IKKE_VARSLES" if person.reserved else "KAN_VARSLES"
        told["kontaktinformasjon"] = {"epostadresse": f"{national_id}-test@minid.norge.no"}
    if _POST in scopes and person.supplier is not None:
        told["digital_post"] = {
            "postkasseadresse": "ola.nordmann#9YDT",
            "postkasseleverandoeradresse": person.supplier,
        }
    return told
