"""A person comes: becomes a candidate if she is not one yet, and gets what waits for her.

A mere log-in stores nothing: the door calls ``arrive`` at the first act that does, once the person has been told
who is responsible, why and for how long.
"""

import uuid

import structlog

from consent_service.audit.log import Entry, Taken, append, lock, open_chain
from consent_service.clock import Clock
from consent_service.errors import NotAvailable, Tampered
from consent_service.persons import _store
from consent_service.persons.lookup import belonging, find, lookup_of
from consent_service.persons.naming import seal_person
from consent_service.persons.numbers import NationalId
from consent_service.persons.waiting import Receivers, lying, opened, take, waits
from consent_service.storage.engine import Database, Duplicate, Transaction
from consent_service.vault.keys import CandidateKey, Keys

__all__ = ["arrive", "find", "take_over"]

_log = structlog.get_logger()


async def arrive(
    db: Database,
    keys: Keys,
    clock: Clock,
    national_id: NationalId,
    *,
    held_for: str,
    receivers: Receivers,
) -> str:
    """The id of the candidate with this number, who is made if need be; what waits for her is taken over.

    ``held_for`` is the service's controller. Safe against two at once: both get the same candidate. Raises
    KeyProviderDown, with nothing stored.
    """
    async with db.snapshot() as view:
        candidate_id = await find(view, keys.service.lookup, national_id)
    if candidate_id is None:
        try:
            return await _become_candidate(db, keys, clock, national_id, held_for=held_for, receivers=receivers)
        except Duplicate:  # the same person came through another door in the same moment
            async with db.snapshot() as view:
                candidate_id = await find(view, keys.service.lookup, national_id)
            if candidate_id is None:
                raise
    await take_over(db, keys, clock, candidate_id, receivers)
    return candidate_id


async def take_over(db: Database, keys: Keys, clock: Clock, candidate_id: str, receivers: Receivers) -> None:
    """Seal what units left for this candidate under her own key; two reads if there is nothing.

    Where her chain, which must tell of it, was put back or taken, it goes on waiting, loudly: that keeps her from none
    of her own pages. Raises KeyProviderDown, NotAvailable if she was erased meanwhile.
    """
    async with db.snapshot() as view:
        lookups = await _store.lookups_of(view, candidate_id)
        if not await waits(view, lookups, now=clock.now()):
            return
    key = await keys.candidate(candidate_id)
    try:
        async with db.transaction() as tx:
            await lock(tx, [candidate_id])
            await _hand_out(tx, keys, key, lookups, receivers, at=clock.now())
    except (Taken, NotAvailable) as fault:
        async with db.snapshot() as view:
            if not await _store.lookups_of(view, candidate_id):
                raise
        _log.error("what waits can't be handed over", fault=type(fault).__name__, alarm="waiting")


async def _become_candidate(
    db: Database, keys: Keys, clock: Clock, national_id: NationalId, *, held_for: str, receivers: Receivers
) -> str:
    lookup = lookup_of(keys.service.lookup, national_id)
    candidate_id = str(uuid.uuid4())
    new = await keys.new_candidate(candidate_id)
    async with db.transaction() as tx:
        at = clock.now()
        mac = belonging(keys.service.lookup, lookup, candidate_id)
        await _store.add_candidate(tx, candidate_id, lookup, mac, at)
        await keys.store_candidate(tx, new)
        await open_chain(tx, candidate_id, at=at)
        head = (await lock(tx, [candidate_id]))[candidate_id]
        await seal_person(tx, new.key, 1, national_id=national_id.digits, name=None, held_for=held_for, at=at)
        entry = Entry("candidate.created", "candidate", resource_id=candidate_id)
        await append(tx, keys.service.log, head, entry, at=at)
        await _hand_out(tx, keys, new.key, [lookup], receivers, at=at)
    return candidate_id


async def _hand_out(
    tx: Transaction, keys: Keys, key: CandidateKey, lookups: list[str], receivers: Receivers, *, at: int
) -> None:
    """Give every item to its receiver, in the transaction that removes it.

    One that was changed behind the service's back stays where it is, with an alarm: it must not keep a person from
    what is hers.
    """
    for row in await lying(tx, lookups, now=at):
        try:
            item = opened(keys.service.waiting, row)
            await receivers[item.kind](tx, key.candidate_id, key, item, at)
        except Taken:
            raise  # nothing else can be written either
        except (Tampered, KeyError) as fault:
            _log.error(
                "a waiting item can't be handed over", item=row["id"], fault=type(fault).__name__, alarm="waiting"
            )
            continue
        await take(tx, row["id"])
