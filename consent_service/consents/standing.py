"""Whether a consent's row is as the service wrote it, and where the consent stands.

The terms carry a MAC, the whole row carries one, and the row names the log entry that made its state: a row that
was changed, or put back as it once was, agrees with neither or not with the log. Whoever finds that decides nothing,
alarms, and overwrites nothing.
"""

from collections.abc import Awaitable, Callable, Mapping
from uuid import UUID

import structlog
from prometheus_client import Counter

from consent_service.audit.log import Step, last_steps
from consent_service.consents import _store
from consent_service.consents._store import Stored
from consent_service.consents.states import ENDS, State
from consent_service.consents.terms import Terms, from_bytes, row_mac, terms_mac
from consent_service.crypto.service_keys import MacKey, ServiceKeys
from consent_service.errors import StorageUnavailable, Tampered
from consent_service.storage.engine import Snapshot

TAMPERED = Counter("consent_rows_tampered_total", "Consent rows that were changed behind the service's back")

_log = structlog.get_logger()


def intact(key: MacKey, consent: Stored, last_step: Step | None) -> bool:
    """Whether the MACs over row and terms, and the log, agree with the row. One not yet bound has no step there."""
    try:
        macs = row_mac(key, consent.covered()), terms_mac(key, consent.terms)
    except (TypeError, ValueError):  # a column of another type: SQLite takes anything
        return False
    bound = consent.candidate_id is not None
    stands = (consent.candidate_id, consent.state_position, consent.state in ENDS) if bound else None
    return macs == (consent.row_mac, consent.terms_mac) and last_step == stands


async def verify(view: Snapshot, keys: ServiceKeys, consent: Stored) -> Stored:
    """``consent``, if it is intact. Raises Tampered, after the alarm, and StorageUnavailable as ``_store.change``."""
    steps = await last_steps(view, keys.log, [consent.id])
    if not intact(keys.rows, consent, steps.get(consent.id)):
        if consent.candidate_id is None and consent != await _store.find(view, consent.id):
            raise StorageUnavailable  # no lock holds what is nobody's: somebody was bound to it since it was read
        alarm(consent.id)
        raise Tampered
    return consent


def changed(key: MacKey) -> Callable[[Snapshot, Mapping[str, Step]], Awaitable[list[str]]]:
    """What finds, given each consent's last step in the log, the consents whose rows are not as the service left them.

    It raises no alarm, and decides nothing: it is for whoever verifies the log.
    """

    async def find(view: Snapshot, steps: Mapping[str, Step]) -> list[str]:
        rows = await _store.many(view, list(steps))
        return sorted(one for one, step in steps.items() if one not in rows or not intact(key, rows[one], step))

    return find


def alarm(consent_id: str) -> None:
    """Tell the operators that a consent's row was changed by somebody else."""
    TAMPERED.inc()
    _log.error("consent row tampered with", consent_id=consent_id)


def terms_of(consent: Stored) -> Terms:
    """The terms of a consent that has been granted, and whose row has been verified."""
    return from_bytes(consent.terms)


def nobodys(keys: ServiceKeys) -> Stored:
    """A request of nobody's, which is stored nowhere: it takes as long to judge as one that is there."""
    request = Stored(
        id="",
        candidate_id=None,
        recipient_id=str(UUID(int=0)),
        requester_id=str(UUID(int=0)),
        purpose="guidance_follow_up",
        purpose_version=1,
        requested_kinds='["note.interests","person.identity"]',
        mapping_request_id=None,
        state=State.REQUESTED.value,
        state_position=0,
        row_mac=b"",
        terms=b"",
        terms_mac=terms_mac(keys.rows, b""),
        uses=0,
        valid_until=None,
        reply_by=0,
        requested_at=0,
        granted_at=None,
        ended_at=None,
    )
    return stand(keys, request, State.REQUESTED, 0)


def stand(keys: ServiceKeys, consent: Stored, state: State, position: int, **changes: object) -> Stored:
    """``consent`` with ``changes`` as it stands in ``state``, put there by the log entry at ``position``.

    The MAC in it is fresh, and covers every column: change nothing after.
    """
    stood = consent.but(state=state.value, state_position=position, **changes)
    return stood.but(row_mac=row_mac(keys.rows, stood.covered()))
