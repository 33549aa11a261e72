"""What this room's verbs need beside a transaction: keys for MAC, log and receipts, purposes, the controller."""

from dataclasses import dataclass

from consent_service.consents.purposes import Purposes
from consent_service.crypto.service_keys import ServiceKeys


@dataclass(frozen=True)
class Controller:
    """Who is responsible, and where a person can turn; receipts and the first page say it (GDPR art. 13)."""

    name: str
    organisation_number: str
    address: str
    privacy_contact: str
    hosting_countries: tuple[str, ...]
    authority: str
    withdrawal_url: str
    withdrawal_phone: str | None = None
    withdrawal_address: str | None = None


@dataclass(frozen=True)
class Desk:
    """Given to every verb that writes about a consent. It holds nothing that opens content."""

    keys: ServiceKeys
    purposes: Purposes
    controller: Controller
