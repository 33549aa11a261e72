"""Service and workers are killed at random instants, under load, while the mailbox goes wrong: nothing lost or doubled.

``CHAOS_KILLS`` makes it longer, and ``CHAOS_SEEDS`` other (``make soak``).
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from consent_service.audit.log import read as read_log
from consent_service.consents.desk import Desk
from consent_service.consents.gate import Gate
from consent_service.consents.purposes import Purposes
from consent_service.delivery import operators
from consent_service.delivery.operators import LetterView
from consent_service.delivery.states import FINAL, Status
from consent_service.delivery.worker import Worker
from consent_service.storage.engine import Statement
from tests.delivery.chaos import Accepted, Chaos, chaos
from tests.delivery.conftest import CONTROLLER
from tests.delivery.nursery import Nursery, nursery

KILLS = int(os.environ.get("CHAOS_KILLS", "14"))
SEEDS = [int(seed) for seed in os.environ.get("CHAOS_SEEDS", "1").split()]
REASONS = {"ended", "denied", "superseded"}

_LETTERS = Statement("SELECT id FROM letter")
_CANDIDATES = Statement("SELECT id FROM candidate")


@pytest.fixture(scope="module")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    """Where processes come from."""
    with nursery(tmp_path_factory.mktemp("processes")) as here:
        yield here


@pytest.mark.parametrize("seed", SEEDS)
async def test_every_accepted_plan_is_delivered_once_or_cancelled_for_a_reason(
    seed: int, migrated_url: str, tmp_path: Path, forks: Nursery
) -> None:
    """None lost, none doubled, none that nobody accepted, none whose attempt began after a revoke was answered."""
    async with chaos(migrated_url, tmp_path, forks, seed) as here:
        await here.run(KILLS)
        here.end()
        letters = await settled(here)
        taken = await here.digipost.letters()
        in_order = await released_in_order(here)
    by_plan = {(letter.plan_id, letter.plan_version): letter for letter in letters}
    at_mailbox = Counter(one["document_uuid"] for one in taken)
    lost = [plan for plan in here.accepted if not accounted_for(plan, by_plan, at_mailbox)]
    assert lost == []
    assert len({one["sha256"] for one in taken}) == len(taken)
    assert set(at_mailbox) <= {letter.document_uuid for letter in letters}
    assert in_order
    for consent_id, named in here.revoked.items():
        delivered = {
            place
            for place, letter in by_plan.items()
            if letter.consent_id == consent_id and letter.document_uuid in at_mailbox
        }
        assert delivered <= set(named)
    ends = Counter((letter.status, letter.history[-1].note) for letter in letters)
    print(f"\n{here.kills} kills, {len(here.accepted)} plans accepted, {len(taken)} delivered, {dict(ends)}")
    assert here.kills >= KILLS


def accounted_for(plan: Accepted, letters: dict[tuple[str, int], LetterView], at_mailbox: Counter[str]) -> bool:
    """Whether it was delivered exactly once, or not at all and for a reason that was written down."""
    letter = letters[plan.plan_id, plan.version]
    if letter.status == Status.DELIVERED:
        return at_mailbox[letter.document_uuid] == 1
    return (
        letter.status == Status.CANCELLED
        and letter.history[-1].note in REASONS
        and at_mailbox[letter.document_uuid] == 0
    )


async def settled(here: Chaos) -> list[LetterView]:
    """Every letter at its end: a worker that nobody kills works on, until every denial is final."""
    keys, clock = here.opened.keys, here.clock
    desk = Desk(keys.service, Purposes.load(), CONTROLLER)
    mailbox = here.digipost.mailbox()
    for _ in range(30):
        gate, controller = Gate(here.opened.db, keys, desk, clock), desk.controller.organisation_number
        worker = Worker(here.opened.db, gate, mailbox, keys.service, clock, controller=controller)
        await worker.run_until_idle()
        async with here.opened.db.snapshot() as view:
            letters = [await operators.show(view, row["id"]) for row in await view.rows(_LETTERS)]
        if all(Status(letter.status) in FINAL for letter in letters):
            return letters
        clock.advance(seconds=600)  # some have been tried so often that they wait for long
    raise AssertionError([letter for letter in letters if Status(letter.status) not in FINAL])


async def released_in_order(here: Chaos) -> bool:
    """Whether no letter passed the gate after its consent's revoke, by the log."""
    async with here.opened.db.snapshot() as view:
        for row in await view.rows(_CANDIDATES):
            ended = set()
            for entry in await read_log(view, row["id"], limit=1_000_000):
                if entry["event"] == "consent.revoked":
                    ended.add(entry["consent_id"])
                if entry["event"] == "letter.released" and entry["consent_id"] in ended:
                    return False
    return True
