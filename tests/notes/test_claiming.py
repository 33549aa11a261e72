import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from consent_service.audit.log import SERVICE_CHAIN, open_detail, read
from consent_service.clock import SettableClock
from consent_service.crypto.canonical import canonical
from consent_service.crypto.envelope import SealBroken, new_key
from consent_service.crypto.keyring import LocalKeyring
from consent_service.errors import TooManyRequests
from consent_service.notes.claiming import Claimed, NotClaimed
from consent_service.notes.codes import ALPHABET, PickupCode
from consent_service.notes.content import NoteContent
from consent_service.notes.drafts import LIFETIME
from consent_service.notes.forgetting import lapse
from consent_service.notes.handover import HandedOver, hand_over, make_ready
from consent_service.notes.reading import list_drafts, read_draft
from consent_service.persons.arrival import find
from consent_service.persons.numbers import NationalId, complete, parse
from consent_service.storage.engine import Database, Statement
from tests.notes.conftest import CENTRE, Room, content
from tests.persons.conftest import KARI, NOON, OLA, fresh_keys
from tests.support.acting import BY

NOTHING = NotClaimed(mistyped=False)
DRAFT = Statement("SELECT * FROM note_draft WHERE id = :id")
DRAFTS = Statement("SELECT COUNT(*) FROM note_draft")


def wrong(right: PickupCode) -> str:
    """A well-formed code with the right locator and another secret."""
    other = ALPHABET[(ALPHABET.index(right.secret[0]) + 1) % 32]
    return PickupCode(right.locator, other + right.secret[1:]).shown()


def strangers(count: int) -> list[NationalId]:
    """So many test persons."""
    made = [number for serial in range(999) if (number := complete(f"018190{serial:03}"))]
    persons = [person for text in made if isinstance(person := parse(text, new_style=False), NationalId)]
    return persons[:count]


async def test_the_code_gives_the_draft_to_whoever_brings_it(room: Room) -> None:
    """A person who was never here types the code, becomes a candidate by it, and reads the draft as written."""
    said = content(questions=[{"id": "q1", "to": "nav", "text": "Får jeg støtte?"}])
    handed = await room.hand_over(said)
    claimed = await room.claim(KARI, handed.code.shown().lower().replace("-", " "))
    assert isinstance(claimed, Claimed)
    assert (claimed.draft.id, claimed.draft.handed_over_by) == (handed.draft_id, CENTRE)
    assert claimed.draft.content == said
    key = await room.key_of(KARI)
    assert key.candidate_id == claimed.candidate_id
    async with room.db.snapshot() as view:
        assert await read_draft(view, key, handed.draft_id) == claimed.draft
        assert [line.id for line in await list_drafts(view, key.candidate_id)] == [handed.draft_id]


async def test_a_claim_stands_in_the_candidates_log_with_who_handed_over(room: Room) -> None:
    """The candidate's log names the unit, and its sealed detail who acted there."""
    handed = await room.hand_over()
    claimed = await room.claim(KARI, handed.code.shown())
    assert isinstance(claimed, Claimed)
    async with room.db.snapshot() as view:
        entries = await read(view, claimed.candidate_id)
        (own,) = await read(view, SERVICE_CHAIN)
    assert [entry["event"] for entry in entries] == ["candidate.created", "draft.claimed"]
    detail = open_detail(room.keys.service.log, claimed.candidate_id, entries[-1])
    assert detail is not None
    assert detail[1] == canonical(BY.detail())
    assert own["event"] == "draft.handed_over"
    handing_over = open_detail(room.keys.service.log, SERVICE_CHAIN, own)
    assert handing_over is not None
    assert handing_over[1] == canonical(BY.detail())


async def test_claiming_destroys_the_services_half_of_the_key(room: Room) -> None:
    """After the claim nothing is left that the code could open, and the code can't be found again."""
    handed = await room.hand_over()
    await room.claim(KARI, handed.code.shown())
    async with room.db.snapshot() as view:
        row = await view.row(DRAFT, id=handed.draft_id)
    assert row is not None
    assert (row["locator"], row["service_half"], row["sealed"]) == (None, None, None)


async def test_every_code_that_opens_nothing_is_the_same_answer(room: Room) -> None:
    """Wrong secret, unknown locator, used, withdrawn and lapsed codes can't be told apart, and make no candidate."""
    used, withdrawn, lapsed = [await room.hand_over() for _ in range(3)]
    await room.claim(OLA, used.code.shown())
    assert await room.withdraw(withdrawn.draft_id)
    unknown = PickupCode("0000", "0" * 11)
    assert await room.claim(KARI, wrong(lapsed.code)) == NOTHING
    room.clock.advance(seconds=LIFETIME / 1_000_000)
    for code in (used.code, withdrawn.code, lapsed.code, unknown):
        assert await room.claim(KARI, code.shown()) == NOTHING
    async with room.db.snapshot() as view:
        assert await find(view, room.keys.service.lookup, KARI) is None


