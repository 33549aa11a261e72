"""A letter's way as JSON."""

from typing import Any

from consent_service.clock import rfc3339
from consent_service.delivery.reading import Delivery


def delivery_json(delivery: Delivery) -> dict[str, Any]:
    """Where the letter is, and how it came there."""
    return {
        "status": delivery.status,
        "history": [{"status": step.status, "at": rfc3339(step.at)} for step in delivery.history],
    }
