"""What the gate judges by: everything that its step 2 reads, under the locks of step 1. Nothing here decides.

A row that can't be read, or that was not written by the service, is evidence against its own call alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from consent_service.audit.log import SERVICE_CHAIN, Head, Step, last_steps, steps_of
from consent_service.consents import _store
from consent_service.consents._store import Stored
from consent_service.consents.asks import Ask, DispatchAsk
from consent_service.consents.desk import Desk
from consent_service.consents.ledger import is_ours
from consent_service.consents.standing_refusals import by_words
from consent_service.errors import Tampered
from consent_service.identity.units import Unit, find_each
from consent_service.storage.engine import Row, Transaction
from consent_service.vault.keys import MAILBOX

Shares = dict[tuple[str, str], list[Row]]


@dataclass(frozen=True)
class Evidence:
    """All of it, for a batch of calls. ``forged`` are places of remembered releases that the service did not write."""

    consents: dict[str, Stored]
    steps: dict[str, Step]
    shares: Shares
    units: dict[str, Unit]
    releases: dict[tuple[str, str], Row]
    forged: set[tuple[str, str]]
    refusals: dict[str, dict[str, int] | None]

    def is_known(self, consent: Stored, head: Head) -> bool:
        """Whether it is the log, too, that says whose the consent is: a row may have been moved to a stranger.

        Nor is anything written under a head that somebody else wrote: it may name a place that is taken.
        """
        step = self.steps.get(consent.id)
        return bool(head.sound) and step is not None and step.chain_id == consent.candidate_id

    def refused(self, candidate_id: str, unit_id: str, unit: Unit | None) -> bool:
        """Whether the candidate refuses this unit, or its kind, once and for all. Raises Tampered if nobody can say."""
        against = self.refusals.get(candidate_id, {})
        if against is None:
            raise Tampered
        return unit_id in against or (unit is not None and str(unit.kind) in against)


def chain_of(candidate_id: str | None) -> str:
    """The chain to lock for a consent's candidate: the service's own if it names nobody, or what can't be anybody."""
    return candidate_id if candidate_id and isinstance(candidate_id, str) else SERVICE_CHAIN


def wanted_shares(asks: Sequence[Ask]) -> tuple[list[str], list[str]]:
    """The consents, and the recipients, whose shares are asked for."""
    recipients = {MAILBOX if isinstance(ask, DispatchAsk) else ask.unit_id for ask in asks}
    return sorted({ask.consent_id for ask in asks}), sorted(recipients)


async def gather(
    tx: Transaction, desk: Desk, asks: Sequence[Ask], shares: Shares, heads: Mapping[str, Head]
) -> Evidence:
    """Read what is there about ``asks``, beside the shares, under ``heads``."""
    ids = sorted({ask.consent_id for ask in asks})
    of_units = [ask for ask in asks if not isinstance(ask, DispatchAsk)]
    consents = await _store.many(tx, ids)
    candidates = {one.candidate_id for one in consents.values()} & heads.keys() - {SERVICE_CHAIN}
    words = {one: steps_of(desk.keys.log, heads[one]) for one in candidates if one is not None}
    remembered = await _store.releases(tx, sorted({ask.key_hash for ask in of_units}))
    ours = {place for place, row in remembered.items() if is_ours(desk.keys.rows, place, row)}
    steps = await last_steps(tx, desk.keys.log, ids, heads)
    if since := [one.id for one in consents.values() if one.candidate_id is None and one.id in steps]:
        consents |= await _store.many(tx, since)  # no lock holds what is nobody's: somebody may have been bound to it
    return Evidence(
        consents=consents,
        steps=steps,
        shares=shares,
        units=await find_each(tx, desk.keys, sorted({one.unit_id for one in of_units})),
        refusals=await by_words(tx, desk.keys, words),
        releases={place: remembered[place] for place in ours},
        forged=set(remembered) - ours,
    )
