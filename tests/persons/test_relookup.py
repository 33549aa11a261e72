"""Another lookup key: everybody is found under it, those who have not come yet too, and nobody under the old one."""

from __future__ import annotations

import pytest

from consent_service.persons import relookup
from consent_service.persons.arrival import find
from consent_service.persons.lookup import lookup_of
from consent_service.storage.engine import Statement
from consent_service.vault.keys import RelookupUnfinished, open_keys
from consent_service.vault.lookup_key import Change, begin, finish
from tests.persons.conftest import KARI, OLA, Reception, person

STRANGER = person("25922947409")
_LOOKUPS = Statement("SELECT lookup FROM person_number UNION ALL SELECT lookup FROM waiting_item")


async def _began(reception: Reception) -> Change:
    return await begin(reception.db, reception.keys._provider, reception.clock)


async def _finished(reception: Reception) -> None:
    """Finish, and start the service anew."""
    provider = reception.keys._provider
    await finish(reception.db, provider)
    reception.keys = await open_keys(reception.db, provider, reception.clock)


async def _lookups(reception: Reception) -> set[str]:
    async with reception.db.snapshot() as view:
        return {row["lookup"] for row in await view.rows(_LOOKUPS)}


async def test_everybody_is_found_under_the_new_key(reception: Reception) -> None:
    """People keep their ids, whatever waits for a stranger finds her, and the old key finds nobody."""
    kari, ola = await reception.arrive(KARI), await reception.arrive(OLA)
    await reception.leave(STRANGER, "item", b'{"n":1}')
    old = reception.keys.service.lookup
    change = await _began(reception)
    done = await relookup.relookup(reception.db, change.keys, change.new)
    assert (done.numbers, done.items, done.broken) == (2, 1, 0)
    await _finished(reception)
    assert await _lookups(reception) == {lookup_of(reception.keys.service.lookup, who) for who in (KARI, OLA, STRANGER)}
    async with reception.db.snapshot() as view:
        assert await find(view, reception.keys.service.lookup, KARI) == kari
        assert await find(view, reception.keys.service.lookup, OLA) == ola
        assert await find(view, old, KARI) is None
    stranger = await reception.arrive(STRANGER)
    assert [(who, item.payload) for who, item in reception.received] == [(stranger, b'{"n":1}')]


async def test_nothing_starts_before_it_is_finished(reception: Reception) -> None:
    """While people are half moved a process refuses to start, and goes on with the same new key when it is done."""
    await reception.arrive(KARI)
    change = await _began(reception)
    with pytest.raises(RelookupUnfinished):
        await open_keys(reception.db, reception.keys._provider, reception.clock)
    again = await _began(reception)
    assert again.new.mac(b"x") == change.new.mac(b"x")
    await relookup.relookup(reception.db, again.keys, again.new)
    second = await relookup.relookup(reception.db, again.keys, again.new)
    assert (second.numbers, second.items, second.broken) == (0, 0, 0)
    await _finished(reception)
    assert lookup_of(reception.keys.service.lookup, KARI) == lookup_of(change.new, KARI)


async def test_what_can_not_be_opened_is_told_and_left(reception: Reception) -> None:
    """A person or an item that was changed behind the service's back keeps nobody else from being moved."""
    await reception.arrive(KARI)
    ola = await reception.arrive(OLA)
    await reception.leave(STRANGER, "item", b"{}")
    async with reception.db.transaction() as tx:
        await tx.run(Statement("UPDATE part SET sealed = :no WHERE candidate_id = :id"), no=b"no", id=ola)
        await tx.run(Statement("UPDATE waiting_item SET payload = :no"), no=b"no")
    change = await _began(reception)
    done = await relookup.relookup(reception.db, change.keys, change.new)
    assert (done.numbers, done.items, done.broken) == (1, 0, 2)


async def test_a_number_that_nothing_sealed_says_is_told(reception: Reception) -> None:
    """A hash that was put beside a person from outside moves with nobody."""
    kari = await reception.arrive(KARI)
    async with reception.db.transaction() as tx:
        await tx.run(Statement("INSERT INTO person_number VALUES ('00', :id, :mac, 0)"), id=kari, mac=bytes(32))
    change = await _began(reception)
    done = await relookup.relookup(reception.db, change.keys, change.new)
    assert (done.numbers, done.broken) == (1, 1)
