"""A letter's way as JSON."""

from typing import Any

from consent_service.clock import rfc3339
from consent_service.delivery.printing import NOT_PRINTED
from consent_service.delivery.reading import Delivery
from consent_service.delivery.states import Status

_ADVICE: dict[str, str] = {
    Status.UNDELIVERABLE: (
        "Personen har ikke Digipost. Planen ligger på hennes eller hans egne sider i tjenesten. "
        "Brevet ble heller ikke skrevet ut på papir. "
        "Ta kontakt, og avtal hvordan den ellers skal overleveres: i et møte, eller på papir."
    ),
    Status.FAILED: (
        "Digipost tok ikke imot brevet, og kommer ikke til å gjøre det. Planen ligger på personens egne sider "
        "i tjenesten. Ta kontakt, og avtal hvordan den ellers skal overleveres."
    ),
    NOT_PRINTED: (
        "Digipost fikk likevel ikke skrevet ut brevet. Planen ligger på personens egne sider i tjenesten. "
        "Ta kontakt, og avtal hvordan den ellers skal overleveres."
    ),
}


def senders_delivery_json(delivery: Delivery) -> dict[str, Any]:
    """The same, with what fagopplæring has to do if the letter did not arrive."""
    return {**delivery_json(delivery), "advice": _ADVICE.get(delivery.status)}


def delivery_json(delivery: Delivery) -> dict[str, Any]:
    """Where the letter is, and how it came there."""
    return {
        "status": delivery.status,
        "channel": _channel(delivery),
        "delivered_at": None if delivery.delivered_at is None else rfc3339(delivery.delivered_at),
        "history": [{"status": step.status, "at": rfc3339(step.at)} for step in delivery.history],
    }


def _channel(delivery: Delivery) -> str | None:
    if delivery.delivered_at is None:
        return None
    return "paper" if delivery.printed else "digipost"
