"""A letter's life, and the two questions about it that matter: is it over, and who may see that.

::

    (new) → accepted → dispatched → delivered
    accepted → cancelled, undeliverable, failed
    dispatched → undeliverable, cancelled (only when the mailbox denies having it), failed
    accepted, dispatched ⇄ parked

``parked`` is an operator's business: units and the candidate see the state that it was parked in.
"""

from enum import StrEnum


class Status(StrEnum):
    """Where a letter stands."""

    ACCEPTED = "accepted"
    DISPATCHED = "dispatched"
    DELIVERED = "delivered"
    UNDELIVERABLE = "undeliverable"
    CANCELLED = "cancelled"
    FAILED = "failed"
    PARKED = "parked"


OPENED = "opened"
"""A line of a letter's history that is for its reader alone: she has opened it in her mailbox."""

NOTICED = "noticed"
"""A line for operators: the mailbox told something that changes nothing about where the letter stands."""

RESERVED = "reserved"
"""Why a letter is undeliverable: she has reserved herself against digital communication. Hers to tell."""

OTHER_MAILBOX = "other-mailbox"
"""Why a letter is undeliverable: she is no user of Digipost, and has another supplier's mailbox. The same."""

FINAL = frozenset({Status.DELIVERED, Status.UNDELIVERABLE, Status.CANCELLED, Status.FAILED})
"""Nothing follows these."""
