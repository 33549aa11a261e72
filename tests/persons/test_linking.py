"""One person, several numbers: each finds her, none finds two, and what is shared carries the one she has now."""

from __future__ import annotations

import asyncio
from itertools import permutations

import orjson
import pytest

from consent_service.audit.log import read
from consent_service.audit.reading import lines
from consent_service.errors import NotAvailable, Tampered
from consent_service.persons import relookup
from consent_service.persons.arrival import find
from consent_service.persons.forgetting import forget
from consent_service.persons.linking import Act, Linkable, NotLinked, Pair, judge, link
from consent_service.persons.lookup import belonging, lookup_of, lookups_of
from consent_service.persons.number import current, numbers_of, set_name
from consent_service.persons.numbers import NationalId
from consent_service.persons.relookup import Moved
from consent_service.storage.engine import Statement
from consent_service.vault.lookup_key import begin
from tests.persons.conftest import CONTROLLER, KARI, OLA, Reception, person

D_NUMBER, LATER_D_NUMBER, CHANGED = person("50846202355"), person("41868900022"), person("25922947409")
HERSELF = Act("candidate", {})
_ADD = Statement(
    "INSERT INTO person_number (lookup, candidate_id, mac, added_at) VALUES (:lookup, :candidate_id, :mac, :at)"
)
_ROWS_OF = Statement("SELECT candidate_id FROM person_number WHERE lookup = :lookup")


async def links(reception: Reception, before: NationalId, now: NationalId) -> Linkable | NotLinked:
    """As a door does: judge, have the key, link."""
    service, pair = reception.keys.service, Pair(before, now)
    async with reception.db.snapshot() as view:
        found = await judge(view, service.lookup, pair)
    if isinstance(found, NotLinked):
        return found
    key = await reception.keys.candidate(found.candidate_id)
    async with reception.db.transaction() as tx:
        return await link(tx, service, key, pair, HERSELF, held_for=CONTROLLER, at=reception.clock.now())


async def found(reception: Reception, who: NationalId) -> str | None:
    """Whom a unit's search by this number would find."""
    async with reception.db.snapshot() as view:
        return await find(view, reception.keys.service.lookup, who)


async def goes_along(reception: Reception, candidate_id: str) -> str:
    """The number that goes with what she shares now."""
    key = await reception.keys.candidate(candidate_id)
    async with reception.db.snapshot() as view:
        return (await current(view, key, reception.keys.service.log)).national_id


@pytest.mark.parametrize("began_with", [D_NUMBER, KARI], ids=["the old", "the new"])
async def test_both_numbers_find_one_candidate(reception: Reception, began_with: NationalId) -> None:
    """Whichever she began with; what she shares from then on carries the fødselsnummer; her log says it once."""
    candidate_id = await reception.arrive(began_with)
    key = await reception.keys.candidate(candidate_id)
    async with reception.db.transaction() as tx:
        await set_name(tx, key, reception.keys.service.log, "Kari Test", held_for=CONTROLLER, at=0)
    added = KARI if began_with == D_NUMBER else D_NUMBER
    assert await links(reception, D_NUMBER, KARI) == Linkable(candidate_id, added)
    assert await found(reception, D_NUMBER) == await found(reception, KARI) == candidate_id
    assert await reception.arrive(D_NUMBER) == await reception.arrive(KARI) == candidate_id
    async with reception.db.snapshot() as view:
        who = await current(view, key, reception.keys.service.log)
        assert await numbers_of(view, key) == {D_NUMBER.digits, KARI.digits}
        last = (await lines(view, reception.keys.service.log, candidate_id, after=0, limit=10))[-1]
    assert (who.national_id, who.name, who.version) == (KARI.digits, "Kari Test", 3)
    assert (last.event, last.actor, last.detail) == ("number.linked", "candidate", {"version": 3})


@pytest.mark.parametrize(
    ("before", "now", "goes"),
    [
        (D_NUMBER, KARI, KARI),
        (KARI, D_NUMBER, KARI),
        (KARI, CHANGED, CHANGED),
        (CHANGED, KARI, KARI),
        (D_NUMBER, LATER_D_NUMBER, LATER_D_NUMBER),
    ],
)
def test_a_fodselsnummer_goes_before_a_d_number_else_the_one_she_has_now(
    before: NationalId, now: NationalId, goes: NationalId
) -> None:
    """A fødselsnummer can change too; then the order in which she showed them says which is hers now."""
    assert Pair(before, now).current == goes