async def test_a_code_works_until_its_last_moment(room: Room) -> None:
    """Fourteen days after the hand-over, less a microsecond, the code still opens."""
    handed = await room.hand_over()
    assert handed.lapses_at == room.clock.now() + LIFETIME
    room.clock.advance(seconds=(LIFETIME - 1) / 1_000_000)
    assert isinstance(await room.claim(KARI, handed.code.shown()), Claimed)


async def test_a_mistyped_code_is_told_apart_and_costs_no_try(room: Room) -> None:
    """The check character tells a slip from a wrong code; however many slips, the right code still opens."""
    handed = await room.hand_over()
    slip = handed.code.shown()[:-1] + ALPHABET[(ALPHABET.index(handed.code.shown()[-1]) + 1) % 32]
    for _ in range(20):
        assert await room.claim(KARI, slip) == NotClaimed(mistyped=True)
    assert isinstance(await room.claim(KARI, handed.code.shown()), Claimed)


async def test_ten_wrong_tries_destroy_a_draft(room: Room) -> None:
    """Nine wrong tries, of anybody, leave it; the tenth destroys it, and the right code opens nothing then."""
    first, second = await room.hand_over(), await room.hand_over()
    persons = strangers(12)
    for who in persons[:9]:
        assert await room.claim(who, wrong(first.code)) == NOTHING
        assert await room.claim(who, wrong(second.code)) == NOTHING
    assert isinstance(await room.claim(persons[10], first.code.shown()), Claimed)
    assert await room.claim(persons[9], wrong(second.code)) == NOTHING
    assert await room.claim(persons[11], second.code.shown()) == NOTHING
    async with room.db.snapshot() as view:
        assert await view.row(DRAFT, id=second.draft_id) is None


async def test_a_person_has_ten_tries_an_hour(room: Room) -> None:
    """The eleventh try within an hour is not carried out, even with the right code; after the hour it is."""
    handed = await room.hand_over()
    nothing = PickupCode("0000", "0" * 11).shown()
    for _ in range(10):
        assert await room.claim(KARI, nothing) == NOTHING
    room.clock.advance(seconds=600)
    for code in (nothing, handed.code.shown()):
        with pytest.raises(TooManyRequests) as caught:
            await room.claim(KARI, code)
        assert caught.value.retry_after == 3000
    assert isinstance(await room.claim(OLA, handed.code.shown()), Claimed)
    later = await room.hand_over()
    room.clock.advance(seconds=3000)
    assert isinstance(await room.claim(KARI, later.code.shown()), Claimed)


async def test_many_tries_at_once_are_all_counted(room: Room) -> None:
    """Twenty tries in the same moment get no further than twenty one after the other."""
    await room.hand_over()
    nothing = PickupCode("0000", "0" * 11).shown()
    answers = await asyncio.gather(*(room.claim(KARI, nothing) for _ in range(20)), return_exceptions=True)
    assert sum(answer == NOTHING for answer in answers) == 10
    assert sum(isinstance(answer, TooManyRequests) for answer in answers) == 10


async def test_a_refused_try_is_in_the_log(room: Room) -> None:
    """Of a candidate in her own chain, of anybody else in the service's; the entry holds no code."""
    kari = (await room.key_of(KARI)).candidate_id
    for who in (KARI, OLA):
        await room.claim(who, PickupCode("0000", "0" * 11).shown())
    async with room.db.snapshot() as view:
        assert [entry["event"] for entry in await read(view, kari)][-1] == "draft.claim_refused"
        assert [entry["event"] for entry in await read(view, SERVICE_CHAIN)] == ["draft.claim_refused"]


async def test_of_two_who_bring_the_code_one_gets_the_draft(room: Room) -> None:
    """Claims of the same code at the same moment: one has the draft, the other nothing."""
    handed = await room.hand_over()
    answers = await asyncio.gather(*(room.claim(who, handed.code.shown()) for who in (KARI, OLA)))
    assert sorted(isinstance(answer, Claimed) for answer in answers) == [False, True]
    assert NOTHING in answers


class SlowKeyring(LocalKeyring):
    """A key service that keeps whoever asks it for a new key waiting."""

    def __init__(self) -> None:
        """Answer at once, until ``answering`` is cleared."""
        super().__init__({1: new_key()})
        self.asked, self.answering = asyncio.Event(), asyncio.Event()
        self.answering.set()

    async def wrap(self, key: bytes, context: bytes) -> bytes:
        """Wait, then wrap."""
        self.asked.set()
        await self.answering.wait()
        return await super().wrap(key, context)


