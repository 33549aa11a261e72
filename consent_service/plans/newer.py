"""Telling units that what they may read of a plan is out of date.

The rule: who hears it has a consent in force for an older version, and hears no more than that there is a newer one.
While a consent is paused nothing is told under it; what came meanwhile is told when it is in force again.
"""

from collections.abc import Iterable

from consent_service.consents.reading import ConsentView, of_candidate
from consent_service.crypto.service_keys import ServiceKeys
from consent_service.events.feed import News, announce
from consent_service.plans import _store
from consent_service.plans._store import Plan
from consent_service.plans.parts import PLAN
from consent_service.storage.engine import Transaction
from consent_service.vault.parts import PartRef


async def tell_of_newer(tx: Transaction, keys: ServiceKeys, version: Plan, *, at: int) -> None:
    """Tell the units that may read an older version that there is a newer one, which they may not."""
    after = ""
    while page := await of_candidate(tx, keys, version.candidate_id, after=after, limit=200, now=at):
        for consent in page:
            shared = consent.terms.parts if consent.terms is not None and consent.state == "granted" else ()
            if version.id in _plans(shared):
                await announce(tx, _news(consent.recipient_id, consent.id, version.id, at))
        after = page[-1].id


async def tell_resumed(tx: Transaction, consent: ConsentView, *, at: int) -> None:
    """Tell the unit whose consent is in force again, in the transaction that makes it so, of which plan that it may
    read there is a newer version. One that it heard of before the pause it hears of again.
    """
    shared = _plans(consent.terms.parts) if consent.terms is not None else {}
    for plan_id, version in shared.items():
        if any(one.version > version for one in await _store.versions(tx, plan_id)):
            await announce(tx, _news(consent.recipient_id, consent.id, plan_id, at))


def _plans(shared: Iterable[PartRef]) -> dict[str, int]:
    """The newest version that is shared of each plan, by its id."""
    versions: dict[str, int] = {}
    for ref in shared:
        if ref.resource == PLAN:
            versions[ref.resource_id] = max(ref.version, versions.get(ref.resource_id, 0))
    return versions


def _news(unit_id: str, consent_id: str, plan_id: str, at: int) -> News:
    return News(unit_id, "plan", consent_id=consent_id, plan_id=plan_id, state="superseded", at=at)
