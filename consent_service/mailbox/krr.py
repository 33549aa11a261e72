"""Kontakt- og reservasjonsregisteret as a contact register: Digdir's "oppslagstjenesten" over REST.

https://docs.digdir.no/docs/Kontaktregisteret/oppslagstjenesten_rest

The rule: no more is asked for than is used. The reservation comes with any scope; ``krr:global/digitalpost.read`` adds
her digital mailbox, and neither her e-mail address nor her telephone number. Nothing of an answer is kept or logged.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import orjson

from consent_service.bounded_answers import read_at_most
from consent_service.mailbox.port import Unanswered
from consent_service.mailbox.register import NotReserved, Reserved, Standing

SCOPE = "krr:global/digitalpost.read"

_LARGEST_ANSWER = 64 * 1024
_SECONDS = 5.0
_UNREADABLE = Unanswered("answer-unreadable")


class Krr:
    """The register at ``url``, the whole address of its look-up (``…/rest/v2/personer``).

    ``token`` gives an access token of Maskinporten's with ``SCOPE``, None if there is none to be had.
    """

    def __init__(self, http: httpx.AsyncClient, url: str, token: Callable[[], Awaitable[str | None]]) -> None:
        """Take what is said above."""
        self._http, self._url, self._token = http, url, token

    async def look_up(self, national_id: str) -> Standing:
        """See ``ContactRegister.look_up``. One person a call: what is asked about two is more than either's letter."""
        token = await self._token()
        if token is None:
            return Unanswered("no-token")
        try:
            async with asyncio.timeout(_SECONDS):
                status, body = await self._ask(national_id, token)
        except (httpx.HTTPError, TimeoutError) as failure:
            return Unanswered(f"no-answer-{type(failure).__name__}")
        if status != 200:
            return Unanswered(f"http-{status}")
        return _UNREADABLE if body is None else _standing(body, national_id)

    async def _ask(self, national_id: str, token: str) -> tuple[int, bytes | None]:
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        asked = {"personidentifikatorer": [national_id]}
        async with self._http.stream(
            "POST", self._url, json=asked, headers=headers, follow_redirects=False
        ) as response:
            return response.status_code, await read_at_most(response.aiter_bytes(), _LARGEST_ANSWER)


def _standing(body: bytes, national_id: str) -> Standing:
    """What the answer says of this person, and of nobody else. Whoever is not registered has reserved nothing."""
    try:
        (person,) = orjson.loads(body)["personer"]
        if person["personidentifikator"] != national_id:
            return _UNREADABLE
        said = person.get("reservasjon", "NEI" if person.get("status") in {"SLETTET", "IKKE_REGISTRERT"} else None)
        if said == "JA":
            return Reserved()
        return NotReserved(_supplier(person)) if said == "NEI" else _UNREADABLE
    except (ValueError, KeyError, TypeError, AttributeError):
        return _UNREADABLE


def _supplier(person: dict[str, Any]) -> str | None:
    supplier = (person.get("digital_post") or {}).get("postkasseleverandoeradresse")
    return supplier if isinstance(supplier, str) else None
