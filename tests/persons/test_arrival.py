import asyncio
import hmac
from pathlib import Path

import orjson
import pytest

from consent_service.audit.log import lock, read
from consent_service.crypto.envelope import SealBroken
from consent_service.crypto.service_keys import MacKey
from consent_service.errors import Tampered
from consent_service.persons.arrival import find
from consent_service.persons.forgetting import forget
from consent_service.persons.lookup import find_person, lookup_of, lookups_of
from consent_service.persons.number import current, set_name
from consent_service.persons.waiting import lapse, lying, opened, waits, withdraw
from consent_service.storage.engine import Statement
from tests.persons.conftest import CONTROLLER, KARI, NOON, OLA, Reception

EVERYTHING_OF_A_PERSON = [
    Statement("SELECT COUNT(*) FROM candidate"),
    Statement("SELECT COUNT(*) FROM person_number"),
    Statement("SELECT COUNT(*) FROM candidate_key"),
    Statement("SELECT COUNT(*) FROM chain WHERE chain_id <> 'service'"),
    Statement("SELECT COUNT(*) FROM part"),
]
MOVES = [
    Statement("UPDATE waiting_item SET id = 'x' WHERE id = 'a'"),
    Statement("UPDATE waiting_item SET kind = 'mapping_request' WHERE id = 'a'"),
    Statement("UPDATE waiting_item SET payload = (SELECT payload FROM waiting_item WHERE id = 'b') WHERE id = 'a'"),
]


def kari_lookup(reception: Reception) -> str:
    """The hash that Kari is found by."""
    return lookup_of(reception.keys.service.lookup, KARI)


def everything_in(folder: Path) -> bytes:
    """The bytes of all files in a folder."""
    return b"".join(file.read_bytes() for file in folder.iterdir() if file.is_file())


async def test_a_mere_login_stores_nothing(reception: Reception) -> None:
    """Looking a person up finds nobody before the first arrival, and makes nobody."""
    async with reception.db.snapshot() as view:
        assert await find(view, reception.keys.service.lookup, KARI) is None
        assert await view.value(Statement("SELECT COUNT(*) FROM candidate")) == 0


async def test_whoever_arrives_is_one_candidate_from_then_on(reception: Reception) -> None:
    """The first arrival makes a candidate, a later one finds her, and another person is another candidate."""
    kari = await reception.arrive(KARI)
    assert await reception.arrive(KARI) == kari
    assert await reception.arrive(OLA) != kari
    async with reception.db.snapshot() as view:
        assert await find(view, reception.keys.service.lookup, KARI) == kari
        entries = await read(view, kari)
    assert [entry["event"] for entry in entries] == ["candidate.created"]


@pytest.mark.parametrize("mac", [None, bytes(32), b"", "text"], ids=["left", "zeros", "empty", "text"])
async def test_nobody_becomes_another_person_by_a_changed_row(reception: Reception, mac: bytes | str | None) -> None:
    """Ola's number, put under Kari's name behind the service's back, finds nobody, and lets nobody in."""
    kari, ola = await reception.arrive(KARI), await reception.arrive(OLA)
    if isinstance(mac, str) and reception.db.dialect == "postgresql":
        mac = mac.encode()  # its columns have types
    async with reception.db.transaction() as tx:
        await tx.run(
            Statement("UPDATE person_number SET candidate_id = :kari WHERE candidate_id = :ola"), kari=kari, ola=ola
        )
        if mac is not None:
            await tx.run(
                Statement("UPDATE person_number SET mac = :mac WHERE lookup <> :hers"),
                mac=mac,
                hers=kari_lookup(reception),
            )
    async with reception.db.snapshot() as view:
        with pytest.raises(Tampered):
            await find(view, reception.keys.service.lookup, OLA)
        assert await find(view, reception.keys.service.lookup, KARI) == kari
    with pytest.raises(Tampered):
        await reception.arrive(OLA)


