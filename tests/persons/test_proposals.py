"""Two operators link what she can't: each types both numbers, both are named in her log, and one is not enough."""

from __future__ import annotations

import pytest

from consent_service.audit.log import SERVICE_CHAIN
from consent_service.audit.reading import lines
from consent_service.clock import DAY
from consent_service.errors import Invalid, NotAvailable, Tampered
from consent_service.persons import proposals
from consent_service.persons.forgetting import forget
from consent_service.persons.linking import Linkable, NotLinked, Pair
from consent_service.persons.proposals import WITHIN, NotConfirmed, Proposal
from consent_service.storage.engine import Statement
from tests.persons.conftest import CONTROLLER, KARI, OLA, Reception
from tests.persons.test_linking import CHANGED, D_NUMBER, found, links

PAIR = Pair(D_NUMBER, KARI)


async def propose(reception: Reception, pair: Pair = PAIR, by: str = "anne") -> Proposal | NotLinked:
    """The first operator."""
    async with reception.db.transaction() as tx:
        return await proposals.propose(tx, reception.keys.service, pair, by, at=reception.clock.now())


async def proposed(reception: Reception) -> Proposal:
    """A proposal of Anne's."""
    made = await propose(reception)
    assert isinstance(made, Proposal)
    return made


async def confirm(
    reception: Reception, proposal_id: str, pair: Pair = PAIR, by: str = "bjorn"
) -> Linkable | NotLinked | NotConfirmed:
    """The second operator."""
    service = reception.keys.service
    async with reception.db.snapshot() as view:
        waiting = await proposals.find(view, service, proposal_id)
    key = await reception.keys.candidate(waiting.candidate_id)
    async with reception.db.transaction() as tx:
        now = reception.clock.now()
        return await proposals.confirm(tx, service, key, proposal_id, pair, by, held_for=CONTROLLER, at=now)


async def waiting(reception: Reception, candidate_id: str | None = None) -> list[Proposal]:
    """What waits for a second operator."""
    async with reception.db.snapshot() as view:
        return await proposals.every(view, reception.keys.service, now=reception.clock.now(), candidate_id=candidate_id)


async def told(reception: Reception, candidate_id: str) -> list[tuple[str, str, dict[str, object]]]:
    """What she reads in her log after her arrival."""
    async with reception.db.snapshot() as view:
        found = await lines(view, reception.keys.service.log, candidate_id, after=1, limit=50)
    return [(line.event, line.actor, line.detail) for line in found]


async def test_two_operators_link_and_she_reads_it(reception: Reception) -> None:
    """A proposal alone changes nothing; confirmed by another one it is a link, and her log names both."""
    kari = await reception.arrive(D_NUMBER)
    made = await proposed(reception)
    assert await waiting(reception) == await waiting(reception, kari) == [made]
    assert await found(reception, KARI) is None
    assert await confirm(reception, made.id) == Linkable(kari, KARI)
    assert await found(reception, KARI) == kari
    assert await waiting(reception) == []
    assert await told(reception, kari) == [
        ("number.link_proposed", "operator", {"operator": "anne"}),
        ("number.linked", "operator", {"version": 2, "proposed_by": "anne", "confirmed_by": "bjorn"}),
    ]
    with pytest.raises(NotAvailable):
        await confirm(reception, made.id)


@pytest.mark.parametrize("again", ["anne", "ANNE"])
async def test_one_operator_is_not_two(reception: Reception, again: str) -> None:
    """Whoever proposed can't confirm, however the name is written."""
    await reception.arrive(D_NUMBER)
    made = await proposed(reception)
    assert await confirm(reception, made.id, by=again) is NotConfirmed.SAME_OPERATOR
    assert await found(reception, KARI) is None
    assert await waiting(reception) == [made]


@pytest.mark.parametrize("typed", [Pair(D_NUMBER, OLA), Pair(OLA, KARI), Pair(KARI, D_NUMBER)])
async def test_both_type_the_same_numbers(reception: Reception, typed: Pair) -> None:
    """What the second types is held against what the first typed, which nobody is shown."""
    await reception.arrive(D_NUMBER)
    made = await proposed(reception)
    assert await confirm(reception, made.id, typed) is NotConfirmed.OTHER_NUMBERS
    assert await found(reception, KARI) is None