async def test_a_third_number_joins_the_two(reception: Reception) -> None:
    """D-number, fødselsnummer, and a fødselsnummer that was changed: all find her, and the last goes along."""
    candidate_id = await reception.arrive(D_NUMBER)
    await links(reception, D_NUMBER, KARI)
    await links(reception, KARI, CHANGED)
    assert {await found(reception, one) for one in (D_NUMBER, KARI, CHANGED)} == {candidate_id}
    assert await goes_along(reception, candidate_id) == CHANGED.digits


async def test_what_can_not_be_linked_is_refused_with_its_reason(reception: Reception) -> None:
    """The same number, two strangers, what is linked already, two people: nothing is written for any of them."""
    kari, ola = await reception.arrive(KARI), await reception.arrive(OLA)
    await links(reception, D_NUMBER, KARI)
    async with reception.db.snapshot() as view:
        before = [len(await read(view, one)) for one in (kari, ola)]
    for pair, reason in (
        ((KARI, KARI), NotLinked.SAME_NUMBER),
        ((CHANGED, LATER_D_NUMBER), NotLinked.NOBODYS),
        ((D_NUMBER, KARI), NotLinked.LINKED_ALREADY),
        ((KARI, OLA), NotLinked.TWO_CANDIDATES),
        ((OLA, D_NUMBER), NotLinked.TWO_CANDIDATES),
    ):
        assert await links(reception, *pair) is reason
    async with reception.db.snapshot() as view:
        assert [len(await read(view, one)) for one in (kari, ola)] == before
        assert len(await lookups_of(view, ola)) == 1


async def test_a_number_never_becomes_two_people_s_however_many_come(reception: Reception) -> None:
    """Kari and Ola link the same number while its owner comes for the first time: one of the three has it."""
    kari, ola = await reception.arrive(KARI), await reception.arrive(OLA)
    key_of = {one: await reception.keys.candidate(one) for one in (kari, ola)}
    answers = await asyncio.gather(
        *(links(reception, D_NUMBER, who) for who in (KARI, OLA) for _ in range(3)), reception.arrive(D_NUMBER)
    )
    lookup = lookup_of(reception.keys.service.lookup, D_NUMBER)
    async with reception.db.snapshot() as view:
        (row,) = await view.rows(_ROWS_OF, lookup=lookup)
        having = [one for one, key in key_of.items() if D_NUMBER.digits in await numbers_of(view, key)]
    owner = row["candidate_id"]
    assert answers[-1] == owner
    assert having == [one for one in (kari, ola) if one == owner]
    linked = [answer for answer in answers[:-1] if isinstance(answer, Linkable)]
    assert len(linked) == len(having)


async def test_a_number_whose_owner_comes_meanwhile_is_not_linked(reception: Reception) -> None:
    """Her row is written and not committed while the link looks, and finds nobody: it waits, and says why not."""
    kari, ola = await reception.arrive(KARI), await reception.arrive(OLA)
    key, at = reception.keys.service.lookup, reception.clock.now()
    lookup = lookup_of(key, D_NUMBER)
    async with reception.db.transaction() as tx:
        await tx.run(_ADD, lookup=lookup, candidate_id=ola, mac=belonging(key, lookup, ola), at=at)
        linking = asyncio.create_task(links(reception, D_NUMBER, KARI))
        await asyncio.sleep(0.3)  # far more than it takes to come to that row
    assert await linking is NotLinked.TWO_CANDIDATES
    assert await found(reception, D_NUMBER) == ola
    async with reception.db.snapshot() as view:
        assert [row["event"] for row in await read(view, kari)] == ["candidate.created"]


async def test_two_links_at_once_of_one_person_s_are_one(reception: Reception) -> None:
    """Pressed twice: the second finds them linked already, and her log says it once."""
    kari = await reception.arrive(KARI)
    answers = await asyncio.gather(*(links(reception, D_NUMBER, KARI) for _ in range(4)))
    assert answers.count(NotLinked.LINKED_ALREADY) == 3
    async with reception.db.snapshot() as view:
        assert [row["event"] for row in await read(view, kari)] == ["candidate.created", "number.linked"]


