"""A local Digipost on loopback, and the adapter that speaks to it as the service would."""

from __future__ import annotations

import contextlib
import io
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import httpx
import pikepdf
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from lxml import etree

from consent_service.clock import SystemClock
from consent_service.crypto.signatures import verify_rsa
from consent_service.mailbox import digipost_signing as signing
from consent_service.mailbox.digipost import Digipost
from consent_service.mailbox.digipost_calls import SignedCalls
from consent_service.sandbox.digipost import (
    DigipostAccount,
    DigipostConfig,
    DigipostPerson,
    DigipostSender,
    Enterprise,
    digipost_app,
    new_enterprise,
)
from consent_service.settings import Environment
from tests.support.serving import calling, serving

BROKER = 1001
OWN_NUMBER = "987654325"
COUNTY = DigipostSender(2002, "Trøndelag fylkeskommune", "817920632")

USER = "21879498012"
DEACTIVATED = "05878098368"
NON_USER = "12858597119"


@lru_cache
def enterprise() -> Enterprise:
    """The service's own enterprise certificate; made once, since that takes a while."""
    return new_enterprise("Samtykketjenesten", OWN_NUMBER)


@lru_cache
def posten() -> Enterprise:
    """Digipost's."""
    return new_enterprise("Posten Bring AS", "984661185")


@lru_cache
def intruder() -> Enterprise:
    """Somebody else's."""
    return new_enterprise("Noen andre", "999999999")


@lru_cache
def a4(pages: int = 1, *, size: tuple[float, float] = (595.28, 841.89)) -> bytes:
    """A PDF of empty pages, as large as paper is."""
    made = io.BytesIO()
    with pikepdf.new() as pdf:
        for _ in range(pages):
            pdf.add_blank_page(page_size=size)
        pdf.save(made, deterministic_id=True)
    return made.getvalue()


def signer(of: Enterprise) -> Callable[[bytes], bytes]:
    """What signs as ``of``."""
    return lambda message: of.key.sign(message, padding.PKCS1v15(), hashes.SHA256())


@dataclass
class LocalDigipost:
    """A served local Digipost. ``clock`` is the adapter's, not Digipost's."""

    base_url: str
    http: httpx.AsyncClient
    clock: Any

    def calls(self, **changed: Any) -> SignedCalls:
        """The adapter's calls, with some of its arguments changed."""
        given: dict[str, Any] = {
            "http": self.http,
            "base_url": self.base_url,
            "user_id": BROKER,
            "sign": signer(enterprise()),
            "verify": verify_rsa,
            "clock": self.clock,
        }
        return SignedCalls(**{**given, **changed})

    def mailbox(self, **changed: Any) -> Digipost:
        """The adapter."""
        return Digipost(self.calls(**changed), user_id=BROKER, organisation_number=OWN_NUMBER)

    async def order(self, kind: str, calls: str = "messages", times: int = 1, seconds: float = 1.0) -> None:
        """Have the local Digipost go wrong."""
        body = {"kind": kind, "calls": calls, "times": times, "seconds": seconds}
        (await self.http.post(f"{self.base_url}/sandbox/faults", json=body)).raise_for_status()

    async def put_right(self) -> None:
        """Have it go right again."""
        (await self.http.delete(f"{self.base_url}/sandbox/faults")).raise_for_status()

    async def people(self, national_id: str, standing: str) -> None:
        """Open, close or remove an account."""
        body = {"national_id": national_id, "name": "Kari Prøve", "standing": standing}
        (await self.http.put(f"{self.base_url}/sandbox/people", json=body)).raise_for_status()

    async def open_letters(self) -> None:
        """Whoever has letters opens them."""
        for letter in await self.letters():
            path = f"{self.base_url}/inbox/{letter['inbox']}/{letter['document_uuid']}.pdf"
            (await self.http.get(path)).raise_for_status()

    async def posted(self, event: str) -> None:
        """Say of every printed letter what became of it."""
        for letter in await self.letters():
            body = {"document_uuid": letter["document_uuid"], "event": event}
            (await self.http.post(f"{self.base_url}/sandbox/printed", json=body)).raise_for_status()

    async def letters(self) -> list[dict[str, Any]]:
        """Every letter that was taken."""
        taken: list[dict[str, Any]] = (await self.http.get(f"{self.base_url}/sandbox/letters")).json()
        return taken


class Unlinked(httpx.AsyncHTTPTransport):
    """A way to a Digipost whose entry point does not name ``relation``."""

    def __init__(self, relation: str) -> None:
        super().__init__()
        self._relation = relation

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await super().handle_async_request(request)
        if request.url.path != "/":
            return answer
        root = etree.fromstring(await answer.aread())
        for link in root.findall("{*}link"):
            if link.get("rel", "").endswith(f"/{self._relation}"):
                root.remove(link)
        body = etree.tostring(root)
        headers = {"Date": answer.headers["Date"], "X-Content-SHA256": signing.content_hash(body)}
        return httpx.Response(answer.status_code, headers=headers, content=body)


def digipost_config(certificate_pem: str, clock: Any, *, prints: bool = True) -> DigipostConfig:
    """Whom a local Digipost knows; the account signs with the key of this certificate, and may have letters printed."""
    account = DigipostAccount(
        user_id=BROKER,
        name="Samtykketjenesten",
        organisation_number=OWN_NUMBER,
        certificate_pem=certificate_pem,
        sends_for=(COUNTY,),
        approved_for_print=prints,
    )
    return DigipostConfig(
        environment=Environment.TEST,
        accounts=(account,),
        people=(
            DigipostPerson(USER, "Kari Prøve"),
            DigipostPerson(DEACTIVATED, "Ola Prøve", "deactivated"),
        ),
        enterprise=posten(),
        clock=clock,
    )


@contextlib.asynccontextmanager
async def local_digipost(
    *, clock: Any = None, digiposts_clock: Any = None, patience: float = 5.0, prints: bool = True
) -> AsyncIterator[LocalDigipost]:
    """Serve a local Digipost with one user, one deactivated account and one account that sends for a county."""
    config = digipost_config(enterprise().certificate_pem, digiposts_clock or clock or SystemClock(), prints=prints)
    async with (
        serving(digipost_app(config), date_header=False) as base_url,
        calling(timeout=patience) as http,
    ):
        yield LocalDigipost(base_url, http, clock or SystemClock())
