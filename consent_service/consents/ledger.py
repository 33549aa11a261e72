"""Step 5 of the gate, in memory: what a batch of answers spends, remembers and says in the log."""

from dataclasses import replace

import structlog

from consent_service.audit.log import Entry, may_hold
from consent_service.consents._store import Stored
from consent_service.consents.asks import (
    Answer,
    ArchiveAsk,
    Archived,
    Ask,
    DispatchAsk,
    Dispatched,
    Refused,
    ReleaseAsk,
    Released,
)
from consent_service.consents.desk import Desk
from consent_service.consents.standing import stand, terms_of
from consent_service.consents.states import State
from consent_service.consents.terms import Terms
from consent_service.crypto.canonical import canonical
from consent_service.crypto.service_keys import MacKey
from consent_service.storage.engine import Row

UNDECIDABLE = Refused("undecidable")

_log = structlog.get_logger()


class Ledger:
    """What a batch spends and makes."""

    def __init__(self, desk: Desk, now: int) -> None:
        """Begin an empty one, for the batch of this moment."""
        self.made: list[dict[str, object]] = []
        self._desk = desk
        self._now = now
        self._uses: dict[str, int] = {}
        self._releases: dict[tuple[str, str], str] = {}
        self._counted: set[str] = set()

    def settle(self, ask: Ask, consent: Stored | None, terms: Terms | None, answer: Answer) -> tuple[Answer, Entry]:
        """What is answered in the end, and what the log says of it.

        What the log may not hold is refused before anything is spent: it never fails those who share the transaction.
        """
        entry = _entry(ask, answer, counted=False)
        if not may_hold(entry):
            _log.error("the log may not hold what was asked of the gate", alarm="gate")
            answer = UNDECIDABLE
        if answer == UNDECIDABLE:
            return answer, _as_much_as_it_may_hold(_entry(ask, answer, counted=False))
        settled = self._spend(ask, consent, terms, answer)
        counted = self.counts(settled)
        return settled, _entry(ask, settled, counted=counted) if counted or settled is not answer else entry

    def _spend(self, ask: Ask, consent: Stored | None, terms: Terms | None, answer: Answer) -> Answer:
        """Count this release, unless it repeats one; refuse it if the batch has spent the last use."""
        if not isinstance(answer, Released) or not isinstance(ask, ReleaseAsk) or answer.repeated:
            return answer
        assert consent is not None
        assert terms is not None
        place = (consent.id, ask.key_hash)
        if place in self._releases:  # the same key twice in one batch
            return replace(answer, release_id=self._releases[place], repeated=True)
        limit = terms.max_uses
        if limit is not None:
            uses = self._uses.get(consent.id, consent.uses)
            if uses >= limit:
                return Refused("used_up")
            self._uses[consent.id] = uses + 1
            self._counted.add(answer.release_id)
        self._releases[place] = answer.release_id
        self._remember(consent, place, answer.release_id)
        return answer

    def _remember(self, consent: Stored, place: tuple[str, str], release_id: str) -> None:
        self.made.append(
            {
                "consent_id": consent.id,
                "key_hash": place[1],
                "candidate_id": consent.candidate_id,
                "release_id": release_id,
                "at": self._now,
                "mac": self._desk.keys.rows.mac(release_bytes(*place, release_id, self._now)),
            }
        )

    def counts(self, answer: Answer) -> bool:
        """Whether a release spent a use."""
        return isinstance(answer, Released) and not answer.repeated and answer.release_id in self._counted

    def counted(self, consent: Stored, position: int) -> Stored:
        """``consent`` with its uses counted up to the log entry at ``position``; with the last one it is exhausted."""
        uses = self._uses[consent.id]
        spent = uses == terms_of(consent).max_uses
        after = consent.but(exhausted_at=self._now) if spent else consent
        return stand(self._desk.keys, after, State(consent.state), position, uses=uses)


def release_bytes(consent_id: str, key_hash: str, release_id: str, at: int) -> bytes:
    """What the MAC over a remembered release covers: a forged one would let a use go unspent."""
    return canonical(["release 1", consent_id, key_hash, release_id, at])


def is_ours(key: MacKey, place: tuple[str, str], row: Row) -> bool:
    """Whether the service wrote this remembered release, at this place."""
    try:
        return key.verify(release_bytes(*place, row["release_id"], row["at"]), row["mac"])
    except (TypeError, ValueError):  # a column of another type: SQLite takes anything
        return False


def _as_much_as_it_may_hold(entry: Entry) -> Entry:
    """What the log says of what can't be decided."""
    unsaid = replace(entry, detail={})
    nameless = replace(unsaid, consent_id=None, resource_id=None)
    return next(one for one in (entry, unsaid, nameless, replace(nameless, unit_id=None)) if may_hold(one))


def _entry(ask: Ask, answer: Answer, *, counted: bool) -> Entry:
    """What the log says of an answer. A release that was ``counted`` is a step in the consent's life."""
    detail: dict[str, str] = {}
    unit_id: str | None = None
    if not isinstance(ask, DispatchAsk):
        unit_id = ask.unit_id
        detail = {"employee": ask.employee, "office": ask.office}
        if ask.supplier is not None:
            detail["supplier"] = ask.supplier
    outcome = None
    if isinstance(answer, Refused):
        event, outcome = "refused", answer.reason
    elif isinstance(answer, Dispatched) and answer.register:
        event, outcome = "released", "to_register"
    elif isinstance(answer, Dispatched | Archived):
        event, detail["content_sha256"] = "released", answer.pdf_sha256
        outcome = "on_paper" if isinstance(answer, Dispatched) and answer.address is not None else None
    else:
        event, detail["content_sha256"] = "repeated" if answer.repeated else "released", answer.content_sha256
    kind, resource_id = _what(ask, answer)
    return Entry(
        f"{kind}.{event}",
        "service" if isinstance(ask, DispatchAsk) else "unit",
        unit_id=unit_id,
        consent_id=ask.consent_id,
        resource_id=resource_id,
        outcome=outcome,
        changes_state=counted,
        detail=detail,
    )


def _what(ask: Ask, answer: Answer) -> tuple[str, str | None]:
    if isinstance(ask, DispatchAsk):
        return "letter", ask.letter_id
    if isinstance(ask, ArchiveAsk):
        return "archive", ask.plan_id
    return "release", getattr(answer, "release_id", None)