async def test_what_waits_under_either_number_is_hers(reception: Reception) -> None:
    """A request that was left under the new number before it was linked, and one under the old one afterwards."""
    kari = await reception.arrive(D_NUMBER)
    await reception.leave(KARI, "early")
    await links(reception, D_NUMBER, KARI)
    await reception.leave(D_NUMBER, "late")
    await reception.arrive(KARI)
    assert sorted((who, item.id) for who, item in reception.received) == [(kari, "early"), (kari, "late")]


async def test_a_linked_number_is_believed_by_its_mac_alone(reception: Reception) -> None:
    """A row that says whose a number is, written by somebody else, finds nobody and is linked to nobody."""
    kari, ola = await reception.arrive(KARI), await reception.arrive(OLA)
    await links(reception, D_NUMBER, KARI)
    async with reception.db.transaction() as tx:
        put = Statement("UPDATE person_number SET candidate_id = :ola WHERE lookup = :lookup")
        await tx.run(put, ola=ola, lookup=lookup_of(reception.keys.service.lookup, D_NUMBER))
    for pair in permutations((D_NUMBER, CHANGED)):
        with pytest.raises(Tampered):
            await links(reception, *pair)
    assert await found(reception, KARI) == kari


async def test_another_lookup_key_finds_her_by_every_number(reception: Reception) -> None:
    """``keys relookup`` moves the numbers that were linked as it moves the first, whichever goes along."""
    kari = await reception.arrive(D_NUMBER)
    await links(reception, D_NUMBER, KARI)
    await links(reception, LATER_D_NUMBER, KARI)
    await reception.leave(D_NUMBER, "item")
    provider = reception.keys._provider
    change = await begin(reception.db, provider, reception.clock)
    assert await relookup.relookup(reception.db, provider, change) == Moved(numbers=3, items=1)
    async with reception.db.snapshot() as view:
        for one in (D_NUMBER, KARI, LATER_D_NUMBER):
            assert await find(view, change.new, one) == kari
            assert await find(view, reception.keys.service.lookup, one) is None


async def test_forgetting_forgets_every_number(reception: Reception) -> None:
    """After an erasure each number is a stranger's, what waited under either is gone, and each makes somebody new."""
    kari = await reception.arrive(D_NUMBER)
    await links(reception, D_NUMBER, KARI)
    await reception.leave(D_NUMBER, "a")
    await reception.leave(KARI, "b")
    async with reception.db.transaction() as tx:
        await forget(tx, kari)
    assert await found(reception, D_NUMBER) is None
    assert await found(reception, KARI) is None
    new = await reception.arrive(D_NUMBER), await reception.arrive(KARI)
    assert len({kari, *new}) == 3
    assert reception.received == []


async def test_whoever_is_gone_gets_no_number(reception: Reception) -> None:
    """A link that waited while she was erased writes nothing, and her new self is not the old one."""
    kari = await reception.arrive(KARI)
    key = await reception.keys.candidate(kari)
    async with reception.db.transaction() as tx:
        await forget(tx, kari)
    again = await reception.arrive(KARI)
    async with reception.db.transaction() as tx:
        pair, service = Pair(D_NUMBER, KARI), reception.keys.service
        assert await link(tx, service, key, pair, HERSELF, held_for=CONTROLLER, at=0) is NotLinked.NOBODYS
    assert await found(reception, D_NUMBER) is None
    assert await found(reception, KARI) == again
    with pytest.raises(NotAvailable):
        async with reception.db.snapshot() as view:
            await numbers_of(view, key)


async def test_no_number_goes_with_what_is_shared_but_one(reception: Reception) -> None:
    """The part that goes with every consent names one number; the others are parts that no purpose admits."""
    kari = await reception.arrive(D_NUMBER)
    await links(reception, D_NUMBER, KARI)
    key = await reception.keys.candidate(kari)
    async with reception.db.snapshot() as view:
        parts = await view.rows(Statement("SELECT part, version FROM part ORDER BY version, part"))
        who = await current(view, key, reception.keys.service.log)
    assert [(row["part"], row["version"]) for row in parts] == [("identity", 1), ("identity", 2), ("number", 2)]
    assert D_NUMBER.digits not in orjson.dumps({"national_id": who.national_id, "name": who.name}).decode()