async def test_a_confirmation_comes_within_three_days(reception: Reception) -> None:
    """From then on it is refused, is listed no more, and is swept away."""
    kari = await reception.arrive(D_NUMBER)
    made = await proposed(reception)
    assert made.lapses_at - made.proposed_at == WITHIN == 3 * DAY
    reception.clock.advance(seconds=(made.lapses_at - reception.clock.now()) / 1_000_000)
    assert await waiting(reception) == []
    assert await confirm(reception, made.id) is NotConfirmed.LAPSED
    async with reception.db.transaction() as tx:
        assert await proposals.lapse(tx, now=reception.clock.now()) == 1
    with pytest.raises(NotAvailable):
        await confirm(reception, made.id)
    assert await found(reception, KARI) is None
    assert await found(reception, D_NUMBER) == kari


async def test_a_proposal_can_be_taken_back(reception: Reception) -> None:
    """By anybody, once; her log says by whom."""
    kari = await reception.arrive(D_NUMBER)
    made = await proposed(reception)
    for _ in range(2):
        async with reception.db.transaction() as tx:
            if await waiting(reception):
                await proposals.cancel(tx, reception.keys.service, made.id, "cecilie", at=reception.clock.now())
    assert (await told(reception, kari))[-1] == ("number.link_cancelled", "operator", {"operator": "cecilie"})
    with pytest.raises(NotAvailable):
        await confirm(reception, made.id)
    with pytest.raises(NotAvailable):
        async with reception.db.transaction() as tx:
            await proposals.cancel(tx, reception.keys.service, made.id, "cecilie", at=reception.clock.now())


async def test_what_can_not_be_linked_can_not_be_proposed(reception: Reception) -> None:
    """Strangers, two people and one number twice: refused at once, and again where it came to be so since."""
    await reception.arrive(KARI)
    await reception.arrive(OLA)
    assert await propose(reception, Pair(KARI, OLA)) is NotLinked.TWO_CANDIDATES
    assert await propose(reception, Pair(D_NUMBER, CHANGED)) is NotLinked.NOBODYS
    assert await propose(reception, Pair(KARI, KARI)) is NotLinked.SAME_NUMBER
    made = await proposed(reception)
    await reception.arrive(D_NUMBER)
    assert await confirm(reception, made.id) is NotLinked.TWO_CANDIDATES


async def test_what_she_linked_herself_meanwhile_is_linked_once(reception: Reception) -> None:
    """The confirmation finds it done, and adds nothing."""
    kari = await reception.arrive(KARI)
    made = await proposed(reception)
    await links(reception, D_NUMBER, KARI)
    assert await confirm(reception, made.id) is NotLinked.LINKED_ALREADY
    assert [event for event, _, _ in await told(reception, kari)] == ["number.link_proposed", "number.linked"]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE number_proposal SET proposed_by = 'somebody'",
        "UPDATE number_proposal SET lapses_at = lapses_at + 1",
        "UPDATE number_proposal SET candidate_id = :ola",
        "UPDATE number_proposal SET commitment = :no",
        "UPDATE number_proposal SET mac = :no",
    ],
)
async def test_a_changed_proposal_links_nothing(reception: Reception, change: str) -> None:
    """Whoever can write to the database is not one of the two operators."""
    await reception.arrive(D_NUMBER)
    ola = await reception.arrive(OLA)
    made = await proposed(reception)
    async with reception.db.transaction() as tx:
        given = {"ola": ola} if ":ola" in change else {"no": bytes(32)} if ":no" in change else {}
        await tx.run(Statement(change), **given)
    with pytest.raises(Tampered):
        await confirm(reception, made.id)
    assert await waiting(reception) == []
    assert await found(reception, KARI) is None


@pytest.mark.parametrize("name", ["", "Åse", "a b", "x" * 65, "21879498012", "anne\n"])
async def test_an_operator_has_a_name_that_the_log_takes(reception: Reception, name: str) -> None:
    """No spaces, no accents, no identity number; the refusal repeats nothing."""
    await reception.arrive(D_NUMBER)
    with pytest.raises(Invalid) as refused:
        await propose(reception, by=name)
    assert not name or name not in str(refused.value.violations)


async def test_a_proposal_holds_no_number_and_goes_with_her(reception: Reception) -> None:
    """Neither number nor its hash stands in it; an erasure takes it, and other chains hear nothing of it."""
    kari = await reception.arrive(D_NUMBER)
    await proposed(reception)
    assert await told(reception, SERVICE_CHAIN) == []
    async with reception.db.snapshot() as view:
        row = await view.row(Statement("SELECT * FROM number_proposal"))
        hashes = await view.rows(Statement("SELECT lookup FROM person_number"))
    assert row is not None
    stored = repr(list(dict(row).values()))
    assert not [one for one in (D_NUMBER.digits, KARI.digits, *(h["lookup"] for h in hashes)) if one in stored]
    async with reception.db.transaction() as tx:
        await forget(tx, kari)
    assert await waiting(reception) == []