@pytest.mark.parametrize("in_between", ["claimed", "withdrawn", "lapsed"])
async def test_a_draft_that_goes_while_its_code_is_being_tried_goes_to_nobody_else(
    db: Database, in_between: str
) -> None:
    """Kari's right code waits for a slow key service; what happens to the draft meanwhile decides."""
    clock, keyring = SettableClock(NOON), SlowKeyring()
    room = Room(db, await fresh_keys(db, clock, keyring), clock)
    await room.key_of(OLA)
    handed = await room.hand_over()
    keyring.answering.clear()
    keyring.asked.clear()
    kari = asyncio.create_task(room.claim(KARI, handed.code.shown()))
    await keyring.asked.wait()
    if in_between == "claimed":
        assert isinstance(await room.claim(OLA, handed.code.shown()), Claimed)
    elif in_between == "withdrawn":
        assert await room.withdraw(handed.draft_id)
    else:
        clock.advance(seconds=LIFETIME / 1_000_000)
    keyring.answering.set()
    assert await kari == NOTHING


async def test_a_draft_is_withdrawn_by_its_own_unit_until_it_is_claimed(room: Room) -> None:
    """Neither another unit, nor the own one after the claim, takes anything away."""
    handed = await room.hand_over()
    assert not await room.withdraw(handed.draft_id, unit_id="another")
    assert not await room.withdraw("00000000-0000-4000-8000-000000000000")
    assert isinstance(await room.claim(KARI, handed.code.shown()), Claimed)
    assert not await room.withdraw(handed.draft_id)
    async with room.db.snapshot() as view:
        assert (await read_draft(view, await room.key_of(KARI), handed.draft_id)).content == content()


async def test_lapsed_drafts_are_destroyed_and_others_are_not(room: Room) -> None:
    """The sweep removes what lapsed unclaimed; what waits and what was claimed stays."""
    for claimed in (True, False):
        handed = await room.hand_over()
        if claimed:
            await room.claim(KARI, handed.code.shown())
    room.clock.advance(seconds=1)
    await room.hand_over()
    room.clock.advance(seconds=LIFETIME / 1_000_000 - 1)
    async with room.db.transaction() as tx:
        assert await lapse(tx, now=room.clock.now()) == 1
        assert await lapse(tx, now=room.clock.now()) == 0
        assert await tx.value(DRAFTS) == 2


async def test_drafts_with_one_locator_get_codes_apart(room: Room) -> None:
    """If the locator is taken, the draft is laid down under another, and each code opens its own draft."""
    first = await room.hand_over(content("En."))
    taken = await _hand_over_at(room, first.code.locator, content("To."))
    assert taken.code.locator != first.code.locator
    for handed, text in ((first, "En."), (taken, "To.")):
        claimed = await room.claim(KARI, handed.code.shown())
        assert isinstance(claimed, Claimed)
        assert claimed.draft.content.sections.motivation == text


async def _hand_over_at(room: Room, locator: str, said: NoteContent) -> HandedOver:
    """Hand over with a code that happened to get this locator."""
    service = room.keys.service
    ready = await make_ready(service.waiting, said, unit_id=CENTRE, by=BY)
    clash = replace(ready, code=PickupCode(locator, ready.code.secret))
    async with room.db.transaction() as tx:
        return await hand_over(tx, service.log, clash, at=room.clock.now())


SWAPS = [
    Statement("UPDATE note_draft SET sealed = (SELECT sealed FROM note_draft WHERE id = :other) WHERE id = :id"),
    Statement("UPDATE note_draft SET unit_id = :other WHERE id = :id"),
]


@pytest.mark.parametrize("swap", SWAPS)
async def test_a_changed_draft_opens_for_nobody(room: Room, swap: Statement) -> None:
    """Content of another draft, or another unit's name on it, does not open with the code."""
    handed, other = await room.hand_over(), await room.hand_over()
    async with room.db.transaction() as tx:
        await tx.run(swap, id=handed.draft_id, other=other.draft_id)
    assert await room.claim(KARI, handed.code.shown()) == NOTHING


async def test_a_service_half_belongs_to_its_draft(room: Room) -> None:
    """Another draft's half is not taken for this one's: the row was changed, and the claim fails closed."""
    handed, other = await room.hand_over(), await room.hand_over()
    half = "UPDATE note_draft SET service_half = (SELECT service_half FROM note_draft WHERE id = :other)"
    async with room.db.transaction() as tx:
        await tx.run(Statement(f"{half} WHERE id = :id"), id=handed.draft_id, other=other.draft_id)
    with pytest.raises(SealBroken):
        await room.claim(KARI, handed.code.shown())


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_no_word_of_a_draft_lies_open_in_the_files(room: Room, tmp_path: Path) -> None:
    """Before and after the claim, neither text, nor code, nor who acted stands in the database files."""
    handed = await room.hand_over(content("Fiskekaker i Hammerfest"))
    secrets = ("Fiskekaker", "Hammerfest", handed.code.secret, BY.employee.id)
    assert not _lying_open(tmp_path, secrets)
    await room.claim(KARI, handed.code.shown())
    assert not _lying_open(tmp_path, secrets)


def _lying_open(folder: Path, secrets: tuple[str, ...]) -> list[str]:
    stored = b"".join(file.read_bytes() for file in folder.iterdir() if file.is_file())
    assert CENTRE.encode() in stored
    return [secret for secret in secrets if secret.encode() in stored]