async def test_a_row_that_was_copied_is_believed_for_nobody(reception: Reception) -> None:
    """Kari's MAC beside Ola's hash is no proof: it covers both hash and person."""
    kari, ola = await reception.arrive(KARI), await reception.arrive(OLA)
    async with reception.db.transaction() as tx:
        hers = await tx.value(Statement("SELECT mac FROM person_number WHERE candidate_id = :kari"), kari=kari)
        await tx.run(
            Statement("UPDATE person_number SET candidate_id = :kari, mac = :mac WHERE candidate_id = :ola"),
            kari=kari,
            mac=hers,
            ola=ola,
        )
    async with reception.db.snapshot() as view:
        with pytest.raises(Tampered):
            await find(view, reception.keys.service.lookup, OLA)


def test_a_number_is_found_by_its_keyed_hash() -> None:
    """HMAC-SHA256 over "national-id" and the digits, in hex: stored, so it may never change."""
    expected = hmac.digest(b"k" * 32, b"national-id21879498012", "sha256").hex()
    assert lookup_of(MacKey(b"k" * 32), KARI) == expected


async def test_two_arrivals_at_once_are_one_person(reception: Reception) -> None:
    """Eight doors at the same moment agree on one candidate, and leave nothing of the others behind."""
    found = await asyncio.gather(*(reception.arrive(KARI) for _ in range(8)))
    assert len(set(found)) == 1
    async with reception.db.snapshot() as view:
        for count in EVERYTHING_OF_A_PERSON:
            assert await view.value(count) == 1


async def test_a_candidate_says_her_name(reception: Reception) -> None:
    """The name makes the next version of the person part; the same name again makes none."""
    kari = await reception.arrive(KARI)
    key = await reception.keys.candidate(kari)
    async with reception.db.transaction() as tx:
        who = await current(tx, key, reception.keys.service.log)
        assert (who.national_id, who.name, who.version) == (KARI.digits, None, 1)
        assert (await find_person(tx, reception.keys.service.log, kari)) is not None
    for _ in range(2):
        async with reception.db.transaction() as tx:
            await set_name(tx, key, reception.keys.service.log, "Kari Test", held_for=CONTROLLER, at=NOON)
    async with reception.db.snapshot() as view:
        who = await current(view, key, reception.keys.service.log)
        person = await find_person(view, reception.keys.service.log, kari)
        events = [entry["event"] for entry in await read(view, kari)]
    assert (who.national_id, who.name, who.version) == (KARI.digits, "Kari Test", 2)
    assert repr(who) == "Who(version=2)"
    assert person is not None
    assert (person.version, person.named, person.ref.version) == (2, True, 2)
    assert events == ["candidate.created", "person.updated"]


async def test_what_was_left_is_handed_over_at_arrival(reception: Reception) -> None:
    """Items left before the person ever came, and later ones, reach their receiver once, oldest first."""
    await reception.leave(KARI, "b", b'{"n":1}', kind="mapping_request")
    reception.clock.advance(seconds=1)
    await reception.leave(KARI, "a", b'{"n":2}')
    await reception.leave(OLA, "c")
    kari = await reception.arrive(KARI)
    await reception.arrive(KARI)
    assert [(who, item.id, item.kind, item.from_unit) for who, item in reception.received] == [
        (kari, "b", "mapping_request", "nav"),
        (kari, "a", "consent_request", "nav"),
    ]
    assert [orjson.loads(item.payload)["n"] for _, item in reception.received] == [1, 2]

    await reception.leave(KARI, "d")
    await reception.arrive(KARI)
    assert [item.id for _, item in reception.received] == ["b", "a", "d"]


async def test_an_item_is_taken_over_once_however_many_come(reception: Reception) -> None:
    """Of eight arrivals at the same moment, one gets the item."""
    await reception.arrive(KARI)
    await reception.leave(KARI, "a")
    await asyncio.gather(*(reception.arrive(KARI) for _ in range(8)))
    assert [item.id for _, item in reception.received] == ["a"]


