"""A letter's way as JSON."""

from typing import Any

from consent_service.clock import rfc3339
from consent_service.delivery.printing import NOT_PRINTED
from consent_service.delivery.reading import Delivery
from consent_service.delivery.states import RESERVED, Status

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


_NOT_DIGITALLY = (
    "Planen kan ikke sendes digitalt til denne personen, og ble heller ikke skrevet ut på papir. Den ligger på "
    "personens egne sider i tjenesten. Ta kontakt, og avtal hvordan den skal overleveres: i et møte, eller på papir."
)


def senders_delivery_json(delivery: Delivery) -> dict[str, Any]:
    """The same, with what fagopplæring has to do if the letter did not arrive. A reservation is hers to tell of."""
    advice = _NOT_DIGITALLY if delivery.reason == RESERVED else _ADVICE.get(delivery.status)
    return {**delivery_json(delivery), "advice": advice}


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
