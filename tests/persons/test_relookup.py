"""Another lookup key: everybody is found under it, those who have not come yet too, and nobody under the old one."""

from __future__ import annotations

import pytest

from consent_service.persons import _store, relookup
from consent_service.persons.arrival import find
from consent_service.persons.lookup import belonging, lookup_of
from consent_service.persons.relookup import Moved, NotMoved
from consent_service.storage.engine import Statement
from consent_service.vault.keys import RelookupUnfinished, open_keys
from consent_service.vault.lookup_key import Change, begin
from tests.persons.conftest import KARI, OLA, Reception, person

STRANGER = person("25922947409")
_LOOKUPS = Statement("SELECT lookup FROM person_number UNION ALL SELECT lookup FROM waiting_item")


async def _began(reception: Reception) -> Change:
    return await begin(reception.db, reception.keys._provider, reception.clock)


async def _relooked(reception: Reception) -> Moved | NotMoved:
    """``keys relookup``."""
    return await relookup.relookup(reception.db, reception.keys._provider, await _began(reception))


async def _started(reception: Reception) -> None:
    """Start the service anew."""
    reception.keys = await open_keys(reception.db, reception.keys._provider, reception.clock)


async def _lookups(reception: Reception) -> set[str]:
    async with reception.db.snapshot() as view:
        return {row["lookup"] for row in await view.rows(_LOOKUPS)}


async def test_everybody_is_found_under_the_new_key(reception: Reception) -> None:
    """People keep their ids, whatever waits for a stranger finds her, and the old key finds nobody."""
    kari, ola = await reception.arrive(KARI), await reception.arrive(OLA)
    await reception.leave(STRANGER, "item", b'{"n":1}')
    old = reception.keys.service.lookup
    assert await _relooked(reception) == Moved(numbers=2, items=1)
    await _started(reception)
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
        await _started(reception)
    again = await _began(reception)
    assert again.new.mac(b"x") == change.new.mac(b"x")
    assert await _relooked(reception) == Moved(numbers=1, items=0)
    await _started(reception)
    assert lookup_of(reception.keys.service.lookup, KARI) == lookup_of(change.new, KARI)


SPOILT = {
    "her number": "UPDATE part SET sealed = :no WHERE candidate_id = :id",
    "the key to her number": "UPDATE part SET wrapped_key = :no WHERE candidate_id = :id",
    "her own key": "UPDATE candidate_key SET wrapped = :no WHERE candidate_id = :id",
    "what waits": "UPDATE waiting_item SET payload = :no",
    "a number from outside": "INSERT INTO person_number VALUES ('00', :id, :no, 0)",
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
async def test_while_somebody_can_not_be_moved_nobody_is(reception: Reception, spoil: str) -> None:
    """It is told, the old key stays, and the service starts with it and finds everybody as before."""
    kari, ola = await reception.arrive(KARI), await reception.arrive(OLA)
    await reception.leave(STRANGER, "item", b"{}")
    before = reception.keys.service.lookup.mac(b"x")
    async with reception.db.transaction() as tx:
        values = {"no": b"no", "id": ola}
        await tx.run(Statement(spoil), **{name: value for name, value in values.items() if f":{name}" in spoil})
    lying = await _lookups(reception)
    for _ in range(2):
        assert await _relooked(reception) == NotMoved(broken=1, begun=False)
        await _started(reception)
    assert reception.keys.service.lookup.mac(b"x") == before
    assert await _lookups(reception) == lying
    async with reception.db.snapshot() as view:
        assert [await find(view, reception.keys.service.lookup, who) for who in (KARI, OLA)] == [kari, ola]


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize("table", ["part SET wrapped_key", "part SET sealed", "waiting_item SET payload"])
async def test_what_is_of_another_type_is_told_too(reception: Reception, table: str) -> None:
    """SQLite takes a value of any type in any column."""
    await reception.arrive(OLA)
    await reception.leave(STRANGER, "item", b"{}")
    async with reception.db.transaction() as tx:
        await tx.run(Statement(f"UPDATE {table} = 'text'"))
    assert await _relooked(reception) == NotMoved(broken=1, begun=False)


async def test_what_was_put_right_is_gone_on_with(reception: Reception) -> None:
    """Somebody who is spoilt half-way keeps both keys where they are; put back from a backup, she moves as all did."""
    kari, ola = await reception.arrive(KARI), await reception.arrive(OLA)
    provider, change = reception.keys._provider, await _began(reception)
    lookup = lookup_of(change.new, KARI)
    async with reception.db.transaction() as tx:
        await _store.move_number(
            tx, kari, lookup_of(reception.keys.service.lookup, KARI), lookup, belonging(change.new, lookup, kari)
        )
        sealed = await tx.value(Statement("SELECT sealed FROM part WHERE candidate_id = :id"), id=ola)
        await tx.run(Statement("UPDATE part SET sealed = :no WHERE candidate_id = :id"), no=b"no", id=ola)
    assert await relookup.relookup(reception.db, provider, change) == NotMoved(broken=1, begun=True)
    with pytest.raises(RelookupUnfinished):
        await _started(reception)
    async with reception.db.transaction() as tx:
        await tx.run(Statement("UPDATE part SET sealed = :sealed WHERE candidate_id = :id"), sealed=sealed, id=ola)
    assert await _relooked(reception) == Moved(numbers=1, items=0)
    await _started(reception)
    assert [await reception.arrive(who) for who in (KARI, OLA)] == [kari, ola]
