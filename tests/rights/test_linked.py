"""A number is linked in the middle of a life: what was agreed to stays as it was, what comes carries the new number."""

from __future__ import annotations

import json

from consent_service.clock import end_of_day
from consent_service.consents.asks import DispatchAsk, Dispatched
from consent_service.consents.gate import ReleaseAsk, Released
from consent_service.consents.preview import Choice
from consent_service.consents.reading import in_force
from consent_service.delivery.letters import pdf_of
from consent_service.persons.linking import Act, Linkable, Pair, link
from consent_service.persons.lookup import find
from consent_service.persons.numbers import NationalId
from consent_service.plans.mapping import Asked
from consent_service.rights.journal import Line
from consent_service.rights.replay import replay
from consent_service.vault.keys import CandidateKey
from tests.persons.conftest import KARI, OLA
from tests.persons.test_linking import D_NUMBER
from tests.plans.conftest import CONTROLLER, Office
from tests.rights.conftest import Life


async def becomes(office: Office, key: CandidateKey, before: NationalId, now: NationalId) -> None:
    """Her number becomes another one, as she shows by herself."""
    at, held_for = office.clock.now(), CONTROLLER.organisation_number
    async with office.db.transaction() as tx:
        act = Act("candidate", {})
        done = await link(tx, office.keys.service, key, Pair(before, now), act, held_for=held_for, at=at)
    assert isinstance(done, Linkable)


async def came_with_a_d_number(office: Office) -> tuple[CandidateKey, Asked]:
    """She comes with a D-number, and says yes to a mapping."""
    asked = await office.ask(D_NUMBER)
    key = await office.comes(D_NUMBER)
    await office.yes(key, asked)
    return key, asked


async def searched(office: Office, number: NationalId) -> list[str]:
    """What fagopplæring finds when it looks for consents by this number."""
    async with office.db.snapshot() as view:
        candidate_id = await find(view, office.keys.service.lookup, number)
        assert candidate_id is not None
        seen = await in_force(view, office.keys.service, office.training.id, candidate_id, now=office.clock.now())
    return [one.id for one in seen]


async def released(office: Office, consent_id: str) -> str:
    """The number in what fagopplæring reads."""
    answer = await office.gate.release(ReleaseAsk(consent_id, office.training.id, "A123456", "0501", "once"))
    assert isinstance(answer, Released)
    return str(json.loads(answer.content)["person"]["national_id"])


async def dispatched(office: Office, key: CandidateKey, consent_id: str) -> str:
    """The number that a plan under this consent goes to."""
    pushed = await office.push(consent_id)
    pdf = pdf_of(key.candidate_id, pushed.plan_id, pushed.version)
    answer = await office.gate.dispatch(DispatchAsk("letter", consent_id, key.candidate_id, pdf))
    assert isinstance(answer, Dispatched)
    return answer.national_id


async def test_units_find_her_by_the_old_number_and_the_new(office: Office) -> None:
    """A search by either names the same consents, those from before and those from since."""
    key, asked = await came_with_a_d_number(office)
    await becomes(office, key, D_NUMBER, KARI)
    again = await office.ask(KARI)
    await office.comes(KARI)
    await office.yes(key, again)
    old, new = await searched(office, D_NUMBER), await searched(office, KARI)
    assert sorted(old) == sorted(new) == sorted([asked.consent_id, again.consent_id])


async def test_what_was_agreed_to_keeps_its_number_and_what_comes_has_the_new(office: Office) -> None:
    """A release and a letter under a consent from before carry the D-number that it was given with; a new consent's
    carry the fødselsnummer.
    """
    key, asked = await came_with_a_d_number(office)
    await becomes(office, key, D_NUMBER, KARI)
    assert await released(office, asked.consent_id) == D_NUMBER.digits
    assert await dispatched(office, key, asked.consent_id) == D_NUMBER.digits
    again = await office.ask(D_NUMBER)
    await office.comes(KARI)
    await office.yes(key, again)
    assert await released(office, again.consent_id) == KARI.digits
    assert await dispatched(office, key, again.consent_id) == KARI.digits


async def test_an_old_number_is_shared_with_nobody_anew(office: Office) -> None:
    """What she says yes to after the link holds the new number and not the old one, byte for byte."""
    key = await office.comes(D_NUMBER)
    await becomes(office, key, D_NUMBER, KARI)
    (ref,) = await office.note(key)
    purpose = office.desk.purposes.get("guidance_follow_up")
    consent_id = await office.gives(key, Choice(purpose, office.nav, (ref,), end_of_day(office.day(30))))
    answer = await office.gate.release(ReleaseAsk(consent_id, office.nav.id, "A123456", "0501", "once"))
    assert isinstance(answer, Released)
    assert KARI.digits.encode() in answer.content
    assert D_NUMBER.digits.encode() not in answer.content


async def test_the_export_has_every_number(life: Life) -> None:
    """Those she came with and those that were linked, each as a part, and the link in the log."""
    told = json.loads(json.dumps(await life.export()))
    said = {part["content"].get("national_id") for part in told["parts"] if part["resource"] == "person"}
    assert said == {KARI.digits, D_NUMBER.digits}
    events = [json.loads(line["entry"])["event"] for line in told["access_log"]]
    assert events.count("number.linked") == 1


async def test_an_erasure_that_is_done_again_takes_every_number(life: Life) -> None:
    """After a restore the journal names her by her id, and neither number finds anybody; others are left alone."""
    office = life.office
    ola = (await office.comes(OLA)).candidate_id
    office.clock.advance(seconds=60)
    line, at = Line(life.candidate_id, office.clock.now()), office.clock.now()
    done = await replay(office.db, office.desk, office.clock, [line], restored_at=at, answer_within=1)
    assert done.erased == 1
    async with office.db.snapshot() as view:
        for number in (KARI, D_NUMBER):
            assert await find(view, office.keys.service.lookup, number) is None
        assert await find(view, office.keys.service.lookup, OLA) == ola
