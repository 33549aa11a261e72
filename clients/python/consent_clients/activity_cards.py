"""A consent that was asked for, or a plan that was delivered, as a card in NAV's activity plan (*aktivitetsplan*).

A card is a message on NAV's topic `dab.aktivitetskort-v1.1`, made here as a value; sending it is NAV's. The rules it
keeps, because a card can never be deleted and others read the activity plan too:

- it says nothing but that there is something to look at, and where: no purpose, no party, no answer
- it is never agreed with NAV (`avtaltMedNav` is false), so nothing can be sanctioned on it
- it is closed on the same day and in the same words for a yes, a no and silence: there is no way to say which it was
- a plan has a card only while the candidate shares it with NAV (`plan_follow_up`)

Where the format comes from: navikt/veilarbaktivitet, `schemas/akaas` (Aktivitetskort.V1).
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from consent_clients.models import Consent

TOPIC = "dab.aktivitetskort-v1.1"

Status = Literal["GJENNOMFORES", "FULLFORT"]

_CARDS = uuid.UUID("4b0a3a7e-6a0f-5a55-9b1c-2f4a8f6f0d21")


@dataclass(frozen=True)
class CardMessage:
    """What is put on the topic: the key is the card's own id, and `value` goes as JSON."""

    key: str
    headers: dict[str, str]
    value: dict[str, Any] = field(repr=False)
    topic: str = TOPIC


@dataclass(frozen=True)
class ActivityCards:
    """Makes cards for one NAV system.

    `source` and `kind` are what NAV has registered for it (`source`, `aktivitetskortType`); `system` is the name that
    stands as who changed the card; `link` is where the candidate looks, with nothing about her in it.
    """

    source: str
    kind: str
    system: str
    link: str

    def __post_init__(self) -> None:
        if not self.link.startswith("https://") or any(mark in self.link for mark in "?#@"):
            raise ValueError("a card's link is an https:// address without anything about anybody in it")

    def asked(self, national_id: str, consent_id: str, reply_by: str, *, at: datetime) -> CardMessage:
        """The card of a consent that NAV has asked for: to be looked at before its reply-by time."""
        until = datetime.fromisoformat(reply_by)
        return self._card(national_id, "asked", consent_id, "GJENNOMFORES", at, until=until)

    def asked_closed(self, national_id: str, consent_id: str, reply_by: str) -> CardMessage:
        """The same card, closed at the reply-by time: send it then, whatever was answered, and not before.

        It is the same message, to the byte, for a yes, a no and silence.
        """
        until = datetime.fromisoformat(reply_by)
        return self._card(national_id, "asked", consent_id, "FULLFORT", until, until=until)

    def delivered(self, national_id: str, shared: Consent, *, at: datetime) -> CardMessage:
        """The card of a plan that was delivered, which the candidate shares with NAV.

        Refuses (ValueError) a consent to anything else, or one that is not in force: then NAV knows of no plan.
        """
        purpose = shared["purpose"]
        if purpose is None or purpose["code"] != "plan_follow_up" or shared["state"] != "granted":
            raise ValueError("NAV learns of a plan only under plan_follow_up")
        return self._card(national_id, "delivered", shared["id"], "GJENNOMFORES", at)

    def delivered_closed(self, national_id: str, shared: Consent, *, at: datetime) -> CardMessage:
        """The same card, closed: when the consent has ended, however it did."""
        return self._card(national_id, "delivered", shared["id"], "FULLFORT", at)

    def _card(
        self,
        national_id: str,
        about: Literal["asked", "delivered"],
        consent_id: str,
        status: Status,
        at: datetime,
        *,
        until: datetime | None = None,
    ) -> CardMessage:
        if at.tzinfo is None:
            raise ValueError("a time without a zone is read as Oslo's")
        # A consent that NAV asked for keeps its id when it is granted, and a card that is closed stays so: each has a
        # card of its own, or the plan's would be dropped, or close the other's before its time.
        card_id = str(uuid.uuid5(_CARDS, f"{about} {consent_id}"))
        # From what it says: sent twice, it is dropped as a double.
        message_id = str(uuid.uuid5(_CARDS, f"{about} {consent_id} {status}"))
        card = {
            "id": card_id,
            "personIdent": national_id,
            "tittel": "Du har noe å se på",
            "beskrivelse": "Logg inn for å se hva det gjelder. Du velger selv hva du vil gjøre.",
            "aktivitetStatus": status,
            "startDato": None,
            "sluttDato": None if until is None else until.date().isoformat(),
            "endretAv": {"ident": self.system, "identType": "SYSTEM"},
            "endretTidspunkt": at.isoformat(),
            "avtaltMedNav": False,
            "handlinger": [
                {"tekst": "Gå til sidene dine", "subtekst": "", "url": self.link, "lenkeType": "EKSTERN"},
            ],
            "detaljer": [],
            "etiketter": [],
        }
        envelope = {
            "messageId": message_id,
            "source": self.source,
            "aktivitetskortType": self.kind,
            "actionType": "UPSERT_AKTIVITETSKORT_V1",
            "aktivitetskort": card,
        }
        return CardMessage(card_id, {"Nav-Call-Id": message_id}, envelope)
