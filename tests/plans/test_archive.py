"""The copy for fagopplæring's archive: what it is, and when it can be had."""

import json
from hashlib import sha256

import pytest

from consent_service.audit.log import open_detail
from consent_service.audit.log import read as read_log
from consent_service.consents import endings, grants
from consent_service.consents.gate import ArchiveAsk, Archived, Refused, ReleaseAsk, Released
from consent_service.consents.grants import Keyring
from consent_service.identity.units import Unit
from consent_service.plans import listing
from consent_service.plans.content import TrainingPlan
from consent_service.plans.pdf import ARCHIVE, order
from consent_service.plans.reading import my_pdf
from consent_service.plans.typesetting import set_plan
from consent_service.vault.keys import MAILBOX, CandidateKey
from tests.plans.conftest import Office
from tests.plans.examples import HEAD, no_plan, plan
from tests.plans.pdf_corpus import ordinary


async def fetched(office: Office, plan_id: str, *, by: Unit | None = None) -> Archived | Refused:
    """What the gate answers a unit that asks for the copy."""
    async with office.db.snapshot() as view:
        consent_id, version = await listing.newest(view, plan_id)
    unit = by or office.training
    return await office.gate.archive(ArchiveAsk(consent_id, unit.id, "fo-204", "FAG1", plan_id, version))


async def last_line(office: Office, key: CandidateKey) -> tuple[str, dict[str, object]]:
    """The newest event in her log, with its detail."""
    async with office.db.snapshot() as view:
        row = (await read_log(view, key.candidate_id, limit=1000))[-1]
        detail = open_detail(office.keys.service.log, key.candidate_id, row)
    return row["event"], {} if detail is None else json.loads(detail[1])


@pytest.mark.parametrize("content", [plan(), no_plan(), plan(language="nn"), plan(language="en")])
def test_it_is_the_same_again(content: TrainingPlan) -> None:
    """The copy of the same plan is the same bytes; what it keeps stands in ``test_conformance``."""
    told = order(content, HEAD, ARCHIVE)
    assert set_plan(told) == set_plan(told)


async def test_its_sender_fetches_it_past_the_gate(office: Office) -> None:
    """The unit that pushed gets its copy, as often as it asks; each time, and its hash, stands in her log."""
    key, asked = await office.granted()
    pushed = await office.push(asked.consent_id)
    copy = await fetched(office, pushed.plan_id)
    assert isinstance(copy, Archived)
    assert copy.pdf.startswith(b"%PDF-")
    assert copy.pdf_sha256 == sha256(copy.pdf).hexdigest()
    told = {"employee": "fo-204", "office": "FAG1", "content_sha256": copy.pdf_sha256}
    assert await last_line(office, key) == ("archive.released", told)
    again = await fetched(office, pushed.plan_id)
    assert isinstance(again, Archived)
    assert again.pdf == copy.pdf
    async with office.db.snapshot() as view:
        assert await my_pdf(view, key, pushed.plan_id) != copy.pdf
        line = next(row for row in await read_log(view, key.candidate_id, limit=1000) if row["event"] == "plan.pushed")
        detail = open_detail(office.keys.service.log, key.candidate_id, line)
    assert detail is not None
    assert json.loads(detail[1])["archive_sha256"] == copy.pdf_sha256


async def test_of_its_own_pdf_it_gets_what_was_sent(office: Office) -> None:
    """Who sends a PDF archives the very bytes that she got."""
    key, asked = await office.granted()
    pushed = await office.push(asked.consent_id, pdf=ordinary())
    copy = await fetched(office, pushed.plan_id)
    assert isinstance(copy, Archived)
    async with office.db.snapshot() as view:
        assert await my_pdf(view, key, pushed.plan_id) == copy.pdf


@pytest.mark.parametrize("why", ["revoked", "expired", "paused", "NAV", "another", "unknown"])
async def test_nobody_else_and_not_after_the_end(office: Office, why: str) -> None:
    """After the consent, during a pause, for another unit or of no plan there is nothing; the attempt is recorded."""
    key, asked = await office.granted()
    plan_id = (await office.push(asked.consent_id)).plan_id
    now = office.clock.now()
    if why == "revoked":
        await office.revoke(key, asked.consent_id)
    if why == "expired":
        office.clock.advance(days=61)
    if why == "paused":
        async with office.db.transaction() as tx:
            await endings.pause(tx, office.desk, key.candidate_id, asked.consent_id, now=now)
    by = {"NAV": office.nav, "another": office.other_training}.get(why)
    if why == "unknown":
        plan_id = "00000000-0000-4000-8000-000000000000"
    assert isinstance(await fetched(office, plan_id, by=by), Refused)
    if why != "unknown":
        assert (await last_line(office, key))[0] == "archive.refused"


async def test_after_a_pause_it_can_be_had_again(office: Office) -> None:
    """What a pause takes away comes back with the rest."""
    key, asked = await office.granted()
    plan_id = (await office.push(asked.consent_id)).plan_id
    before = await fetched(office, plan_id)
    keyring = Keyring(key, await office.keys.recipient(office.training.id), await office.keys.recipient(MAILBOX))
    async with office.db.transaction() as tx:
        await endings.pause(tx, office.desk, key.candidate_id, asked.consent_id, now=office.clock.now())
    async with office.db.transaction() as tx:
        await grants.resume(tx, office.desk, keyring, asked.consent_id, now=office.clock.now())
    after = await fetched(office, plan_id)
    assert isinstance(before, Archived)
    assert isinstance(after, Archived)
    assert after.pdf == before.pdf


async def test_it_is_no_part_of_what_is_released(office: Office) -> None:
    """A release under the same consent is what she was shown, to the byte, before and after the plan came."""
    _, asked = await office.granted()
    ask = ReleaseAsk(asked.consent_id, office.training.id, "fo-204", "FAG1", "one")
    before = await office.gate.release(ask)
    await office.push(asked.consent_id)
    after = await office.gate.release(ask)
    assert isinstance(before, Released)
    assert isinstance(after, Released)
    assert (after.content, after.repeated) == (before.content, True)


async def test_under_another_consent_with_the_same_unit_it_is_not_shared(office: Office) -> None:
    """A renewed consent opens the copies of what came in under it, and no older ones."""
    key, asked = await office.granted()
    first = await office.push(asked.consent_id)
    office.clock.advance(days=61)
    renewed = await office.gives(key, office.choice(key, asked, "wished_trades"))
    assert isinstance(await fetched(office, first.plan_id), Refused)
    second = await office.push(renewed)
    assert isinstance(await fetched(office, second.plan_id), Archived)