async def test_a_lapsed_item_reaches_nobody(reception: Reception) -> None:
    """From its lapse time on an item is not handed over, whether or not it was swept away."""
    await reception.leave(KARI, "a")
    reception.clock.advance(seconds=3600)
    await reception.arrive(KARI)
    assert reception.received == []
    await reception.leave(KARI, "b")
    reception.clock.advance(seconds=3600)
    async with reception.db.transaction() as tx:
        assert await lapse(tx, now=reception.clock.now()) > 0
        assert await lapse(tx, now=reception.clock.now()) == 0


async def test_only_the_unit_that_left_an_item_takes_it_back(reception: Reception) -> None:
    """Another unit's withdrawal changes nothing; the own one removes the item unread."""
    await reception.leave(KARI, "a")
    async with reception.db.transaction() as tx:
        assert not await withdraw(tx, "a", "another")
        assert await withdraw(tx, "a", "nav")
        assert not await withdraw(tx, "a", "nav")
    await reception.arrive(KARI)
    assert reception.received == []


async def test_an_item_that_nobody_can_take_over_waits_on(reception: Reception) -> None:
    """What can't be handed over stays where it is, and the person comes in all the same."""
    await reception.leave(KARI, "a")
    kind = Statement("UPDATE waiting_item SET kind = 'unheard_of'")
    async with reception.db.transaction() as tx:
        await tx.run(kind)
    candidate_id = await reception.arrive(KARI)
    async with reception.db.snapshot() as view:
        assert await find(view, reception.keys.service.lookup, KARI) == candidate_id
        assert await view.value(Statement("SELECT COUNT(*) FROM waiting_item")) == 1


@pytest.mark.parametrize("move", MOVES)
async def test_a_moved_item_does_not_open(reception: Reception, move: Statement) -> None:
    """An item's seal is bound to its kind, its id and its person."""
    await reception.leave(KARI, "a")
    await reception.leave(OLA, "b")
    async with reception.db.transaction() as tx:
        assert await tx.run(move) == 1
        [row] = await lying(tx, [kari_lookup(reception)], now=NOON)
        with pytest.raises(SealBroken):
            opened(reception.keys.service.waiting, row)


async def test_a_changed_item_keeps_nobody_out(reception: Reception) -> None:
    """What was changed stays where it lies, for the operators to look at; the others are handed over all the same."""
    await reception.leave(KARI, "a")
    await reception.leave(KARI, "b")
    async with reception.db.transaction() as tx:
        await tx.run(Statement("UPDATE waiting_item SET from_unit = 'x', payload = :no WHERE id = 'a'"), no=b"no")
    await reception.arrive(KARI)
    assert [item.id for _, item in reception.received] == ["b"]
    async with reception.db.snapshot() as view:
        assert await view.value(Statement("SELECT COUNT(*) FROM waiting_item")) == 1


async def test_forgetting_leaves_no_trace_of_the_person(reception: Reception) -> None:
    """Candidate, hashes and waiting items go; the next arrival is somebody new; others keep theirs."""
    kari, ola = await reception.arrive(KARI), await reception.arrive(OLA)
    await reception.leave(KARI, "a")
    await reception.leave(OLA, "b")
    async with reception.db.transaction() as tx:
        await lock(tx, [kari])
        lookups = await lookups_of(tx, kari)
        await forget(tx, kari)
        assert not await waits(tx, lookups, now=NOON)
        assert await find_person(tx, reception.keys.service.log, kari) is None
    assert await reception.arrive(KARI) != kari
    assert await reception.arrive(OLA) == ola
    assert [item.id for _, item in reception.received] == ["b"]


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_no_number_name_or_item_lies_open_in_the_files(reception: Reception, tmp_path: Path) -> None:
    """Whoever has the database files finds neither a number, nor a name, nor what waits."""
    await reception.leave(OLA, "a", b"vil bli kokk")
    kari = await reception.arrive(KARI)
    key = await reception.keys.candidate(kari)
    async with reception.db.transaction() as tx:
        await set_name(tx, key, reception.keys.service.log, "Karianne Test", held_for=CONTROLLER, at=NOON)
    stored = everything_in(tmp_path)
    assert kari.encode() in stored
    for secret in (KARI.digits, OLA.digits, "Karianne", "kokk"):
        assert secret.encode() not in stored
